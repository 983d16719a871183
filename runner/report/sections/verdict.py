"""Is it good enough, and if not, which gate says so?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.task import USUAL_TASK
from runner.domain.verdict import GateResult, Outcome
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, END, GREEN, RED, YELLOW
from runner.report.escape import code, markdown, paragraphs, plain
from runner.report.sections import claim, leakage, near_duplicates
from runner.report.sections.gates import said_of_value
from runner.report.sections.holdout import keeps_open
from runner.report.sections.part import Part, table_head, table_row, unbroken
from runner.report.sections.section import TOP, Section, Shown
from runner.report.tables import (
    CellRow,
    class_rows,
    gates_worst_first,
    judged,
    optimizing,
    overall_row,
    slice_rows,
    target_rows,
    task_of,
)
from runner.report.wording import (
    ICONS,
    NOT_MEASURED,
    WORDS,
    change,
    count,
    label,
    money,
    number,
    quality,
    spread,
)
from runner.tasks import TASKS

_IDS = 3  # of findings, named in the sentence


def status(report: SprintReport) -> tuple[str, str]:
    """The verdict as an icon and a word or two."""
    if report.failure is not None:
        return "✗", "STAGE FAILED"
    if report.verdict is None:
        return "○", "NOT JUDGED"
    return ICONS[report.verdict.outcome], WORDS[report.verdict.outcome]


def because(report: SprintReport) -> str:
    """A few plain sentences: why the verdict is what it is, whose approval would change it, and where the model is weak."""
    said = (
        until_approved(report),
        _judged_so(report),
        leakage.sentence(report),
        near_duplicates.sentence(report),
        weak_spots(report),
    )
    return " ".join(part for part in said if part)


def until_approved(report: SprintReport) -> str:
    """Which findings stand between the verdict and a better one, where gates of the base are all that does."""
    verdict = report.verdict
    if report.failure is not None or verdict is None:
        return ""
    then = verdict.outcome_under(verdict.kept_for)
    open_ids = sorted(
        {str(gate.finding) for gate in verdict.gates if gate.finding and gate.outcome is not then}
    )
    ids = [each for each in open_ids if verdict.outcome_under(verdict.kept_for - {each}) is not then]
    if then is verdict.outcome:
        return ""
    known = {each.finding.id: each.finding for each in report.findings}
    found = known.get(ids[0]) if len(ids) == 1 else None
    if found is not None:
        change = f"loosens to {plain(found.after, 80)}" if found.after else "drops"
        gate = f"{plain(found.subject, 160)} {plain(found.before or '', 80)}".rstrip()
        judged_by = f"Judged by the base's {gate}, which this proposal {change}"
    else:
        judged_by = f"Judged by {len(ids)} gates of the base, which this proposal loosens or drops"
    named = ", ".join(ids[:_IDS]) + (f" and {len(ids) - _IDS} more" if len(ids) > _IDS else "")
    return f"{judged_by}; {WORDS[then]} once {named} {'is' if len(ids) == 1 else 'are'} approved."


def _judged_so(report: SprintReport) -> str:
    if report.failure is not None:
        message = plain(report.failure.message.partition("\n")[0]).rstrip(".")
        return f"The stage {plain(report.failure.stage, 40)} failed: {message}."
    if report.verdict is None:
        return "The gates have not been judged."
    gates = gates_worst_first(report.verdict.gates)
    if not gates:
        return "No gate is set: nothing was judged."
    open_gates = [gate for gate in gates if gate.outcome is not Outcome.PASS]
    if not open_gates:
        return f"{_all(len(gates))} met{_achieved(report)}."
    worst = [gate for gate in open_gates if gate.outcome is open_gates[0].outcome]
    verb = {
        Outcome.FAIL: "failed",
        Outcome.NOT_MEASURED: "could not be measured",
        Outcome.INCONCLUSIVE: f"{'is' if len(worst) == 1 else 'are'} undecided",
    }[worst[0].outcome]
    if all(keeps_open(gate, report.verdict.wear) for gate in worst):
        verb += ", since the test split's budget is spent and it may not decide against the champion"
    named = "; ".join(_named(gate, report.cost.currency) for gate in worst[:3])
    more = f"; and {len(worst) - 3} more" if len(worst) > 3 else ""
    return f"{len(worst)} of {count(len(gates), 'gate')} {verb}: {named}{more}."


def _achieved(report: SprintReport) -> str:
    metric = optimizing(report)
    evaluation = judged(report)
    value = quality(evaluation.overall if evaluation else None, metric)
    return "" if value is None else f"; {label(metric)} is {number(value)}"


def weak_spots(report: SprintReport) -> str:
    """The slice and the class to look at next, in a plain sentence: a good mean can hide a class that is never found."""
    everything = overall_row(report)
    judged_so = report.failure is None and report.verdict is not None and report.verdict.gates
    if not judged_so or everything is None or everything.value is None:
        return ""
    spots = [
        *(_spot("slice", row) for row in _measured(slice_rows(report))[:1] if _lower(row, everything)),
        *(_spot("class", row) for row in _measured(class_rows(report))[:1] if len(class_rows(report)) > 1),
    ]
    return f"Weakest: {', '.join(spots)}." if spots else ""


def _spot(kind: str, row: CellRow) -> str:
    return f"{kind} {plain(row.name, 80)} ({label(row.metric)} {number(row.value)})"


def _measured(rows: Sequence[CellRow]) -> list[CellRow]:
    return [row for row in rows if row.value is not None and row.readable]


def _lower(row: CellRow, everything: CellRow) -> bool:
    return (row.value or 0.0) < (everything.value or 0.0)


def _all(gates: int) -> str:
    return "The only gate is" if gates == 1 else f"All {gates} gates are"


def _named(gate: GateResult, currency: str) -> str:
    place = ", ".join(part for part in (gate.slice, gate.class_name, gate.target) if part)
    return (
        f"{plain(gate.gate, 120)}{f' on {plain(place, 120)}' if place else ''}{said_of_value(gate, currency)}"
    )


def _headline(report: SprintReport, _: Shown) -> list[Part]:
    icon, word = status(report)
    lines = [f"## {icon} {word} — {markdown(report.sprint, 80)}: {markdown(report.title, 200)}", ""]
    if said := claim.sentence(report):
        lines += [f"**{markdown(said, 500)}.**", ""]
    lines += [f"**{markdown(because(report), 1200)}**", ""]
    if report.hypothesis:
        lines += [f"*Hypothesis:* {markdown(report.hypothesis, 1000)}", ""]
    lines += [_facts(report), ""]
    if report.failure is None or report.evaluation is not None:
        lines.append(_at_a_glance(report))
    return [Part(title="verdict", head="\n".join(lines).rstrip("\n"))]


def _facts(report: SprintReport) -> str:
    named = (("project", report.project), ("phase", report.phase), ("owner", report.owner))
    facts = [f"{name} {markdown(text, 120)}" for name, text in named if text]
    champion = report.champion
    if champion is None:
        return " · ".join([*facts, "no champion yet"])
    how = (
        f"its {code(champion.target, 80)}"
        if champion.target
        else f"not compared: {markdown(champion.why_not)}"
    )
    return " · ".join([*facts, f"champion {markdown(champion.name, 120)} ({how})"])


def _at_a_glance(report: SprintReport) -> str:
    """One row of the judged target's key figures."""
    metric = optimizing(report)
    everything = overall_row(report)
    overall = everything.metrics if everything else None
    row = next((row for row in target_rows(report) if row.judged), None)
    value = number(everything.value if everything else None)
    sure = everything.interval if everything else None
    columns = ["Judged artefact", label(metric)]
    cells = [
        code(report.primary_target, 80),
        f"**{value}**" + (f"<br>{unbroken(spread(sure))}" if sure else ""),
    ]
    if everything is not None and everything.against is not None:
        against = everything.against
        columns.append("against champion")
        by = f"<br>{unbroken(spread(against.interval, signed=True))}" if against.interval else ""
        cells.append(f"**{change(against.difference)}** {against.outcome}{by}")
    beside = (task_of(report) or TASKS[USUAL_TASK]).glance
    columns += [*(label(name) for name in beside), "Test set", "Latency p95", "Size", "Cost"]
    cells += [
        *(number(quality(overall, name)) for name in beside),
        count(overall.images, "image") if overall else NOT_MEASURED,
        number(row.speed.latency_p95_ms if row and row.speed else None, 1, " ms"),
        number(row.size_mb if row else None, 1, " MB"),
        money(report.cost.total, markdown(report.cost.currency, 3)),
    ]
    return f"{table_head(columns)}\n{table_row(cells)}"


