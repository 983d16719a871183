"""Simulated annotators: as many errors as they are told to make, and the same ones each time."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from planted_answers import CLASSES, drawn

from runner.annotators.answer_key import AnswerKey
from runner.annotators.simulated import Bias, SimulatedAnnotator, SimulatedPerson
from runner.annotators.simulated_errors import Rates, label
from runner.domain.errors import FlywheelError
from runner.domain.labelling import AnsweredObject, HandedTask, Proposal
from runner.writers.writer import Scheme
from tests.annotators.rounds import CLASSES as CLASSES_OF_ROUND
from tests.annotators.rounds import PATHS, SHAPES, make_round

SCHEME = Scheme(task="detect", classes=CLASSES)
NONE = Rates(missed_of={}, taken_for={})
TRUTH = [drawn(0.05 + 0.3 * (n % 3), 0.05 + 0.3 * (n // 3), CLASSES[n % 3]) for n in range(9)]
LINES = {
    "boxes": "0 0.5 0.5 0.2 0.2",
    "polygons": "0 0.4 0.4 0.6 0.4 0.6 0.6",
    "masks": "0 0.4 0.4 0.6 0.4 0.6 0.6",
    "obb": "0 0.4 0.4 0.6 0.4 0.6 0.6 0.4 0.6",
    "keypoints": "0 0.5 0.5 0.2 0.2 0.45 0.45 2 0.55 0.55 1",
}
PERFECT = SimulatedPerson(name="anna", missed=0, spurious=0, wrong_class=0, jitter=0)


def labelled(rates: Rates, times: int = 300, shown: tuple[Proposal, ...] = ()) -> list[list[AnsweredObject]]:
    return [label(TRUTH, shown, CLASSES, rates, random.Random(n)).objects for n in range(times)]


def proposal(item: AnsweredObject, shift: float = 0.0, class_name: str | None = None) -> Proposal:
    left, top, right, bottom = item.box
    return Proposal(
        class_name=class_name or item.class_name, box=(left + shift, top, right + shift, bottom), score=0.9
    )


def task(path: str, **further: object) -> HandedTask:
    name = Path(path).stem
    return HandedTask(key=f"key-{name}", path=path, image_id=f"id-{name}", width=200, height=100, **further)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A key of two images, in YOLO's label files."""
    folder = tmp_path / "data/answers/pool"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n2 0.25 0.25 0.1 0.1\n")
    (folder / "b.txt").write_text("")
    return tmp_path


def simulated(**further: object) -> SimulatedAnnotator:
    options: Mapping[str, object] = {"answers": ["data/answers"], "annotators": [PERFECT], **further}
    return SimulatedAnnotator(**options)  # type: ignore[arg-type]


def test_without_errors_the_truth_is_drawn() -> None:
    assert labelled(NONE, 1)[0] == TRUTH


def test_errors_come_at_their_rates() -> None:
    missed = labelled(replace(NONE, missed=0.2))
    assert statistics.mean(len(found) for found in missed) / 9 == pytest.approx(0.8, abs=0.02)
    spurious = labelled(replace(NONE, spurious=0.5))
    assert statistics.mean(len(found) - 9 for found in spurious) == pytest.approx(0.5, abs=0.1)
    wrong = labelled(replace(NONE, wrong_class=0.1))
    share = statistics.mean(
        item.class_name != true.class_name for found in wrong for item, true in zip(found, TRUTH, strict=True)
    )
    assert share == pytest.approx(0.1, abs=0.02)
    moved = labelled(replace(NONE, jitter=0.05))
    sides = [
        (item.box[0] - true.box[0]) / 0.2 for found in moved for item, true in zip(found, TRUTH, strict=True)
    ]
    assert statistics.stdev(sides) == pytest.approx(0.05, abs=0.004)


def test_a_class_is_taken_for_another_or_overlooked() -> None:
    biased = labelled(Rates(missed_of={"two": 0.5}, taken_for={"three": ("one", 0.3)}))
    counts = Counter(item.class_name for found in biased for item in found)
    assert counts["two"] / 900 == pytest.approx(0.5, abs=0.05)
    assert counts["three"] / 900 == pytest.approx(0.7, abs=0.05)
    assert counts["one"] / 900 == pytest.approx(1.3, abs=0.05)


