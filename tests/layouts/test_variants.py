"""A label layout is one class in one file: its options, what reads it, and what it is recognised by."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from PIL import Image

from runner.adapters.tables.parquet import read_table
from runner.config.project import Dataset
from runner.dataset.entries import LabelScheme
from runner.domain.errors import FlywheelError
from runner.layouts import LAYOUTS, LabelLayout, layout_of, layouts_for, shortest
from runner.layouts.coco import CocoLayout
from runner.layouts.discover import discover
from runner.layouts.yolo import YoloLayout
from runner.stages import index
from runner.stages.index import IndexParams
from runner.stages.stage import StageContext

SCHEME = LabelScheme(task="detect", classes=["cat"])
# A layout that nobody has heard of: `boxes.txt` with `image class x_min y_min x_max y_max` in pixels.
LISTED = '''
from typing import Annotated, ClassVar

from msgspec import Meta

from runner.dataset.entries import ImageEntry, LabelledObject, LayoutContent, list_files
from runner.domain.options import DatasetPath, Options
from runner.layouts.layout import Recognised


class ListedLayout(Options, frozen=True, kw_only=True, tag_field="format", tag="listed"):
    """One text file with a line per object."""

    file: Annotated[DatasetPath, Meta(description="The list.")] = "boxes.txt"

    name: ClassVar = "listed"
    tasks: ClassVar = ("detect",)
    expects: ClassVar = "a line per object in one file"
    files_per_image: ClassVar = 1

    def read(self, folder, scheme):
        lines = [line.split() for line in (folder / self.file).read_text().splitlines()]
        entries = []
        for path in list_files(folder):
            objects = tuple(
                LabelledObject(
                    f"{self.file}:{number}", name, scheme.classes.index(name), tuple(map(float, box)), normalised=False
                )
                for number, (image, name, *box) in enumerate(lines, start=1)
                if image == path
            )
            entries.append(ImageEntry(path=path, split=None, labelled=True, objects=objects))
        return LayoutContent(entries=entries)

    def recognise(self, folder, task):
        if not (folder / self.file).is_file():
            return None
        names = {line.split()[1] for line in (folder / self.file).read_text().splitlines()}
        return Recognised(task="detect", classes=sorted(names))

    def arrangement(self, folder, task, content):
        return f"images anywhere, listed in {self.file}"

    def classes_source(self, folder):
        return f"in {self.file}"
'''


def test_a_layout_of_another_module_is_read_by_the_stage_and_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "listed.py").write_text(LISTED)
    spec = importlib.util.spec_from_file_location("listed", tmp_path / "listed.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    listed = module.ListedLayout()
    monkeypatch.setitem(LAYOUTS, "listed", listed)  # type: ignore[arg-type]  # what adding it to the union does
    data, folder = tmp_path / "data", tmp_path / "reports" / "0001-first"
    folder.mkdir(parents=True)
    (data / "pictures").mkdir(parents=True)
    Image.effect_noise((20, 20), 50).save(data / "pictures" / "a.jpg")
    (data / "boxes.txt").write_text("pictures/a.jpg cat 1 2 5 6\n")

    params = IndexParams(path="data", layout="listed", task="detect", classes=["cat"])
    index.run(StageContext(root=tmp_path, folder=folder), params)
    objects = read_table(folder / "index" / "objects.parquet")
    assert (objects["class"].tolist(), objects["label_place"].tolist()) == (["cat"], ["boxes.txt:1"])

    found = discover(data)
    assert (found.layout, found.classes, found.objects) == ("listed", ["cat"], 1)
    assert found.arrangement == "images anywhere, listed in boxes.txt"
    assert layouts_for("detect") == ["yolo", "coco", "voc", "cvat", "label-studio", "manifest", "listed"]


@pytest.mark.parametrize("kind", get_args(LabelLayout))
def test_every_layout_says_all_of_itself(kind: type) -> None:
    layout = LAYOUTS[kind.name]
    assert isinstance(layout, kind)
    assert msgspec.inspect.type_info(kind).tag == layout.name  # type: ignore[union-attr]
    assert layout.tasks
    assert layout.expects
    assert layout.files_per_image >= 1


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("yolo", "yolo"),
        ({"format": "yolo"}, "yolo"),
        ({"format": "coco"}, "coco"),
        ({"format": "coco", "annotations": ["a.json"]}, CocoLayout(annotations=["a.json"])),
    ],
)
def test_a_block_without_options_is_the_name(written: object, short: object) -> None:
    found = msgspec.convert({"path": "data", "layout": written}, Dataset).layout
    assert found == short
    assert shortest(found) == short


def test_options_reach_the_stage_through_params_yaml() -> None:
    layout = CocoLayout(annotations=["a.json"])
    params = IndexParams(path="data", layout=layout, task="detect", classes=["cat"])
    section = msgspec.to_builtins(params)
    assert section["layout"] == {"format": "coco", "annotations": ["a.json"]}
    assert msgspec.convert(section, IndexParams) == params
    assert layout_of(params.layout) is layout
    assert isinstance(layout_of("yolo"), YoloLayout)


def test_of_several_annotation_files_those_named_are_read(tmp_path: Path) -> None:
    def document(width: int) -> str:
        box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, width, 5]}
        images, categories = [{"id": 1, "file_name": "x.jpg"}], [{"id": 1, "name": "cat"}]
        return json.dumps({"images": images, "categories": categories, "annotations": [box]})

    (tmp_path / "x.jpg").touch()
    (tmp_path / "first.json").write_text(document(4))
    (tmp_path / "reviewed.json").write_text(document(6))
    with pytest.raises(FlywheelError, match=r"although first\.json does so too") as two:
        CocoLayout().read(tmp_path, SCHEME)
    assert two.value.hint is not None
    assert "`layout: {format: coco, annotations: […]}`" in two.value.hint
    (entry,) = CocoLayout(annotations=["./reviewed.json"]).read(tmp_path, SCHEME).entries
    assert [(item.place, item.box_xyxy) for item in entry.objects] == [("reviewed.json#1", (1, 1, 7, 6))]
    with pytest.raises(FlywheelError) as missing:
        CocoLayout(annotations=["reviewd.json"]).read(tmp_path, SCHEME)
    assert str(missing.value) == (
        f"{tmp_path}/reviewd.json: file not found\n  hint: correct dataset.layout.annotations in flywheel.yaml; "
        "annotation files there: first.json, reviewed.json"
    )


def test_a_project_is_validated_without_what_reads_datasets() -> None:
    code = "import sys, runner.config.project; print([name for name in sys.modules if name.startswith('runner.layouts.')])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert sorted(json.loads(printed.replace("'", '"'))) == [
        f"runner.layouts.{name}"
        for name in (
            "coco",
            "cvat",
            "folders",
            "label_studio",
            "layout",
            "manifest",
            "manifest_schema",
            "voc",
            "yolo",
        )
    ]


def test_the_stages_section_of_params_yaml_is_what_recorded_sprints_have() -> None:
    """With another section, or version, every recorded training would run again for the same data."""
    params = IndexParams(path="data", layout="yolo", task="detect", classes=["cat", "dog"])
    section = {"path": "data", "layout": "yolo", "task": "detect", "classes": ["cat", "dog"], "keypoints": 0}
    assert msgspec.to_builtins(params) == {**section, "metadata": None, "group_by": None}
    assert index.STAGE.version == 3
