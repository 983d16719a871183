"""What labels keep on the way to another format and back, beside labelformat 0.1.17 on the same files.

    python benchmarks/round_trips.py [--shared ../shared/datasets]

Every dataset goes A → B → A. An object is kept if it comes back in its image with its class, as a crowd if it was one, and with
a box within 0.01 px, or, for outlines and masks, with the very same pixels; further ones are made up. Images that are not in a dataset are blank ones of the size that it states.
labelformat writes one split per call, so it gets one split of each dataset, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelformat import formats
from PIL import Image

from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme
from runner.dataset.shapes import shape_columns
from runner.domain.task import TaskName
from runner.layouts import LAYOUTS
from runner.writers.convert import Conversion, ConvertOptions, convert
from runner.writers.images import sized_images
from runner.writers.losses import Losses
from runner.writers.numbers import pixels
from runner.writers.writer import SizedImage

NEAR_PX = 0.01
SHARED = Path(__file__).parents[1].parent / "shared" / "datasets"


@dataclass(frozen=True)
class Trip:
    """A dataset of one split in one format, and where it goes."""

    name: str
    folder: Path
    layout: str
    task: TaskName


@dataclass(frozen=True)
class Thing:
    """An object: its image, class, crowd or not, and box in pixels."""

    image: str
    class_name: str
    crowd: bool
    box: tuple[float, ...]
    mask: str


def things(folder: Path, layout: str, task: TaskName) -> tuple[list[Thing], int]:
    """The objects of a dataset, and how many labelled images have none."""
    found = LAYOUTS[layout].recognise(folder, task)
    assert found is not None
    reader = found.layout or LAYOUTS[layout]
    entries = reader.read(folder, LabelScheme(task=task, classes=found.classes)).entries
    sized = {image.entry.path: image for image in sized_images(folder, entries, Losses())}
    listed = [
        Thing(
            Path(entry.path).name,
            item.class_name,
            item.crowd,
            tuple(pixels(item, item.box_xyxy, sized[entry.path])),
            _mask(item, sized[entry.path], task),
        )
        for entry in entries
        if entry.path in sized
        for item in entry.objects
    ]
    return listed, _empty(entries)


def _mask(item: LabelledObject, image: SizedImage, task: TaskName) -> str:
    columns = shape_columns(task, [item], [(image.height, image.width)])
    return str(columns["mask_rle"][0]) if "mask_rle" in columns else ""


def _empty(entries: Sequence[ImageEntry]) -> int:
    return sum(entry.labelled and not entry.objects for entry in entries)


def row(what: str, before: tuple[list[Thing], int], after: tuple[list[Thing], int], note: str = "") -> None:
    """One line of the table."""
    left = list(after[0])
    furthest, kept, crowds = 0.0, 0, 0
    for item in before[0]:
        same = [
            (max(abs(one - two) for one, two in zip(item.box, other.box, strict=True)), at)
            for at, other in enumerate(left)
            if (other.image, other.class_name, other.crowd, other.mask)
            == (item.image, item.class_name, item.crowd, item.mask)
        ]
        distance, at = min(same, default=(float("inf"), -1))
        if distance <= NEAR_PX or (item.mask and at >= 0):
            left.pop(at)
            kept, crowds, furthest = kept + 1, crowds + item.crowd, max(furthest, distance)
    of_crowds = sum(item.crowd for item in before[0])
    counts = f"{kept:>5} of {len(before[0]):>5}   {crowds:>2} of {of_crowds:>2}   {len(left):>5}"
    print(f"{what:<46} {counts}   {after[1]:>2} of {before[1]:>2}   {furthest:>8.1e}   {note}")


def one_split(shared: Path, work: Path) -> list[Trip]:
    """The datasets, each as one split: `train`."""
    clean, reference, dice = work / "clean", work / "reference", work / "dice"
    trips = []
    for task in ("detect", "segment"):
        folder = clean / task
        for kind in ("images", f"{task}/labels"):
            shutil.copytree(
                shared / "coco_clean" / kind / "train2017", folder / kind.rpartition("/")[2] / "train"
            )
        _data_yaml(shared / "coco_clean", folder)
        trips.append(Trip(f"coco_clean ({task})", folder, "yolo", task))  # type: ignore[arg-type]
    for kind in ("images", "labels"):
        shutil.copytree(shared / "dice" / kind / "train", dice / kind / "train")
    _data_yaml(shared / "dice", dice)
    trips.append(Trip("dice", dice, "yolo", "detect"))
    document = json.loads((shared / "coco_reference" / "instances_val2014_100.json").read_text())
    (reference / "annotations").mkdir(parents=True)
    (reference / "annotations" / "instances_train.json").write_text(json.dumps(document))
    (reference / "images" / "train").mkdir(parents=True)
    for image in document["images"]:
        Image.new("1", (image["width"], image["height"])).save(
            reference / "images" / "train" / image["file_name"], format="PNG"
        )
    trips += [
        Trip(f"coco_reference ({task})", reference, "coco", task)  # type: ignore[arg-type]
        for task in ("detect", "segment")
    ]
    return trips


def _data_yaml(source: Path, folder: Path) -> None:
    names = next(line for line in (source / "data.yaml").read_text().splitlines() if line.startswith("names"))
    (folder / "data.yaml").write_text(f"train: images/train\n{names}\n")


def ours(trip: Trip, other: str, work: Path) -> None:
    """There and back with `flywheel convert`."""
    before = things(trip.folder, trip.layout, trip.task)
    task = trip.task if trip.task in LAYOUTS[other].tasks else "detect"
    there = convert(
        trip.folder,
        work / "there",
        ConvertOptions(layout=other, read_as=trip.layout, task=trip.task, images="link"),
    )
    back = convert(
        work / "there",
        work / "back",
        ConvertOptions(layout=trip.layout, read_as=other, task=task, images="link"),
    )
    after = things(work / "back", trip.layout, task)
    row(f"{trip.name} → {other} → {trip.layout}", before, after, _said(there, back))


def _said(*results: Conversion) -> str:
    counts = [f"{loss.count} {loss.kind}" for result in results for loss in result.losses]
    return ", ".join(counts) or "no loss"


def theirs(trip: Trip, other: str, work: Path) -> None:
    """There and back with labelformat; what it raises is what is noted."""
    before = things(trip.folder, trip.layout, trip.task)
    images = trip.folder / "images" / "train"
    try:
        first = _input(trip.layout, trip.task, trip.folder, images, trip.folder)
        there = _write(other, trip.task, work / "there", first, images)
        again = _input(other, trip.task, there, images, trip.folder)
        back = _write(trip.layout, trip.task, work / "back", again, images)
        after = things(back, trip.layout, trip.task)
    except Exception as error:  # whatever stops it is the result
        row("  labelformat", before, ([], 0), f"stopped: {type(error).__name__}: {str(error)[:70]}")
        return
    row("  labelformat", before, after)


def _input(layout: str, task: TaskName, folder: Path, images: Path, source: Path) -> Any:
    boxes = task == "detect"
    match layout:
        case "yolo":
            kind = formats.YOLOv8ObjectDetectionInput if boxes else formats.YOLOv8InstanceSegmentationInput
            return kind(folder / "data.yaml", "train")
        case "coco":
            kind = formats.COCOObjectDetectionInput if boxes else formats.COCOInstanceSegmentationInput
            return kind(folder / "annotations" / "instances_train.json")
        case "voc":
            names = [
                category.name
                for category in _input(
                    "yolo" if (source / "data.yaml").exists() else "coco", task, source, images, source
                ).get_categories()
            ]
            return formats.PascalVOCObjectDetectionInput(folder / "Annotations", ",".join(names))
    return formats.CVATObjectDetectionInput(folder / "annotations.xml")


def _write(layout: str, task: TaskName, folder: Path, source: Any, images: Path) -> Path:
    """labelformat writes labels only: images are put where each format has them."""
    boxes = task == "detect"
    places: dict[str, Callable[[], Any]] = {
        "yolo": lambda: (
            formats.YOLOv8ObjectDetectionOutput if boxes else formats.YOLOv8InstanceSegmentationOutput
        )(folder / "data.yaml", "train"),
        "coco": lambda: (
            formats.COCOObjectDetectionOutput if boxes else formats.COCOInstanceSegmentationOutput
        )(folder / "annotations" / "instances_train.json"),
        "voc": lambda: formats.PascalVOCObjectDetectionOutput(folder / "Annotations"),
        "cvat": lambda: formats.CVATObjectDetectionOutput(folder),
    }
    folder.mkdir(parents=True)
    places[layout]().save(source)
    target = folder / {"yolo": "images", "voc": "JPEGImages"}.get(layout, "images/train")
    shutil.copytree(images, target)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=SHARED)
    options = parser.parse_args()
    print(f"{'there and back':<46} {'kept':>14}   {'crowds':>8}   made up   empty   furthest px   said")
    logging.disable()  # labelformat's remarks on single files
    with tempfile.TemporaryDirectory() as folder:
        for at, trip in enumerate(one_split(options.shared.resolve(), Path(folder))):
            for other in ("yolo", "coco", "voc", "cvat", "label-studio", "manifest"):
                if other == trip.layout or (other == "voc" and trip.task != "detect"):
                    continue
                ours(trip, other, Path(folder) / f"ours-{at}-{other}")
                if other in ("yolo", "coco") or (trip.task == "detect" and other in ("voc", "cvat")):
                    theirs(trip, other, Path(folder) / f"theirs-{at}-{other}")


if __name__ == "__main__":
    main()
