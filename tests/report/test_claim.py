"""The sprint's own claim comes first in every rendering."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.domain.evaluation import Interval
from runner.domain.verdict import FurtherEvidence, GateResult, Outcome
from runner.record.report import SprintReport
from runner.report import markdown, terminal
from runner.report.sections.claim import sentence


def with_claim(
    report: SprintReport, outcome: Outcome, further: FurtherEvidence | None = None
) -> SprintReport:
    claim = GateResult(
        gate="recall gain ≥ 0.05 vs champion",
        metric="recall",
        target="openvino-int8",
        slice="dark",
        outcome=outcome,
        value=0.61,
        reference=0.53,
        interval=Interval(low=0.055, high=0.11),
        decided_by="interval",
        further=further,
        threshold=0.05,
        explanation="",
    )
    assert report.verdict is not None
    return replace(report, verdict=replace(report.verdict, claim=claim))


@pytest.mark.parametrize(
    ("outcome", "further", "said"),
    [
        (Outcome.PASS, None, "Claim confirmed: Recall on dark gains at least 0.05 over the champion; it is +0.080 (+0.055 to +0.110)"),
        (Outcome.FAIL, None, "Claim refuted: Recall on dark gains at least 0.05 over the champion; it is +0.080 (+0.055 to +0.110)"),
        (
            Outcome.INCONCLUSIVE,
            FurtherEvidence(images=37, slice="dark"),
            "Claim open: it may be so or not: Recall on dark gains at least 0.05 over the champion; "
            "it is +0.080 (+0.055 to +0.110); 37 images of dark would decide it",
        ),
    ],
)  # fmt: skip
def test_the_claim_is_told_first(
    failing: SprintReport, outcome: Outcome, further: FurtherEvidence | None, said: str
) -> None:
    report = with_claim(failing, outcome, further)
    assert sentence(report) == said
    assert terminal.render(report, color=False).splitlines()[1] == said
    assert markdown.render(report).split("\n\n")[1].startswith(f"**{said.split(':')[0]}")
    assert sentence(failing) == ""
