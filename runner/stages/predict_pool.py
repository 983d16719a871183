"""A model on the pool: several images at a time where the runtime can, and each image once in its life.

What was found is kept by the image's content (`.flywheel/index/predictions/`): a killed process loses the chunk that it was at, and
a pool that grew costs what is new in it. The same bits come out however the images are shared out, since each is one request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.dataset.kept import KeptTable, kept_folder
from runner.domain.progress import progress_bar
from runner.embeddings.source import digest_of
from runner.exporters.opened import OpenModel
from runner.record.catalogue import SELECTION_FOLDER
from runner.stages.predict import require_numbers
from runner.stages.stage import StageContext

if TYPE_CHECKING:
    from runner.adapters.models.detections import DetectionTable
    from runner.adapters.models.inference import ImageDetections, Letterbox, Outputs

TABLE, FOUND = "predictions", "found"
CHUNK = 256  # images between two writes: what a killed process loses at most
_VERSION = 1  # raised when the same model finds other things in the same image


def predict_pool(
    context: StageContext, model: OpenModel, artefact: str, dataset: str, split: str
) -> DetectionTable:
    """What a model finds in the selected images of the pool.

    Args:
        artefact: identifies the model's files.

    Raises:
        FlywheelError: no image is selected, one cannot be read, or the model gives no numbers for one.
    """
    from runner.adapters.models.detections import DetectionTable
    from runner.adapters.models.packed_detections import unpacked
    from runner.adapters.tables.selected import image_ids, selected_paths

    manifest = context.folder / SELECTION_FOLDER.name / "manifest.parquet"
    paths = selected_paths(manifest, split)
    ids = image_ids(manifest, paths)
    predictor = model.predictor
    parts = (artefact, model.target, model.state_digest, predictor.runtime, predictor.precision)
    kept = KeptTable(kept_folder(context.root), TABLE, digest_of("predictions", _VERSION, *parts))
    folder = context.data(dataset)
    files = {image_id: folder / path for image_id, path in zip(reversed(ids), reversed(paths), strict=True)}
    found = _kept(kept, ids)
    found |= _computed(
        kept, model, {image_id: file for image_id, file in files.items() if image_id not in found}
    )
    table = DetectionTable(model.spec.classes, model.decoder.columns)
    for path, image_id in zip(paths, ids, strict=True):
        table.add(path, unpacked(found[image_id]))
    return table


def _kept(kept: KeptTable, ids: list[str]) -> dict[str, bytes]:
    distinct = list(dict.fromkeys(ids))
    places, columns = kept.find(distinct)
    return dict(zip((distinct[place] for place in places), columns.get(FOUND, ()), strict=True))


def _computed(kept: KeptTable, model: OpenModel, files: Mapping[str, Path]) -> dict[str, bytes]:
    """What is new, kept chunk by chunk. Where nothing can be kept, the work goes on without."""
    from runner.adapters.models.packed_detections import packed

    found: dict[str, bytes] = {}
    missing = sorted(files, key=lambda image_id: str(files[image_id]))
    with progress_bar("predict", len(missing), "image") as bar:
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            new = []
            for detections in detected(model, [files[image_id] for image_id in chunk]):
                new.append(packed(detections))
                bar.update()
            kept.put(chunk, {FOUND: new})
            found |= zip(chunk, new, strict=True)
    return found


def detected(model: OpenModel, files: list[Path]) -> Iterator[ImageDetections]:
    """In the order of the files; images are read and fitted, run, and decoded at the same time."""
    from runner.adapters.models.inference import infer_all, load_inputs, one_thread_per_image

    boxes: deque[Letterbox] = deque()

    def pixels() -> Iterator[object]:
        for image, letterbox in load_inputs(files, model.predictor.input_hw, model.decoder.preprocess):
            boxes.append(letterbox)
            yield image

    with one_thread_per_image():
        outputs: Iterator[Outputs] = infer_all(model.predictor, pixels())  # type: ignore[arg-type]
        for file, each in zip(files, outputs, strict=True):
            require_numbers(each, model.target, str(file))
            yield model.decoder.decode(each, boxes.popleft())
