"""How worn a test split is: every decision on its images is counted, over all sprints, and spends significance.

Significance is the chance that a model that is no better passes for better. By the union bound the sum bounds the chance
of one false winner in the images' life, for models made without their earlier results. A question that is asked again of
images that it was asked of before (the same recipe beside the same champion) is judged by a higher level and spends less:
`runner/domain/looks.py`. What is counted, and why: docs/statistics.md and ADR 16.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from runner.config.project import Holdout, Project
from runner.domain.champion import ResolvedChampion
from runner.domain.evaluation import QUALITY_METRICS
from runner.domain.looks import USUAL_LEVEL, share_of_look
from runner.domain.records import JUDGED, Record, Selection
from runner.domain.verdict import SplitUse, Wear
from runner.gates import Gate
from runner.planning.holdout_uses import Ledger, flattened, recorded_uses
from runner.planning.resolve import ResolvedStage
from runner.record.catalogue import EVALUATION, sprint_folder
from runner.stages import export, train

__all__ = [
    "HoldoutQuestion",
    "asked",
    "recorded_uses",
    "spent",
    "wear_of_verdict",
    "wear_so_far",
    "with_use",
]

_ROUNDING = 1e-9
_RECIPE = (
    "task",
    "trainer",
    "ancestor",
    "targets",
)  # of what `train` and `export` are told; not on which machine


class HoldoutQuestion(Record, frozen=True, kw_only=True):
    """What a decision asks, and of which images. Where nothing says, it is a first look.

    Attributes:
        images: the test split's images, as `image_set.packed`.
        comparison: digest of what is compared with what.
        by_point: a gate against the champion is decided by the point alone: no level narrows what it lets pass.
    """

    images: str = ""
    comparison: str = ""
    by_point: bool = False


NOTHING_SAID = HoldoutQuestion()


def significance_of(level: float, look: int = 1) -> float:
    """What one decision at a confidence level spends: one side of the interval makes a false winner.

    Example:
        >>> significance_of(0.95), significance_of(0.999), significance_of(0.95, look=4)
        (0.025, 0.025, 0.003125)
    """
    return round((1 - min(level, USUAL_LEVEL)) / 2 * share_of_look(look), 12)


def asked(
    selection: Selection,
    resolved: Sequence[ResolvedStage],
    champion: ResolvedChampion | None,
    gates: Iterable[Gate],
) -> HoldoutQuestion:
    """What a sprint's next verdict asks of its test split.

    Args:
        resolved: the sprint's stages.
        gates: all that judge, the policy's included.
    """
    return HoldoutQuestion(
        images=selection.test_images,
        comparison=_comparison(selection, resolved, champion),
        by_point=any(
            gate.against == "champion" and gate.decide == "point" and gate.metric in QUALITY_METRICS
            for gate in gates
        ),
    )


def _comparison(
    selection: Selection, resolved: Sequence[ResolvedStage], champion: ResolvedChampion | None
) -> str:
    """The recipe on its training data beside the champion: not what it is called, nor how it is measured or judged."""
    makers = (train.STAGE.name, export.STAGE.name)
    told = {stage.name: stage.params for stage in resolved if stage.name in makers}
    content = [
        {name: {key: params.get(key) for key in _RECIPE} for name, params in told.items()},
        {split: digest for split, digest in selection.split_digests.items() if split != JUDGED},
        [champion.digest, champion.path] if champion else None,
    ]
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]


def evaluation_digest(folder: Path) -> str:
    """The SHA-256 of a sprint's evaluation.json: what tells one use of the test split from another."""
    return hashlib.sha256((folder / EVALUATION.name).read_bytes()).hexdigest()


def spent(uses: Iterable[SplitUse], split_digest: str, images: str = "") -> tuple[int, float]:
    """How many decisions were taken on any of a split's images, and the significance that they spent.

    The same evaluation is one use, in however many folders it lies. Where folders are missing, those that were
    written later still tell what had been used before them.

    Args:
        images: the split's, as `image_set.packed`; by what the uses say of it when empty.
    """
    return _spent(Ledger(uses), split_digest, images)


