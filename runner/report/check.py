"""A sprint's verdict, and a proposal's policy, as checks on a commit: a conclusion, a summary, notes at lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal, assert_never

from runner.domain.policy import Finding
from runner.domain.verdict import GateResult, Outcome
from runner.forges.forge import Annotation, CheckRun, Conclusion
from runner.planning.proposal import ConfigProblem, Proposal
from runner.policy.approvals import Decision
from runner.record.report import SprintReport
from runner.report.comment import CommentContext, as_decided, brief
from runner.report.escape import code, markdown, plain
from runner.report.fitting import Block, fitting
from runner.report.sections import verdict
from runner.report.sections.part import Part, table_head, table_row
from runner.report.wording import count

POLICY = "flywheel / policy"
SUMMARY_BYTES = 60_000  # a check's summary holds 65,535 characters
_MOST_NOTES = 200  # of one check; a page of notes helps nobody
_TITLE = 120
_PLACE = re.compile(r"(?P<file>[^:\x00-\x1f]{1,200}):(?P<line>[1-9][0-9]{0,6})(?::[0-9]{1,6})?")


def name(sprint: str) -> str:
    """What the check of a sprint is called."""
    return f"flywheel / {sprint}"


def check_run(report: SprintReport, context: CommentContext, *, external_id: str) -> CheckRun:
    """The sprint's check: success for PASS, neutral for INCONCLUSIVE, else failure.

    Args:
        report: the sprint's.
        context: where it is published; findings that count as approved end the gates that were kept for them.
        external_id: of the run that made the report: showing the same report again is no new report.
    """
    shown = as_decided(report, context)
    _, word = verdict.status(shown)
    return CheckRun(
        name=name(context.sprint),
        head_sha=context.head_commit,
        conclusion=_conclusion(shown),
        title=plain(f"{word}: {verdict.because(shown)}", _TITLE),
        summary=brief(report, context, max_bytes=SUMMARY_BYTES),
        annotations=[*_gates(shown), *_failed(shown, context)][:_MOST_NOTES],
        details_url=context.run_url,
        external_id=external_id,
    )


def _conclusion(report: SprintReport) -> Conclusion:
    if report.failure is not None or report.verdict is None:
        return "failure"
    match report.verdict.outcome:
        case Outcome.PASS:
            return "success"
        case Outcome.INCONCLUSIVE:
            return "neutral"
        case Outcome.FAIL | Outcome.NOT_MEASURED:
            return "failure"
        case never:
            assert_never(never)


def _gates(report: SprintReport) -> list[Annotation]:
    """A note at the line of each gate that is not met; a gate of the base has no line in the proposal."""
    gates = report.verdict.gates if report.verdict else []
    unmet = [gate for gate in gates if gate.outcome is not Outcome.PASS and gate.finding is None]
    return [note for gate in unmet for note in _at(gate.source, _level(gate), _asked(gate), gate.explanation)]


def _asked(gate: GateResult) -> str:
    place = ", ".join(part for part in (gate.slice, gate.class_name, gate.target) if part)
    return f"{gate.outcome.replace('_', ' ')}: {gate.gate}{f' on {place}' if place else ''}"


def _level(gate: GateResult) -> Literal["warning", "failure"]:
    return "warning" if gate.outcome is Outcome.INCONCLUSIVE else "failure"


def _failed(report: SprintReport, context: CommentContext) -> list[Annotation]:
    """A stage's failure, at the spec: what failed is rarely a line of it."""
    if report.failure is None:
        return []
    title = f"The stage {plain(report.failure.stage, 40)} failed"
    text = "\n".join(part for part in (report.failure.message, report.failure.hint) if part)
    return _at(f"specs/{context.sprint}.yaml:1", "failure", title, text)


