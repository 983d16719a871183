"""The rounds of a policy, one after the other: images are drawn, labelled and trained on. Pure, but for what the world does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from msgspec import structs

from runner.domain.labelling import CONTROL_ARM
from runner.domain.simulation import SimulatedPolicy, SimulatedRound, SimulatedRun
from runner.evaluation.labels_needed import Beside, beside, needed
from runner.strategies.mix import Mix

L = TypeVar("L")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A mix, and what it is called."""

    name: str
    mix: Mix


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is replayed.

    Attributes:
        start: images that every policy begins with, the same ones for one seed. `size`: of a batch.
        rounds: batches after them.
        seeds: each draws other first images, trains with other seeds and makes other errors.
        price: of a label; None where there is none.
    """

    start: int
    size: int
    rounds: int
    seeds: Sequence[int]
    price: float | None = None

    def trainings(self, policies: int) -> int:
        """How many models that are, at most: the first of a seed is all policies'."""
        return len(self.seeds) * (1 + policies * self.rounds)


class World(Protocol, Generic[L]):
    """The images, who labels them, and what learns from that; `L` is what is known of a model."""

    @property
    def images(self) -> Sequence[str]:
        """Those that can be labelled, in an order that does not change."""
        ...

    def paid(self, path: str, seed: int) -> tuple[int, float]:
        """How many labels an annotator draws on an image, and how many seconds that takes."""
        ...

    def learn(self, labelled: Collection[str], seed: int) -> L:
        """A model of these images' labels."""
        ...

    def value(self, learned: L) -> float | None:
        """What it is measured at."""
        ...

    def draw(self, mix: Mix, labelled: Collection[str], learned: L, seed: int) -> Mapping[str, str]:
        """The next batch of the others, by that model: path → arm. Empty where none is left."""
        ...


def first_images(images: Sequence[str], start: int, seed: int) -> list[str]:
    """The images that are labelled before there is a model, at random.

    >>> first_images(["a", "b", "c"], 2, 0)
    ['a', 'b']
    """
    return sorted(random.Random(f"first {seed}").sample(list(images), start))  # noqa: S311 - no secret


def replayed(
    world: World[L], policies: Sequence[Policy], plan: Plan, say: Say
) -> list[tuple[Policy, list[SimulatedRun]]]:
    """All rounds of all policies, seed by seed, so that what a killed simulation has kept is of all policies."""
    found: dict[str, list[SimulatedRun]] = {policy.name: [] for policy in policies}
    for seed in plan.seeds:
        for policy in policies:
            found[policy.name].append(_run(world, policy, plan, seed, say))
    return [(policy, found[policy.name]) for policy in policies]


def _run(world: World[L], policy: Policy, plan: Plan, seed: int, say: Say) -> SimulatedRun:
    labelled = first_images(world.images, plan.start, seed)
    arms = {CONTROL_ARM: len(labelled)}
    rounds: list[SimulatedRound] = []
    for number in range(plan.rounds + 1):
        learned = world.learn(labelled, seed)
        rounds.append(_round(world, plan, labelled, seed, number, world.value(learned), arms))
        say(f"{policy.name}, seed {seed}: {described(rounds[-1])}")
        if number == plan.rounds:
            break
        batch = world.draw(policy.mix, labelled, learned, seed)
        if not batch:
            say(f"{policy.name}, seed {seed}: no image is left to draw after round {number}")
            break
        arms = dict(sorted(Counter(batch.values()).items()))
        labelled = sorted((*labelled, *batch))
    return SimulatedRun(seed=seed, rounds=rounds)


def described(found: SimulatedRound) -> str:
    """
    >>> described(SimulatedRound(round=1, images=48, labels=120, hours=0.3, value=0.5))
    'round 1, 48 images with 120 labels: 0.500'
    """
    value = "not measured" if found.value is None else f"{found.value:.3f}"
    return f"round {found.round}, {found.images:,} images with {found.labels:,} labels: {value}"


def _round(
    world: World[L],
    plan: Plan,
    labelled: Sequence[str],
    seed: int,
    number: int,
    value: float | None,
    arms: Mapping[str, int],
) -> SimulatedRound:
    paid = [world.paid(path, seed) for path in labelled]
    labels = sum(count for count, _ in paid)
    return SimulatedRound(
        round=number,
        images=len(labelled),
        labels=labels,
        hours=round(sum(seconds for _, seconds in paid) / 3600, 3),
        money=None if plan.price is None else round(labels * plan.price, 2),
        value=value,
        arms=dict(arms),
    )


def weakest_end(runs: Sequence[SimulatedRun]) -> float | None:
    """What the weakest of these runs reached at its best: a target that all of them reach. None where one reached nothing."""
    best = [max((one.value for one in run.rounds if one.value is not None), default=None) for run in runs]
    known = [value for value in best if value is not None]
    lowest = min(known) if known and len(known) == len(best) else None
    return lowest or None  # nothing found is no target


def compared(
    replays: Sequence[tuple[Policy, list[SimulatedRun]]],
    target: float | None,
    written: Callable[[Mix], dict[str, object]],
) -> list[SimulatedPolicy]:
    """Each run beside the first policy's run of the same seed.

    Args:
        target: of the metric; None: none could be found, and nothing is compared.
        written: a mix as a spec writes it.
    """
    known = [(policy, [_needed(run, target) for run in runs]) for policy, runs in replays]
    reference = {run.seed: run.needed for run in known[0][1]}
    return [
        SimulatedPolicy(
            name=policy.name,
            mix=written(policy.mix),
            runs=[_beside(run, beside(run.needed, reference[run.seed])) for run in runs],
        )
        for policy, runs in known
    ]


def _needed(run: SimulatedRun, target: float | None) -> SimulatedRun:
    if target is None:
        return run
    points: dict[str, list[tuple[float, float | None]]] = {
        "needed": [(one.labels, one.value) for one in run.rounds],
        "images": [(one.images, one.value) for one in run.rounds],
    }
    if all(one.money is not None for one in run.rounds):
        points["money"] = [(one.money or 0, one.value) for one in run.rounds]
    reached = {name: needed(of, target) for name, of in points.items()}
    return structs.replace(
        run, **{name: None if value is None else round(value, 2) for name, value in reached.items()}
    )


def _beside(run: SimulatedRun, found: Beside) -> SimulatedRun:
    share = None if found.share is None else round(found.share, 4)
    return structs.replace(run, beside=found.outcome, share=share)
