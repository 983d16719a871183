"""`flywheel plan`: what a run would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.domain.verdict import Wear
    from runner.planning.records import Forecast, Plan, SplitPlan

EXAMPLE = """\
  flywheel plan                            the newest sprint
  flywheel plan 0001-first-model --format json"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands, "plan", "show what a run would do, why, and what it would cost", EXAMPLE, execute
    )
    parser.add_argument(
        "sprint", nargs="?", metavar="SPRINT", help="a sprint's name or its file (default: the newest)"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.plan import plan

    result = plan(project_root(options), options.sprint)
    if options.format == "json":
        print_json(result)
    else:
        print(render(result))
    return 0


def render(plan: Plan) -> str:
    """The plan as a person reads it."""
    width = max(len(stage.stage) for stage in plan.stages)
    lines = [f"{plan.sprint}: {plan.title}", "", "stages"]
    for stage in plan.stages:
        seconds = (
            f"  (about {_duration(stage.forecast_s)})" if stage.forecast_s and stage.action == "RUN" else ""
        )
        lines.append(f"  {stage.stage:<{width}}  {stage.action:<6}  {'; '.join(stage.reasons)}{seconds}")
    lines += ["", f"data  ({plan.data_note})"]
    lines += [f"  {_split(split, plan.champion)}" for split in plan.splits]
    lines += ["", f"forecast  {_forecast(plan.forecast)}"]
    lines += ["", "gates" if plan.gates else "gates  none: the verdict will be PASS whatever the model does"]
    lines += [f"  {gate}" for gate in plan.gates]
    lines.append(f"  champion: {plan.champion or 'none yet'}")
    lines += ["", f"{plan.wear.split} split  {worn(plan.wear)}"] if plan.wear else []
    return "\n".join(lines)


def worn(wear: Wear) -> str:
    """How often the split has decided, and what is left of its budget."""
    used = (
        "not used to decide yet"
        if not wear.uses
        else f"used {wear.uses} time{'s' * (wear.uses > 1)} to decide"
    )
    if wear.budget is None or wear.left is None:
        return f"{used}; {wear.spent:.4g} of significance spent, no budget (policy.holdout)"
    text = f"{used}; {wear.left:.4g} of {wear.budget:.4g} significance left"
    if not wear.exhausted:
        return text
    if wear.refresh == "required":
        return f"{text}: too little for this sprint; renew the split, or comparisons with the champion stay INCONCLUSIVE"
    return f"{text}: too little for this sprint; renew the split"


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
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
