"""`flywheel plan`: what a run would do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, say

if TYPE_CHECKING:
    from runner.domain.policy import Finding
    from runner.planning.proposal import ConfigProblem, Proposal, SprintProposal
    from runner.planning.records import Forecast, Plan, SplitPlan

EXAMPLE = """\
  flywheel plan                            the newest sprint
  flywheel plan 0001-first-model --format json
  flywheel plan --base main                what this branch proposes: changes, data, findings, forecast"""

_SHORT = 10  # digits of a commit


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "plan",
        "show what a run would do, why, and what it would cost",
        EXAMPLE,
        execute,
        formats=("text", "json", "markdown"),
    )
    add_sprint(parser)
    parser.add_argument(
        "--base",
        metavar="REF",
        help="show what the working tree changes beside this branch or commit, as the plan comment of a pull request does",
    )
    parser.add_argument(
        "--count",
        action="store_true",
        help="with --base: where the data has no index yet, fetch it through DVC and build one, to count it",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import FlywheelError

    root = project_root(options)
    if options.base is not None:
        if options.sprint is not None:
            raise FlywheelError(
                "--base plans every sprint that the proposal changes, so none is named",
                hint=f"flywheel plan --base {options.base}",
            )
        return _propose(root, options)
    if options.count or options.format == "markdown":
        raise FlywheelError(
            f"{'--count' if options.count else '--format markdown'} is of proposals: it needs --base",
            hint="flywheel plan --base main",
        )
    from runner.workflow.plan import plan

    result = plan(root, options.sprint, say)
    if options.format == "json":
        print_json(result)
    else:
        print(render(result))
    return 0


def _propose(root: Path, options: argparse.Namespace) -> int:
    from runner.domain.errors import ExitCode
    from runner.pullrequests.proposing.propose import IndexCounting, propose

    result = propose(root, options.base, counting=IndexCounting(say=say) if options.count else None)
    match options.format:
        case "json":
            print_json(as_data(result))
        case "markdown":
            from runner.report import plan_comment

            sys.stdout.write(plan_comment.render(result))
        case _:
            print(render_proposal(result))
    return int(ExitCode.INVALID_CONFIGURATION if result.problems or result.refused else ExitCode.PASS)


def as_data(proposal: Proposal) -> dict[str, Any]:
    """The proposal with the ids of its findings, by which gates name them and people approve them."""
    import msgspec

    data: dict[str, Any] = msgspec.to_builtins(proposal)
    told = zip(proposal.findings, data["findings"], strict=True)
    return {**data, "findings": [{"id": finding.id, **values} for finding, values in told]}


def render_proposal(proposal: Proposal) -> str:
    """The proposal as a person reads it in a terminal: what stops it, what needs approval, then each sprint."""
    from runner.report.escape import plain
    from runner.report.plan_words import headline, nothing_to_plan, pointer_words

    blocks = [[plain(headline(proposal)[1]), _commits(proposal)]]
    blocks.append([nothing] if (nothing := nothing_to_plan(proposal)) else [])
    blocks.append([f"refused  {plain(sentence, 500)}" for sentence in proposal.refused])
    blocks.append([_problem(problem) for problem in proposal.problems])
    if proposal.code:
        blocks.append(["code  (tests run, sprints do not)", *(f"  {plain(path)}" for path in proposal.code)])
    blocks += [_finding(finding, proposal) for finding in proposal.findings]
    pointers = [
        f"  {plain(pointer.path)}  {pointer_words(pointer.before, pointer.after)}"
        for pointer in proposal.pointers
    ]
    blocks.append(["data pointers", *pointers] if pointers else [])
    changes = [f"  {plain(change.text)}" for change in proposal.project_changes]
    blocks.append(["flywheel.yaml", *changes] if changes else [])
    blocks += [_sprint(sprint) for sprint in proposal.sprints]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _commits(proposal: Proposal) -> str:
    from runner.report.plan_words import UNCOMMITTED

    also = f" {UNCOMMITTED}" if proposal.uncommitted else ""
    return f"planned for {proposal.head_commit[:_SHORT]}{also} against {proposal.base_commit[:_SHORT]}"


def _finding(finding: Finding, proposal: Proposal) -> list[str]:
    from runner.report.escape import plain
    from runner.report.plan_words import approvers

    place = f"{plain(finding.where)}: " if finding.where else ""
    return [
        f"needs approval  {finding.id}",
        f"  {place}{plain(finding.message, 500)}",
        f"  by {plain(', '.join(approvers(finding, proposal)))}: a comment /flywheel approve {finding.id}",
    ]


def _problem(problem: ConfigProblem) -> str:
    from runner.domain.errors import Where
    from runner.report.escape import plain

    place = Where(problem.file, problem.line, problem.column)
    hint = f"\n  hint: {plain(problem.hint)}" if problem.hint else ""
    return f"error: {plain(str(place))}: {plain(problem.message, 500)}{hint}"


def _sprint(sprint: SprintProposal) -> list[str]:
    """A sprint's plan, with what changes above it, and the data beside the reference's."""
    from runner.report.escape import plain
    from runner.report.plan_words import ALONE, change_words, compared, data_words, unchanged

    head = f"changes of {plain(sprint.sprint)}"
    if sprint.status == "removed":
        return [f"{head}: it is removed; its record stays in the history"]
    if sprint.reference is not None:
        said = [*data_words(sprint.data), *(change_words(change) for change in sprint.changes)]
        lines = [f"{head} {plain(compared(sprint))}"]
        lines += [f"  {plain(text, 500)}" for text in said or [unchanged(sprint)]]
    elif sprint.plan is not None:
        lines = [f"{head}: {ALONE}"]
    else:
        lines = [plain(sprint.sprint)]
    if sprint.plan is None:
        return [*lines, f"  not planned: {plain(sprint.not_planned)}"]
    return [*lines, "", *render(sprint.plan).splitlines()]


def render(plan: Plan) -> str:
    """The plan as a person reads it."""
    from runner.report.escape import plain
    from runner.report.plan_words import awaited, fetch_words, worn

    without = f"  ({awaited(plan)})" if awaited(plan) else ""
    width = max(len(stage.stage) for stage in plan.stages)
    lines = [f"{plan.sprint}: {plain(plan.title)}", *_labels(plan), "", f"stages{without}"]
    for stage in plan.stages:
        seconds = (
            f"  (about {_duration(stage.forecast_s)})" if stage.forecast_s and stage.action == "RUN" else ""
        )
        why = plain("; ".join(stage.reasons), 2000)
        lines.append(f"  {stage.stage:<{width}}  {stage.action:<6}  {why}{seconds}")
    lines += _variants(plan)
    lines += ["", *_ancestors(plan), f"data  ({plain(plan.data_note, 2000)})"]
    lines += [f"  {_split(split, plan.champion)}" for split in plan.splits]
    if isinstance(plan.pool, int):
        lines.append(f"  pool   {plan.pool:>7,} images that nobody labelled")
    lines += [f"  to fetch: {plain(fetch_words(plan.fetch), 400)}"] if plan.fetch else []
    lines += ["", f"forecast  {_forecast(plan.forecast)}"]
    lines += ["", "gates" if plan.gates else "gates  none: the verdict will be PASS whatever the model does"]
    lines += [f"  {plain(gate)}" for gate in plan.gates]
    unknown = f"not known, gates against it are not measured: {plan.champion_unknown}"
    lines.append(f"  champion: {unknown if plan.champion_unknown else plan.champion or 'none yet'}")
    lines += (
        [
            "",
            "no longer inherited  (`add` lengthens a list; one's own takes its place)",
            *(f"  {plain(each, 1000)}" for each in plan.dropped),
        ]
        if plan.dropped
        else []
    )
    lines += ["", f"{plan.wear.split} split  {worn(plan.wear)}"] if plan.wear else []
    return "\n".join(lines)


def _variants(plan: Plan) -> list[str]:
    """What is made beside it."""
    from runner.report.escape import plain
    from runner.report.plan_words import variant_words

    return ["", "variants", *(f"  {plain(text)}" for text in variant_words(plan))] if plan.variants else []


def _labels(plan: Plan) -> list[str]:
    """How far the labels are that it waits for, and of which images."""
    from runner.report.escape import plain
    from runner.report.plan_words import batch_words

    if not plan.round:
        return []
    lines = ["", f"labels  {plan.round.words}  ({plan.round.detail(plan.sprint)})"]
    if plan.batch:
        lines += [f"  {plain(text, 400)}" for text in batch_words(plan.batch)]
        lines += [f"  pictures: {plan.batch.sheet}"] if plan.batch.sheet else []
    return lines


def _ancestors(plan: Plan) -> list[str]:
    from runner.report.plan_words import lineage

    return [f"training starts from {lineage(plan.ancestors)}", ""] if plan.ancestors else []


def _split(split: SplitPlan, champion: str | None) -> str:
    text = f"{split.split:<5}  {split.images:>7,} images  {split.objects:>8,} objects"
    if split.champion_images is None or split.champion_objects is None:
        return text
    images = split.images - split.champion_images
    objects = split.objects - split.champion_objects
    return f"{text}  ({images:+,} images, {objects:+,} objects beside {champion})"


def _forecast(forecast: Forecast) -> str:
    if forecast.seconds is None or forecast.cost is None:
        return forecast.basis
    return f"{_duration(forecast.seconds)}, {forecast.cost:.2f} {forecast.currency}  ({forecast.basis})"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s" if seconds else "0 s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