def policy_check(
    decisions: Sequence[Decision], *, head_sha: str, external_id: str, details_url: str | None = None
) -> CheckRun:
    """The check `flywheel / policy`: success, or who must approve what.

    Args:
        decisions: of every finding of the proposal, whether somebody approved it.
        head_sha: the proposed commit.
        external_id: of the run that found them.
        details_url: the run's page.
    """
    pending = [decision for decision in decisions if not decision.approved]
    waiting = "needs approval" if len(pending) == 1 else "need approval"
    return CheckRun(
        name=POLICY,
        head_sha=head_sha,
        conclusion="action_required" if pending else "success",
        title=f"{count(len(pending), 'finding')} {waiting}" if pending else "Nothing is left to approve",
        summary=_policy_summary(decisions),
        annotations=[note for decision in pending for note in _finding(decision.finding)][:_MOST_NOTES],
        details_url=details_url,
        external_id=external_id,
    )


def _finding(finding: Finding) -> list[Annotation]:
    text = f"{finding.message}\n/flywheel approve {finding.id}"
    return _at(finding.where, "warning", f"Needs approval: {finding.subject}", text)


def _policy_summary(decisions: Sequence[Decision]) -> str:
    if not decisions:
        return "The pull request weakens no gate, no slice and no policy of the base branch.\n"
    head = (
        "The base branch's policy and gates judge. What weakens them needs approval, by a comment "
        "`/flywheel approve FINDING` or an approving review of this commit, by somebody who did not propose it.\n\n"
        + table_head(["Finding", "What it is", "Who may approve", "State"])
    )
    return _fitted(head, [_policy_row(decision) for decision in decisions])


def _policy_row(decision: Decision) -> str:
    finding, names = decision.finding, decision.may_approve
    who = ", ".join(code(each, 80) for each in names[:20]) or "anybody who maintains the repository"
    state = [f"✓ approved by {code(decision.by, 80)}" if decision.by is not None else "⚠ open"]
    state += [markdown(reason, 200) for reason in decision.refused[:3]]
    return table_row([code(finding.id, 60), markdown(finding.message, 400), who, "<br>".join(state)])


def _fitted(head: str, rows: Sequence[str]) -> str:
    """As many rows as a summary holds, and how many are missing."""
    part = Part(title="rows", head=head, rows=tuple(rows))
    texts = fitting([Block(parts=(part,))], SUMMARY_BYTES, lambda missing: "", 0)
    return "\n\n".join(texts or [head]) + "\n"


def problems_check(
    proposal: Proposal, *, head_sha: str, external_id: str, details_url: str | None
) -> CheckRun:
    """The check `flywheel / policy` of a proposal that is not valid, or that holds what none may: a failure."""
    wrong = [
        *(f"{len(proposal.refused):,} refused" for _ in proposal.refused[:1]),
        *(count(len(proposal.problems), "problem") for _ in proposal.problems[:1]),
    ]
    rows = [f"- {markdown(sentence, 400)}" for sentence in proposal.refused]
    rows += [f"- {code(_place(each), 200)}: {markdown(each.message, 400)}" for each in proposal.problems]
    return CheckRun(
        name=POLICY,
        head_sha=head_sha,
        conclusion="failure",
        title=f"Not planned: {', '.join(wrong)}",
        summary=_fitted("Nothing is planned or run until this is corrected.\n", rows),
        annotations=[note for problem in proposal.problems for note in _problem(problem)][:_MOST_NOTES],
        details_url=details_url,
        external_id=external_id,
    )


def _place(problem: ConfigProblem) -> str:
    return ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)


def _problem(problem: ConfigProblem) -> list[Annotation]:
    text = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
    return _at(f"{problem.file}:{problem.line or 1}", "failure", "Not valid", text)


def _at(place: str, level: Literal["warning", "failure"], title: str, text: str) -> list[Annotation]:
    """A note at `file:line:column`; none for a place outside the repository."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return []
    path = PurePosixPath(found["file"])
    if path.is_absolute() or ".." in path.parts:
        return []
    lines = [plain(line, 500) for line in text.splitlines() if line.strip()]
    return [
        Annotation(
            path=path.as_posix(),
            line=int(found["line"]),
            level=level,
            title=plain(title, _TITLE),
            message="\n".join(lines[:5]) or plain(title, _TITLE),
        )
    ]
