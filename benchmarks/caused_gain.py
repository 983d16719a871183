"""The gain that a strategy caused, against the control arm: `python benchmarks/caused_gain.py [--sprints 50] [--quick]`.

Simulated sprints with fast learners (scikit-learn, on its 1,797 digits of 8 × 8 pixels), since fifty trainings of a detector times
six twins are days. A quarter of all images is of a weak slice (inverted, as seen by another camera), of which the first training
images hold none. A batch has a strategy's arm and the control arm, and pairs of twins are trained on what was there before and a
share of either: as `flywheel ablate` does. The strategies: `random` (which can cause nothing: how often does the interval hold zero?),
least confidence of the model before, and images of the weak slice (how often does it exclude zero?).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np

from runner.evaluation.ablation import caused
from runner.evaluation.bootstrap import multiplicities
from runner.evaluation.intervals import interval
from runner.evaluation.sample import Sample

START, TEST, WEAK, RESAMPLES = 80, 600, 0.25, 400


def learner(name: str, seed: int):  # type: ignore[no-untyped-def]
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    if name == "forest":
        return RandomForestClassifier(20, random_state=seed)
    if name == "perceptron":
        return MLPClassifier((32,), max_iter=80, random_state=seed)
    return KNeighborsClassifier(3)


class Sprint:
    """One simulated sprint: images, which of them are weak, and what was labelled before."""

    def __init__(self, number: int, name: str) -> None:
        from sklearn.datasets import load_digits

        self.draws = np.random.default_rng((41, number))
        self.name = name
        images, classes = load_digits(return_X_y=True)
        order = self.draws.permutation(len(images))
        self.images, self.classes = images[order].copy(), classes[order]
        self.weak = self.draws.random(len(order)) < WEAK
        self.images[self.weak] = 16 - self.images[self.weak]
        self.test = np.arange(TEST)
        rest = np.arange(TEST, len(order))
        self.start = rest[~self.weak[rest]][:START]
        self.pool = np.setdiff1d(rest, self.start)
        self.times = multiplicities(np.arange(TEST), RESAMPLES)

    def fitted(self, own: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return learner(self.name, seed).fit(self.images[own], self.classes[own])

    def samples(self, own: np.ndarray, seed: int) -> tuple[Sample, Sample]:
        """Accuracy on all test images, and on the weak slice, of a model trained on some images."""
        right = self.fitted(own, seed).predict(self.images[self.test]) == self.classes[self.test]
        return self.sample(right, np.ones(TEST, dtype=bool)), self.sample(right, self.weak[self.test])

    def sample(self, right: np.ndarray, part: np.ndarray) -> Sample:
        times = self.times[:, part]
        replicates = (times * right[part]).sum(axis=1) / np.maximum(times.sum(axis=1), 1)
        return Sample(estimate=float(right[part].mean()), replicates=replicates, groups=int(part.sum()))

    def picked(self, strategy: str, number: int) -> np.ndarray:
        if strategy == "random":
            return self.draws.choice(self.pool, number, replace=False)
        if strategy == "the weak slice":
            return self.draws.choice(self.pool[self.weak[self.pool]], number, replace=False)
        confidence = self.fitted(self.start, 0).predict_proba(self.images[self.pool]).max(axis=1)
        return self.pool[np.argsort(confidence, kind="stable")[:number]]

    def gain(self, strategy: str, arm: int, pairs: int) -> tuple[Sample, Sample]:
        """What the strategy caused on all test images, and on the weak slice."""
        control = self.draws.choice(self.pool, arm, replace=False)
        chosen = self.draws.permutation(self.picked(strategy, arm))
        found: list[list[tuple[Sample, Sample]]] = [[], []]
        parts = zip(np.array_split(chosen, pairs), np.array_split(control, pairs), strict=True)
        for pair, (mine, theirs) in enumerate(parts):
            twins = [self.samples(np.concatenate([self.start, own]), pair) for own in (mine, theirs)]
            for place in (0, 1):
                found[place].append((twins[0][place], twins[1][place]))
        return caused(found[0]), caused(found[1])


def row(strategy: str, name: str, arm: int, pairs: int, sprints: int) -> list[str]:
    outcomes: list[tuple[float, float, float, float, float]] = []
    for number in range(sprints):
        both = Sprint(number, name).gain(strategy, arm, pairs)
        told = []
        for sample in both:
            ends = interval(sample, 0.95)
            told += [float(ends is not None and not ends[0] <= 0 <= ends[1]), sample.centre]
        ends = interval(both[0], 0.95)
        outcomes.append((*told, (ends[1] - ends[0]) if ends else np.nan))  # type: ignore[arg-type]
    excluded, centre, excluded_inside, centre_inside, width = np.nanmean(outcomes, axis=0)
    return [
        strategy, name, f"{arm} + {arm}", str(pairs), f"{1 - excluded:.0%}", f"{excluded:.0%}", f"{centre:+.3f}", f"{width:.3f}",
        f"{1 - excluded_inside:.0%}", f"{excluded_inside:.0%}", f"{centre_inside:+.3f}",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sprints", type=int, default=50)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    sprints = 10 if arguments.quick else arguments.sprints
    heads = [
        "strategy", "learner", "images", "pairs", "holds zero", "excludes zero", "mean", "width",
        "weak slice: holds zero", "excludes zero", "mean",
    ]  # fmt: skip
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    show: Callable[..., None] = lambda *told: print("| " + " | ".join(row(*told, sprints)) + " |", flush=True)  # noqa: E731
    for name in ("neighbours", "forest"):
        for strategy in ("random", "least confidence", "the weak slice"):
            for arm, pairs in ((60, 3), (120, 3), (120, 5)):
                show(strategy, name, arm, pairs)
    show("random", "perceptron", 60, 3)
    show("the weak slice", "perceptron", 60, 3)


if __name__ == "__main__":
    main()
