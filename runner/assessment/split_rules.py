"""Which image of an index a sprint uses for what: the splits' conditions, then one rule after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, UnsetType

from runner.adapters.tables.stored import StoredColumn
from runner.config.project import Splits
from runner.config.sprint import DataSelection, SplitSelection
from runner.dataset.manifest import NONE, SELECTED, Coded, Manifest
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import POOL, SPLITS
from runner.selectors.candidates import Candidates, Drops, PairFinder, Selector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Positions = NDArray[Any]  # of images in the index, ascending

EXCLUDED_FROM = ("train", "val")  # what a sprint is judged on is not narrowed by the sprint's own exclusions
IMAGE_COLUMNS = ("path", "image_id", "split", "readable", "problem", "labelled")
LISTED_VALUES = 8
RuleName = Literal["asked for", "readable", "labelled", "where", "exclude", "dedupe", "quota", "sample"]


class SplitRule(Struct, frozen=True, kw_only=True):
    """What makes one split: conditions, then selectors by the option that they are."""

    name: str
    where: str
    narrowed: str | None = None
    exclude: str | None = None
    selectors: tuple[tuple[RuleName, Selector], ...] = ()

    @property
    def conditions(self) -> list[str]:
        """Those that are evaluated over the table of images."""
        return [text for text in (self.where, self.narrowed, self.exclude) if text is not None]


class Step(Struct, frozen=True, kw_only=True):
    """One rule, applied to one split.

    Attributes:
        text: its condition, or the selector in words; the rule's name where it has neither.
        reason: what the manifest calls it. `code`: its number among all steps.
        given, left: how many images there were before, and after.
    """

    split: str
    rule: RuleName
    text: str
    reason: str
    code: int
    given: int
    left: int
    selector: Selector | None = None


class Applied(Struct, frozen=True, kw_only=True):
    """The manifest, and the steps that led to it, in their order."""

    manifest: Manifest
    steps: list[Step]

    def before(self, step: Step) -> Positions:
        """The positions of the images that a step was applied to."""
        rules = self.manifest.rules.codes
        own = self.manifest.assigned.equal(step.split)
        positions: Positions = (own & ((rules == SELECTED) | (rules >= step.code))).nonzero()[0]
        return positions

    def keeps(self, step: Step, row: int) -> bool:
        """Whether an image that a step was applied to is left after it."""
        return int(self.manifest.rules.codes[row]) != step.code


def split_rules(splits: Splits, data: DataSelection) -> list[SplitRule]:
    """The rules of every split of a project, in the order in which they are applied."""
    choices: dict[str, SplitSelection] = {name: getattr(data, name) for name in SPLITS}
    rules = [
        SplitRule(
            name=name,
            where=getattr(splits, name),
            narrowed=choice.where,
            exclude=data.exclude if name in EXCLUDED_FROM else None,
            selectors=_selectors(choice),
        )
        for name, choice in choices.items()
    ]
    if splits.pool is not None:
        rules.append(SplitRule(name=POOL, where=splits.pool))
    return rules


def _selectors(choice: SplitSelection) -> tuple[tuple[RuleName, Selector], ...]:
    found: list[tuple[RuleName, Selector]] = []
    if choice.dedupe is not None:
        found.append(("dedupe", choice.dedupe))
    if not isinstance(choice.quota, UnsetType):
        found.append(("quota", choice.quota))
    if choice.sample is not None:
        found.append(("sample", choice.sample))
    return tuple(found)


def looks_at_images(data: DataSelection) -> bool:
    """Whether a rule needs the images themselves, and not only the index."""
    choices: list[SplitSelection] = [getattr(data, name) for name in SPLITS]
    return any(choice.dedupe is not None and choice.dedupe.way == "embedding" for choice in choices)


def needed_columns(rules: Sequence[SplitRule]) -> list[str]:
    """The columns of the images table that `apply_rules` reads."""
    read = [name for rule in rules for _, selector in rule.selectors for name in selector.needs]
    return list(dict.fromkeys([*IMAGE_COLUMNS, *read]))


def needed_conditions(rules: Sequence[SplitRule]) -> list[str]:
    """The conditions whose masks `apply_rules` reads."""
    return list(dict.fromkeys(text for rule in rules for text in rule.conditions))


def apply_rules(
    images: Mapping[str, Any],
    masks: Mapping[str, NDArray[Any]],
    rules: Sequence[SplitRule],
    chosen: Sequence[str],
    finder: PairFinder | None = None,
) -> Applied:
    """Applies the rules: readable, of a split that is asked for, labelled, `where`, `exclude`, selectors; in this order.

    Images whose labels have problems stay selected, so that the check stage stops the sprint and names them.

    Args:
        images: `needed_columns` of the images table, each `(images,)`: arrays, or columns of a file.
        masks: for each of `needed_conditions`, which images satisfy it, `(images,)`.
        chosen: the splits that are asked for.
        finder: looks at the images for those that show the same; None where they are not at hand.

    Raises:
        FlywheelError: an image belongs to two splits, or a selector cannot be applied.
    """
    draft = _Draft(images, finder)
    draft.assign(rules, masks)
    for rule in rules:
        draft.readable(rule.name)
        if rule.name in chosen:
            draft.narrow(rule, masks)
        else:
            reason = "kept in the pool" if rule.name == POOL else "not asked for"
            draft.drop_where(rule.name, "asked for", reason, lambda left: left)
    return Applied(manifest=draft.manifest(), steps=draft.steps)


def require_images(
    applied: Applied,
    rules: Sequence[SplitRule],
    chosen: Sequence[str],
    images: Mapping[str, Any],
) -> None:
    """Checks that each split that is asked for has images.

    Raises:
        FlywheelError: one has none, with what dropped them.
    """
    for rule in rules:
        if rule.name in chosen and not len(applied.manifest.selected(rule.name)):
            raise _empty(rule, applied.manifest, images)


class _Draft:
    """A manifest in the making: rule after rule drops images from it.

    Of each image there are three small numbers: its split, the rule that dropped it, and the reason.
    """

    def __init__(self, images: Mapping[str, Any], finder: PairFinder | None) -> None:
        import numpy as np

        self.images = images
        self._finder = finder
        self.steps: list[Step] = []
        count = len(images["path"])
        self._names: list[str] = []
        self._split = np.full(count, NONE, np.int8)
        self._rules = np.zeros(count, np.int16)  # 0: in no split; then the numbers of the steps
        self._reasons = np.zeros(count, np.int32)
        self._texts = ["no split's condition holds"]

    def assign(self, rules: Sequence[SplitRule], masks: Mapping[str, NDArray[Any]]) -> None:
        self._names = [rule.name for rule in rules]
        for code, rule in enumerate(rules):
            own = masks[rule.where]
            if len(twice := (own & (self._split != NONE)).nonzero()[0]):
                other = rules[int(self._split[twice[0]])]
                raise FlywheelError(
                    f"{self.images['path'][twice[0]]} belongs to both {other.name} (`{other.where}`) "
                    f"and {rule.name} (`{rule.where}`)",
                    hint="make the conditions of splits in flywheel.yaml exclude each other",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            self._split[own], self._rules[own] = code, SELECTED
            self._reasons[own] = self._reason(f"{rule.name}: {rule.where}")

    def readable(self, split: str) -> None:
        """Drops what cannot be read."""
        gone = (self._left(split) & ~self.images["readable"].astype(bool)).nonzero()[0]
        problems = _listed(self.images["problem"], gone)
        drops = Drops.each(
            {at: f"unreadable: {problem}" for at, problem in zip(gone.tolist(), problems, strict=True)}
        )
        self._drop(split, "readable", "readable", "unreadable", drops)

    def drop_where(
        self, split: str, rule: RuleName, reason: str, dropped: Any, text: str | None = None
    ) -> None:
        """Drops the images left of which `dropped` says so: from the mask of those to another."""
        left = self._left(split)
        drops = Drops.alike((left & dropped(left)).nonzero()[0], reason)
        self._drop(split, rule, rule if text is None else text, reason, drops)

    def narrow(self, rule: SplitRule, masks: Mapping[str, NDArray[Any]]) -> None:
        if rule.name != POOL:
            labelled = self.images["labelled"].astype(bool)
            self.drop_where(rule.name, "labelled", "not labelled", lambda left: ~labelled)
        if (where := rule.narrowed) is not None:
            reason = f"does not satisfy data.{rule.name}.where: {where}"
            self.drop_where(rule.name, "where", reason, lambda left: ~masks[where], where)
        if (exclude := rule.exclude) is not None:
            reason = f"satisfies data.exclude: {exclude}"
            self.drop_where(rule.name, "exclude", reason, lambda left: masks[exclude], exclude)
        for option, selector in rule.selectors:
            left = self._left(rule.name).nonzero()[0]
            drops = selector.drop(candidates(self.images, left, selector, self._finder))
            drops = Drops(left[drops.positions], drops.codes, drops.texts)
            self._drop(rule.name, option, selector.describe(), selector.describe(), drops, selector)

    def _left(self, split: str) -> NDArray[Any]:
        left: NDArray[Any] = (self._split == self._names.index(split)) & (self._rules == SELECTED)
        return left

    def _reason(self, text: str) -> int:
        self._texts.append(text)
        return len(self._texts) - 1

    def _drop(
        self,
        split: str,
        rule: RuleName,
        text: str,
        reason: str,
        drops: Drops,
        selector: Selector | None = None,
    ) -> None:
        given, code = int(self._left(split).sum()), len(self.steps) + 1
        self._rules[drops.positions] = code
        self._reasons[drops.positions] = drops.codes + len(self._texts)
        self._texts += drops.texts
        self.steps.append(
            Step(
                split=split,
                rule=rule,
                text=text,
                reason=reason,
                code=code,
                given=given,
                left=given - len(drops),
                selector=selector,
            )
        )

    def manifest(self) -> Manifest:
        return Manifest(
            paths=_whole(self.images["path"]),
            image_ids=_whole(self.images["image_id"]),
            assigned=Coded(self._split, [*self._names, None]),
            rules=Coded(self._rules, ["in no split", *(step.reason for step in self.steps), None]),
            reasons=Coded(self._reasons, self._texts),
        )


def candidates(
    images: Mapping[str, Any],
    left: Positions,
    selector: Selector,
    finder: PairFinder | None = None,
) -> Candidates:
    """What a selector sees of the images that are left."""
    return Candidates(
        paths=_listed(images["path"], left),
        image_ids=_listed(images["image_id"], left),
        columns={name: _of(images[name], left) for name in selector.needs},
        finder=finder,
    )


def _whole(column: Any) -> Sequence[Any]:
    return column if isinstance(column, StoredColumn) else column.tolist()


def _of(column: Any, rows: Positions) -> Any:
    return column.of(rows) if isinstance(column, StoredColumn) else column[rows]


def _listed(column: Any, rows: Positions) -> Sequence[Any]:
    return column.of(rows) if isinstance(column, StoredColumn) else column[rows].tolist()


def _empty(rule: SplitRule, manifest: Manifest, images: Mapping[str, Any]) -> FlywheelError:
    pairs = zip(manifest.assigned, manifest.rules, strict=True)
    dropped = Counter(reason for assigned, reason in pairs if assigned == rule.name and reason is not None)
    matched = sum(dropped.values())
    steps = [f"{matched} of {len(manifest.paths)} images satisfy `{rule.where}`"]
    steps += [f"{number} dropped: {reason}" for reason, number in dropped.items()]
    values = Counter(str(value) for value in images["split"] if value is not None)
    listed = ", ".join(f"{value} ({number})" for value, number in values.most_common(LISTED_VALUES))
    if rule.name in SPLITS and not images["labelled"].any():
        steps = ["nothing is labelled yet"]
        hint = "label some first: flywheel batch, flywheel annotate push, flywheel annotate pull (flywheel status says what is next)"
    elif matched and rule.name == POOL:
        hint = "repair the images: none of the pool can be read"
    elif matched:
        hint = f"loosen data.{rule.name} and data.exclude in the spec, or label and repair the images"
    else:
        hint = f"change splits.{rule.name} in flywheel.yaml; split in the index is {listed or 'always empty'}"
        if rule.name in ("val", "test"):
            hint += "; or deal out what is labelled: flywheel split --write"
    return FlywheelError(
        f"no image is left for {rule.name}: {'; '.join(steps)}", hint=hint, exit_code=ExitCode.STAGE_FAILED
    )
