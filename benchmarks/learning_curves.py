"""How well extrapolated learning curves cover: `python benchmarks/learning_curves.py [--trials 300] [--quick]`.

Simulated projects whose true curve is of a family that is NOT among the fitted ones: Weibull, Hill, a broken power law, and a power law
that starts late; and curves of real learners (scikit-learn on its digits, held-out accuracy on 797 images). A project has four to eight sprints, whose
points are measured with the noise of a test split and of a training. Asked is what a further sprint would measure at 1.5, 2 and 4
times the labels; beside ours the two that are in use: one power law fitted by least squares with its covariance (scipy's curve_fit),
and the last point taken for all that follow.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from runner.evaluation.learning_curve import Point, fit

AHEAD = (1.5, 2.0, 4.0)
SIZES = (4, 5, 6, 8)
Curve = Callable[[np.ndarray], np.ndarray]


def weibull(draws: np.random.Generator) -> Curve:
    top, rise, scale, shape = (
        draws.uniform(0.5, 0.97),
        draws.uniform(0.2, 0.5),
        10 ** draws.uniform(2, 4),
        draws.uniform(0.3, 0.8),
    )
    return lambda labels: top - rise * np.exp(-((labels / scale) ** shape))


def hill(draws: np.random.Generator) -> Curve:
    top, scale, shape = draws.uniform(0.6, 0.97), 10 ** draws.uniform(1.5, 3.5), draws.uniform(0.5, 1.6)
    return lambda labels: top * labels**shape / (scale**shape + labels**shape)


def broken_power_law(draws: np.random.Generator) -> Curve:
    """Caballero et al. (2023), Broken neural scaling laws, ICLR: two slopes and a smooth break between them."""
    top, first, second = draws.uniform(0.7, 0.99), draws.uniform(0.1, 0.3), draws.uniform(0.1, 0.7)
    at, scale = 10 ** draws.uniform(2.3, 3.7), draws.uniform(0.5, 1.2)
    return lambda labels: np.maximum(top - scale * (labels / 10) ** -first * (1 + labels / at) ** -second, 0)


def late_power_law(draws: np.random.Generator) -> Curve:
    top, start, slope = draws.uniform(0.5, 0.97), 10 ** draws.uniform(1.5, 3), draws.uniform(0.3, 1.2)
    return lambda labels: np.maximum(top - top * (1 + labels / start) ** -slope, 0)


FAMILIES: dict[str, Callable[[np.random.Generator], Curve]] = {
    "Weibull": weibull,
    "Hill": hill,
    "broken power law": broken_power_law,
    "late power law": late_power_law,
}


def projects(
    family: Callable[[np.random.Generator], Curve], trials: int
) -> Iterator[tuple[list[Point], dict[float, tuple[float, float]], float]]:
    """Points, what a sprint would measure ahead and the truth there; and the deviation of a measurement."""
    for trial in range(trials):
        draws = np.random.default_rng((17, trial))
        curve = family(draws)
        number = int(draws.choice(SIZES))
        labels = np.round(draws.uniform(80, 400) * draws.uniform(1.3, 2.0) ** np.arange(number))
        measured, trained = draws.uniform(0.004, 0.02), draws.uniform(0.003, 0.015)
        noise = lambda truth: truth + draws.normal(0, math.hypot(measured, trained))  # noqa: B023, E731
        points = [
            Point(labels=float(at), value=float(np.clip(noise(value), 0, 1)), deviation=measured)
            for at, value in zip(labels, curve(labels), strict=True)
        ]
        ahead = {}
        for times in AHEAD:
            truth = float(curve(np.array([labels[-1] * times]))[0])
            ahead[times] = (truth, float(np.clip(noise(truth), 0, 1)))
        yield points, ahead, measured


def learners(trials: int) -> Iterator[tuple[list[Point], dict[float, tuple[float, float]], float]]:
    """The same with real learners: the truth ahead is the mean of ten trainings there."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier

    images, classes = load_digits(return_X_y=True)
    kinds = [
        lambda: KNeighborsClassifier(3),
        lambda: LogisticRegression(max_iter=200),
        GaussianNB,
        lambda: RandomForestClassifier(20, random_state=0),
    ]
    for trial in range(trials):
        draws = np.random.default_rng((29, trial))
        order = draws.permutation(len(images))
        test, pool = order[:797], order[797:]
        make = kinds[trial % len(kinds)]

        def accuracy(number: int) -> float:
            own = draws.choice(pool, number, replace=False)  # noqa: B023
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make().fit(images[own], classes[own])  # noqa: B023
            return float((model.predict(images[test]) == classes[test]).mean())  # noqa: B023

        number = int(draws.choice(SIZES[:3]))
        labels = np.unique(np.round(25 * draws.uniform(1.25, 1.6) ** np.arange(number)).astype(int))
        points = [Point(labels=float(at), value=accuracy(int(at)), deviation=0.0) for at in labels]
        ahead = {}
        for times in AHEAD:
            there = [accuracy(int(labels[-1] * times)) for _ in range(10)]
            ahead[times] = (float(np.mean(there)), there[0])
        yield points, ahead, 0.0


