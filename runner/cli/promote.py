"""`flywheel promote`: register a judged sprint's model, and assign it to the stage."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.workflow.promoting.promote import Promotion

EXAMPLE = """\
  flywheel promote 0002-more-cameras --dry-run     what keeps it, or what would be done
  flywheel promote 0002-more-cameras --push        and push the commit and the tags
  flywheel promote 0002-more-cameras --approve gate_loosened-1a2b3c4d5e6f708192a3b4c5d6e7f809"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "promote",
        "verify a judged sprint again, and register and assign its model with GTO; nothing is trained",
        EXAMPLE,
        execute,
    )
    parser.add_argument("sprint", metavar="SPRINT", help="a sprint's name or its file")
    parser.add_argument(
        "--approve",
        action="append",
        default=[],
        metavar="ID",
        help="approve a finding in your name (git's user.name); the policy says who may",
    )
    parser.add_argument(
        "--reason",
        default="",
        metavar="TEXT",
        help="why you approve; needed to accept a gate that is INCONCLUSIVE, and kept in the model card and the tag",
    )
    parser.add_argument("--push", action="store_true", help="push the commit and the tags, all or nothing")
    parser.add_argument("--dry-run", action="store_true", help="look at everything, and change nothing")
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import FlywheelError
    from runner.workflow.promoting.promote import promote, terminal_approvals
    from runner.workflow.promoting.readiness import Conditions

    if options.reason and not options.approve:
        raise FlywheelError(
            "--reason says why something is approved, and nothing is",
            hint=f"flywheel promote {options.sprint} --dry-run names what can be: --approve ID",
        )
    root = project_root(options)
    conditions = Conditions(approvals=terminal_approvals(root, options.approve, options.reason))
    result = promote(root, _name(options.sprint), conditions, push=options.push, dry_run=options.dry_run)
    if options.format == "json":
        print_json(_with_ids(result))
    else:
        print(render(result))
    return result.exit_code


def _name(sprint: str) -> str:
    """A folder `reports/<sprint>` names its sprint, as it does for `verify`."""
    path = Path(sprint)
    return path.name if path.parts[:1] == ("reports",) else sprint


def _with_ids(result: Promotion) -> dict[str, Any]:
    """As it is printed: each finding with the id by which `--approve` names it, which no record stores."""
    import msgspec

    printed: dict[str, Any] = msgspec.to_builtins(result)
    for shown, decision in zip(printed["decisions"], result.decisions, strict=True):
        shown["finding"] = {"id": decision.finding.id, **shown["finding"]}
    return printed


def render(result: Promotion) -> str:
    """What was done, or what keeps the sprint, one reason to a line."""
    place = f"{result.model}#{result.stage}"
    match result.result:
        case "promoted":
            replaced = f", in place of {result.before}" if result.before not in (None, result.sprint) else ""
            head = f"{result.sprint}: promoted as {result.version}: {result.tag}{replaced}"
        case "unchanged":
            head = f"{result.sprint}: holds {place} already, as {result.version}: {result.tag}"
        case "would promote":
            head = f"{result.sprint}: would be promoted to {place} as {result.version}"
        case "stale":
            head = f"{result.sprint}: not promoted: it is stale"
        case "waiting":
            head = f"{result.sprint}: not promoted: it waits for approval"
        case _:
            head = f"{result.sprint}: not promoted"
    lines = [head, *(f"  {reason}" for reason in result.reasons)]
    if result.result == "stale":
        lines.append(f"  next: flywheel judge {result.sprint} --pull")
    if result.result == "waiting":
        from runner.policy.undecided import approve_options

        options = approve_options(each.finding for each in result.decisions if not each.approved)
        lines.append(f"  next: flywheel promote {result.sprint}{options}")
    if result.agreed:
        lines.append(f"  its approvals are committed, in reports/{result.sprint}/agreed.json; next: git push")
    if result.pushed:
        lines.append("  pushed: the branch, and every tag of the model that the remote lacked")
    elif result.result == "promoted":
        lines.append(f"  not pushed; next: flywheel promote {result.sprint} --push")
    return "\n".join(lines)
