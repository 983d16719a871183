"""Whether a verdict and its report are what the configuration of today would judge and say; no stage is looked at.

What stages depend on (data, slices, classes, training) is in their parameters. What the judgement and the report depend on
besides (gates, prices, the holdout's budget, the texts of the spec) is compared here, with what was recorded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import UNSET

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.files import read_json
from runner.domain.verdict import Verdict
from runner.gates.evidence import Evidence
from runner.gates.judge import AskedGate, WrittenGate, asked, asked_of
from runner.gates.text import demand, describe
from runner.planning.forecast import hourly_price
from runner.record.catalogue import EVALUATION, EXPORTS, REPORT, sprint_folder
from runner.workflow.judging.written_gates import written_claim, written_gates

_UNSET = "none"


class _StagePrice(msgspec.Struct, frozen=True):
    device: str
    price_per_hour: float


class _Cost(msgspec.Struct, frozen=True):
    currency: str
    stages: list[_StagePrice] = []


class _File(msgspec.Struct, frozen=True):
    path: str
    sha256: str


class _Labels(msgspec.Struct, frozen=True):
    strategy: str
    guidelines: _File | None = None
    guidelines_path: str | None = None
    budget: float | None = None


class _Said(msgspec.Struct, frozen=True):
    """What a report says that is taken from the configuration, by whatever version it was written."""

    project: str
    title: str
    cost: _Cost
    hypothesis: str | None = None
    owner: str | None = None
    phase: str | None = None
    annotation: _Labels | None = None


def outdated(root: Path, project: Project, loaded: LoadedSprint, verdict: Verdict) -> list[str]:
    """Why the recorded verdict or report is not what would be judged and said today; nothing where it is.

    Args:
        project, loaded: as the sprint is judged, under the terms in its folder.

    Raises:
        FlywheelError: a record cannot be read.
    """
    folder = sprint_folder(root, loaded.name)
    return [
        *_gates(folder, project, loaded, verdict),
        *_claim(loaded, verdict),
        *_holdout(project, verdict),
        *_report(root, folder, project, loaded),
    ]


def _gates(folder: Path, project: Project, loaded: LoadedSprint, verdict: Verdict) -> Iterator[str]:
    evaluation = EVALUATION.read_if_there(folder)
    if evaluation is None:
        return
    evidence = Evidence(
        evaluation=evaluation,
        benchmark=None,
        exports=EXPORTS.read_if_there(folder) or [],
        primary_target=loaded.sprint.primary_target,
    )
    today: Sequence[WrittenGate] = written_gates(project, loaded)
    now, before = Counter(asked(today, evidence)), Counter(asked_of(gate) for gate in verdict.gates)
    yield from _differences([*(before - now).elements()], [*(now - before).elements()])


def _differences(gone: list[AskedGate], new: list[AskedGate]) -> Iterator[str]:
    """Edited gates as before → after; what is only on one side as taken away or added."""
    for gate in gone:
        match = next((other for other in new if other.subject == gate.subject), None)
        if match is None:
            yield f"gate {gate.words} was taken away"
            continue
        new.remove(match)
        yield f"gate {gate.words} → {match.demand if match.demand != gate.demand else match.full}"
    yield from (f"gate {gate.words} was not judged" for gate in new)


def _claim(loaded: LoadedSprint, verdict: Verdict) -> Iterator[str]:
    today = written_claim(loaded)
    before = None if verdict.claim is UNSET else verdict.claim
    now = None if today is None else (demand(today.gate), today.gate.slice, today.gate.class_name)
    if now != (None if before is None else (before.gate, before.slice, before.class_name)):
        yield f"expect {'none' if before is None else before.gate} → {'none' if today is None else describe(today.gate)}"


def _holdout(project: Project, verdict: Verdict) -> Iterator[str]:
    if verdict.wear is None:
        return
    holdout = project.policy.holdout
    budget = holdout.significance if holdout else None
    if verdict.wear.budget != budget:
        yield f"policy.holdout.significance {_shown(verdict.wear.budget)} → {_shown(budget)}"
    elif holdout is not None and verdict.wear.refresh != holdout.refresh:
        yield f"policy.holdout.refresh {verdict.wear.refresh} → {holdout.refresh}"


def _report(root: Path, folder: Path, project: Project, loaded: LoadedSprint) -> Iterator[str]:
    if not (folder / REPORT.name).is_file():
        return
    said = read_json(folder / REPORT.name, _Said)
    sprint, costs = loaded.sprint, project.costs
    pairs: list[tuple[str, object, object]] = [
        ("name", said.project, project.name),
        ("phase", said.phase, project.phase),
        ("title", said.title, sprint.title),
        ("hypothesis", said.hypothesis, sprint.hypothesis),
        ("owner", said.owner, sprint.owner),
        ("costs.currency", said.cost.currency, costs.currency),
        *(
            (f"the price of an hour on {device}", price, hourly_price(device, costs))
            for device, price in {stage.device: stage.price_per_hour for stage in said.cost.stages}.items()
        ),
        *_labels(root, said.annotation, loaded),
    ]
    yield from (f"{name} {_shown(before)} → {_shown(now)}" for name, before, now in pairs if before != now)


def _labels(root: Path, said: _Labels | None, loaded: LoadedSprint) -> Iterator[tuple[str, object, object]]:
    wanted = loaded.sprint.annotation
    yield "annotation.strategy", said.strategy if said else None, wanted.strategy if wanted else None
    if said is None or wanted is None:
        return
    yield "annotation.budget", said.budget, wanted.budget.money if wanted.budget else None
    yield "annotation.guidelines", said.guidelines_path, wanted.guidelines
    path = root / wanted.guidelines if wanted.guidelines else None
    if said.guidelines is not None and said.guidelines_path == wanted.guidelines and path and path.is_file():
        now = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"the text of {wanted.guidelines}", said.guidelines.sha256[:8], now[:8]


def _shown(value: object) -> str:
    return _UNSET if value is None else f"{value:g}" if isinstance(value, float) else str(value)
