"""What is recommended from records on disk: written with the report, looked at again, looked back on, and made into a spec."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import planted_report
import pytest
from projects import SPRINT, flywheel
from promoting import NEXT

from runner.adapters.tables.parquet import read_table
from runner.config.goal import Goal
from runner.config.load import load_project, load_sprint
from runner.domain.annotation_quality import NOT_MEASURED, AnnotationQuality, LabelCeiling, Measured
from runner.domain.evaluation import Interval
from runner.domain.labelling import BatchImage
from runner.domain.records import SplitCounts
from runner.domain.verdict import Outcome
from runner.record.catalogue import EVALUATION, RECOMMENDATION, VERDICT, sprint_folder
from runner.record.labelling import write_batch
from runner.record.recommendation import Hindsight, Option, Recommendation
from runner.workflow.recommending.counts import TABLES, batches, counted
from runner.workflow.recommending.evidence import known_of, open_gate
from runner.workflow.recommending.hindsight import past, what_was_done
from runner.workflow.recommending.recommend import made_again, recommended
from runner.workflow.recommending.records import JudgedRecords, judged_records

BEFORE = Recommendation(
    sprint="0001-first",
    metric="map50_95",
    value=0.5,
    unit="metric",
    currency="EUR",
    action="label",
    options=[
        Option(
            action="label",
            gain=0.04,
            interval=Interval(low=0.02, high=0.06),
            measurable=Interval(low=0.0, high=0.08),
        ),
        Option(action="tune", gain=0.01, interval=Interval(low=0.0, high=0.02)),
    ],
)


def judged(folder: Path, name: str, **more: object) -> JudgedRecords:
    inputs = planted_report.sprint_inputs()
    assert inputs.verdict is not None
    assert inputs.evaluation is not None
    records = JudgedRecords(
        name=name,
        folder=folder,
        verdict=inputs.verdict,
        evaluation=inputs.evaluation,
        selection=inputs.selection,  # type: ignore[arg-type]
        training=inputs.training,
        errors=inputs.errors,
        checks=None,
        recommendation=None,
    )
    return replace(records, **more)  # type: ignore[arg-type]


def grown(records: JudgedRecords, split: str, images: int) -> JudgedRecords:
    counts = records.selection.splits[split]
    more = SplitCounts(images=counts.images + images, objects=counts.objects + images)
    selection = msgspec.structs.replace(records.selection, splits={**records.selection.splits, split: more})
    return replace(records, selection=selection)


def test_what_was_done_is_told_by_the_records(tmp_path: Path) -> None:
    first = judged(tmp_path, "0001-first")
    second = replace(first, name="0002-second")
    assert what_was_done(first, second) == []
    assert what_was_done(first, grown(second, "train", 40)) == ["label"]
    assert what_was_done(first, grown(second, "test", 40)) == ["label_test"]
    digests = {**second.selection.split_digests, "train": "other labels"}
    relabelled = msgspec.structs.replace(second.selection, split_digests=digests)
    assert what_was_done(first, replace(second, selection=relabelled)) == ["clean"]
    shipped = msgspec.structs.replace(second.verdict, champion="0001-first")
    assert what_was_done(first, replace(second, verdict=shipped)) == ["ship"]


@pytest.mark.parametrize(("rise", "inside"), [(0.05, True), (0.079, True), (0.2, False), (-0.05, False)])
def test_a_recommendation_is_scored_by_the_sprint_after_it(tmp_path: Path, rise: float, inside: bool) -> None:
    first = judged(tmp_path, "0001-first", recommendation=BEFORE)
    second = grown(replace(first, name="0002-second", recommendation=None), "train", 40)
    assert second.target is not None
    assert second.measure is not None
    overall = msgspec.structs.replace(second.target.overall, map50_95=second.measure.value + rise, judged={})
    targets = [
        msgspec.structs.replace(target, overall=overall) if target is second.target else target
        for target in second.evaluation.targets
    ]
    evaluation = msgspec.structs.replace(second.evaluation, targets=targets, champion=None)
    (found,) = past(replace(second, evaluation=evaluation), [first])
    assert found.measured == pytest.approx(rise, abs=1e-4)
    assert (found.followed, found.inside, found.done) == (True, inside, ["label"])
    assert found.interval == Interval(low=0.0, high=0.08)  # what can be measured, not what is


def test_what_was_not_followed_is_measured_by_what_was_done_instead(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one/params.yaml").write_text("train: {epochs: 10}\n")
    (tmp_path / "two/params.yaml").write_text("train: {epochs: 20}\n")
    first = judged(tmp_path / "one", "0001-first", recommendation=BEFORE)
    (found,) = past(judged(tmp_path / "two", "0002-second"), [first])
    assert (found.action, found.done, found.followed) == ("label", ["tune"], False)
    assert (found.gain, found.interval) == (0.01, Interval(low=0.0, high=0.02))


def test_earlier_hindsight_is_carried_on(tmp_path: Path) -> None:
    old = Hindsight(sprint="0000-x", next="0001-first", action="tune", done=[])
    first = judged(tmp_path, "0001-first", recommendation=msgspec.structs.replace(BEFORE, past=[old]))
    found = past(judged(tmp_path, "0002-second"), [first])
    assert [entry.next for entry in found] == ["0001-first", "0002-second"]


def test_a_gate_on_a_drop_lacks_what_its_difference_lacks() -> None:
    drop = planted_report.gate(
        "map50_95 drop ≤ 0.02 vs champion",
        "map50_95",
        outcome=Outcome.INCONCLUSIVE,
        value=0.50,
        reference=0.53,
        threshold=0.02,
        interval=Interval(low=-0.06, high=0.0),
        decided_by="interval",
    )
    found = open_gate(drop)
    assert found.value == pytest.approx(-0.03)
    assert (found.limit, found.level, found.quality) == (-0.02, 0.50, True)


def test_the_records_of_a_detector_give_what_is_known(tmp_path: Path) -> None:
    own = judged(tmp_path, "0002-second")
    project = planted_report.PROJECT
    loaded = load_like(tmp_path)
    counts = {"train": {"": 280, "dark": 12}, "pool": {"": 120, "dark": 48}}
    known = known_of(project, loaded, own, [], counts, champion=None)
    dark = next(part for part in known.parts if part.name == "dark")
    assert (dark.train, dark.pool, known.pool) == (12, 48, 120)
    assert known.measure is not None
    assert known.measure.error is not None
    assert known.train == own.selection.splits["train"].images
    assert known.costs
    assert known.shift.startswith("dark is 40% of it")
    without = known_of(project, loaded, own, [], None, champion=None)
    assert without.parts == []


def load_like(root: Path) -> object:
    """A spec without annotation, as far as `known_of` reads one."""

    class Loaded:
        sprint = planted_report.SPRINT

    return Loaded()


@pytest.mark.parametrize("metric", [None, "map50"])
def test_the_projects_target_is_in_the_metric_that_it_names(tmp_path: Path, metric: str | None) -> None:
    own = judged(tmp_path, "0002-second")
    aimed = msgspec.structs.replace(planted_report.PROJECT, goal=Goal(metric=metric, target=0.8))
    found = known_of(aimed, load_like(tmp_path), own, [], None, champion=None).target
    assert found is not None
    assert own.target is not None
    assert (found.metric, found.value) == (metric or own.verdict.optimizing, 0.8)
    assert found.measure.value == getattr(own.target.overall, found.metric)
    assert known_of(planted_report.PROJECT, load_like(tmp_path), own, [], None, champion=None).target is None


def test_what_annotators_got_wrong_is_evidence(tmp_path: Path) -> None:
    gold = Measured(value=0.9, low=0.8, high=0.96, of=50)
    ceiling = LabelCeiling(
        metric="map50_95",
        against="gold",
        images=20,
        measured=Measured(value=0.8),
        ceiling=Measured(value=0.85),
    )
    quality = AnnotationQuality(
        sprint="0001-first",
        task="detect",
        images=20,
        answered=20,
        answers=20,
        objects=90,
        gold_recall=gold,
        gold_precision=gold,
        ceilings=[ceiling],
    )
    before = judged(tmp_path, "0001-first", quality=quality)
    known = known_of(
        planted_report.PROJECT,
        load_like(tmp_path),
        judged(tmp_path, "0002-second"),
        [before],
        None,
        champion=None,
    )
    assert known.wrong is not None
    assert known.wrong.value == pytest.approx(0.1)
    assert known.wrong.error == pytest.approx(0.16 / 3.92)
    assert known.ceiling == 0.85
    differing = msgspec.structs.replace(
        quality,
        gold_recall=NOT_MEASURED,
        gold_precision=NOT_MEASURED,
        found_by_both=Measured(value=0.8),
        class_agreement=Measured(value=0.75),
    )
    known = known_of(
        planted_report.PROJECT,
        load_like(tmp_path),
        judged(tmp_path, "0002-second", quality=differing),
        [before],
        None,
        champion=None,
    )
    assert known.wrong is not None
    assert known.wrong.value == pytest.approx(0.2)  # each of two annotators errs half as often as they differ


# --- the command, and `verify` --------------------------------------------------------------------


def test_a_report_ends_with_what_is_next_and_verify_makes_it_again(challenged: Path) -> None:
    folder = sprint_folder(challenged, NEXT)
    found = RECOMMENDATION.read(folder)
    assert found.action == "ship"
    assert [entry.sprint for entry in found.past] == [SPRINT]
    assert "### What next?" in (folder / "report.md").read_text()
    assert flywheel(challenged, "verify", NEXT, check=True).stdout.endswith(": identical\n")
    edited = msgspec.structs.replace(found, answer="it pays, believe me")
    RECOMMENDATION.write(folder, edited)
    result = flywheel(challenged, "verify", NEXT)
    assert result.returncode == 1
    assert "recommendation.json" in result.stdout + result.stderr


def test_a_spoiled_recommendation_is_written_anew(challenged: Path) -> None:
    folder = sprint_folder(challenged, NEXT)
    before = RECOMMENDATION.read(folder)
    (folder / RECOMMENDATION.name).write_text('{"sprint": 3}')
    assert flywheel(challenged, "next", check=True).returncode == 0
    assert flywheel(challenged, "report", NEXT, check=True).returncode == 0
    assert RECOMMENDATION.read(folder) == before


def test_what_it_rested_on_may_be_another_by_now(challenged: Path) -> None:
    other = sprint_folder(challenged, SPRINT)
    verdict = VERDICT.read(other)
    VERDICT.write(other, msgspec.structs.replace(verdict, optimizing_value=0.9))
    told = flywheel(challenged, "verify", NEXT).stdout
    assert f"it rests on reports/{SPRINT}/verdict.json, which is another by now" in told


def test_an_earlier_record_that_cannot_be_read_is_named_and_not_passed_over(challenged: Path) -> None:
    broken = sprint_folder(challenged, SPRINT) / "selection.json"
    content = broken.read_bytes()
    broken.unlink()
    broken.write_text("{")
    assert (
        f"warning: not looked at, since it cannot be read: {SPRINT}: " in flywheel(challenged, "next").stderr
    )
    flywheel(challenged, "report", NEXT)
    folder = sprint_folder(challenged, NEXT)
    found = RECOMMENDATION.read(folder)
    assert [line.partition(":")[0] for line in found.unread or ()] == [SPRINT]
    assert found.past == []
    assert f"Not looked at, since it cannot be read: {SPRINT}" in (folder / "report.md").read_text()
    broken.write_bytes(content)
    told = flywheel(challenged, "verify", NEXT).stdout
    assert f"reports/{NEXT}/recommendation.json was not made again: it says what it could not read" in told


def test_images_of_batches_are_not_in_the_pool(challenged: Path) -> None:
    project = load_project(challenged)
    project = msgspec.structs.replace(
        project, splits=msgspec.structs.replace(project.splits, pool="width > 0")
    )
    loaded = load_sprint(challenged, NEXT, project)
    folder = sprint_folder(challenged, NEXT)
    images = read_table(folder / TABLES[0], ["path", "image_id"])
    asked = [
        BatchImage(key=f"k{at}", path=path, image_id=image_id, arm="random", score=0.0, annotators=2)
        for at, (path, image_id) in enumerate(zip(images["path"][:3], images["image_id"][:3], strict=True))
    ]
    whole = counted(folder, project, loaded)
    assert whole is not None
    write_batch(sprint_folder(challenged, SPRINT), asked)
    found = recommended(challenged, folder, project, loaded)
    assert found is not None
    drawn = batches(challenged)
    assert (drawn.sprints, len(drawn.images)) == ((SPRINT,), 3)
    without = counted(folder, project, loaded, drawn.images)
    assert without is not None
    assert without["pool"][""] == whole["pool"][""] - 3
    named = {file.path for file in found.rests_on}
    assert f"reports/{SPRINT}/batch.csv" in named
    write_batch(sprint_folder(challenged, NEXT), asked[:1])  # one that was drawn since was not looked at then
    assert made_again(challenged, folder, project, loaded, found) == (found, "")


def test_next_says_what_and_writes_a_spec_that_is_valid(challenged: Path) -> None:
    shown = flywheel(challenged, "next", check=True).stdout
    assert shown.startswith(f"after {NEXT} ")
    assert f"flywheel promote {NEXT}" in shown
    refused = flywheel(challenged, "next", "--write")
    assert refused.returncode == 2
    assert "that is no new sprint" in refused.stderr
    written = flywheel(challenged, "next", "--write", "--option", "tune", "--format", "json", check=True)
    path = json.loads(written.stdout)["written"]
    assert path == "specs/0003-tune.yaml"
    assert flywheel(challenged, "validate", check=True).returncode == 0
    again = flywheel(challenged, "next", "--write", "--option", "tune", "--format", "json", check=True)
    assert json.loads(again.stdout)["written"] == "specs/0004-tune.yaml"  # nothing is overwritten


def test_a_batch_that_next_writes_is_valid_and_is_of_the_slice(challenged: Path) -> None:
    from runner.workflow.recommending.spec import write_spec

    project = load_project(challenged)
    loaded = load_sprint(challenged, NEXT, project)
    found = RECOMMENDATION.read(sprint_folder(challenged, NEXT))
    part = EVALUATION.read(sprint_folder(challenged, NEXT)).targets[0].slices[0]
    for action, into in (("label", "train"), ("label_test", "test")):
        option = Option(
            action=action, slice=part.name, images=12, gain=0.03, interval=Interval(low=0.01, high=0.05)
        )  # type: ignore[arg-type]
        path, then = write_spec(challenged, project, loaded, found, option)
        sprint = load_sprint(challenged, Path(path).stem, project).sprint
        assert sprint.annotation is not None
        batch = sprint.annotation.batch
        assert batch is not None
        assert (batch.size, batch.into, batch.where) == (12, into, part.condition)
        assert then[1] == f"flywheel annotate push {Path(path).stem}"
        assert (sprint.expect is None) == (into == "test")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["next", "0009-none"], "0009-none"),
        (["next", "--write", "--option", "label"], "there is nothing to label here"),
        (["next", "--option", "label"], "--option says what is written: it needs --write"),
    ],
)
def test_wrong_questions_are_refused(challenged: Path, arguments: list[str], message: str) -> None:
    result = flywheel(challenged, *arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_sprint_that_was_not_judged_has_nothing_to_go_by(project: Path) -> None:
    (sprint_folder(project, SPRINT) / VERDICT.name).unlink()
    result = flywheel(project, "next")
    assert result.returncode == 3
    assert "no model of it was judged yet" in result.stderr


def test_records_are_none_of_what_was_not_judged(tmp_path: Path) -> None:
    assert judged_records(tmp_path) is None
