"""A batch drawn from a pool: each arm takes its share, the control arm first. Pure: the same pool and options, the same batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.labelling import BatchImage, task_key
from runner.strategies.admission import Admission
from runner.strategies.mix import Arm, BatchOptions, Mix
from runner.strategies.pool import Choice, Pool, required

_SLACK = 1e-9  # of labels: sums of fractions


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a batch may cost.

    Attributes:
        money: in the project's currency.
        per_label: what one label costs.
    """

    money: float
    per_label: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A batch.

    Attributes:
        images: in the order in which they were taken, arm by arm.
        positions: of each in the pool.
        labels: how many labels they are expected to need; None where that is not known.
        short: arms that found fewer images than their share, by how many.
    """

    images: list[BatchImage]
    positions: list[int]
    labels: float | None
    short: dict[str, int]


class NothingLeftError(FlywheelError):
    """No image of the pool is left to draw."""


def draw(pool: Pool, options: BatchOptions, mix: Mix, sprint: str, budget: Budget | None = None) -> Drawn:
    """The next images to be labelled.

    The control arm is drawn first, from all of the pool and without a look at what the others want: it is a sample of what any arm
    could take. The other arms then take their shares in the order of the mix; none takes what another has, nor what looks like it.
    An image that the money does not reach for ends its arm, and what is left goes to the next one.

    Args:
        options: `size` or a budget is given. `mix`: what `options.mix` says, or the usual one.
        sprint: whose tasks they are: their keys depend on it.

    Raises:
        FlywheelError: what a strategy needs is not known of the pool; `NothingLeftError`, no image is left to draw (exit code 3).
    """
    admission = Admission(pool, options)
    arms = mix.arms
    if budget is not None:
        required(
            pool.labels,
            "how many labels an image needs is not known, so a budget in money cannot be kept",
            "say how many images instead, as in: batch: {size: 50}",
        )
    sizes = _sizes(arms, _most(pool, options, budget))
    found: list[tuple[Arm, Choice]] = []
    short: dict[str, int] = {}
    left = 0.0  # of the parts of earlier arms
    for arm, size in zip(arms, sizes, strict=True):
        part = budget.money * arm.share / sum(other.share for other in arms) + left if budget else None
        taken, spent, reached = _take(pool, arm, size, admission, options.seed, _labels_for(budget, part))
        found += [(arm, choice) for choice in taken]
        left = part - spent * budget.per_label if budget and part is not None else 0.0
        if len(taken) < size and options.size is not None and not reached:
            short[arm.name] = size - len(taken)
    if not found:
        raise NothingLeftError(
            "no image of the pool is left to draw: all look like labelled ones, or the budget does not reach for one",
            hint="widen annotation.batch.where, lower its distance, or raise the budget",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return Drawn(
        images=[_image(pool, arm, choice, sprint) for arm, choice in found],
        positions=list(admission.taken),
        labels=None if pool.labels is None else float(pool.labels[admission.taken].sum()),
        short=short,
    )


def _labels_for(budget: Budget | None, money: float | None) -> float | None:
    """How many labels some money pays for; None: as many as there are."""
    if budget is None or money is None or budget.per_label <= 0:
        return None
    return money / budget.per_label


def _take(
    pool: Pool, arm: Arm, size: int, admission: Admission, seed: int, most: float | None
) -> tuple[list[Choice], float, bool]:
    """What an arm takes, how many labels that needs, and whether `most` labels ended it."""
    taken: list[Choice] = []
    spent = 0.0
    if not size:
        return taken, spent, False
    for choice in arm.strategy.choices(pool, list(admission.taken), size, seed):
        if not admission.allows(choice.position):
            continue
        labels = float(pool.labels[choice.position]) if pool.labels is not None else 0.0
        if most is not None and spent + labels > most + _SLACK:
            return taken, spent, True
        spent += labels
        admission.take(choice.position)
        taken.append(choice)
        if len(taken) == size:
            break
    return taken, spent, False


def _most(pool: Pool, options: BatchOptions, budget: Budget | None) -> int:
    """How many images there are to share out: of a budget alone, half as many again as it reaches for in the mean."""
    most = min(len(pool), options.size) if options.size is not None else len(pool)
    if budget is None or pool.labels is None or options.size is not None:
        return most
    each = budget.per_label * float(pool.labels.mean())
    return min(most, math.ceil(1.5 * budget.money / each) + 1) if each > 0 else most


def _sizes(arms: Sequence[Arm], most: int) -> list[int]:
    """How many images each arm takes: its share, by the largest remainder; of equal ones, the first arm."""
    total = sum(arm.share for arm in arms)
    exact = [round(arm.share / total * most, 9) for arm in arms]
    sizes = [int(part) for part in exact]
    remainders = sorted(range(len(arms)), key=lambda at: (-round(exact[at] - sizes[at], 9), at))
    for at in remainders[: most - sum(sizes)]:
        sizes[at] += 1
    return sizes


def _image(pool: Pool, arm: Arm, choice: Choice, sprint: str) -> BatchImage:
    image_id = pool.image_ids[choice.position]
    return BatchImage(
        key=task_key(sprint, image_id),
        path=pool.paths[choice.position],
        image_id=image_id,
        arm=arm.name,
        score=choice.score,
        reason=choice.reason,
    )
