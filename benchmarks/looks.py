"""How often a model that is no better passes for better while the advice on further images is followed, and what the ledger says.

Two equally good models are compared on a pilot by the gate `map50 gain ≥ 0 vs champion`. As long as it is INCONCLUSIVE the test
split grows by the advised number of images, and all of it is judged again:

    python benchmarks/looks.py [--teams 2000] [--looks 8] [--quick]

The same teams are judged twice: each look by the level that it has (`runner/domain/looks.py`), and each by the full level, which
is what happened while one more image set the ledger to zero. Growth is bounded by 1,000 times the pilot. Images are simulated by
what each adds to the difference of the two models' recalls, which are drawn anew per image.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from runner.domain.looks import level_of_look
from runner.evaluation.intervals import Family, Sample
from runner.evaluation.sample_size import further_groups
from runner.planning.holdout import HoldoutQuestion, spent, with_use

LEVEL = 0.95
MOST_GROWTH = 1000
DRAWS = np.random.default_rng(0).standard_normal(200)
DRAWS = (DRAWS - DRAWS.mean()) / DRAWS.std(ddof=1)  # a spread of exactly one
PILOTS = {"60 images": 60, "200 images": 200}


@dataclass(frozen=True, kw_only=True)
class Followed:
    """One team's way. `ledger`: the significance that uses.json says was spent."""

    passed: bool
    looks: int
    images: int
    ledger: float


def draw(n_images: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`(3, I)`: objects per image, and how many each of two equally good models finds; what is hard is hard for both."""
    objects = 1 + rng.poisson(1.0, n_images)
    chance = 1 / (1 + np.exp(-rng.normal(0.8, 1.2, n_images)))
    return np.stack([objects, rng.binomial(objects, chance), rng.binomial(objects, chance)]).astype(float)


def compared(images: NDArray[np.float64]) -> Sample:
    """The difference of the two recalls. Of its resamples an interval takes the spread alone, which is written down as the
    bootstrap of a ratio gives it to first order: thousands of teams with ten thousand images would take days otherwise."""
    objects, ours, theirs = images
    gain = float((ours.sum() - theirs.sum()) / objects.sum())
    error = float(np.sqrt(((ours - theirs - gain * objects) ** 2).sum()) / objects.sum())
    return Sample(
        estimate=gain,
        replicates=gain + error * DRAWS,
        groups=images.shape[1],
        bounds=(-1.0, 1.0),
    )


def follow(pilot: int, seed: int, *, most_looks: int, spending: bool) -> Followed:
    """Judges, follows the advice, judges again; until it is decided or nobody would go on."""
    rng = np.random.default_rng([seed, pilot])
    images, looks, recorded = draw(pilot, rng), 0, {"0002-same": []}
    while True:
        looks += 1
        asked = HoldoutQuestion(images=_packed(images.shape[1]), comparison="the same" if spending else "")
        recorded["0002-same"] = with_use(
            recorded, "0002-same", f"{looks}", f"evaluation {looks}", LEVEL, asked
        )
        found = compared(images)
        families = [
            Family.of([found], level_of_look(LEVEL, look) if spending else LEVEL)
            for look in (looks, looks + 1)
        ]
        ends = families[0].interval(found)
        further = further_groups(found, 0.0, families[1])
        decided = ends is not None and not ends[0] < 0 <= ends[1]
        grown = images.shape[1] + (further or 0)
        if decided or looks == most_looks or further is None or grown > MOST_GROWTH * pilot:
            last = recorded["0002-same"][-1]
            return Followed(
                passed=decided and ends is not None and ends[0] >= 0,
                looks=looks,
                images=images.shape[1],
                ledger=spent([last], last.split_digest)[1],
            )
        images = np.concatenate([images, draw(further, rng)], axis=1)


def _packed(n_images: int) -> str:
    """A split that shares its first image with all smaller ones: that is what the ledger asks."""
    from runner.domain.image_set import packed

    return packed(["first", f"{n_images}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, default=2000)
    parser.add_argument("--looks", type=int, default=8, help="the most that anybody takes")
    parser.add_argument("--quick", action="store_true", help="200 teams")
    options = parser.parse_args()
    teams = 200 if options.quick else options.teams
    started = time.perf_counter()
    print(
        f"{teams} teams with an equal model, at most {options.looks} looks; "
        f"the simulation's own error at 5 % is ± {1.96 * sqrt(0.05 * 0.95 / teams):.1%}.\n"
    )
    print(
        "| pilot | judged by | false wins | the ledger says, at most | on average | looks | images, median |"
    )
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, pilot in PILOTS.items():
        for spending in (False, True):
            ways = [follow(pilot, seed, most_looks=options.looks, spending=spending) for seed in range(teams)]
            ledger = [way.ledger if spending else (1 - LEVEL) / 2 for way in ways]
            judged = (
                "the level of the look (ours)" if spending else "95 % each time, one use on record (before)"
            )
            print(
                f"| {name} | {judged} | {np.mean([way.passed for way in ways]):.1%} | {max(ledger):.1%} | "
                f"{np.mean(ledger):.1%} | {np.mean([way.looks for way in ways]):.1f} | "
                f"{np.median([way.images for way in ways]):,.0f} |",
                flush=True,
            )
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