def power_law(points: list[Point], labels: float, deviation: float) -> tuple[float, float]:
    """What many do: one power law, least squares, ± 1.96 standard errors by its covariance."""
    from scipy.optimize import curve_fit

    x, y = np.array([point.labels for point in points]), np.array([point.value for point in points])
    form = lambda at, top, rise, slope: top - rise * at**-slope  # noqa: E731
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            best, covariance = curve_fit(form, x, y, p0=(y[-1], 1.0, 0.5), maxfev=5000)
    except RuntimeError:
        return y[-1], 0.0
    _, rise, slope = best
    gradient = np.array([1, -(labels**-slope), rise * math.log(labels) * labels**-slope])
    with np.errstate(all="ignore"):
        variance = float(gradient @ covariance @ gradient)
    return float(form(labels, *best)), 1.96 * math.sqrt(max(variance, 0.0) + deviation**2) if math.isfinite(
        variance
    ) else 0.0


def row(
    name: str, drawn: Iterator[tuple[list[Point], dict[float, tuple[float, float]], float]]
) -> Iterator[list[str]]:
    seen: dict[float, list[tuple[float, ...]]] = {times: [] for times in AHEAD}
    for points, ahead, deviation in drawn:
        curve = fit(points)
        for times, (truth, measured) in ahead.items():
            at = points[-1].labels * times
            ours, told = curve.predict(at), curve.predict(at, deviation=deviation)
            centre, reach = power_law(points, at, deviation)
            seen[times].append(
                (
                    ours.low <= truth <= ours.high,
                    told.low <= measured <= told.high,
                    told.high - told.low,
                    abs(ours.value - truth),
                    abs(centre - measured) <= reach,
                    abs(centre - truth),
                    abs(points[-1].value - truth),
                )
            )
    for times, outcomes in seen.items():
        curve_in, told_in, width, _, power_in, _, _ = np.mean(outcomes, axis=0)
        _, _, _, ours_median, _, power_error, last_error = np.median(outcomes, axis=0)
        yield [
            name, f"{times:g}", f"{curve_in:.1%}", f"{told_in:.1%}", f"{width:.3f}", f"{ours_median:.4f}",
            f"{power_in:.1%}", f"{power_error:.4f}", f"{last_error:.4f}",
        ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--quick", action="store_true")
    trials = 40 if (arguments := parser.parse_args()).quick else arguments.trials
    rows = [line for name, family in FAMILIES.items() for line in row(name, projects(family, trials))]
    rows += row("real learners on digits", learners(trials // 4))
    heads = [
        "true family",
        "labels ×",
        "curve covered",
        "measurement covered",
        "width",
        "error (median)",
        "one power law: covered",
        "its error",
        "error of the last point",
    ]
    for line in (heads, ["---"] * len(heads), *rows):
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
