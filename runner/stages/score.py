"""score: how unsure the champion is of each image of the pool, from what it predicted there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runner.config.project import Project
from runner.domain.evaluation import ChampionModel
from runner.domain.files import read_json
from runner.domain.records import POOL, Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import CHAMPION_FOLDER, SELECTION, SELECTION_FOLDER
from runner.record.scoring import IMAGE_SCORES, MEASURES, SCORES, ClassScores, Quantiles, Scores
from runner.stages.stage import Stage, StageContext, images_of
from runner.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.adapters.tables.parquet import Column
    from runner.evaluation.uncertainty import Floats, Uncertainty


class ScoreParams(Record, frozen=True, kw_only=True):
    """What is counted: predictions from `confidence` on."""

    task: TaskSpec
    confidence: float
    split: str = POOL


def resolve(project: Project, confidence: float) -> ScoreParams:
    """The task, and what counts as a prediction."""
    return ScoreParams(task=project.task_spec, confidence=confidence)


def run(context: StageContext, params: ScoreParams) -> None:
    """Writes images.parquet, one row per image in the order of their paths, and scores.json."""
    import numpy as np

    from runner.adapters.tables.parquet import read_table, write_table
    from runner.adapters.tables.selected import image_ids, selected_paths

    manifest = context.folder / SELECTION_FOLDER.name / "manifest.parquet"
    paths = selected_paths(manifest, params.split)
    predictions = read_table(context.folder / CHAMPION_FOLDER.name / "predictions.parquet")
    place = {path: position for position, path in enumerate(paths)}
    image = np.array([place[path] for path in predictions["path"].tolist()], dtype=np.int64)
    counted = _counted(image, predictions, params)
    points = predictions["score"].astype(np.float64)
    measures = _uncertainty(image, points, len(paths), params.task)
    per_image = np.bincount(image[counted], minlength=len(paths))
    columns = {name: getattr(measures, name) for name in MEASURES}
    known = {"confidence": _highest(image, points, len(paths)), **columns}
    cells = {name: _empty_where_unknown(values) for name, values in known.items()}
    write_table(
        context.folder / IMAGE_SCORES.name,
        {"path": paths, "image_id": image_ids(manifest, paths), "predictions": per_image, **cells},
    )
    model = read_json(context.folder / CHAMPION_FOLDER.name / "champion.json", ChampionModel)
    scores = Scores(
        sprint=model.sprint,
        tag=model.tag,
        target=model.target,
        split=params.split,
        split_digest=SELECTION.read(context.folder).split_digests[params.split],
        confidence=params.confidence,
        images=len(paths),
        without_predictions=int((per_image == 0).sum()),
        per_class=_per_class(image[counted], predictions["class"][counted].tolist(), params.task.classes),
        measures={name: quantiles(values) for name, values in columns.items()},
    )
    SCORES.write(context.folder, scores)


def _counted(
    image: NDArray[np.int64], predictions: Mapping[str, Column], params: ScoreParams
) -> NDArray[np.bool_]:
    """Which rows count: those from the confidence on; of classes of images, the likeliest."""
    import numpy as np

    scores = predictions["score"]
    if TASKS[params.task.name].ranked:
        return np.asarray(scores >= params.confidence)
    order = np.lexsort((-scores, image))
    first = np.zeros(len(image), dtype=bool)
    first[order[np.searchsorted(image[order], np.unique(image))]] = True
    return first


def _highest(image: NDArray[np.int64], scores: Floats, n_images: int) -> Floats:
    """The highest score on each image, `(n_images,)`; NaN where nothing was predicted."""
    import numpy as np

    highest = np.full(n_images, np.nan)
    np.fmax.at(highest, image, scores)
    return highest


def _uncertainty(image: NDArray[np.int64], scores: Floats, n_images: int, task: TaskSpec) -> Uncertainty:
    from runner.evaluation.uncertainty import of_classes, of_objects

    if TASKS[task.name].ranked:
        return of_objects(image, scores, n_images)
    return of_classes(image, scores, n_images, len(task.classes))


def _per_class(
    image: NDArray[np.int64], names: Sequence[str], classes: Sequence[str]
) -> dict[str, ClassScores]:
    images: dict[str, list[int]] = {name: [] for name in classes}
    for position, name in zip(image.tolist(), names, strict=True):
        images[name].append(position)
    return {
        name: ClassScores(predictions=len(positions), images=len(set(positions)))
        for name, positions in images.items()
    }


def _empty_where_unknown(values: Floats) -> Column:
    """NaN as an empty cell: whoever sorts the table does not find it above every number."""
    import numpy as np

    unknown = np.isnan(values)
    if unknown.all() or not unknown.any():
        return values
    cells = values.astype(object)
    cells[unknown] = None
    return cells


def quantiles(values: Floats) -> Quantiles | None:
    """How values are spread, NaN left out; None where there are none.

    >>> import numpy as np
    >>> quantiles(np.array([0.0, 1.0, np.nan])).median
    0.5
    """
    import numpy as np

    known = values[~np.isnan(values)]
    if not len(known):
        return None
    five = (round(float(value), 6) for value in np.quantile(known, (0, 0.25, 0.5, 0.75, 1)))
    return Quantiles(**dict(zip(Quantiles.__struct_fields__, five, strict=True)))


STAGE = Stage(
    name="score",
    version=2,
    params_type=ScoreParams,
    run=run,
    reads=(SELECTION_FOLDER, SELECTION, CHAMPION_FOLDER),
    writes=(IMAGE_SCORES, SCORES),
    work=lambda params, selection: float(images_of(selection, params.split)),
)
