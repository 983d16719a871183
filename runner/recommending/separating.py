"""What would tell options apart that the evidence does not: the cheapest look at what each of them rests on."""

from __future__ import annotations

from runner.recommending.known import Known
from runner.recommending.options import Possible

LOOKED_AT = 50  # images whose labels a second annotator makes anew
CONTENDERS = 0.15


def what_separates(known: Known, options: list[tuple[Possible, float]]) -> list[str]:
    """Of the options that may be the best, what is not known; in words, with what it costs where that is known."""
    near = {option.action for option, best in options if best >= CONTENDERS}
    found = []
    if near & {"label", "collect"} and len({point.images for point in known.curve}) < 2:
        found.append(
            f"one training on half of the training images ({known.train // 2}): how much labels give{_price(known.prices.run, known)}"
        )
    if "clean" in near and known.wrong is None:
        labels = LOOKED_AT * known.per_image
        cost = labels * known.prices.label if known.prices.label else None
        found.append(
            f"{LOOKED_AT} training images labelled by a second annotator: how many labels are wrong{_price(cost, known)}"
        )
    if "tune" in near:
        found.append(
            f"one training with twice the epochs: whether it is the model{_price(known.prices.run, known)}"
        )
    if known.seed_deviation is None and known.measure is not None:
        twice = known.prices.run * 2 if known.prices.run is not None else None
        found.append(f"three training seeds: how much of a difference is luck{_price(twice, known)}")
    if "label_test" in near:
        found.append("a look at the gate's threshold: whether it is the one that the use needs")
    return found


def _price(money: float | None, known: Known) -> str:
    return f" ({money:,.2f} {known.prices.currency})" if money is not None else ""
