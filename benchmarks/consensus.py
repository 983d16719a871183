"""What several annotators make of the truth together: errors of one annotator's labels beside those of a consensus of several.

Simulated annotators (the tool `simulated`) label images whose labels are known: the demo's pool by its answer key, and the dice. Each
error is known then, and so is what a model that knows the truth would score against such labels: the ceiling, beside the one that is
estimated from images that two annotators labelled, and from gold images:

    python benchmarks/consensus.py [--repeats 5] [--images 120] [--dice ../shared/datasets/dice]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from runner.adapters.pictures.image_sizes import header_size
from runner.annotators.answer_key import AnswerKey
from runner.annotators.simulated import Bias, SimulatedAnnotator, SimulatedPerson
from runner.assessment.agreements import Compared, compare_pairs
from runner.assessment.answered import LabelSet
from runner.assessment.consensus import consensus
from runner.assessment.label_ceiling import annotators_ceilings, gold_ceilings
from runner.demo.counts import CLASSES
from runner.demo.generate import generate
from runner.domain.labelling import Answer, AnsweredObject, HandedTask
from runner.domain.task import TaskSpec
from runner.tasks import TASKS
from runner.tasks.task import Task
from runner.writers.writer import Scheme

DICE = ("one", "two", "three", "four", "five", "six")
SIZES = (1, 2, 3, 5)
KINDS = {
    "careful": {"missed": 0.04, "spurious": 0.05, "wrong_class": 0.02, "jitter": 0.04},
    "careless": {"missed": 0.15, "spurious": 0.2, "wrong_class": 0.08, "jitter": 0.08},
}
SHARE_DOUBLE, SHARE_GOLD = 0.25, 0.25  # of the images, for the ceiling


class Key:
    """Images with known labels."""

    def __init__(self, root: Path, folders: list[str], images: list[Path], classes: Sequence[str]) -> None:
        self.root, self.folders, self.classes = root, folders, list(classes)
        self.scheme = Scheme(task="detect", classes=self.classes)
        self.task: Task = TASKS["detect"](
            spec=TaskSpec(name="detect", classes=self.classes), operating_confidence=0.25
        )
        known = AnswerKey.read([root / folder for folder in folders], self.scheme)
        self.tasks: list[HandedTask] = []
        self.truth: dict[str, list[AnsweredObject]] = {}
        for number, path in enumerate(images):
            with path.open("rb") as file:
                size = header_size(file)
            if size is None:
                continue  # one of the demo's damaged files
            width, height = size
            task = HandedTask(
                key=f"{number:016x}",
                path=path.relative_to(root).as_posix(),
                image_id=f"{number:032x}",
                width=width,
                height=height,
                annotators=max(SIZES),
            )
            labels = known.of(task)
            if labels is not None:
                self.tasks.append(task)
                self.truth[task.image_id] = labels

    def answers(self, people: list[SimulatedPerson], seed: int) -> dict[str, list[Answer]]:
        """By image, the annotators in the same order on each."""
        tool = SimulatedAnnotator(answers=self.folders, annotators=people, seed=seed)
        pulled = tool.answered(self.tasks, self.scheme, self.root)
        found: dict[str, list[Answer]] = {}
        for answer in sorted(pulled.answers, key=lambda answer: answer.annotator):
            found.setdefault(answer.image_id, []).append(answer)
        return found

    def pair(self, image_id: str, objects: Sequence[AnsweredObject]) -> tuple[LabelSet, LabelSet]:
        return (
            LabelSet(image=image_id, source="labels", objects=objects),
            LabelSet(image=image_id, source="truth", objects=self.truth[image_id]),
        )


def errors(found: Compared) -> tuple[float, float, float, float]:
    """Shares: missed and wrongly classed of the true objects, spurious of the labels; 1 − IoU of what was found."""
    both, true, drawn = found.both, found.says_other(), found.says_one()
    return (
        float((true & ~both).sum() / true.sum()),
        float((both & ~found.same).sum() / both.sum()),
        float((drawn & ~both).sum() / drawn.sum()),
        float(1 - found.similarity[both].mean()),
    )


def merged_errors(name: str, key: Key, repeats: int) -> None:
    print(
        f"\n{name}: {len(key.tasks)} images, {sum(map(len, key.truth.values()))} objects, {repeats} repeats"
    )
    print(
        f"{'':10} {'annotators':>10} {'missed':>8} {'class':>8} {'spurious':>9} {'1 - IoU':>8} {'truth scores':>13}"
    )
    for kind, rates in KINDS.items():
        people = [SimulatedPerson(name=f"p{n}", **rates) for n in range(max(SIZES))]
        for size in SIZES:
            rows, scores = [], []
            for seed in range(repeats):
                given = key.answers(people, seed)
                sets = [key.pair(image, consensus(some[:size], key.task)) for image, some in given.items()]
                rows.append(errors(compare_pairs(sets, key.task)))
                scores.append(gold_ceilings(sets, key.task)[0].measured.value or 0.0)
            shown = [statistics.mean(column) for column in zip(*rows, strict=True)]
            texts = " ".join(f"{100 * value:7.1f}%" for value in shown)
            print(f"{kind:10} {size:10} {texts} {statistics.mean(scores):13.3f}")


def ceilings(name: str, key: Key, repeats: int) -> None:
    """The ceiling of a batch labelled once, estimated from a quarter that is labelled twice, or known."""
    biased = Bias(class_name=key.classes[1], share=0.4, taken_for=key.classes[0])
    kinds = {**KINDS, "biased": {**KINDS["careful"], "bias": [biased]}}
    print(
        f"\n{name}: ceiling of mAP50-95, estimated from a quarter of the images, beside what the truth scores on all of them"
    )
    print(
        f"{'':10} {'true':>6} {'two annotators':>15} {'off':>7} {'held':>6} {'gold':>7} {'off':>7} {'held':>6} {'names the class':>16}"
    )
    for kind, rates in kinds.items():
        people = [SimulatedPerson(name=f"p{n}", **rates) for n in range(2)]  # type: ignore[arg-type]
        found = []
        for seed in range(repeats):
            given = key.answers(people, seed)
            part = sorted(given)[: max(2, round(len(given) * SHARE_GOLD))]
            everything = [key.pair(image, some[0].objects) for image, some in given.items()]
            true = gold_ceilings(everything, key.task)[0].measured.value or 0.0
            both = [
                LabelSet(image=image, source=answer.annotator, objects=answer.objects)
                for image in part
                for answer in given[image]
            ]
            of_two = annotators_ceilings(both, key.task)[0]
            of_gold = gold_ceilings([key.pair(image, given[image][0].objects) for image in part], key.task)[0]
            held = [
                one.ceiling.low is not None and one.ceiling.low <= true <= (one.ceiling.high or 1.0)
                for one in (of_two, of_gold)
            ]
            named = of_gold.limited_by in key.classes[:2]
            found.append((true, of_two.ceiling.value or 0.0, of_gold.ceiling.value or 0.0, *held, named))
        true, two, gold, held_two, held_gold, named_share = (
            statistics.mean(column) for column in zip(*found, strict=True)
        )
        names = f"{100 * named_share:15.0f}%" if kind == "biased" else ""
        print(
            f"{kind:10} {true:6.3f} {two:15.3f} {two - true:+7.3f} {100 * held_two:5.0f}% {gold:7.3f} {gold - true:+7.3f} {100 * held_gold:5.0f}% {names}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--images", type=int, default=120, help="of each dataset")
    parser.add_argument("--dice", type=Path, default=Path("../shared/datasets/dice"))
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(root / "data")
        images = sorted((root / "data/images/pool").rglob("*.jpg"))[: arguments.images]
        keys = {"demo": Key(root, ["data/answers"], images, CLASSES)}
        if arguments.dice.is_dir():
            dice = arguments.dice.resolve()
            images = sorted((dice / "images").rglob("*.jpg"))[: arguments.images]
            keys["dice"] = Key(dice, ["labels"], images, DICE)
        for name, key in keys.items():
            merged_errors(name, key, arguments.repeats)
            ceilings(name, key, arguments.repeats)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
