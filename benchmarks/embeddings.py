"""What embeddings are worth: classes told by neighbours, copies found and confirmed, and images per second of a CPU's core.

`python benchmarks/embeddings.py` needs the extra `embed`, and the datasets of ../shared. Per source it prints

- on 600 photographs of hand signs: the share whose class most of the 5 nearest others have, and that of a linear classifier that has seen
  10 of each class (over 20 draws);
- per kind of change the share of copies whose nearest image, and one of whose 5 nearest, is the original; how near it is; and which
  share of the proposed pairs registration confirms: of copies and of other images;
- images per second of CPU time, decoding included, and what OpenVINO's own precision would change.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.image_files import SUFFIXES
from runner.adapters.pictures.registration import register_files
from runner.adapters.system.machine import cpu_count, cpu_device
from runner.dataset.neighbours import nearest
from runner.embeddings import Embedder, Lite0, Setting
from runner.embeddings.champion import ChampionBackbone
from runner.embeddings.same_pixels import MIN_DETAIL

SHARED = Path(__file__).parents[1].parent / "shared"
DATASETS = SHARED / "datasets"
DETECTOR_PX = 320  # half of what it was trained with, for the sake of time
SAMPLED = 50  # images of each dataset that copies are made of
DRAWS, SHOTS, NEIGHBOURS = 20, 10, 5
Vectors = NDArray[np.float32]
Image = NDArray[np.uint8]


class RawPixels:
    """16 × 16 pixels of each channel, without their mean: what a vector costs nothing."""

    def embed(self, images: Sequence[Path]) -> Vectors:
        import cv2

        rows = [
            cv2.resize(cv2.imread(str(path)), (16, 16), interpolation=cv2.INTER_AREA).ravel()
            for path in images
        ]
        vectors = np.stack(rows).astype(np.float32)
        vectors -= vectors.mean(axis=1, keepdims=True)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def main() -> None:
    if not DATASETS.is_dir():
        raise SystemExit(f"no images: provide {DATASETS}")
    images = {folder: _images(DATASETS / folder) for folder in ("sign_digits", "dice", "coco_clean")}
    with tempfile.TemporaryDirectory() as temporary:
        sources = _sources(Path(temporary))
        for name, embedder in sources.items():
            _print_classes(name, embedder, images["sign_digits"])
        for name, embedder in sources.items():
            _print_copies(name, embedder, images, Path(temporary), confirm=name == "lite0")
        _print_speed(sources, images["dice"])
        _print_precision(Path(temporary), images["coco_clean"][0])


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _sources(folder: Path) -> dict[str, Embedder]:
    """Raw pixels, lite0, and the backbone of a detector that was trained on COCO."""
    weights = _detector(folder)
    setting = Setting(
        root=folder,
        device=lambda: cpu_device(None),
        threads=cpu_count(),
        champion=lambda: weights,
    )
    return {
        "raw pixels": RawPixels(),
        "lite0": Lite0().open(setting),
        "detector": ChampionBackbone().open(setting),
    }


def _detector(folder: Path) -> Path:
    from runner.adapters.models.checkpoints import read_checkpoint
    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import save_model, state_digest

    checkpoint = read_checkpoint(SHARED / "weights" / "yolo11n_rebuilt.pt")
    record = ModelRecord(
        framework="ultralytics",
        architecture=checkpoint.architecture,
        class_names=checkpoint.class_names,
        base_classes=None,
        imgsz=DETECTOR_PX,
        seed=0,
        epoch=1,
        parameters=0,
        state_digest=state_digest(checkpoint.tensors),
    )
    return save_model(folder, record, checkpoint.tensors)


def _print_classes(name: str, embedder: Embedder, images: list[Path]) -> None:
    from sklearn.linear_model import LogisticRegression

    vectors, classes = embedder.embed(images), np.array([int(path.parent.name) for path in images])
    near = nearest(vectors, vectors, NEIGHBOURS + 1).position
    votes = []
    for row, found in enumerate(near):
        voters = classes[[at for at in found if at != row][:NEIGHBOURS]].tolist()
        votes.append(max(voters, key=lambda each: (voters.count(each), -voters.index(each))))
    random = np.random.default_rng(0)
    shots = []
    for _ in range(DRAWS):
        seen = np.concatenate(
            [random.permutation(np.flatnonzero(classes == each))[:SHOTS] for each in range(10)]
        )
        rest = np.setdiff1d(np.arange(len(classes)), seen)
        linear = LogisticRegression(C=100, max_iter=1000).fit(vectors[seen], classes[seen])
        shots.append(float(linear.score(vectors[rest], classes[rest])))
    print(
        f"{name:<11} sign_digits: 5 nearest neighbours {np.mean(np.array(votes) == classes):.3f}, "
        f"10 shots {np.mean(shots):.3f} ± {np.std(shots):.3f}"
    )


def _copies(image: Image) -> Iterator[tuple[str, Any, str]]:
    import cv2

    height, width = image.shape[:2]
    yield "jpeg30", image, ".jpg"
    yield "half", cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), ".png"
    yield "bright", np.clip(image * 1.3 + 20, 0, 255).astype(np.uint8), ".png"
    yield "crop", image[height // 6 : -height // 6, width // 6 : -width // 6], ".png"
    yield "flip", image[:, ::-1], ".png"
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    yield "rot5", cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT), ".png"


def _print_copies(
    name: str, embedder: Embedder, images: dict[str, list[Path]], folder: Path, *, confirm: bool
) -> None:
    import cv2

    outcomes: dict[str, list[tuple[bool, bool, float, float]]] = {}
    pairs: dict[str, list[float]] = {}
    seconds: list[float] = []
    for dataset, paths in images.items():
        vectors = embedder.embed(paths)
        for at in range(0, len(paths), max(1, len(paths) // SAMPLED)):
            for kind, copy, suffix in _copies(np.asarray(cv2.imread(str(paths[at])), np.uint8)):
                file = folder / f"{dataset}-{at}-{kind}{suffix}"
                cv2.imwrite(str(file), copy, [cv2.IMWRITE_JPEG_QUALITY, 30] if suffix == ".jpg" else [])
                vector = embedder.embed([file])
                found = nearest(vector, vectors, 5)
                places, cosines = found.position[0].tolist(), found.cosine[0].tolist()
                other = next(c for place, c in zip(places, cosines, strict=True) if place != at)
                own = float(vectors[at] @ vector[0])
                outcomes.setdefault(kind, []).append((places[0] == at, at in places, own, other))
                for place in places if confirm else ():
                    started = time.process_time()
                    laid = register_files(file, paths[place])
                    seconds.append(time.process_time() - started)
                    pairs.setdefault(kind if place == at else "other images", []).append(
                        0.0 if laid is None else laid.detail
                    )
                file.unlink()
    count = len(next(iter(outcomes.values())))
    print(f"\n{name}: copies of {count} images of three datasets, each looked for in its own dataset")
    print(
        f"{'':<14}{'nearest':>8}{'of 5':>7}{'cosine to its own (5 %, median)':>34}{'to the nearest other':>22}"
    )
    for kind, each in outcomes.items():
        first, among, own, other = np.array(each, float).T
        low, middle = np.quantile(own, (0.05, 0.5))
        print(
            f"{kind:<14}{first.mean():>8.2f}{among.mean():>7.2f}{low:>27.2f}{middle:>7.2f}{np.median(other):>22.2f}"
        )
    if confirm:
        for least, what in ((1e-9, "registration confirms"), (MIN_DETAIL, f"with a detail of {MIN_DETAIL}")):
            kept = (f"{kind} {sum(np.array(each) >= least)} of {len(each)}" for kind, each in pairs.items())
            print(f"of the pairs that it proposes {what}: {', '.join(kept)}")
        print(f"{1000 * np.mean(seconds):.1f} ms of CPU time per pair")


def _print_speed(sources: dict[str, Embedder], images: list[Path]) -> None:
    print()
    for name, embedder in sources.items():
        embedder.embed(images[:8])
        started = time.process_time()
        embedder.embed(images)
        print(
            f"{name:<11} {len(images) / (time.process_time() - started):.0f} images of 640 × 640 px per CPU second"
        )


def _print_precision(folder: Path, image: Path) -> None:
    """How far off the features are that OpenVINO computes as it likes best, beside those in float32."""
    import openvino

    from runner.adapters.models.efficientnet_lite import weights_file, write_graph

    write_graph(folder / "lite0.xml", weights_file())
    pixels = Lite0().inputs().of(image)
    found = []
    for settings in ({"INFERENCE_PRECISION_HINT": "f32"}, {}):
        compiled = openvino.Core().compile_model(folder / "lite0.xml", "CPU", settings)
        found.append(np.array(compiled([pixels])[0]))
    off, highest = float(np.abs(found[0] - found[1]).max()), float(found[0].max())
    print(
        f"lite0 in the precision that OpenVINO chooses is off by up to {off:.3f}, at values up to {highest:.1f}"
    )


if __name__ == "__main__":
    main()
