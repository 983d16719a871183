"""How large the report comment gets with 3, 30 and 300 slices, each with a gate and a difference to the champion."""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec.structs import replace

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from planted_report import difference, failing_inputs, gate

from runner.domain.evaluation import Evaluation, TargetEvaluation
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Outcome
from runner.policy.approvals import Decision
from runner.record.report import SprintReport
from runner.report import comment
from runner.report.build import build
from runner.report.comment import CommentContext
from runner.report.history import past_verdict

FINDING = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint="0003-low-light",
    subject="gate recall on dark",
    before="recall ≥ 0.70 on slice dark",
    after="recall ≥ 0.65 on slice dark",
    message="The gate recall on dark asks for 0.65 instead of 0.70.",
    where="specs/0003-low-light.yaml:41:5",
)
CONTEXT = CommentContext(
    sprint="0003-low-light",
    repository_url="https://git.example.org/acme/parcels",
    base_commit="b2" * 20,
    head_commit="a1" * 20,
    run_url="https://git.example.org/acme/parcels/actions/runs/12345678901",
    decisions=[Decision(finding=FINDING, may_approve=["bob", "carol"])],
    published=[past_verdict(f"{n:040x}", "FAIL", "map50_95", 0.5) for n in range(20)],
)


def with_slices(count: int) -> SprintReport:
    """A report of `count` slices by camera and time; a third of their gates fail, a third is undecided."""
    report = build(failing_inputs())
    if report.evaluation is None or report.evaluation.champion is None or report.verdict is None:
        raise ValueError("the planted report was evaluated beside a champion")
    names = [f"camera=gate-{n // 4}, time={('dawn', 'day', 'dusk', 'night')[n % 4]}" for n in range(count)]
    evaluation = report.evaluation
    rows = [difference(name, None, 0.4, (n % 9 - 4) / 50, 0.05) for n, name in enumerate(names)]
    targets = [_sliced(target, names) for target in evaluation.targets]
    champion = replace(evaluation.champion, differences=[*evaluation.champion.differences[:1], *rows])
    outcomes = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
    gates = [
        gate(
            "recall ≥ 0.50",
            "recall",
            outcomes[n % 3],
            0.51,
            0.5,
            slice=name,
            interval={"low": 0.41, "high": 0.62},
            decided_by="interval",
        )
        for n, name in enumerate(names)
    ]
    new: Evaluation = replace(evaluation, targets=targets, champion=champion)
    return replace(report, evaluation=new, verdict=replace(report.verdict, gates=gates))


def _sliced(target: TargetEvaluation, names: list[str]) -> TargetEvaluation:
    shown = [
        replace(
            target.slices[n % 5],
            name=name,
            condition=f"camera = 'gate-{n // 4}' AND time = '{name[-5:]}'",
            found=None,
        )
        for n, name in enumerate(names)
    ]
    return replace(target, slices=shown)


def main() -> None:
    print(f"{'slices':>6} {'whole':>10} {'comment':>10} {'left out':>9}  what is missing or cut")
    for count in (3, 30, 300):
        report = with_slices(count)
        whole = comment.render(report, CONTEXT, max_bytes=10_000_000)
        text = comment.render(report, CONTEXT)
        lines = text.splitlines()
        note = next((line.partition(". Everything")[0] for line in lines if line.startswith("*Left out")), "")
        cut = sum("left out to fit" in line and line.startswith("*…") for line in lines)
        folded = sum("more in report.json" in line or "in report.json only" in line for line in lines)
        said = note.removeprefix("*Left out to fit: ") or "nothing"
        sizes = (
            f"{len(whole.encode()):>8,} B {len(text.encode()):>8,} B {'yes' if text != whole else 'no':>9}"
        )
        print(
            f"{count:>6} {sizes}  {said}; {cut} tables cut to fit, {folded} show their first 80 rows at most"
        )


if __name__ == "__main__":
    main()
