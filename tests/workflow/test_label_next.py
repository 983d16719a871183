"""What a report would have labelled next: the batches that are asked for, drawn from planted tables, and what the report says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import planted_report
import planted_scoring
from projects import SPRINT, call, flywheel, make_tag
from promoting import NEXT, add_sprint

from runner.config.load import LoadedSprint, load_sprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError
from runner.domain.labelling import BatchImage
from runner.domain.verdict import FurtherEvidence, GateResult, Outcome, Verdict
from runner.embeddings import Setting
from runner.record.catalogue import LABEL_NEXT, LABEL_NEXT_SHEET, RECOMMENDATION, REPORT_PAGE, sprint_folder
from runner.record.label_next import LabelNext, NextBatch
from runner.record.recommendation import Option, Recommendation
from runner.report.build import build
from runner.report.markdown import render
from runner.workflow.drawing import champion_facts
from runner.workflow.drawing.label_next import NextDrawing
from runner.workflow.drawing.next_batches import next_batches
from runner.workflow.drawing.sheets import COLUMNS, sheet

CONDITIONS = {"dark": "brightness < 0.3"}
TAG = "tiny-digits#prod#1"


def loaded(root: Path, project: Project) -> LoadedSprint:
    (root / "specs").mkdir()
    (root / "flywheel.yaml").write_text("kind: Project\n")
    (root / "specs" / f"{SPRINT}.yaml").write_text(
        "apiVersion: flywheel/v1\nkind: Sprint\ntitle: First\ntrain: {framework: ultralytics, model: yolo11n.yaml, epochs: 1}\ngates: [{metric: recall, min: 0.5}]\n"
    )
    return load_sprint(root, SPRINT, project)


def gate(words: str, images: int | None, slice_name: str | None = None, **more: Any) -> GateResult:
    return GateResult(
        gate=words,
        metric="recall",
        target="torch",
        slice=slice_name,
        outcome=more.pop("outcome", Outcome.INCONCLUSIVE),
        value=0.5,
        threshold=0.5,
        explanation="",
        further=FurtherEvidence(images=images, slice=slice_name),
        **more,
    )


def verdict(*gates: GateResult) -> Verdict:
    return Verdict(
        outcome=Outcome.INCONCLUSIVE, gates=list(gates), optimizing="map50_95", optimizing_value=0.5
    )


def recommendation(*options: Option, action: Any = "label") -> Recommendation:
    return Recommendation(
        sprint=SPRINT,
        metric="map50_95",
        value=0.5,
        unit="metric",
        currency="EUR",
        action=action,
        options=list(options),
    )


LABEL = Option(action="label", slice="dark", images=4)


def asked(tmp_path: Path, judged: Verdict, found: Recommendation | None) -> list[NextBatch]:
    project = planted_scoring.project()
    return next_batches(
        project, loaded(tmp_path, project), judged, found, lambda name: CONDITIONS.get(name or "")
    )


def test_open_gates_ask_for_test_images_of_their_slices(tmp_path: Path) -> None:
    judged = verdict(
        gate("recall ≥ 0.5", 9, "dark"),
        gate("map50 ≥ 0.4", 37, "dark"),
        gate("recall ≥ 0.6", 20),
        gate("precision ≥ 0.6", None),
        gate("recall ≥ 0.1", 5, outcome=Outcome.PASS),
        gate("recall ≥ 0.7", 11, "small"),
    )
    test_option = Option(action="label_test", slice=None, images=20)
    train, dark, every, small = asked(tmp_path, judged, recommendation(LABEL, test_option))
    assert (train.into, train.size, train.where) == ("train", 4, "brightness < 0.3")
    assert train.command == f"flywheel next {SPRINT} --write"
    assert (dark.into, dark.size, dark.gates) == ("test", 37, ["recall ≥ 0.5", "map50 ≥ 0.4"])
    assert dark.spec == (
        'annotation: {strategy: boxes, batch: {size: 37, into: test, where: "brightness < 0.3"}}'
    )
    assert (every.size, every.where) == (20, None)
    assert every.command == f"flywheel next {SPRINT} --write --option label_test"
    assert small.trouble.startswith("its slice is made of objects")


def test_without_a_recommendation_the_usual_batch_is_shown(tmp_path: Path) -> None:
    (train,) = asked(tmp_path, verdict(), None)
    assert (train.size, train.slice, train.command) == (48, None, "")
    assert "batch: {size: 48, into: train}" in train.spec


def no_embeddings() -> Setting:
    raise FlywheelError("the extra embed is not installed", hint="pip install")


def drawn(root: Path) -> LabelNext:
    evidence = planted_scoring.plant(root)
    project = planted_scoring.project()
    drawing = NextDrawing(
        root=root,
        folder=root / "reports" / SPRINT,
        project=project,
        loaded=loaded(root, project),
        champion=planted_scoring.CHAMPION,
        evidence=evidence,
        setting=no_embeddings,
        beside=[],
    )
    return drawing.made(verdict(gate("recall ≥ 0.6", 3)), recommendation(action="tune"))


def test_test_images_are_drawn_at_random_and_train_images_by_the_usual_mix(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(champion_facts, "operating_confidence", lambda root, champion: 0.25)
    monkeypatch.setattr(champion_facts.ChampionFacts, "objects_per_prediction", 1.0)
    found = drawn(tmp_path)
    train, test = found.batches
    assert train.trouble == test.trouble == ""
    assert train.batch is not None
    assert set(train.batch.arms) == {"random", "uncertainty"}
    assert train.note
    assert test.batch is not None
    assert test.batch.arms == {"random": 3}
    assert [file.path for file in found.rests_on] == ["flywheel.yaml"]
    assert found == drawn_again(tmp_path, found)


def drawn_again(root: Path, found: LabelNext) -> LabelNext:
    call(root, "rm", "-r", "scores", "specs")
    return drawn(root)


def test_a_sheet_begins_a_row_for_each_batch(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.full((32, 48, 3), 200, np.uint8))
    image = BatchImage(key="k", path="a.png", image_id="i", arm="random", score=0.25)
    one: Any = cv2.imdecode(np.frombuffer(sheet(tmp_path, [[image] * 3]), np.uint8), cv2.IMREAD_COLOR)
    two: Any = cv2.imdecode(
        np.frombuffer(sheet(tmp_path, [[image] * 3, [image]], ["train", "test"]), np.uint8), cv2.IMREAD_COLOR
    )
    assert two.shape[1] > COLUMNS * 144 > one.shape[1]
    assert two.shape[0] > 2 * 144 > one.shape[0]
    assert two[150 + 30 + 60, -60].min() > 250  # nothing beside the second row's only image


def test_the_section_says_what_to_type_or_what_is_lacking() -> None:
    inputs = planted_report.sprint_inputs()
    batches = [
        NextBatch(
            into="train",
            size=48,
            slice="d|rk",
            command=f"flywheel next {SPRINT} --write",
            trouble="none left",
        )
    ]
    found = LabelNext(sprint=SPRINT, champion="0001-a", tag="m#prod#1", commit="c" * 40, batches=batches)
    text = _rendered(inputs, found)
    assert "### Label these next" in text
    assert "**48 images of slice d&#124;rk**: not drawn: none left." in text
    assert f"flywheel next {SPRINT} --write" in text
    bare = LabelNext(
        sprint=SPRINT,
        champion="a",
        tag="t",
        commit="c",
        trouble="it has not scored the pool yet",
        hint="flywheel score",
    )
    assert "Not drawn: it has not scored the pool yet. `$` `flywheel score`, then" in _rendered(inputs, bare)
    assert "Label these next" not in render(build(inputs))


def _rendered(inputs: Any, found: LabelNext) -> str:
    records = {**inputs.records, LABEL_NEXT.name: msgspec.to_builtins(found)}
    return render(build(msgspec.structs.replace(inputs, records=records)), max_bytes=None)


def test_a_run_scores_the_pool_and_its_report_shows_what_to_label_next(project: Path) -> None:
    make_tag(project, TAG)
    add_sprint(project)
    folder = sprint_folder(project, NEXT)
    found = LABEL_NEXT.read(folder)
    assert (found.champion, found.tag, found.trouble) == (SPRINT, TAG, "")
    assert found.drawn
    assert (folder / LABEL_NEXT_SHEET.name).read_bytes().startswith(b"\xff\xd8")
    page = (folder / REPORT_PAGE.name).read_text()
    assert page.count("### Label these next") == 1
    assert "![the first images](label_next.jpg)" in page
    before = {name: (folder / name).read_bytes() for name in (LABEL_NEXT.name, REPORT_PAGE.name)}

    verified = flywheel(project, "verify", NEXT)
    assert verified.returncode == 0, verified.stdout
    flywheel(project, "report", NEXT)
    assert {name: (folder / name).read_bytes() for name in before} == before

    # an image that was put in the place of another is found
    text = before[LABEL_NEXT.name]
    picked = found.drawn[0].images[0].path
    (folder / LABEL_NEXT.name).write_bytes(text.replace(picked.encode(), b"images/other.png"))
    tampered = flywheel(project, "verify", NEXT)
    assert tampered.returncode == 1
    assert f"does not follow  reports/{NEXT}/label_next.json" in tampered.stdout

    # without the scoring: what is lacking is said, and no model is run for it
    (folder / LABEL_NEXT.name).write_bytes(text)
    call(project, "rm", "-r", "scores")
    assert "identical" in flywheel(project, "verify", NEXT).stdout  # out of DVC's cache
    unscored = flywheel(project, "report", NEXT)
    assert "has not scored the pool yet (flywheel score)" in unscored.stdout
    assert not (project / "scores").exists()
    assert not (folder / LABEL_NEXT_SHEET.name).exists()
    assert RECOMMENDATION.read(folder).sprint == NEXT
