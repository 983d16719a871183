"""The folds of a planted sprint: which images go together, what is measured, and which labels come first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.cross_validation import cross_validated
from runner.assessment.folds import deal
from runner.assessment.label_issues import Aim, FoldData, ranked_issues
from runner.config.sprint import SliceSpec
from runner.domain.cross_validation import Fold
from runner.domain.errors import FlywheelError
from runner.domain.files import write_json
from runner.domain.label_issues import LabelIssue
from runner.domain.task import TaskSpec
from runner.record.catalogue import FOLDS
from runner.record.label_issues import label_issues_text, read_label_issues, write_label_issues
from runner.stages import folds
from runner.stages.stage import StageContext
from runner.tasks import TASKS
from runner.trainers.ultralytics import UltralyticsTrainer
from tests.planted_sprint import CLASSES, SprintFolder, sprint_folder

SCENES, FRAMES = 30, 2
SPEC = TaskSpec(name="detect", classes=CLASSES)
WRONG = ("images/train/s03-0.jpg", "images/train/s17-1.jpg")


def planted(root: Path) -> Path:
    """60 images of 30 scenes with a cat and a dog each. Two cats are labelled dog, one dog has no label, one label is of nothing."""
    made = SprintFolder(sprint_folder(root, "0001-folds"))
    for scene in range(SCENES):
        for frame in range(FRAMES):
            path = f"images/train/s{scene:02d}-{frame}.jpg"
            camera = "west" if scene >= 24 else "east"
            made.add(path, phash=int(np.random.default_rng(scene * 9 + frame).integers(2**62)), camera=camera)
    for row in made.objects:
        if row["path"] in WRONG and row["class"] == "cat":
            row["class"], row["class_id"] = "dog", 1
    gone = next(
        at
        for at, row in enumerate(made.objects)
        if row["path"].endswith("s05-0.jpg") and row["class"] == "dog"
    )
    del made.objects[gone]
    made.add_object("images/train/s09-0.jpg", x_min=70.0, x_max=90.0, y_min=5.0, y_max=15.0)
    folder = made.write()
    dealt = deal(folder, CLASSES, 3, 0, 4)
    dice = np.random.default_rng(1)
    rows: dict[str, list[object]] = {
        name: [] for name in ("path", "class_id", "class", "score", "x_min", "y_min", "x_max", "y_max")
    }
    for path in dealt.paths:
        for class_id, top in ((0, 20.0), (1, 50.0)):
            shift = dice.normal(0, 0.4, 4)
            score = dice.uniform(0.6, 0.95)
            values = (
                path,
                class_id,
                CLASSES[class_id],
                score,
                10 + shift[0],
                top + shift[1],
                30 + shift[2],
                top + 10 + shift[3],
            )
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    write_table(folder / "folds" / "predictions.parquet", rows)
    write_table(
        folder / "folds" / "folds.parquet",
        {"path": dealt.paths, "image_id": dealt.image_ids, "fold": dealt.fold, "cluster": dealt.cluster},
    )
    return folder


def data(folder: Path) -> FoldData:
    return FoldData.read(folder, TASKS["detect"](spec=SPEC, operating_confidence=0.25))


def issues(folder: Path, *aims: Aim) -> list[LabelIssue]:
    slices = [SliceSpec(by="camera")]
    return ranked_issues(data(folder), aims or [Aim(metric="map50_95")], slices, least=0.01)


def test_a_group_is_in_one_fold_and_the_deal_is_the_same_again(tmp_path: Path) -> None:
    folder = planted(tmp_path)
    dealt = deal(folder, CLASSES, 3, 0, 4)
    scenes: dict[str, set[int]] = {}
    for path, fold in zip(dealt.paths, dealt.fold.tolist(), strict=True):
        scenes.setdefault(path.rsplit("-", 1)[0], set()).add(fold)
    assert all(len(found) == 1 for found in scenes.values())
    assert np.bincount(dealt.fold).tolist() == [20, 20, 20]
    assert dealt.fold.tolist() == deal(folder, CLASSES, 3, 0, 4).fold.tolist()
    assert dealt.fold.tolist() != deal(folder, CLASSES, 3, 1, 4).fold.tolist()


def test_more_folds_than_groups_are_refused(tmp_path: Path) -> None:
    made = SprintFolder(sprint_folder(tmp_path, "0001-few"))
    for frame in range(4):
        made.add(f"images/train/a-{frame}.jpg")
    with pytest.raises(FlywheelError, match="asks for 2 folds, and the train split has 1 groups"):
        deal(made.write(), CLASSES, 2, 0, 4)


def test_what_was_planted_comes_first_with_its_suggestion(tmp_path: Path) -> None:
    found = issues(planted(tmp_path))
    by_kind = {
        kind: [one for one in found if one.kind == kind] for kind in ("wrong_class", "missed", "spurious")
    }
    assert {one.path for one in by_kind["wrong_class"][:2]} == set(WRONG)
    first = by_kind["wrong_class"][0]
    assert (first.label, first.suggested) == ("dog", "cat")
    assert first.object_id is not None
    assert first.box == (0.1, 0.25, 0.3, 0.375)  # fractions of 100 x 80 px
    missed = by_kind["missed"][0]
    assert (missed.path, missed.label, missed.suggested) == ("images/train/s05-0.jpg", None, "dog")
    assert by_kind["spurious"][0].path == "images/train/s09-0.jpg"
    assert all(0 < one.suspicion <= 1 for one in found)


def test_rows_are_written_and_read_as_they_are(tmp_path: Path) -> None:
    folder = planted(tmp_path)
    found = issues(folder)
    write_label_issues(folder, found)
    assert read_label_issues(folder) == found
    assert label_issues_text(issues(folder)) == label_issues_text(found)
    assert len({one.issue for one in found}) == len(found)


def test_the_slice_of_an_open_gate_goes_first(tmp_path: Path) -> None:
    """The same fault in a slice of a fifth of the images is worth more to that slice's gate."""
    folder = planted(tmp_path)
    objects = read_table(folder / "index" / "objects.parquet")
    inside = (objects["path"] == "images/train/s27-0.jpg") & (objects["class"] == "cat")
    objects = {name: values.copy() for name, values in objects.items()}
    objects["class"][inside], objects["class_id"][inside] = "dog", 1
    write_table(folder / "index" / "objects.parquet", objects)
    gate = Aim(metric="recall", slice="camera=west", most=0.2, beyond=0.8)
    wrong = [one for one in issues(folder, gate) if one.kind == "wrong_class"]
    assert wrong[0].path == "images/train/s27-0.jpg"
    assert (wrong[0].effect or 0) > 2 * (wrong[1].effect or 0)


