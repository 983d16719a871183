"""A champion that does not know all classes is compared on those that both know, and what it never learnt is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from runner.assessment.cells import AssessedTarget, Draws, assess_target
from runner.assessment.comparison import common_samples, differences, known_to, of_classes
from runner.assessment.samples import read_samples, write_samples
from runner.domain.evaluation import ChampionEvaluation, Evaluation, Resampling
from runner.domain.verdict import GateResult, Outcome, Verdict
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable
from runner.evaluation.slices import ImageSlice, ObjectSlice
from runner.gates.gate import Gate
from runner.gates.judge import Evidence, WrittenGate, judge

CLASSES = ["a", "b", "new"]
PER_CLASS = 100
BOX = (10.0, 10.0, 40.0, 40.0)


def measured(found: dict[str, int], draws: Draws, known: list[str] | None, target: str) -> AssessedTarget:
    """An artefact that finds so many of the hundred objects of each class, which are on a hundred images, and nothing else."""
    image = np.tile(np.arange(PER_CLASS), len(CLASSES))
    label = np.repeat(np.arange(len(CLASSES)), PER_CLASS)
    hit = np.concatenate([np.arange(PER_CLASS) < found.get(name, 0) for name in CLASSES])
    never = np.zeros(len(image), dtype=bool)
    problem = Problem(
        n_images=PER_CLASS,
        n_classes=len(CLASSES),
        truths=GroundTruths(image=image, label=label, crowd=never, ignored=never),
        detections=Detections(image=image[hit], label=label[hit], score=np.full(hit.sum(), 0.9, np.float32)),
        similarity=BoxSimilarity(
            truths_xyxy=np.tile(BOX, (len(image), 1)),
            detections_xyxy=np.tile(BOX, (int(hit.sum()), 1)),
            crowd=never,
        ),
    )
    within = None
    if known is not None:
        within = of_classes(
            known_to(CLASSES, known), {"path": image.astype(object)}, {"path": image[hit].astype(object)}
        )
    first = ImageSlice(name="first", condition="…", images=np.arange(PER_CLASS) < 90)
    odd = ObjectSlice(name="odd", condition="…", objects=image % 2 == 1, detections=None)
    return assess_target(
        target,
        RankedMeasurable(problem, 0.25),
        [(first, None), (odd, None)],
        draws,
        classes=CLASSES,
        slice_classes=frozenset(),
        within=within,
    )


@dataclass(frozen=True)
class Compared:
    evidence: Evidence

    def judged(self, **gate: Any) -> list[GateResult]:
        return self.verdict(**gate).gates

    def verdict(self, **gate: Any) -> Verdict:
        written = msgspec.convert(gate, Gate)
        return judge([WrittenGate(gate=written, origin="sprint", source="")], self.evidence)


def compared(folder: Path, known: list[str], ours: dict[str, int], champion: dict[str, int]) -> Compared:
    groups = np.arange(PER_CLASS)
    draws = Draws(groups=groups, multiplicities=multiplicities(groups, 300), level=0.95)
    whole = measured(ours, draws, None, "torch")
    narrowed = len(known) < len(CLASSES)
    own = measured(ours, draws, known, "torch") if narrowed else whole
    theirs = measured(champion, draws, known if narrowed else None, "champion")
    samples = [*whole.samples, *(common_samples(own.samples) if narrowed else []), *theirs.samples]
    folder.mkdir(exist_ok=True)
    write_samples(folder / "resamples.parquet", samples)
    evaluation = Evaluation(
        task="detect",
        evaluator="planted",
        split="test",
        split_digest="s",
        operating_confidence=0.25,
        optimizing="map50",
        resampling=Resampling(level=0.95, resamples=300, unit="image", groups=PER_CLASS),
        targets=[whole.evaluation],
        champion=ChampionEvaluation(
            sprint="0001-old",
            tag="m#prod#1",
            target="torch",
            unknown_classes=[name for name in CLASSES if name not in known],
            evaluation=theirs.evaluation,
            beside=[own.evaluation] if narrowed else [],
            differences=differences(
                own.samples,
                theirs.samples,
                metric="map50",
                level=0.95,
                seeds={},
                skipped_slices=frozenset(),
            ),
        ),
    )
    return Compared(
        Evidence(
            evaluation=evaluation,
            benchmark=None,
            exports=[],
            primary_target="torch",
            samples=read_samples(folder / "resamples.parquet"),
            champion="0001-old",
        )
    )


WORSE, OLD = {"a": 50, "b": 55, "new": 100}, {"a": 75, "b": 80}


@pytest.fixture(scope="module")
def learnt_one_more(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Worse on every class that the champion knows, and perfect on one that it never learnt."""
    return compared(tmp_path_factory.mktemp("compared"), ["a", "b"], WORSE, OLD)


