"""Recommendations over simulated projects with a planted bottleneck: few labels, noisy labels, or a weak model.

The learner is real (scikit-learn on pixels of its 8 × 8 digits, and on a synthetic set of ten classes), so that no answer of the
recommender's own model is planted. Of each project it is told what a record would tell: the metric on 200 test images, an
earlier sprint on half of the labels (in two of three projects), train's and val's loss, and how many of 50 gold
labels were wrong (in every second project). Then every option is done, and its true gain measured on all images that are left:

    python benchmarks/recommendation.py [--projects 150] [--seed 0] [--quick]

- label: half as many images again, labelled as well or as badly as the others;
- clean: all training labels reviewed, of which 70 % of the wrong ones are mended;
- tune: four other recipes, of which the best on val is taken.

Regret is the best option's gain less the chosen one's, in points of accuracy.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from runner.domain.verdict import Outcome
from runner.recommending.decide import recommend
from runner.recommending.known import CurvePoint, Known, Measure, Prices
from runner.record.recommendation import Recommendation

Images = NDArray[np.float64]
Labels = NDArray[np.int64]
OPTIONS = ("label", "clean", "tune")
PLANTED = ("few labels", "noisy labels", "weak model", "none of these")
TEST, VAL, GOLD, MENDED = 200, 100, 50, 0.7
PRICES = Prices(label=0.04, review=0.02, run=0.5)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project before its next sprint.

    Attributes:
        x, shown, true: `(N, D)`, `(N,)`: training images, their labels as annotators gave them, and the right ones; the pool follows
            from `n` on.
        n: how many are labelled. `recipe`: of `RECIPES`.
    """

    planted: str
    data: str
    x: Images
    shown: Labels
    true: Labels
    n: int
    recipe: int
    val: tuple[Images, Labels]
    test: tuple[Images, Labels]
    rest: tuple[Images, Labels]


def recipe(number: int, seed: int) -> object:
    """The first is weak: it sees three numbers of an image."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    if number == 0:
        return make_pipeline(PCA(3, random_state=0), LogisticRegression(max_iter=300))
    if number == 1:
        return LogisticRegression(C=0.1, max_iter=300)
    if number == 2:
        return make_pipeline(PCA(12, random_state=0), LogisticRegression(max_iter=300))
    if number == 3:
        return RandomForestClassifier(60, random_state=seed)
    return SVC(probability=False, random_state=seed)


def datasets() -> dict[str, tuple[Images, Labels]]:
    from sklearn.datasets import load_digits, make_classification

    digits = load_digits()
    x, y = make_classification(
        5000,
        40,
        n_informative=12,
        n_redundant=4,
        n_classes=10,
        n_clusters_per_class=2,
        class_sep=1.6,
        random_state=1,
    )
    return {
        "digits": (digits.data / 16.0, digits.target.astype(np.int64)),
        "synthetic": (x / np.abs(x).max(), y.astype(np.int64)),
    }


def planted(kind: str, name: str, data: tuple[Images, Labels], chance: np.random.Generator) -> Project:
    """A project whose bottleneck is known. Sizes, noise and recipes vary within it."""
    x, y = data
    order = chance.permutation(len(x))
    held = TEST + VAL
    n = int(chance.integers(50, 110)) if kind == "few labels" else int(chance.integers(250, 500))
    wrong = float(chance.uniform(0.3, 0.5)) if kind == "noisy labels" else float(chance.uniform(0.0, 0.04))
    room = order[held : held + 2 * n]
    shown = y[room].copy()
    swapped = chance.random(len(shown)) < wrong
    shown[swapped] = (shown[swapped] + chance.integers(1, 10, swapped.sum())) % 10
    rest = order[held + 2 * n :]
    return Project(
        planted=kind,
        data=name,
        x=x[room],
        shown=shown,
        true=y[room],
        n=n,
        recipe=0 if kind == "weak model" else int(chance.choice([2, 3, 4])),
        val=(x[order[TEST:held]], y[order[TEST:held]]),
        test=(x[order[:TEST]], y[order[:TEST]]),
        rest=(x[rest], y[rest]),
    )


def trained(project: Project, count: int, labels: Labels, number: int, seed: int = 0) -> object:
    model = recipe(number, seed)
    return model.fit(project.x[:count], labels[:count])  # type: ignore[attr-defined]


def accuracy(model: object, images: tuple[Images, Labels]) -> float:
    return float(model.score(*images))  # type: ignore[attr-defined]


def loss(model: object, x: Images, y: Labels) -> float:
    """Mean log loss; of a model without probabilities, the share that is wrong."""
    from sklearn.metrics import log_loss

    if hasattr(model, "predict_proba"):
        proba = np.clip(model.predict_proba(x), 1e-3, 1)
        return float(log_loss(y, proba / proba.sum(axis=1, keepdims=True), labels=model.classes_))  # type: ignore[attr-defined]
    return float(np.mean(model.predict(x) != y))  # type: ignore[attr-defined]


def known_of(project: Project, model: object, chance: np.random.Generator) -> Known:
    """What a record would tell of it."""
    value = accuracy(model, project.test)
    error = float(np.sqrt(max(value * (1 - value), 0.01) / TEST))
    points = [CurvePoint(sprint="0002", images=project.n, measure=Measure(value=value, error=error))]
    if chance.random() < 2 / 3:
        half = accuracy(trained(project, project.n // 2, project.shown, project.recipe), project.test)
        points.insert(
            0, CurvePoint(sprint="0001", images=project.n // 2, measure=Measure(value=half, error=error))
        )
    wrong = None
    if chance.random() < 0.5:
        gold = chance.choice(project.n, min(GOLD, project.n), replace=False)
        share = float((project.shown[gold] != project.true[gold]).mean())
        wrong = Measure(value=share, error=float(np.sqrt(max(share * (1 - share), 0.02) / len(gold))))
    on_val = loss(model, *project.val)
    on_train = loss(model, project.x[: project.n], project.shown[: project.n])
    return Known(
        sprint="0002",
        metric="top1",
        measure=Measure(value=value, error=error),
        outcome=Outcome.PASS,
        champion="0002",
        promoted=True,
        train=project.n,
        labels=project.n,
        per_image=1.0,
        pool=project.n,
        prices=PRICES,
        curve=points,
        gap=1 - on_train / on_val if on_val > 0 else None,
        augmented=False,
        wrong=wrong,
    )


def gains(project: Project, base: object, chance: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Of each option: the true gain, and the one that 200 test images show."""
    before, shown_before = accuracy(base, project.rest), accuracy(base, project.test)
    more = project.n + project.n // 2
    mended = project.shown.copy()
    looked = chance.random(len(mended)) < MENDED
    mended[looked] = project.true[looked]
    labelled = trained(project, more, project.shown, project.recipe)
    cleaned = trained(project, project.n, mended, project.recipe)
    tried = [
        trained(project, project.n, project.shown, number) for number in range(5) if number != project.recipe
    ]
    tuned = max([base, *tried], key=lambda model: accuracy(model, project.val))
    after = {"label": labelled, "clean": cleaned, "tune": tuned}
    return {
        name: (accuracy(model, project.rest) - before, accuracy(model, project.test) - shown_before)
        for name, model in after.items()
    }