def test_pre_annotations_are_accepted_moved_relabelled_and_deleted() -> None:
    nothing_there = Proposal(class_name="one", box=(0.9, 0.9, 0.99, 0.99), score=0.4)
    shown = (
        proposal(TRUTH[0], 0.005),
        proposal(TRUTH[1], 0.08),
        proposal(TRUTH[2], class_name="one"),
        nothing_there,
    )
    (found,) = labelled(NONE, 1, shown)
    assert [(item.outcome, item.proposal) for item in found[:3]] == [
        ("accepted", 0),
        ("moved", 1),
        ("relabelled", 2),
    ]
    assert {item.outcome for item in found[3:]} == {"added"}
    assert found[0].box == shown[0].box  # what lies well enough stays as it was shown
    assert found[1].box == TRUTH[1].box
    assert found[2].class_name == "three"
    assert len(found) == 9
    careless = labelled(replace(NONE, missed=0.3), 300, (nothing_there,))
    assert statistics.mean(any(item.proposal == 0 for item in found) for found in careless) == pytest.approx(
        0.3, abs=0.07
    )


def test_correcting_is_faster_than_drawing() -> None:
    drawn_alone = label(TRUTH, (), CLASSES, NONE, random.Random(0)).seconds
    reviewed = label(TRUTH, [proposal(item) for item in TRUTH], CLASSES, NONE, random.Random(0)).seconds
    assert reviewed < 0.4 * drawn_alone