@pytest.mark.parametrize("metric", ["map50_95", "map50", "ar", "recall", "f1"])
def test_a_class_more_does_not_beat_the_champion(learnt_one_more: Compared, metric: str) -> None:
    (found,) = learnt_one_more.judged(metric=metric, min_gain=0.0, against="champion")
    assert found.outcome is Outcome.FAIL
    assert found.value is not None
    assert found.reference is not None
    assert found.value < found.reference
    assert (
        "; compared without class new, which the champion never learnt; with it, it is 0."
        in found.explanation
    )


def test_nor_on_a_slice_of_images_or_of_objects(learnt_one_more: Compared) -> None:
    found = learnt_one_more.judged(metric="recall", max_drop=0.02, against="champion", slice="*")
    assert [gate.slice for gate in found] == ["first", "odd"]
    assert {gate.outcome for gate in found} == {Outcome.FAIL}


def test_nor_by_the_point_alone(learnt_one_more: Compared) -> None:
    (found,) = learnt_one_more.judged(metric="map50", min_gain=0.0, against="champion", decide="point")
    assert found.outcome is Outcome.FAIL


def test_the_differences_are_on_the_same_classes(learnt_one_more: Compared) -> None:
    champion = learnt_one_more.evidence.evaluation.champion
    assert champion is not None
    rows = {(row.slice, row.class_name): row.outcome for row in champion.differences}
    assert rows[None, None] == "lost"
    assert (None, "new") not in rows


def test_what_needs_no_champion_counts_every_class(learnt_one_more: Compared) -> None:
    (found,) = learnt_one_more.judged(metric="recall", min=0.5)
    assert found.value == pytest.approx((50 + 55 + 100) / 300)
    assert "compared without" not in found.explanation


def test_a_gate_on_a_class_that_the_champion_never_learnt_says_what_to_do(learnt_one_more: Compared) -> None:
    (found,) = learnt_one_more.judged(
        **{"metric": "recall", "max_drop": 0.02, "against": "champion", "class": "new"}
    )
    assert found.outcome is Outcome.NOT_MEASURED
    assert found.explanation == (
        "recall for class new could not be compared: the champion 0001-old never learnt the class new; a gate with `min`, "
        "without `against`, judges it"
    )


def test_every_class_is_every_class_that_both_know(learnt_one_more: Compared) -> None:
    found = learnt_one_more.judged(
        **{"metric": "recall", "max_drop": 0.02, "against": "champion", "class": "*"}
    )
    assert [gate.class_name for gate in found] == ["a", "b"]


def test_without_a_common_class_nothing_is_compared_and_it_says_what_to_do(tmp_path: Path) -> None:
    renamed = compared(tmp_path / "x", [], WORSE, {})
    (found,) = renamed.judged(metric="map50", min_gain=0.0, against="champion")
    assert found.outcome is Outcome.NOT_MEASURED
    assert found.explanation == (
        "map50 could not be compared: the test split holds no object of a class that the champion 0001-old knows: it never "
        "learnt classes a, b, new; give the model another name in flywheel.yaml (`model: {name: …}`), so that it gets a champion "
        "of its own, or its classes their old names"
    )


def test_a_champion_that_knows_all_is_compared_on_all(tmp_path: Path) -> None:
    both = compared(tmp_path / "x", CLASSES, WORSE, {"a": 30, "b": 30, "new": 30})
    (found,) = both.judged(metric="map50", min_gain=0.0, against="champion")
    assert found.outcome is Outcome.PASS
    assert "compared without" not in found.explanation
