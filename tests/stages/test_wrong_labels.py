"""From `flywheel init` to the report: wrong labels are named, what flywheel.yaml says becomes of them, and is counted."""

from __future__ import annotations

from pathlib import Path

import mini_datasets
import msgspec
import pytest

from runner.adapters.models.yolo_folder import write_training_folder
from runner.adapters.tables.parquet import read_table
from runner.adapters.tables.selected import SelectedData
from runner.config.load import load_project, validate
from runner.config.sprint import DataSelection, Sprint
from runner.domain.errors import FlywheelError
from runner.domain.records import Checks, LabelFaults, Selection
from runner.record.catalogue import CHECKS, SELECTION, sprint_folder
from runner.scaffold.init import initialise, render
from runner.stages import check, index, select
from runner.stages.stage import StageContext

GOOD = "1 0.6 0.6 0.5 0.5\n"
# Images are 128×96 px. One label of every kind that a line of YOLO can be wrong in.
WRONG = {
    "train-00": f"{GOOD}0 0.3 0.3 0 0.1\n",
    "train-01": f"{GOOD}{GOOD}{GOOD}",
    "train-02": f"{GOOD}0 0.95 0.5 0.3 0.2\n",
    "train-03": f"{GOOD}9 0.3 0.3 0.1 0.1\n",
    "train-04": f"{GOOD}0 0.3 0.3\n",
    "train-05": "0 0.2 0.2 0.001 0.2\n",
    "test-00": f"{GOOD}{GOOD}",
}
DROP = (
    "{malformed: drop, unknown_class: drop, zero_area: drop, outside: clip, duplicate: drop, no_image: drop}"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    data = mini_datasets.yolo(folder / "pets", train=16, val=4, test=4)
    for number in range(4):  # other pictures than those of train
        for split in ("val", "test"):
            mini_datasets.write_image(
                data / f"images/{split}/{split}-{number:02}.jpg", 100 * len(split) + number
            )
    for name, text in WRONG.items():
        (data / "labels" / name.partition("-")[0] / f"{name}.txt").write_text(text)
    (data / "labels/train/gone.txt").write_text(GOOD)
    result = initialise(folder / "project", data, name=None, weights=None, layout=None)
    assert result.dataset.wrong_labels == {
        "malformed": 1,
        "unknown_class": 1,
        "zero_area": 2,
        "outside": 1,
        "duplicate": 3,
        "no_image": 1,
    }
    text = render(result)
    assert (
        "    2 × zero_area: labels/train/train-00.txt:2: nothing of it can be found: 0.0 × 9.6 px, …\n"
        in text
    )
    assert (
        "    1 × no_image: labels/train/gone.txt: it is the label file of no image of the dataset\n" in text
    )
    assert f"  # labels: {DROP}   # what" in (folder / "project/flywheel.yaml").read_text()
    return folder / "project"


def set_labels(project: Path, labels: str) -> None:
    path = project / "flywheel.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("  labels:")]
    at = next(at for at, line in enumerate(kept) if line.startswith("  path: data"))
    path.write_text(
        "\n".join([*kept[: at + 1], *([f"  labels: {labels}"] if labels else []), *kept[at + 1 :], ""])
    )


def indexed(project: Path, sprint: str, labels: str = "") -> tuple[StageContext, Selection]:
    """The index and the selection of the project, with the checks not yet looked at."""
    set_labels(project, labels)
    assert validate(project) == []
    loaded = load_project(project)
    context = StageContext(root=project, folder=sprint_folder(project, sprint))
    context.folder.mkdir(parents=True, exist_ok=True)
    index.run(context, index.resolve(loaded))
    select.run(context, select.resolve(loaded, DataSelection()))
    return context, SELECTION.read(context.folder)


def checked(context: StageContext, project: Path, *, stops: bool) -> Checks:
    sprint = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "First",
        "train": {"framework": "ultralytics", "model": "yolo26n.yaml"},
        "checks": [{"preset": "detection", "min_objects_per_class": 0, "bias": {"min_slice_images": 0}}],
    }
    params = check.resolve(load_project(project), msgspec.convert(sprint, Sprint))
    if not stops:
        check.run(context, params)
    else:
        with pytest.raises(FlywheelError) as caught:
            check.run(context, params)
        assert "what becomes of wrong labels: `dataset.labels`" in (caught.value.hint or "")
    return CHECKS.read(context.folder)


