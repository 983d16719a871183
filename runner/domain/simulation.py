"""What a simulation of labelling rounds found: simulation.json."""

from __future__ import annotations

from typing import Any, Literal

from runner.domain.records import Record


class SimulatedRound(Record, frozen=True, kw_only=True):
    """One model.

    Attributes:
        round: 0 is of the first images, which were drawn at random.
        images, labels: in training: images, and what annotators drew there.
        money: that these labels cost; None where flywheel.yaml names no price.
        hours: that the simulated annotators took.
        value: the metric on the val split; None where it was not measured.
        arms: by which strategies this round's images were drawn.
    """

    round: int
    images: int
    labels: int
    hours: float
    money: float | None = None
    value: float | None = None
    arms: dict[str, int] = {}


class SimulatedRun(Record, frozen=True, kw_only=True):
    """One policy with one seed.

    Attributes:
        needed: labels until the target was reached; None where it was not. `images`, `money`: the same in these.
        beside: whether that is fewer than `random` with the same seed needed.
        share: labels / labels of `random` − 1; None where one of them did not reach the target.
    """

    seed: int
    rounds: list[SimulatedRound]
    needed: float | None = None
    images: float | None = None
    money: float | None = None
    beside: Literal["fewer", "same", "more", "unknown"] = "unknown"
    share: float | None = None


class SimulatedPolicy(Record, frozen=True, kw_only=True):
    """One mix, as a spec writes it, and its runs in the order of their seeds."""

    name: str
    mix: dict[str, Any]
    runs: list[SimulatedRun]


class Simulation(Record, frozen=True, kw_only=True):
    """Policies beside `random`, which comes first.

    Attributes:
        sprint: whose recipe trained the models. `recipe`: the options of training that were set for the simulation.
        metric: on the val split.
        target: of the metric. `target_given`: whether somebody named it; else it is what `random` reached in its weakest run.
        pool: images of the train split that could be labelled. `start`, `size`: images of the first training and of a batch.
        annotators: who labelled: their names with their rates; empty where labels are those of the dataset.
        notes: what to know when reading it.
    """

    sprint: str
    task: str
    metric: str
    target: float | None
    target_given: bool
    pool: int
    start: int
    size: int
    rounds: int
    seeds: list[int]
    recipe: dict[str, Any]
    annotators: list[dict[str, Any]]
    currency: str
    policies: list[SimulatedPolicy]
    notes: list[str] = []
