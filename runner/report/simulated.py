"""What a simulation of labelling rounds found: for a terminal, and as a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.domain.simulation import SimulatedPolicy, SimulatedRun, Simulation
from runner.evaluation.labels_needed import Beside, median_share
from runner.report.escape import plain
from runner.report.wording import NOT_MEASURED, aligned, count, label

if TYPE_CHECKING:
    from runner.adapters.pictures.canvas import Picture


def render(found: Simulation, folder: str) -> str:
    """What was replayed, what each policy reached and needed, how that is beside random, and what to know of it."""
    parts = [
        _head(found),
        "\n".join(aligned([_headings(found), *(_row(found, policy) for policy in found.policies)])),
        "\n".join(_beside(policy) for policy in found.policies[1:]) if found.target is not None else "",
        "\n".join(f"note: {note}" for note in found.notes),
        f"{folder}/simulation.json, simulation.png, simulation.svg",
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: Simulation) -> str:
    recipe = "".join(f", {name} {value}" for name, value in found.recipe.items())
    who = "labels of the dataset" if not found.annotators else "simulated annotators who err"
    after = f"{count(found.rounds, 'round')} of {count(found.size, 'image')} after {found.start:,}"
    first = f"{after}, of {found.pool:,} in train; {count(len(found.seeds), 'seed')}; recipe of {plain(found.sprint, 80)}{recipe}; {who}"
    if found.target is None:
        return f"{first}\nno target: random reached no {label(found.metric)} in one of its seeds; train longer (--epochs), or label more"
    why = "" if found.target_given else ": what random reached in its weakest seed"
    return f"{first}\ntarget: {label(found.metric)} {found.target:.3f} on val{why}"


def _headings(found: Simulation) -> tuple[str, ...]:
    money = [f"{found.currency} to target"] if _priced(found) else []
    return ("policy", "reached at the end", "seeds at target", "images to target", "labels to target", *money)


def _row(found: Simulation, policy: SimulatedPolicy) -> tuple[str, ...]:
    ends = [run.rounds[-1].value for run in policy.runs]
    there = [run for run in policy.runs if run.needed is not None]
    money = [_range([run.money for run in there], 2)] if _priced(found) else []
    return (
        plain(policy.name, 120),
        _range(ends, 3),
        f"{len(there)} of {len(policy.runs)}",
        _range([run.images for run in there], 0),
        _range([run.needed for run in there], 0),
        *money,
    )


def _priced(found: Simulation) -> bool:
    return any(
        one.money is not None for policy in found.policies for run in policy.runs for one in run.rounds
    )


def _range(values: Sequence[float | None], digits: int) -> str:
    """The median, with the lowest and the highest."""
    known = [value for value in values if value is not None]
    if not known:
        return NOT_MEASURED if values else "—"
    middle = f"{statistics.median(known):,.{digits}f}"
    return middle if len(known) == 1 else f"{middle} ({min(known):,.{digits}f} to {max(known):,.{digits}f})"


def _beside(policy: SimulatedPolicy) -> str:
    """One policy's labels beside random, seed by seed, losses included."""
    found = [Beside(run.beside, run.share) for run in policy.runs]
    losses = sum(one.outcome == "more" for one in found)
    name = plain(policy.name, 120)
    middle = median_share(found)
    shown = ", ".join(_one(run) for run in policy.runs)
    return f"{name} beside random: {_middle(middle)} in the median; {shown}. More labels than random in {losses} of {count(len(found), 'seed')}."


def _one(run: SimulatedRun) -> str:
    if run.share is not None:
        return f"{run.share:+.0%}" if round(run.share, 2) else "0%"
    words = {
        "fewer": "reached where random did not",
        "more": "not reached",
        "unknown": "neither reached",
        "same": "0%",
    }
    return words[run.beside]


def _middle(share: float | None) -> str:
    """
    >>> _middle(-0.25)
    '25% fewer labels'
    """
    if share is None:
        return "nothing to tell"
    if math.isinf(share):
        return "the target is not reached" if share > 0 else "the target is reached where random does not"
    if round(share, 2) == 0:
        return "as many labels"
    return f"{abs(share):.0%} {'fewer' if share < 0 else 'more'} labels"


def picture(found: Simulation) -> Picture:
    """A line per policy: medians over seeds, and from the lowest to the highest."""
    from runner.adapters.pictures.plotting_simulation import PolicyLine, simulation

    lines = []
    for policy in found.policies:
        rounds = min((len(run.rounds) for run in policy.runs), default=0)
        measured = [
            (
                [float(run.rounds[at].labels) for run in policy.runs],
                [value for run in policy.runs if (value := run.rounds[at].value) is not None],
            )
            for at in range(rounds)
        ]
        known = [(labels, values) for labels, values in measured if values]
        lines.append(
            PolicyLine(
                name=policy.name,
                labels=[statistics.median(labels) for labels, _ in known],
                middle=[statistics.median(values) for _, values in known],
                low=[min(values) for _, values in known],
                high=[max(values) for _, values in known],
            )
        )
    seeds = count(len(found.seeds), "seed")
    return simulation(
        f"Simulated labelling rounds: median of {seeds}, lowest to highest",
        lines,
        axes_labels=("labels in training (median of the seeds)", f"{label(found.metric)} on val"),
        target=found.target,
    )
