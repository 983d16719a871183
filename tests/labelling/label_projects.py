"""Small projects with a pool and a drawn batch, in every layout that labels can be added to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from projects import call, commit

from runner.adapters.dvc.new_repository import create_repository, track
from runner.dataset.entries import LabelledObject, LabelScheme
from runner.domain.labelling import Batch, BatchImage, task_key
from runner.layouts import LAYOUTS
from runner.record.catalogue import BATCH, sprint_folder
from runner.record.labelling import read_batch, write_batch
from runner.writers.convert import ConvertOptions, convert

SPRINT = "0002-more"
CLASSES = ("cat", "dog")
SIZE = (64, 48)
# two images of one name in two folders
POOL = ("images/pool/a/1.jpg", "images/pool/b/1.jpg", "images/pool/2.jpg", "images/pool/3.jpg")

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: pets
task: {task}
classes: [cat, dog]
dataset: {{path: data, layout: {layout}, metadata: data/metadata.csv, group_by: scene}}
splits: {{pool: "split = 'pool'"}}
"""
SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: More labels
annotation:
  strategy: {strategy}
  tool: {tool}
train: {{framework: ultralytics, model: {model}, epochs: 1}}
"""


def write_image(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_yolo(data: Path) -> None:
    """Three labelled images of each split, and the pool."""
    for seed, path in enumerate(
        [*(f"images/{split}/{n}0.jpg" for split in ("train", "val", "test") for n in range(3)), *POOL]
    ):
        write_image(data / path, seed)
        if "pool" not in path:
            label = (data / path.replace("images", "labels")).with_suffix(".txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("0 0.5 0.5 0.25 0.25\n")
    (data / "data.yaml").write_text(
        "train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n"
    )


def write_folders(data: Path) -> None:
    """Two images of a class in each split, and the pool beside them."""
    named = [f"{split}/{name}/0.jpg" for split in ("train", "val", "test") for name in CLASSES]
    for seed, path in enumerate([*named, *map(_beside_classes, POOL)]):
        write_image(data / path, seed)


def _beside_classes(path: str) -> str:
    """A folder of the pool's would be taken for a class."""
    return f"pool/{path.removeprefix('images/pool/').replace('/', '-')}"


def make(
    folder: Path,
    layout: str = "yolo",
    *,
    tool: str = "yolo",
    strategy: str = "boxes",
    project: str = PROJECT,
    batch: Sequence[str] = POOL,
    annotators: int = 1,
    versioned: bool = True,
) -> Path:
    """The project, with a batch of the pool's images; committed on the branch of its sprint, where `versioned`."""
    data = folder / "data"
    if layout == "yolo":
        write_yolo(data)
    elif layout == "folders":
        write_folders(data)
    else:
        write_yolo(folder / "source")
        _convert(folder / "source", data, layout)
    task = {"boxes": "detect", "class": "classify"}[strategy]
    images = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.jpg"))
    rows = "".join(f"{path},scene-{number},{number}\n" for number, path in enumerate(images))
    (data / "metadata.csv").write_text(f"path,scene,lux\n{rows}")
    (folder / "flywheel.yaml").write_text(project.format(task=task, layout=layout))
    (folder / "specs").mkdir()
    (folder / "specs" / f"{SPRINT}.yaml").write_text(
        SPEC.format(
            tool=tool, strategy=strategy, model="yolo11n-cls.yaml" if task == "classify" else "yolo11n.yaml"
        )
    )
    (folder / ".gitignore").write_text("/.flywheel/\n/source/\n")
    draw(folder, pool_paths(folder, batch), annotators=annotators)
    (folder / "data.dvc").write_text(f"outs:\n- md5: {'0' * 32}.dir\n  path: data\n")
    if versioned:
        create_repository(folder)
        track(folder, "data")
        commit(folder, "A project")
        call(folder, "git", "switch", "-q", "-c", SPRINT)
    return folder


def _convert(source: Path, target: Path, layout: str) -> None:
    convert(source, target, ConvertOptions(layout=layout, task="detect"))


def pool_paths(folder: Path, names: Sequence[str]) -> list[str]:
    """Where the pool's images lie in the project's layout."""
    data = folder / "data"
    if not (folder / "source").is_dir():
        return [name if (data / name).is_file() else _beside_classes(name) for name in names]
    by_bytes = {path.read_bytes(): path.relative_to(data).as_posix() for path in data.rglob("*.jpg")}
    return [by_bytes[(folder / "source" / name).read_bytes()] for name in names]


def draw(folder: Path, paths: Sequence[str], *, annotators: int = 1, into: str = "train") -> None:
    """Plants a batch."""
    from runner.adapters.pictures.measured_images import see_images

    data = folder / "data"
    images = [
        BatchImage(
            key=task_key(SPRINT, seen.image_id),
            path=path,
            image_id=seen.image_id,
            arm="random",
            annotators=annotators,
        )
        for path, seen in zip(paths, see_images([data / path for path in paths], frozenset()), strict=True)
    ]
    record = sprint_folder(folder, SPRINT)
    record.mkdir(parents=True, exist_ok=True)
    write_batch(record, images)
    BATCH.write(
        record,
        Batch(
            sprint=SPRINT,
            into=into,  # type: ignore[arg-type]
            champion=None,
            tag=None,
            seed=0,
            pool_images=len(paths),
            pool_digest="0",
            evidence={},
            arms={"random": len(paths)},
        ),
    )


def keys(folder: Path) -> dict[str, str]:
    """The keys of the batch's tasks, by the images' paths when it was drawn."""
    return {image.path: image.key for image in read_batch(sprint_folder(folder, SPRINT))}


def answers_folder(folder: Path, annotator: str = "anna") -> Path:
    return folder / ".flywheel" / "annotate" / SPRINT / "answers" / annotator


def answer(folder: Path, path: str, *lines: str, annotator: str = "anna") -> None:
    """One image labelled in YOLO's format, as a tool writes it."""
    label = answers_folder(folder, annotator) / "labels" / f"{keys(folder)[path]}.txt"
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text("".join(f"{line}\n" for line in lines))


def answer_class(folder: Path, path: str, name: str, annotator: str = "anna") -> None:
    """One image put into the folder of its class."""
    place = answers_folder(folder, annotator) / name / f"{keys(folder)[path]}.jpg"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes((folder / "data" / path).read_bytes())


def labels(folder: Path, layout: str = "yolo", task: str = "detect") -> dict[str, list[tuple[object, ...]]]:
    """What the dataset says: by the seed-dependent bytes of each labelled image, its split and its objects, rounded."""
    data = folder / "data"
    scheme = LabelScheme(task=task, classes=CLASSES)  # type: ignore[arg-type]
    found = {}
    for entry in LAYOUTS[layout].read(data, scheme).entries:
        assert not entry.label_problems
        if entry.labelled:
            found[entry.path] = sorted(_rounded(item) for item in entry.objects)
    return found


def _rounded(item: LabelledObject) -> tuple[object, ...]:
    factors = (1, 1) if item.normalised else SIZE
    box = tuple(round(value / factors[at % 2], 3) for at, value in enumerate(item.box_xyxy))
    return (item.class_name, *box)


def coco_document(folder: Path, split: str) -> dict[str, list[dict[str, object]]]:
    text = (folder / "data" / "annotations" / f"instances_{split}.json").read_text()
    return json.loads(text)  # type: ignore[no-any-return]
