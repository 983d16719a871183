"""What weakens the verdict, and who may approve it?"""

from __future__ import annotations

from runner.domain.policy import Finding
from runner.policy.undecided import approve_command, undecided_findings
from runner.record.report import SprintReport, ToApprove
from runner.report.escape import code, markdown
from runner.report.sections.part import Part, table, table_head, table_row
from runner.report.sections.section import ASKED, Section, Shown
from runner.report.wording import count

MAINTAINERS = "whoever may maintain the repository"
_WHAT, _VALUE, _NAMES = 300, 120, 12


def _weakened(report: SprintReport, _: Shown) -> list[Part]:
    """Every finding with its approvers and the comment that approves it; nothing where there are none."""
    found = report.findings
    if not found:
        return []
    are = "needs" if len(found) == 1 else "need"
    heading = (
        f"### {count(len(found), 'finding')} {are} approval\n\n"
        "The proposal weakens what it is judged by. Its model is promoted once each is approved, "
        "by somebody other than its author, after this report."
    )
    head = table_head(["What", "Before", "After", "Who may approve", "Comment to write"])
    rows = [_row(each) for each in found]
    return table("findings", heading, head, rows)


def _undecided(report: SprintReport, shown: Shown) -> list[Part]:
    """How an INCONCLUSIVE is accepted knowingly, gate by gate."""
    found = [
        each for each in undecided_findings(report.sprint, report.verdict) if each.id not in shown.accepted
    ]
    if not found:
        return []
    heading = (
        f"### {count(len(found), 'undecided gate')} can be accepted\n\n"
        "Who may approve `inconclusive`, by the policy, can decide on this evidence, with a reason. Model card, tag and history keep "
        "who did and why; the verdict stays INCONCLUSIVE."
    )
    head = table_head(["Gate", "Measured", "Comment to write"])
    rows = [
        table_row(
            [markdown(each.subject, 160), markdown(each.after or "", 160), code(approve_command(each), 160)]
        )
        for each in found
    ]
    return table("undecided", heading, head, rows)


def _row(each: ToApprove) -> str:
    finding = each.finding
    return table_row(
        [
            _what(finding),
            _value(finding.before),
            _value(finding.after),
            approvers(each.approvers),
            code(f"/flywheel approve {finding.id}", 120),
        ]
    )


def _what(finding: Finding) -> str:
    where = f"<br><sub>{code(finding.where, 160)}</sub>" if finding.where else ""
    return f"{markdown(finding.message, _WHAT)}{where}"


def _value(value: str | None) -> str:
    return "–" if value is None else code(value, _VALUE)


def approvers(names: list[str]) -> str:
    """Who may approve, as Markdown; nobody is mentioned by it."""
    if not names:
        return MAINTAINERS
    shown = ", ".join(markdown(name, 60) for name in names[:_NAMES])
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


FINDINGS = Section(parts=_weakened, fold=ASKED)
UNDECIDED = Section(parts=_undecided, fold=ASKED)
