"""What each rule of a sprint leaves of each split."""

from __future__ import annotations

from collections.abc import Sequence

from runner.assessment.split_rules import Step, apply_rules, require_images, split_rules
from runner.domain.errors import FlywheelError
from runner.domain.records import Record
from runner.planning.recorded_index import IndexFiles
from runner.selectors.candidates import PairFinder
from runner.stages.select import SelectParams, images_and_masks

SPLIT_CONDITION = "split"


class StepCount(Record, frozen=True, kw_only=True):
    """One rule of one split, in the order in which they are applied.

    Attributes:
        rule: `split` for the split's own condition, `readable`, `labelled`, or the spec's option.
        text: its condition, or the rule in words.
    """

    split: str
    rule: str
    text: str
    dropped: int
    left: int


class SplitSteps(Record, frozen=True, kw_only=True):
    """How a sprint's images are chosen.

    Attributes:
        index: which index that is counted on, in words.
        images: all of the index. `unassigned`: those in no split.
        problem: why a run would stop here; None where it would not.
    """

    sprint: str
    index: str
    images: int
    unassigned: int
    steps: list[StepCount]
    problem: str | None

    @property
    def splits(self) -> list[str]:
        """The splits, in the project's order."""
        return list(dict.fromkeys(step.split for step in self.steps))


def split_steps(
    files: IndexFiles, params: SelectParams, sprint: str, said: str, finder: PairFinder | None = None
) -> SplitSteps:
    """Counts what each rule leaves; `finder` looks at the images, where a rule asks.

    Raises:
        FlywheelError: a condition is refused, an image belongs to two splits, or a rule cannot be applied.
    """
    rules = split_rules(params.splits, params.data)
    images, masks = images_and_masks(files.images, rules)
    applied = apply_rules(images, masks, rules, params.splits_chosen, finder)
    counts: list[StepCount] = []
    for rule in rules:
        matched = int(masks[rule.where].sum())
        own = StepCount(split=rule.name, rule=SPLIT_CONDITION, text=rule.where, dropped=0, left=matched)
        counts += [own, *_counted(applied.steps, rule.name)]
    problem = None
    try:
        require_images(applied, rules, params.splits_chosen, images)
    except FlywheelError as error:
        problem = str(error)
    return SplitSteps(
        sprint=sprint,
        index=said,
        images=len(applied.manifest.paths),
        unassigned=int(applied.manifest.assigned.equal(None).sum()),
        steps=counts,
        problem=problem,
    )


def _counted(steps: Sequence[Step], split: str) -> list[StepCount]:
    return [
        StepCount(
            split=split,
            rule=step.rule,
            text=step.text,
            dropped=step.given - step.left,
            left=step.left,
        )
        for step in steps
        if step.split == split
    ]
