"""The select stage gives every image a place and a reason, and counts what it took."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from runner.adapters.tables.parquet import read_table, write_table
from runner.config.project import Dataset, Project, Splits
from runner.config.sprint import DataSelection, SplitSelection
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import Selection, SelectionStep, SplitCounts
from runner.domain.task import TaskName
from runner.selectors.dedupe import Dedupe
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample
from runner.stages import select
from runner.stages.select import SelectParams
from runner.stages.stage import StageContext

SPLIT_SIZES = {"train": 8, "val": 3, "test": 3, "pool": 2, "extra": 1}


def index_columns(**changes: Any) -> dict[str, Any]:
    paths = [f"images/{split}/{n}.jpg" for split, size in SPLIT_SIZES.items() for n in range(size)]
    count = len(paths)
    columns: dict[str, Any] = {
        "path": paths,
        "image_id": [f"id of {path}" for path in paths],
        "split": [path.split("/")[1] for path in paths],
        "readable": np.ones(count, dtype=np.bool_),
        "problem": [None] * count,
        "brightness": [round(0.1 * (position % 10), 1) for position in range(count)],
        "sharpness": [float(position) for position in range(count)],
        "phash": np.arange(count, dtype=np.uint64) << np.uint64(8),
        "labelled": np.array(["pool" not in path for path in paths]),
        "camera": ["dock" if position % 4 else "gate" for position in range(count)],
    }
    for name, cells in changes.items():
        columns[name] = list(columns[name])
        for path, value in cells.items():
            columns[name][paths.index(path)] = value
    return columns


def objects_of(columns: dict[str, Any], x_max: float = 9.0) -> dict[str, Any]:
    paths = [path for path in columns["path"] if "pool" not in path for _ in range(2)]
    return {
        "path": paths,
        "class": ["cat", "dog"] * (len(paths) // 2),
        **{name: np.zeros(len(paths)) for name in ("x_min", "y_min")},
        **{name: np.full(len(paths), x_max) for name in ("x_max", "y_max")},
        "crowd": np.zeros(len(paths), dtype=np.bool_),
    }


class Folder:
    """A sprint folder with an index."""

    def __init__(self, path: Path) -> None:
        self.context = StageContext(root=path, folder=path)

    def index(self, columns: dict[str, Any], objects: dict[str, Any] | None = None) -> Folder:
        write_table(self.context.folder / "index" / "images.parquet", columns)
        write_table(self.context.folder / "index" / "objects.parquet", objects or objects_of(columns))
        return self

    def run(self, **data: Any) -> Selection:
        return self.run_params(params(**data))

    def run_params(self, given: SelectParams) -> Selection:
        select.run(self.context, given)
        written = read_json(self.context.folder / "selection.json", Selection)
        index = self.context.folder / "index"
        assert select.preview(index / "images.parquet", index / "objects.parquet", given) == written
        return written

    def reasons(self) -> dict[str, str]:
        table = read_table(self.context.folder / "selection" / "manifest.parquet")
        return dict(zip(table["path"].tolist(), table["reason"].tolist(), strict=True))

    def selected(self, split: str) -> list[str]:
        table = read_table(self.context.folder / "selection" / "manifest.parquet")
        return table["path"][(table["assigned"] == split) & table["selected"]].tolist()


def params(splits: Splits | None = None, **data: Any) -> SelectParams:
    splits = splits or Splits(pool="split = 'pool'")
    return SelectParams(
        task="detect", classes=["cat", "dog", "emu"], splits=splits, data=DataSelection(**data)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_image_has_a_place_and_a_reason(folder: Folder) -> None:
    selection = folder.index(index_columns()).run()
    table = read_table(folder.context.folder / "selection" / "manifest.parquet")
    assert list(table) == ["path", "image_id", "assigned", "selected", "reason"]
    assert table["assigned"].tolist() == ["train"] * 8 + ["val"] * 3 + ["test"] * 3 + ["pool"] * 2 + [None]
    assert table["selected"].tolist() == [True] * 14 + [False] * 3
    reasons = folder.reasons()
    assert reasons["images/train/0.jpg"] == "train: split = 'train'"
    assert reasons["images/pool/0.jpg"] == "kept in the pool"
    assert reasons["images/extra/0.jpg"] == "no split's condition holds"
    assert selection.splits == {
        "train": SplitCounts(images=8, objects=16, per_class={"cat": 8, "dog": 8, "emu": 0}),
        "val": SplitCounts(images=3, objects=6, per_class={"cat": 3, "dog": 3, "emu": 0}),
        "test": SplitCounts(images=3, objects=6, per_class={"cat": 3, "dog": 3, "emu": 0}),
    }
    assert selection.dropped == [
        SelectionStep(split="pool", reason="kept in the pool", dropped=2),
        SelectionStep(split="none", reason="in no split", dropped=1),
    ]


def test_of_the_pool_every_image_that_can_be_read_is_chosen_labelled_or_not(folder: Folder) -> None:
    columns = index_columns(
        readable={"images/pool/1.jpg": False}, problem={"images/pool/1.jpg": "the file is empty"}
    )
    pool = select.resolve(project(), DataSelection(), ["pool"])
    selection = folder.index(columns).run_params(pool)
    assert folder.selected("pool") == ["images/pool/0.jpg"]
    assert [folder.selected(split) for split in ("train", "val", "test")] == [[], [], []]
    assert {split: counts.images for split, counts in selection.splits.items()} == {"pool": 1}
    reasons = folder.reasons()
    assert reasons["images/train/0.jpg"] == "not asked for"
    assert reasons["images/pool/1.jpg"] == "unreadable: the file is empty"


def test_a_pool_without_images_cannot_be_scored(folder: Folder) -> None:
    unreadable = dict.fromkeys(("images/pool/0.jpg", "images/pool/1.jpg"), False)
    folder.index(index_columns(readable=unreadable, problem={}))
    with pytest.raises(
        FlywheelError, match=r"no image is left for pool: 2 of 17 .* 2 dropped: unreadable"
    ) as raised:
        folder.run_params(select.resolve(project(), DataSelection(), ["pool"]))
    assert raised.value.hint == "repair the images: none of the pool can be read"
    with pytest.raises(FlywheelError, match="0 of 17 images satisfy") as raised:
        folder.run_params(select.resolve(project("split = 'later'"), DataSelection(), ["pool"]))
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("change splits.pool in flywheel.yaml")


def project(pool: str = "split = 'pool'") -> Project:
    return Project(
        apiVersion="flywheel/v1",
        kind="Project",
        name="p",
        task="detect",
        classes=["cat", "dog", "emu"],
        dataset=Dataset(path="data", layout="yolo"),
        splits=Splits(pool=pool),
    )


def test_unreadable_and_unlabelled_images_are_dropped_with_the_reason(folder: Folder) -> None:
    columns = index_columns(
        readable={"images/train/0.jpg": False, "images/pool/1.jpg": False},
        problem={"images/train/0.jpg": "the file is empty", "images/pool/1.jpg": "the file is empty"},
        labelled={"images/test/2.jpg": False},
    )
    selection = folder.index(columns).run()
    reasons = folder.reasons()
    assert reasons["images/train/0.jpg"] == reasons["images/pool/1.jpg"] == "unreadable: the file is empty"
    assert reasons["images/test/2.jpg"] == "not labelled"
    assert {(step.split, step.reason, step.dropped) for step in selection.dropped} == {
        ("train", "unreadable", 1),
        ("pool", "unreadable", 1),
        ("pool", "kept in the pool", 1),
        ("test", "not labelled", 1),
        ("none", "in no split", 1),
    }


def test_where_narrows_its_own_split_and_exclude_train_and_val_only(folder: Folder) -> None:
    folder.index(index_columns()).run(
        train=SplitSelection(where="brightness < 0.55"), exclude="brightness < 0.25"
    )
    reasons = folder.reasons()
    assert folder.selected("train") == [f"images/train/{n}.jpg" for n in (3, 4, 5)]
    assert folder.selected("val") == ["images/val/0.jpg", "images/val/1.jpg"]
    assert len(folder.selected("test")) == 3
    assert reasons["images/train/7.jpg"] == "does not satisfy data.train.where: brightness < 0.55"
    assert reasons["images/train/0.jpg"] == "satisfies data.exclude: brightness < 0.25"


def test_exclusion_that_is_null_excludes_nothing(folder: Folder) -> None:
    columns = index_columns(brightness={"images/train/0.jpg": None})
    folder.index(columns).run(exclude="brightness < 0.05")
    assert "images/train/0.jpg" in folder.selected("train")


def test_deduplication_comes_before_sampling(folder: Folder) -> None:
    columns = index_columns(phash={f"images/train/{n}.jpg": 0 for n in range(4)})
    folder.index(columns).run(train=SplitSelection(dedupe=Dedupe(distance=0), sample=Sample(size=4)))
    reasons = [reason for path, reason in folder.reasons().items() if "train" in path]
    assert reasons.count("near-duplicate of images/train/3.jpg (distance 0)") == 3
    assert reasons.count("not in the sample of 4 (seed 0)") == 1
    assert len(folder.selected("train")) == 4


def test_sample_is_balanced_over_a_column(folder: Folder) -> None:
    columns = index_columns()
    folder.index(columns).run(train=SplitSelection(sample=Sample(size=4, balance="camera")))
    cameras = dict(zip(columns["path"], columns["camera"], strict=True))
    assert sorted(cameras[path] for path in folder.selected("train")) == ["dock", "dock", "gate", "gate"]


def test_image_in_two_splits_is_refused_with_both_conditions(folder: Folder) -> None:
    splits = Splits(val="split = 'val' OR path LIKE '%train/3%'")
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run_params(params(splits))
    assert str(error.value) == (
        "images/train/3.jpg belongs to both train (`split = 'train'`) "
        "and val (`split = 'val' OR path LIKE '%train/3%'`)\n"
        "  hint: make the conditions of splits in flywheel.yaml exclude each other"
    )
    assert error.value.exit_code == 3


def test_same_condition_for_two_splits_is_refused(folder: Folder) -> None:
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run_params(params(Splits(val="split = 'train'")))
    assert error.value.message.startswith("images/train/0.jpg belongs to both train")


def test_split_that_nothing_satisfies_names_the_values_there_are(folder: Folder) -> None:
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run_params(params(Splits(val="split = 'valid'")))
    assert str(error.value) == (
        "no image is left for val: 0 of 17 images satisfy `split = 'valid'`\n"
        "  hint: change splits.val in flywheel.yaml; split in the index is "
        "train (8), val (3), test (3), pool (2), extra (1); or deal out what is labelled: flywheel split --write"
    )
    assert error.value.exit_code == 3


def test_split_that_the_rules_emptied_says_how_many_each_dropped(folder: Folder) -> None:
    columns = index_columns(labelled={"images/val/1.jpg": False})
    with pytest.raises(FlywheelError) as error:
        folder.index(columns).run(exclude="path LIKE '%val%'")
    assert str(error.value) == (
        "no image is left for val: 3 of 17 images satisfy `split = 'val'`; "
        "2 dropped: satisfies data.exclude: path LIKE '%val%'; 1 dropped: not labelled\n"
        "  hint: loosen data.val and data.exclude in the spec, or label and repair the images"
    )


def test_unknown_column_is_an_invalid_configuration(folder: Folder) -> None:
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run(exclude="sharpnes < 12")
    assert error.value.message.startswith('condition `sharpnes < 12`: unknown column "sharpnes"')
    assert error.value.exit_code == 2


def test_unknown_balance_column_is_refused(folder: Folder) -> None:
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run(train=SplitSelection(sample=Sample(size=4, balance="camra")))
    assert error.value.message == 'unknown column "camra"; did you mean "camera"?'


def test_rules_of_a_split_are_applied_in_the_order_in_which_the_spec_has_them(folder: Folder) -> None:
    columns = index_columns(image_id={"images/train/7.jpg": "id of images/train/6.jpg"})
    rules = SplitSelection(
        where="path <> 'images/train/0.jpg'",
        dedupe=Dedupe(method="exact"),
        quota=Quota(by="camera", max=4),
        sample=Sample(size=2, stratify="camera"),
    )
    selection = folder.index(columns).run(train=rules)
    dropped = {step.reason: step.dropped for step in selection.dropped if step.split == "train"}
    assert dropped == {
        "does not satisfy data.train.where: path <> 'images/train/0.jpg'": 1,
        "the same file as one that is kept": 1,
        "beyond the quota by camera (each: 4; seed 0)": 1,
        "not in the sample of 2 stratified by camera (seed 0)": 3,
    }
    reasons = folder.reasons()
    assert reasons["images/train/6.jpg"] == "the same file as images/train/7.jpg"  # which is sharper
    assert "camera = dock: the 4 images of its quota are others (seed 0)" in reasons.values()
    assert selection.splits["train"].images == 2


def test_quota_of_a_value_that_nobody_has_fails_the_stage(folder: Folder) -> None:
    with pytest.raises(FlywheelError) as error:
        folder.index(index_columns()).run(train=SplitSelection(quota=Quota(by="camera", images={"gaet": 3})))
    assert error.value.message == (
        'quota by camera: no image that is left has camera = gaet; did you mean "gate"?'
    )
    assert error.value.exit_code == 3


def test_what_a_spec_does_not_say_stands_in_no_parameters() -> None:
    """Else sprints that ran would run again."""
    told = select.STAGE.section(params(train=SplitSelection(dedupe=Dedupe(), sample=Sample(size=4))))
    assert told["data"]["train"] == {
        "where": None,
        "dedupe": {"distance": 0},
        "sample": {"size": 4, "balance": None, "seed": 0},
    }


def test_only_where_a_rule_looks_at_images_the_dataset_is_an_input() -> None:
    project = Project(
        apiVersion="flywheel/v1",
        kind="Project",
        name="x",
        task="detect",
        classes=["cat"],
        dataset=Dataset(path="data", layout="yolo"),
    )
    plain = select.resolve(project, DataSelection(train=SplitSelection(dedupe=Dedupe(distance=3))))
    assert select.STAGE.inputs(plain) == ()
    assert "dataset" not in select.STAGE.section(plain)
    looking = select.resolve(project, DataSelection(val=SplitSelection(dedupe=Dedupe(method="embedding"))))
    assert select.STAGE.inputs(looking) == ("data",)
    assert select.finder_of(Path(), plain) is None
    assert select.finder_of(Path(), looking) is not None


def test_digests_change_with_images_and_labels_of_their_split_only(folder: Folder) -> None:
    columns = index_columns()
    first = folder.index(columns).run()
    assert folder.index(columns).run() == first
    fewer = folder.run(train=SplitSelection(sample=Sample(size=7)))
    assert fewer.digest != first.digest
    assert fewer.split_digests["train"] != first.split_digests["train"]
    assert fewer.split_digests["test"] == first.split_digests["test"]
    moved = objects_of(columns)
    moved["x_max"][moved["path"].index("images/test/0.jpg")] += 1e-9
    relabelled = folder.index(columns, moved).run()
    assert relabelled.digest == first.digest
    assert relabelled.split_digests["test"] != first.split_digests["test"]
    assert relabelled.split_digests["train"] == first.split_digests["train"]


@pytest.mark.parametrize(
    ("task", "column", "values", "changed"),
    [
        ("segment", "polygons", ["[[1,2,3,4,5,6]]", None], "[[1,2,3,4,5,7]]"),
        ("segment", "mask_rle", ["53", "35"], "44"),
        ("segment", "area_px", [1.0, 2.0], 3.0),
        ("pose", "keypoints", [[1.0, 2.0, 2.0], [3.0, 4.0, 0.0]], [1.0, 2.0, 1.0]),
        ("obb", "corners", [[0.0] * 8, [1.0] * 8], [2.0] * 8),
    ],
)
def test_digests_change_with_the_shapes_of_labels(
    folder: Folder, task: TaskName, column: str, values: list[Any], changed: Any
) -> None:
    columns = index_columns()
    objects = objects_of(columns)
    rows = len(objects["path"])
    shapes = {
        "polygons": None,
        "mask_rle": "53",
        "keypoints": [0.0] * 3,
        "corners": [0.0] * 8,
        "area_px": 1.0,
    }
    objects |= {name: [value] * rows for name, value in shapes.items()} | {column: values * (rows // 2)}
    given = replace(params(), task=task)
    first = folder.index(columns, objects).run_params(given)
    objects[column][objects["path"].index("images/test/0.jpg")] = changed
    second = folder.index(columns, objects).run_params(given)
    assert second.split_digests["test"] != first.split_digests["test"]
    assert second.split_digests["train"] == first.split_digests["train"]


def test_groups_have_digests_of_their_own_where_something_groups_images(folder: Folder) -> None:
    columns = index_columns()
    columns["group"] = list(columns["camera"])
    assert folder.index(columns).run().group_digests == {}
    grouped = replace(params(), group_by="camera")
    first = folder.index(columns).run_params(grouped)
    columns["group"][columns["path"].index("images/test/0.jpg")] = "alone"
    second = folder.index(columns).run_params(grouped)
    changed = [
        split for split, digest in second.group_digests.items() if digest != first.group_digests[split]
    ]
    assert changed == ["test"]
    assert second.split_digests == first.split_digests


def test_an_image_is_in_the_same_part_of_its_groups_whatever_came_or_went(folder: Folder) -> None:
    columns = index_columns()
    columns["group"] = list(columns["camera"])
    grouped = replace(params(), group_by="camera")
    first = folder.index(columns).run_params(grouped).group_parts["train"]
    columns["labelled"][columns["path"].index("images/train/0.jpg")] = False  # one image less
    second = folder.index(columns).run_params(grouped).group_parts["train"]
    assert sum(one != other for one, other in zip(first, second, strict=True)) == 1
    columns["group"] = [f"alone-{number}" for number in range(len(columns["path"]))]
    third = folder.index(columns).run_params(grouped).group_parts["train"]
    kept = [(one.split(), other.split()) for one, other in zip(second, third, strict=True) if other]
    assert kept
    assert all(one[0] == other[0] and one[1] != other[1] for one, other in kept)


def test_metadata_has_digests_that_its_type_does_not_change(folder: Folder) -> None:
    columns = index_columns()
    first = folder.index(columns | {"zone": list(range(17))}).run().metadata_digests
    texts = folder.index(columns | {"zone": [*map(str, range(16)), "x"]}).run().metadata_digests
    assert set(first["test"]) == {"camera", "zone"}
    assert texts["test"] == first["test"]
    moved = folder.index(columns | {"zone": [0] * 17}).run().metadata_digests
    assert moved["test"]["zone"] != first["test"]["zone"]
    assert moved["test"]["camera"] == first["test"]["camera"]


def test_images_with_label_problems_stay_selected_for_the_check_to_name(folder: Folder) -> None:
    columns = index_columns() | {"label_problem": ["labels/x.txt:1: not numbers: a"] * 17}
    assert folder.index(columns).run().splits["train"].images == 8


def test_same_index_gives_the_same_bytes(folder: Folder) -> None:
    written = []
    for _ in range(2):
        folder.index(index_columns()).run(train=SplitSelection(dedupe=Dedupe(), sample=Sample(size=5)))
        files = ("selection/manifest.parquet", "selection.json")
        written.append([(folder.context.folder / name).read_bytes() for name in files])
    assert written[0] == written[1]


def test_preview_imports_neither_pyarrow_nor_pandas_nor_opencv(folder: Folder) -> None:
    """`flywheel plan` calls it, and has to be quick."""
    folder.index(index_columns())
    code = (
        "import sys; from pathlib import Path; from runner.config.project import Splits;"
        "from runner.config.sprint import DataSelection; from runner.stages import select;"
        "params = select.SelectParams(task='detect', classes=['cat'], splits=Splits(), data=DataSelection());"
        "select.preview(Path('index/images.parquet'), Path('index/objects.parquet'), params);"
        "print([name for name in ('pyarrow', 'pandas', 'cv2', 'torch', 'dvc') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=folder.context.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_tables_in_files_are_selected_from_as_those_in_memory(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many rows the text stays in the file: the same records, byte for byte."""
    folder.index(
        index_columns(readable={"images/val/1.jpg": False}, problem={"images/val/1.jpg": "it is empty"})
    )
    rules = SplitSelection(
        dedupe=Dedupe(), quota=Quota(by="camera", max=3), sample=Sample(size=4, balance="camera")
    )
    files = ("selection/manifest.parquet", "selection.json")
    folder.run(train=rules, exclude="camera = 'gate'")
    before = [(folder.context.folder / name).read_bytes() for name in files]
    for module in ("stages.select", "adapters.tables.owners", "selectors.ranks"):
        monkeypatch.setattr(f"runner.{module}.FEW", 0)
    monkeypatch.setattr("runner.adapters.tables.stored.PIECE", 3)
    folder.run(train=rules, exclude="camera = 'gate'")
    assert [(folder.context.folder / name).read_bytes() for name in files] == before
