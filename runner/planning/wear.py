"""How often a test split has been used to decide, from the uses that all sprints' folders record.

Every decision spends significance: the chance that a model that is no better passes for better. By the union bound
the sum bounds the chance of one false winner in the split's life, for models made without its earlier results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.config.project import Holdout, Project
from runner.config.sprint import Confidence
from runner.domain.evaluation import QUALITY_METRICS
from runner.domain.files import read_json
from runner.domain.verdict import SplitUse, Wear
from runner.gates import Gate

FILE = "uses.json"
_ROUNDING = 1e-9


def significance_of(level: float) -> float:
    """What one decision at a confidence level spends: one side of the interval makes a false winner.

    Example:
        >>> significance_of(0.95)
        0.025
    """
    return round((1 - level) / 2, 12)


def charged_level(level: float, gates: Iterable[Gate]) -> float:
    """The level that a decision is charged by: not above the usual one where the point alone decides over a champion.

    A higher level makes a use cheaper because its wider intervals let fewer false winners pass. The point lets pass as
    many as ever.
    """
    by_point = any(
        gate.against == "champion" and gate.decide == "point" and gate.metric in QUALITY_METRICS
        for gate in gates
    )
    return min(level, Confidence().level) if by_point else level


def evaluation_digest(folder: Path) -> str:
    """The SHA-256 of a sprint's evaluation.json: what tells one use of the test split from another."""
    return hashlib.sha256((folder / "evaluation.json").read_bytes()).hexdigest()


def recorded_uses(root: Path) -> dict[str, list[SplitUse]]:
    """Every sprint's uses, by the sprint's name.

    Raises:
        FlywheelError: a file does not hold uses.
    """
    return {
        path.parent.name: read_json(path, list[SplitUse])
        for path in sorted((root / "reports").glob(f"*/{FILE}"))
    }


def spent(uses: Iterable[SplitUse], split_digest: str) -> tuple[int, float]:
    """How many decisions were taken on a split, and the significance that they spent.

    The same evaluation is one use, in however many folders it lies. Where folders are missing, those that were
    written later still tell what had been used before them.
    """
    here = {use.evaluation_digest: use for use in uses if use.split_digest == split_digest}.values()
    count = max([len(here), *(use.uses_before + 1 for use in here)])
    total = max([0.0, *(use.spent_before + use.significance for use in here)])
    return count, round(max(total, sum(use.significance for use in here)), 12)


def with_use(
    recorded: dict[str, list[SplitUse]], sprint: str, split_digest: str, digest: str, level: float
) -> list[SplitUse]:
    """The sprint's uses once an evaluation is judged: the ones it had, and this one if it is new.

    Args:
        level: what `charged_level` gives for it.
        digest: SHA-256 of the evaluation.
    """
    own = recorded.get(sprint, [])
    if any((use.split_digest, use.evaluation_digest) == (split_digest, digest) for use in own):
        return own
    others = [use for uses in recorded.values() for use in uses if use.evaluation_digest != digest]
    count, total = spent(others, split_digest)
    use = SplitUse(
        split_digest=split_digest,
        evaluation_digest=digest,
        significance=significance_of(level),
        uses_before=count,
        spent_before=total,
    )
    return [*own, use]


def wear_of_verdict(project: Project, split: str, uses: Sequence[SplitUse], digest: str) -> Wear | None:
    """The wear that a verdict is subject to, its own use included; from the sprint's own record alone.

    Args:
        digest: SHA-256 of the evaluation that is judged.
    """
    use = next((use for use in uses if use.evaluation_digest == digest), None)
    if use is None:
        return None
    total = use.spent_before + use.significance
    return _wear(project.policy.holdout, split, use.uses_before + 1, total, beyond=total)


def wear_so_far(
    root: Path, project: Project, split: str, split_digest: str, level: float, *, judged: str | None
) -> Wear:
    """How worn a split is before the next decision, which the budget must cover too unless it is counted already.

    Args:
        level: what `charged_level` gives for that decision.
        judged: the sprint whose finished evaluation would be judged; None where a run would make a new one.
    """
    recorded = recorded_uses(root)
    count, total = spent([use for uses in recorded.values() for use in uses], split_digest)
    file = root / "reports" / str(judged) / "evaluation.json"
    known = {use.evaluation_digest for use in recorded.get(str(judged), [])}
    counted = judged is not None and file.is_file() and evaluation_digest(file.parent) in known
    coming = total if counted else total + significance_of(level)
    return _wear(project.policy.holdout, split, count, total, beyond=coming)


def _wear(holdout: Holdout | None, split: str, uses: int, total: float, *, beyond: float) -> Wear:
    if holdout is None:
        return Wear(split=split, uses=uses, spent=round(total, 12))
    return Wear(
        split=split,
        uses=uses,
        spent=round(total, 12),
        budget=holdout.significance,
        left=round(max(0.0, holdout.significance - total), 12),
        exhausted=beyond > holdout.significance + _ROUNDING,
        refresh=holdout.refresh,
    )