def test_shapes_move_with_their_boxes() -> None:
    outline = [0.1, 0.1, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3]
    whole = drawn(0.1, 0.1, polygons=[outline], corners=outline, keypoints=[0.2, 0.2, 2, 0, 0, 0])
    (found,) = label([whole], (), CLASSES, replace(NONE, jitter=0.1), random.Random(1)).objects
    assert found.box != whole.box
    xs, ys = found.corners[::2], found.corners[1::2]
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx(found.box)
    assert found.keypoints[3:] == [0, 0, 0]
    assert found.keypoints[:2] == pytest.approx(
        [(found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2]
    )


def test_answers_are_those_of_the_key(root: Path) -> None:
    pulled = simulated().answered([task("images/pool/a.jpg"), task("images/pool/b.jpg")], SCHEME, root)
    first, second = pulled.answers
    assert [(item.class_name, tuple(round(side, 6) for side in item.box)) for item in first.objects] == [
        ("one", (0.4, 0.3, 0.6, 0.7)),
        ("three", (0.2, 0.2, 0.3, 0.3)),
    ]
    assert second.objects == []
    assert (first.annotator, first.tool, first.key) == ("anna", "simulated", "key-a")
    assert pulled.problems == []


def test_the_same_whatever_else_is_asked(root: Path) -> None:
    careless = simulated(annotators=[SimulatedPerson(missed=0.3, jitter=0.1, spurious=0.5)])
    both = careless.answered([task("images/pool/b.jpg"), task("images/pool/a.jpg")], SCHEME, root).answers
    (alone,) = careless.answered([task("images/pool/a.jpg")], SCHEME, root).answers
    assert alone in both
    other = simulated(annotators=careless.annotators, seed=1).answered(
        [task("images/pool/a.jpg")], SCHEME, root
    )
    assert other.answers != [alone]


def test_as_many_annotators_as_the_task_wants(root: Path) -> None:
    people = [SimulatedPerson(name=name) for name in ("anna", "bob", "cem")]
    pulled = simulated(annotators=people).answered([task("images/pool/a.jpg", annotators=2)], SCHEME, root)
    assert len({answer.annotator for answer in pulled.answers}) == 2
    everyone = simulated(annotators=people).answered([task("images/pool/a.jpg", annotators=9)], SCHEME, root)
    assert len(everyone.answers) == 3


def test_a_share_is_answered_so_far(root: Path) -> None:
    tasks = [task(f"images/pool/{n}.jpg") for n in range(200)]
    for n in range(200):
        (root / f"data/answers/pool/{n}.txt").write_text("")
    half = simulated(finished=0.5).answered(tasks, SCHEME, root).answers
    more = simulated(finished=0.7).answered(tasks, SCHEME, root).answers
    assert 70 < len(half) < len(more) < 170
    assert {answer.key for answer in half} < {answer.key for answer in more}


def test_of_equal_names_the_folders_decide(root: Path) -> None:
    other = root / "data/answers/train"
    other.mkdir()
    (other / "a.txt").write_text("1 0.5 0.5 0.2 0.4\n")
    key = AnswerKey.read([root / "data/answers"], SCHEME)
    assert [item.class_name for item in key.of(task("images/train/a.jpg")) or []] == ["two"]
    assert [item.class_name for item in key.of(task("images/pool/a.jpg")) or []] == ["one", "three"]
    assert key.of(task("images/elsewhere/a.jpg")) is None
    assert key.of(task("images/pool/c.jpg")) is None


def test_an_image_without_an_answer_is_told(root: Path) -> None:
    pulled = simulated().answered([task("images/pool/c.jpg")], SCHEME, root)
    assert pulled.answers == []
    assert pulled.problems == ["images/pool/c.jpg: no labels of this name, or several, in the answer key"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"answers": []}, "the simulated annotator has no answer key"),
        ({"answers": ["data/nowhere"]}, "the answer key is not there"),
        ({"annotators": [PERFECT, PERFECT]}, "two simulated annotators are called anna"),
        (
            {"annotators": [SimulatedPerson(bias=[Bias(class_name="tow", share=0.1)])]},
            "simulated is biased about tow, which is not a class of the project",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(root: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(FlywheelError) as refused:
        simulated(**options).answered([task("images/pool/a.jpg")], SCHEME, root)
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_a_key_that_cannot_be_read_is_refused(root: Path) -> None:
    (root / "data/answers/pool/a.txt").write_text("0 0.5 0.5 0.2\n")
    with pytest.raises(FlywheelError) as refused:
        simulated().answered([task("images/pool/a.jpg")], SCHEME, root)
    assert "pool/a.txt:1" in str(refused.value)
    (root / "data/nothing").mkdir()
    with pytest.raises(FlywheelError) as empty:
        simulated(answers=["data/nothing"]).answered([task("images/pool/a.jpg")], SCHEME, root)
    assert "holds no labels in a format that is read" in str(empty.value)


@pytest.mark.parametrize("strategy", SHAPES)
def test_a_round_is_answered_whatever_is_drawn(tmp_path: Path, strategy: str) -> None:
    """The key holds labels of YOLO in every shape; classes of images lie in folders."""
    round_ = make_round(tmp_path, strategy, "simulated")
    answers = tmp_path / "key"
    for number, path in enumerate(PATHS):
        place = Path(path).with_suffix("")
        if strategy == "class":
            target = answers / CLASSES_OF_ROUND[number % 2] / place.parent.name / f"{place.name}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((tmp_path / "data" / path).read_bytes())
        else:
            target = answers / f"{place}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(LINES[strategy])
    tool = SimulatedAnnotator(answers=["key"], annotators=[PERFECT])
    assert "simulated" in tool.push(round_)[0]
    pulled = tool.pull(round_)
    assert pulled.problems == []
    assert len(pulled.answers) == len(PATHS)
    assert all(len(answer.objects) == 1 for answer in pulled.answers)
    shaped = pulled.answers[-1].objects[0]
    assert [bool(part) for part in (shaped.polygons, shaped.keypoints, shaped.corners)] == [
        strategy in ("polygons", "masks"),
        strategy == "keypoints",
        strategy == "obb",
    ]


def test_too_few_annotators_for_what_is_asked_are_said_at_push_and_pull(tmp_path: Path) -> None:
    round_ = make_round(tmp_path, tool="simulated", proposed=False)
    (tmp_path / "key").mkdir()
    for path in PATHS:
        (tmp_path / "key" / f"{Path(path).stem}.txt").write_text("")
    twice = [structs.replace(item, annotators=2) for item in round_.handed.tasks[:2]]
    handed = structs.replace(round_.handed, tasks=[*twice, *round_.handed.tasks[2:]])
    round_ = replace(round_, handed=handed)
    alone = SimulatedAnnotator(answers=["key"])
    said = "2 of 3 images are for 2 annotators, and only 1 is simulated: add another to annotation.tool.annotators in the spec"
    assert alone.push(round_) == ["answered from key by 1 simulated annotator: simulated", said]
    assert said in alone.pull(round_).problems
    two = SimulatedAnnotator(answers=["key"], annotators=[PERFECT, SimulatedPerson(name="bob")])
    assert two.push(round_) == [f"answered from key by 2 simulated annotators: {PERFECT.name}, bob"]