def _spent(ledger: Ledger, split_digest: str, images: str) -> tuple[int, float]:
    here = ledger.on(split_digest, images)
    gone = [ledger.missing(use) for use in here]
    count = len(here) + max((count for count, _ in gone), default=0)
    total = sum(use.significance for use in here) + max((total for _, total in gone), default=0.0)
    return count, round(total, 12)


def with_use(
    recorded: Mapping[str, Sequence[SplitUse]],
    sprint: str,
    split_digest: str,
    digest: str,
    level: float,
    what: HoldoutQuestion = NOTHING_SAID,
    elsewhere: Iterable[SplitUse] = (),
) -> list[SplitUse]:
    """The sprint's uses once an evaluation is judged: the ones it had, and this one if it is new.

    Args:
        recorded: all sprints' uses in this tree, the sprint's own among them.
        digest: SHA-256 of the evaluation.
        level: the spec's confidence level.
        elsewhere: uses that branches record.
    """
    own = list(recorded.get(sprint, ()))
    if any((use.split_digest, use.evaluation_digest) == (split_digest, digest) for use in own):
        return own
    ledger = Ledger(use for use in (*flattened(recorded), *elsewhere) if use.evaluation_digest != digest)
    count, total = _spent(ledger, split_digest, what.images)
    look = _look(ledger, split_digest, what)
    told = any(use.split_digest == split_digest and use.images for use in own)
    use = SplitUse(
        split_digest=split_digest,
        evaluation_digest=digest,
        significance=_charge(level, look, what),
        uses_before=count,
        spent_before=total,
        comparison=what.comparison,
        look=look,
        images="" if told else what.images,
    )
    return [*own, use]


def _charge(level: float, look: int, what: HoldoutQuestion) -> float:
    return significance_of(level, 1 if what.by_point else look)


def _look(ledger: Ledger, split_digest: str, what: HoldoutQuestion) -> int:
    """The how manieth time this is asked of images of which some are the same."""
    if not what.comparison:
        return 1
    here = ledger.on(split_digest, what.images)
    before = [use for use in here if use.comparison == what.comparison]
    return 1 + max([len(before), *(use.look for use in before)])


def wear_of_verdict(project: Project, split: str, uses: Sequence[SplitUse], digest: str) -> Wear | None:
    """The wear that a verdict is subject to, its own use included; from the sprint's own record alone.

    Args:
        digest: SHA-256 of the evaluation that is judged.
    """
    use = next((use for use in uses if use.evaluation_digest == digest), None)
    if use is None:
        return None
    total = use.spent_before + use.significance
    return _wear(project.policy.holdout, split, use.uses_before + 1, total, beyond=total, look=use.look)


def wear_so_far(
    root: Path,
    project: Project,
    split: str,
    split_digest: str,
    level: float,
    what: HoldoutQuestion = NOTHING_SAID,
    elsewhere: Iterable[SplitUse] = (),
    *,
    judged: str | None,
) -> Wear:
    """How worn a split is before the next decision, which the budget must cover too unless it is counted already.

    Args:
        level: the spec's confidence level.
        what: the next decision.
        elsewhere: uses that branches record.
        judged: the sprint whose finished evaluation would be judged; None where a run would make a new one.
    """
    recorded = recorded_uses(root)
    ledger = Ledger([*flattened(recorded), *elsewhere])
    count, total = _spent(ledger, split_digest, what.images)
    known = {use.evaluation_digest: use for use in recorded.get(str(judged), ())}
    file = sprint_folder(root, str(judged)) / EVALUATION.name
    counted = known.get(evaluation_digest(file.parent)) if judged is not None and file.is_file() else None
    look = counted.look if counted is not None else _look(ledger, split_digest, what)
    coming = 0.0 if counted is not None else _charge(level, look, what)
    return _wear(project.policy.holdout, split, count, total, beyond=total + coming, look=look)


def _wear(holdout: Holdout | None, split: str, uses: int, total: float, *, beyond: float, look: int) -> Wear:
    if holdout is None:
        return Wear(split=split, uses=uses, spent=round(total, 12), look=look)
    return Wear(
        split=split,
        uses=uses,
        spent=round(total, 12),
        budget=holdout.significance,
        left=round(max(0.0, holdout.significance - total), 12),
        exhausted=beyond > holdout.significance + _ROUNDING,
        refresh=holdout.refresh,
        look=look,
    )
