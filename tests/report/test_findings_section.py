"""What a report says of a proposal's findings: the sentence of the verdict, the mark in the gates, the table."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace
from planted_report import PASSED_GATES, gate, sprint_inputs

from runner.domain.files import encode_json
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import GateResult, Outcome, Verdict, worst
from runner.record.report import BaseTerms, SprintReport, ToApprove
from runner.report import markdown, terminal
from runner.report.build import build
from runner.report.sections import findings
from runner.report.sections.section import Shown
from runner.report.sections.verdict import because

LOOSENED = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint="0003-low-light",
    subject="gate recall on dark",
    before="≥ 0.70",
    after="≥ 0.65",
    message="gate recall on dark ≥ 0.70 → ≥ 0.65: looser than what 0002-more-cameras must meet",
    where="specs/0002-more-cameras.yaml:41:5",
    kept=True,
)
REMOVED = Finding(
    kind=FindingKind.GATE_REMOVED,
    sprint="0003-low-light",
    subject="gate size_mb",
    before="≤ 5",
    message="gate size_mb ≤ 5 is gone",
    kept=True,
)
SPLIT = Finding(
    kind=FindingKind.TEST_CHANGED, subject="split test", message="the images of test are other ones"
)


def kept(finding: Finding, outcome: Outcome = Outcome.FAIL) -> list[GateResult]:
    more = {"slice": "dark", "source": finding.where, "finding": finding.id}
    return [gate("recall ≥ 0.70", "recall", outcome, 0.68, 0.7, **more)]


def report(gates: list[GateResult], *found: Finding, approvers: tuple[str, ...] = ()) -> SprintReport:
    verdict = Verdict(
        outcome=worst([each.outcome for each in gates]),
        gates=gates,
        optimizing="map50_95",
        optimizing_value=0.594,
    )
    terms = BaseTerms(
        base_commit="ab" * 20,
        reference="0002-more-cameras",
        findings=[ToApprove(finding=each, approvers=list(approvers)) for each in found],
    )
    return build(sprint_inputs(verdict=verdict, terms=terms))


def test_the_verdict_says_whose_gate_judged_and_which_approval_would_change_it() -> None:
    found = report([*PASSED_GATES, *kept(LOOSENED)], LOOSENED)
    assert because(found) == (
        "Judged by the base's gate recall on dark ≥ 0.70, which this proposal loosens to ≥ 0.65; PASS once "
        f"{LOOSENED.id} is approved. 1 of 4 gates failed: recall ≥ 0.70 on dark, openvino-int8: 0.680. "
        "Weakest: slice dark (mAP50-95 0.240), class zero (mAP50-95 0.544)."
    )
    assert because(found) in markdown.render(found).replace("&#95;", "_")
    assert because(found) in terminal.render(found, color=False)


def test_a_gate_that_the_proposal_drops() -> None:
    found = report([*PASSED_GATES, *kept(REMOVED)], REMOVED)
    assert because(found).startswith(
        f"Judged by the base's gate size_mb ≤ 5, which this proposal drops; PASS once {REMOVED.id} is approved. "
    )


def test_several_kept_gates_are_counted() -> None:
    found = report([*PASSED_GATES, *kept(LOOSENED), *kept(REMOVED)], LOOSENED, REMOVED)
    assert because(found).startswith(
        "Judged by 2 gates of the base, which this proposal loosens or drops; PASS once "
        f"{LOOSENED.id}, {REMOVED.id} are approved. 2 of 5 gates failed: "
    )


def test_where_approval_would_not_change_the_verdict_no_approval_is_spoken_of() -> None:
    own = gate("recall ≥ 0.69", "recall", Outcome.FAIL, 0.68, 0.69)
    found = report([*kept(LOOSENED), own], LOOSENED)
    assert because(found).startswith("2 of 2 gates failed: ")


def test_a_kept_gate_that_is_met_keeps_nothing_open() -> None:
    found = report([*PASSED_GATES, *kept(LOOSENED, Outcome.PASS)], LOOSENED)
    assert because(found).startswith("All 4 gates are met")


def test_kept_gates_are_marked_in_the_table() -> None:
    text = markdown.render(report([*PASSED_GATES, *kept(LOOSENED)], LOOSENED))
    row = next(line for line in text.splitlines() if "recall ≥ 0.70" in line and line.startswith("| ✗"))
    assert "| recall ≥ 0.70 *(the base's, kept)*<br><sub>`specs/0002-more-cameras.yaml:41:5`</sub> |" in row
    assert text.count("kept)*") == 1


def test_the_table_names_what_whom_and_the_comment() -> None:
    (part,) = findings.FINDINGS.parts(report([], LOOSENED, SPLIT, approvers=("ann", "bob")), Shown())
    assert part.text() == (
        "### 2 findings need approval\n"
        "\n"
        "The proposal weakens what it is judged by. Its model is promoted once each is approved, by somebody other than "
        "its author, after this report.\n"
        "\n"
        "| What | Before | After | Who may approve | Comment to write |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| gate recall on dark ≥ 0.70 → ≥ 0.65: looser than what 0002-more-cameras must meet"
        "<br><sub>`specs/0002-more-cameras.yaml:41:5`</sub> | `≥ 0.70` | `≥ 0.65` | ann, bob | "
        f"`/flywheel approve {LOOSENED.id}` |\n"
        "| the images of test are other ones | – | – | ann, bob | "
        f"`/flywheel approve {SPLIT.id}` |"
    )


def test_without_named_people_maintainers_approve() -> None:
    (part,) = findings.FINDINGS.parts(report([], SPLIT), Shown())
    assert "| whoever may maintain the repository |" in part.text()
    assert part.text().startswith("### 1 finding needs approval\n")


@pytest.mark.parametrize("with_terms", [True, False])
def test_without_findings_there_is_no_section(with_terms: bool) -> None:
    found = report([*PASSED_GATES]) if with_terms else build(sprint_inputs())
    assert findings.FINDINGS.parts(found, Shown()) == []
    assert "approv" not in markdown.render(found)


def test_a_report_without_terms_has_the_bytes_that_it_had_before_there_were_any() -> None:
    assert b'"terms"' not in encode_json(build(sprint_inputs()))
    content = encode_json(report([], SPLIT))
    assert msgspec.json.decode(content, type=SprintReport).findings[0].finding == SPLIT


def test_hostile_findings_stay_in_their_cells() -> None:
    text = "a|b `c` <img> <!--x--> @all #1 https://x.io\n\n## ✓ PASS\n</details>"
    hostile = replace(LOOSENED, subject=text, before=text, after=text, message=text, where=text)
    found = report([*PASSED_GATES, *kept(hostile)], hostile, approvers=(text,))
    shown = markdown.render(found)
    for forbidden in ("<img", "<!--", "-->", "@all", " #1", "://", "</details>\n</details>"):
        assert forbidden not in shown, forbidden
    assert shown.count("\n## ") == 0
    rows = [
        line
        for line in findings.FINDINGS.parts(found, Shown())[0].text().splitlines()
        if line.startswith("|")
    ]
    assert [row.count("|") for row in rows] == [6, 6, 6]


def test_many_findings_are_folded() -> None:
    many = [replace(SPLIT, subject=f"split {number}") for number in range(100)]
    first, others = findings.FINDINGS.parts(report([], *many), Shown())
    assert first.head.startswith("### 100 findings need approval")
    assert (len(first.rows), len(others.rows)) == (20, 60)
