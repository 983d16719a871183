"""What became of what the sprint before recommended."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.verdict import GateResult, Outcome
from runner.recommending.goals import distance
from runner.record.recommendation import Action, Hindsight, Option
from runner.workflow.recommending.evidence import open_gate
from runner.workflow.recommending.records import JudgedRecords


def past(own: JudgedRecords, before: Sequence[JudgedRecords]) -> list[Hindsight]:
    """All earlier recommendations, the oldest first: what the last one's record says of those before it, and that one."""
    advised = [records for records in before if records.recommendation is not None]
    if not advised or advised[-1].recommendation is None:
        return []
    last = advised[-1]
    recommendation = last.recommendation
    done = what_was_done(last, own)
    option = _expected(
        recommendation.options if recommendation else [],
        done,
        recommendation.action if recommendation else None,
    )
    return [*(recommendation.past if recommendation else []), _looked_back(last, own, done, option)]


def what_was_done(before: JudgedRecords, after: JudgedRecords) -> list[Action]:
    """By their records: which of what can be recommended lies between two sprints."""
    done: list[Action] = []
    was, now = before.selection, after.selection
    if now.splits["train"].images > was.splits["train"].images:
        done.append("label")
    if any(row.changed for row in after.cleaned) or (
        now.splits["train"].images == was.splits["train"].images
        and now.split_digests["train"] != was.split_digests["train"]
    ):
        done.append("clean")
    if before.recipe is not None and after.recipe is not None and before.recipe != after.recipe:
        done.append("tune")
    if now.splits["test"].images > was.splits["test"].images:
        done.append("label_test")
    if after.verdict.champion == before.name:
        done.append("ship")
    return done


def _expected(options: Sequence[Option], done: Sequence[Action], advised: Action | None) -> Option | None:
    """What was expected of what was done: of the option that was recommended, where it is among that."""
    raising = [action for action in done if action != "ship"]
    order = [advised, *raising] if advised in raising else raising
    return next((option for action in order for option in options if option.action == action), None)


def _looked_back(
    before: JudgedRecords, own: JudgedRecords, done: list[Action], option: Option | None
) -> Hindsight:
    advice = before.recommendation
    action = advice.action if advice else None
    collected = "label" if action == "collect" else action
    gained = _gained(before, own)
    expected = (option.measurable or option.interval) if option else None
    return Hindsight(
        sprint=before.name,
        next=own.name,
        action=action,
        done=done,
        followed=None if collected is None else collected in done,
        gain=option.gain if option else None,
        interval=expected,
        measured=gained,
        inside=expected.low - 1e-9 <= gained <= expected.high + 1e-9
        if expected and gained is not None
        else None,
    )


def _gained(before: JudgedRecords, own: JudgedRecords) -> float | None:
    """In the unit of the recommendation; paired with the model of then, where that was run on today's test images."""
    advice = before.recommendation
    if advice is not None and advice.unit == "gates":
        now = _distance_now(before.verdict.gates, own.verdict.gates)
        return (
            round(advice.open_distance - now, 4)
            if now is not None and advice.open_distance is not None
            else None
        )
    champion = own.evaluation.champion
    if champion is not None and champion.sprint == before.name:
        for found in champion.differences:
            if found.slice is None and found.class_name is None and found.metric == before.verdict.optimizing:
                return round(found.difference, 4)
    if before.measure is None or own.measure is None or own.verdict.optimizing != before.verdict.optimizing:
        return None
    return round(own.measure.value - before.measure.value, 4)


def _distance_now(then: Sequence[GateResult], now: Sequence[GateResult]) -> float | None:
    """What the gates that were open then lack now; None where one of them is not judged any more."""
    today = {_named(gate): gate for gate in now}
    total = 0.0
    for gate in then:
        if gate.outcome is Outcome.PASS or not open_gate(gate).quality or open_gate(gate).target_only:
            continue
        again = today.get(_named(gate))
        lacking = distance(open_gate(again)) if again is not None else None
        if lacking is None:
            return None
        total += lacking
    return total


def _named(gate: GateResult) -> tuple[str, str | None, str | None, str | None]:
    return gate.gate, gate.slice, gate.class_name, gate.target