@dataclass(kw_only=True)
class Tally:
    """Points of accuracy that policies left lying, and what intervals held."""

    regret: dict[str, list[float]] = field(default_factory=dict)
    held: list[bool] = field(default_factory=list)
    held_measured: list[bool] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    right: list[bool] = field(default_factory=list)
    expected: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, policy: str, lost: float) -> None:
        self.regret.setdefault(policy, []).append(100 * lost)


def score(tally: Tally, found: Recommendation, gained: dict[str, tuple[float, float]]) -> None:
    true = {name: gain for name, (gain, _) in gained.items()}
    best = max(*true.values(), 0.0)
    for name in OPTIONS:
        tally.add(f"always {name}", best - true[name])
    tally.add("random choice", best - float(np.mean(list(true.values()))))
    tally.add("stop", best)
    ranked = [option.action for option in found.options if option.action in OPTIONS]
    leading = max(
        (option for option in found.options if option.action in OPTIONS),
        key=lambda option: option.best or 0.0,
    )
    tally.actions[found.action or "abstains"] += 1
    if found.action in OPTIONS:
        tally.add("recommended, where it recommends", best - true[found.action])
        tally.add("  random choice there", best - float(np.mean(list(true.values()))))
        tally.right.append(true[found.action] >= best - 0.01)
    tally.add("first in its list, abstaining or not", best - true[leading.action])
    for option in found.options:
        if option.action not in OPTIONS or option.interval is None:
            continue
        gain, measured = gained[option.action]
        tally.expected.setdefault(option.action, []).append((option.gain or 0.0, gain))
        tally.held.append(option.interval.low - 1e-9 <= gain <= option.interval.high + 1e-9)
        if option.measurable is not None:
            tally.held_measured.append(option.measurable.low <= measured <= option.measurable.high)
    assert ranked


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--projects", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chance = np.random.default_rng(options.seed)
    data = datasets()
    tallies = {kind: Tally() for kind in (*PLANTED, "all")}
    began = time.perf_counter()
    for number in range(24 if options.quick else options.projects):
        kind = PLANTED[number % len(PLANTED)]
        name = list(data)[number // len(PLANTED) % len(data)]
        project = planted(kind, name, data[name], chance)
        base = trained(project, project.n, project.shown, project.recipe)
        found = recommend(known_of(project, base, chance))
        gained = gains(project, base, chance)
        for key in (kind, "all"):
            score(tallies[key], found, gained)
    print(
        f"{number + 1} projects, scikit-learn on digits and on a synthetic set, {time.perf_counter() - began:.0f} s\n"
    )
    for kind, tally in tallies.items():
        show(kind, tally)


def show(kind: str, tally: Tally) -> None:
    total = sum(tally.actions.values())
    said = ", ".join(f"{name} {count / total:.0%}" for name, count in tally.actions.most_common())
    print(f"{kind}: {said}")
    for policy, lost in tally.regret.items():
        values = np.array(lost)
        error = values.std() / np.sqrt(len(values))
        print(f"  {policy:<38} regret {values.mean():5.1f} ± {error:.1f} points  (n {len(values)})")
    for name, pairs in sorted(tally.expected.items()):
        expected, gained = 100 * np.mean(pairs, axis=0)
        print(f"  {name:<6} expected {expected:5.1f}, gained {gained:5.1f} points on average")
    if tally.right:
        print(f"  within a point of the best option, where it recommends: {np.mean(tally.right):.0%}")
    print(
        f"  the 80 % interval holds the true gain {np.mean(tally.held):.0%}, that of a measured gain {np.mean(tally.held_measured):.0%}\n"
    )


if __name__ == "__main__":
    main()