def test_folds_are_measured_by_themselves(tmp_path: Path) -> None:
    found = cross_validated(data(planted(tmp_path)), "map50", 0.9)
    assert [one.images for one in found.folds] == [20, 20, 20]
    assert found.mean == pytest.approx(np.mean([one.overall.map50 for one in found.folds]))
    assert found.spread is not None
    assert 0 < found.spread < 0.2
    assert found.pooled.objects == 120
    assert not found.lacking


def test_a_killed_run_goes_on_with_the_next_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = planted(tmp_path)
    stored = read_table(folder / "folds" / "predictions.parquet")
    trained: list[int] = []

    def train(
        context: StageContext, params: folds.FoldsParams, dealt: object, number: int, out: Path
    ) -> None:
        if number == 1 and trained == [0]:
            trained.append(-1)
            raise KeyboardInterrupt
        trained.append(number)
        rows = np.arange(len(stored["path"])) % 3 == number
        write_table(out / folds.FOUND, {name: values[rows] for name, values in stored.items()})
        write_json(
            out / FOLDS.name,
            Fold(fold=number, images=20, objects=40, groups=10, trained=40, state_digest="0"),
        )

    monkeypatch.setattr(folds, "_train", train)
    context = StageContext(root=tmp_path, folder=folder)
    params = folds.FoldsParams(
        folds=3,
        dataset="data",
        task=SPEC,
        device="cpu",
        threads=1,
        trainer=UltralyticsTrainer(model="yolo11n.yaml"),
    )
    with pytest.raises(KeyboardInterrupt):
        folds.run(context, params)
    folds.run(context, params)
    assert trained == [0, -1, 1, 2]
    assert not list((tmp_path / folds.KEPT).iterdir())
    together = read_table(folder / "folds" / "predictions.parquet")
    assert len(together["path"]) == len(stored["path"])
    assert together["path"].tolist() == sorted(together["path"].tolist())
    assert FOLDS.read(folder).k == 3
    changed = msgspec.structs.replace(params, near_duplicate_distance=1)
    assert folds._key(context, changed) != folds._key(context, params)