def failed(checks: Checks) -> dict[str, list[str]]:
    return {
        result.id.removeprefix("detection."): result.rows for result in checks.results if not result.success
    }


def test_where_nothing_is_said_the_checks_name_file_and_line(project: Path) -> None:
    context, selection = indexed(project, "0001-as-before")
    assert not isinstance(selection.label_faults, LabelFaults)
    assert not (context.folder / "index/label_faults.parquet").exists()
    assert "labels" not in index.STAGE.section(index.resolve(load_project(project)))
    found = failed(checked(context, project, stops=True))
    train, labels = "images/train/train", "labels/train/train"
    assert found["degenerate_boxes"] == [
        f"{train}-00.jpg: {labels}-00.txt:2: cat box (38.4, 24, 38.4, 33.6) has a side of 0 px",
        f"{train}-05.jpg: {labels}-05.txt:1: cat box (25.536, 9.6, 25.664, 28.8) has a side of 0.128 px",
    ]
    assert found["boxes_outside_image"] == [
        f"{train}-02.jpg: {labels}-02.txt:2: cat box (102.4, 38.4, 140.8, 57.6) reaches 12.8 px beyond the 128×96 px image"
    ]
    assert [row.split(": ")[1] for row in found["label_problems"]] == [
        f"{labels}-03.txt:2",
        f"{labels}-04.txt:2",
    ]
    assert len(found["labelled_twice"]) == 3


def test_what_is_dropped_or_clipped_is_so_for_training_evaluation_and_checks(project: Path) -> None:
    context, selection = indexed(project, "0002-dropped", DROP)
    assert failed(checked(context, project, stops=False)) == {}
    faults = selection.label_faults
    assert isinstance(faults, LabelFaults)
    assert [(found.kind, found.treatment, found.labels) for found in faults.kinds] == [
        *(("malformed", "drop", 1), ("unknown_class", "drop", 1), ("zero_area", "drop", 2)),
        *(("outside", "clip", 1), ("duplicate", "drop", 3), ("no_image", "drop", 1)),
    ]
    assert faults.kinds[4].splits == {"train": 2, "val": 0, "test": 1}
    assert (
        faults.kinds[4].examples[0] == "labels/test/test-00.txt:2: the same no as labels/test/test-00.txt:1"
    )
    assert faults.emptied == {"train": 1, "val": 0, "test": 0}
    table = read_table(context.folder / "index/label_faults.parquet")
    assert sorted(set(table["kind"].tolist())) == sorted(found.kind for found in faults.kinds)
    assert table["path"].tolist().count(None) == 1

    folder = context.folder
    objects = read_table(folder / "index/objects.parquet", ["path", "x_max", "label_place"])
    clipped = objects["label_place"].tolist().index("labels/train/train-02.txt:2")
    assert objects["x_max"][clipped] == 128
    data = SelectedData(
        dataset=project / "data",
        images=folder / "index/images.parquet",
        objects=folder / "index/objects.parquet",
        manifest=folder / "selection/manifest.parquet",
    )
    given = write_training_folder(folder / "laid-out", data, load_project(project).task_spec)
    for label, path in zip(
        sorted((folder / "laid-out/labels/train").iterdir()), given.sources["train"].values(), strict=True
    ):
        lines = label.read_text().splitlines()
        # What Ultralytics makes of equal lines: one.
        assert len(set(lines)) == len(lines) == objects["path"].tolist().count(path)


def test_refused_labels_stop_a_sprint_and_those_without_image_the_index(project: Path) -> None:
    context, selection = indexed(project, "0003-refused", "{duplicate: refuse, zero_area: refuse}")
    assert isinstance(selection.label_faults, LabelFaults)
    assert {found.treatment for found in selection.label_faults.kinds} == {"refuse"}
    problems = failed(checked(context, project, stops=True))["label_problems"]
    assert len(problems) == 6
    assert any(
        "labels/train/train-01.txt:3: the same no as labels/train/train-01.txt:1" in row for row in problems
    )
    with pytest.raises(FlywheelError, match=r"refused \(no_image\)\n  labels/train/gone\.txt: it is"):
        indexed(project, "0004-refused", "{faults: refuse}")