def _failure(report: SprintReport, _: Shown) -> list[Part]:
    failure = report.failure
    if failure is None:
        return []
    lines = [f"### Stage {markdown(failure.stage, 40)} failed", "", f"> {paragraphs(failure.message)}"]
    if failure.where:
        lines.append(f"> at {code(failure.where)}")
    if failure.hint:
        lines += ["", f"**What to do:** {paragraphs(failure.hint)}"]
    lines += ["", "What follows is what the stages before it wrote; the rest was not measured."]
    return [Part(title="stage failure", head="\n".join(lines))]


def _terminal(report: SprintReport) -> list[str]:
    _, word = status(report)
    passed = report.failure is None and report.verdict is not None and report.verdict.outcome is Outcome.PASS
    failed = report.failure is not None or (
        report.verdict is not None and report.verdict.outcome is Outcome.FAIL
    )
    tint = GREEN if passed else RED if failed else YELLOW
    lines = [f"{BOLD}{tint}{word}{END}  {BOLD}{plain(report.sprint, 80)}{END}: {plain(report.title, 200)}"]
    lines += [said for said in (claim.sentence(report), plain(because(report), 1200)) if said]
    if report.failure is not None and report.failure.where:
        lines.append(f"at {plain(report.failure.where)}")
    if report.failure is not None and report.failure.hint:
        lines += [f"hint: {plain(line)}" for line in report.failure.hint.splitlines() if line.strip()]
    return lines


HEADLINE = Section(parts=_headline, leads=lambda report: True, terminal=_terminal)
FAILURE = Section(parts=_failure, leads=lambda report: True, fold=TOP)
