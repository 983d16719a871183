"""What is wrong with labels has the same kinds in every format, so that `dataset.labels` says for all what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.adapters.tables.parquet import write_table
from runner.dataset.entries import LabelScheme, LayoutContent
from runner.dataset.label_treatment import treat_labels
from runner.domain.label_faults import fault_of
from runner.domain.task import TaskName
from runner.layouts import LAYOUTS

BOX = (1, 1, 5, 5)
# Per image: (class, shape) of each object; a shape is a box, or an outline of points x, y, …
Labels = list[tuple[str, list[tuple[str, tuple[int, ...]]]]]


def voc(folder: Path, images: Labels) -> None:
    for at, (name, objects) in enumerate(images):
        boxes = "".join(
            f"\n<object><name>{label}</name><bndbox><xmin>{box[0] + 1}</xmin><ymin>{box[1] + 1}</ymin><xmax>{box[2]}</xmax>"
            f"<ymax>{box[3]}</ymax></bndbox></object>"
            for label, box in objects
        )
        (folder / f"{at}.xml").write_text(f"<annotation><filename>{name}</filename>{boxes}</annotation>")


def cvat(folder: Path, images: Labels) -> None:
    lines = ["<annotations>"]
    for name, objects in images:
        lines.append(f'<image name="{name}" width="20" height="10">')
        for label, shape in objects:
            pairs = ";".join(f"{x},{y}" for x, y in zip(shape[::2], shape[1::2], strict=True))
            outline = f'<polygon label="{label}" points="{pairs}"/>'
            box = '<box label="{}" xtl="{}" ytl="{}" xbr="{}" ybr="{}"/>'
            lines.append(box.format(label, *shape) if shape == BOX else outline)
        lines.append("</image>")
    (folder / "a.xml").write_text("\n".join([*lines, "</annotations>"]))


def label_studio(folder: Path, images: Labels) -> None:
    tasks: list[dict[str, Any]] = []
    for at, (name, objects) in enumerate(images):
        results: list[dict[str, Any]] = []
        for number, (label, shape) in enumerate(objects):
            points = [[x * 5, y * 10] for x, y in zip(shape[::2], shape[1::2], strict=True)]
            value: dict[str, Any] = {"points": points, "polygonlabels": [label]}
            if shape == BOX:
                value = {"x": 5, "y": 10, "width": 20, "height": 40, "rectanglelabels": [label]}
            kind = "rectanglelabels" if shape == BOX else "polygonlabels"
            results.append({"id": f"r{number}", "type": kind, "value": value})
        annotation = {"id": at, "completed_by": 1, "result": results}
        tasks.append({"id": at, "annotations": [annotation], "data": {"image": name}})
    (folder / "a.json").write_text(json.dumps(tasks))


def manifest(folder: Path, images: Labels) -> None:
    columns: dict[str, Any] = {"uri": [name for name, _ in images]}
    columns["classes"] = [[label for label, _ in objects] for _, objects in images]
    columns["boxes"] = [
        [list(map(float, shape)) if shape == BOX else None for _, shape in objects] for _, objects in images
    ]
    columns["polygons"] = [
        [None if shape == BOX else [list(map(float, shape))] for _, shape in objects] for _, objects in images
    ]
    write_table(folder / "manifest.parquet", columns)


WRITERS: dict[str, Callable[[Path, Labels], None]] = {
    "voc": voc, "cvat": cvat, "label-studio": label_studio, "manifest": manifest,
}  # fmt: skip
PLACES = {
    "voc": "0.xml:3", "cvat": "a.xml:4", "label-studio": "a.json:1:192: annotation 0, region r1", "manifest": "manifest.parquet:1#2",
}  # fmt: skip


def read(folder: Path, layout: str, images: Labels, task: str = "detect") -> LayoutContent:
    folder.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (20, 10)).save(folder / name)
    WRITERS[layout](folder, images)
    return LAYOUTS[layout].read(folder, LabelScheme(task=cast(TaskName, task), classes=["cat"]))


def found(content: LayoutContent) -> list[tuple[str, str]]:
    problems = [problem for entry in content.entries for problem in entry.label_problems]
    return [(fault.kind, fault.place) for fault in map(fault_of, [*problems, *content.faults])]


@pytest.mark.parametrize("layout", WRITERS)
def test_an_unknown_class_and_an_outline_of_two_points(tmp_path: Path, layout: str) -> None:
    content = read(tmp_path / "class", layout, [("a.png", [("cat", BOX), ("emu", BOX)])])
    assert found(content) == [("unknown_class", PLACES[layout])]
    assert [len(entry.objects) for entry in content.entries] == [1, 0]
    if layout != "voc":
        content = read(
            tmp_path / "short", layout, [("a.png", [("cat", BOX), ("cat", (1, 1, 4, 4, 9, 9)[:4])])]
        )
        assert ("short_polygon", PLACES[layout]) in found(content)


@pytest.mark.parametrize("layout", WRITERS)
def test_labels_without_image_and_an_image_named_twice_are_dropped_where_that_is_said(
    tmp_path: Path, layout: str
) -> None:
    images: Labels = [("a.png", [("cat", BOX)]), ("lost.png", [("cat", BOX)]), ("a.png", [("cat", BOX)] * 2)]
    content = read(tmp_path, layout, images)
    assert sorted(kind for kind, _ in found(content)) == ["image_twice", "no_image"]
    measured = [ImageMeasurement(image_id="", size_bytes=1, width=20, height=10)] * len(content.entries)
    treated = treat_labels(content, measured, "detect", {"image_twice": "drop", "no_image": "drop"})
    assert [(entry.path, len(entry.objects), entry.label_problems) for entry in treated.entries] == [
        ("a.png", 1, ()),
        ("b.png", 0, ()),
    ]


def test_of_an_image_in_two_subsets_the_one_that_is_judged_by_counts(tmp_path: Path) -> None:
    lines = [
        f'<image name="a.png" subset="{subset}">\n<box label="cat" xtl="1" ytl="1" xbr="{right}" ybr="5"/></image>'
        for subset, right in (("Train", 5), ("Test", 7))
    ]
    (tmp_path / "a.xml").write_text("\n".join(["<annotations>", *lines, "</annotations>"]))
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    content = LAYOUTS["cvat"].read(tmp_path, LabelScheme(task="detect", classes=["cat"]))
    (entry,) = content.entries
    assert (entry.split, [item.box_xyxy[2] for item in entry.objects]) == ("Test", [7])
    assert entry.label_problems == ("a.xml:2: it is about a.png, as a.xml:4 is, whose labels count",)
