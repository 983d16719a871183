"""`flywheel doctor`: whether the repository is set up for the pull request loop."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.pullrequests.doctor.diagnosis import Diagnosis

EXAMPLE = """\
  flywheel doctor                    asks the forge too, with GH_TOKEN or GITHUB_TOKEN
  flywheel doctor --offline          looks at the files only"""

_MARKS = {"ok": "ok", "problem": "PROBLEM", "warning": "warning", "unknown": "not known"}


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "doctor",
        "check the repository's set-up for pull requests, and say what to change",
        EXAMPLE,
        execute,
    )
    parser.add_argument("--offline", action="store_true", help="ask nothing of the forge")
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import ExitCode
    from runner.forges import open_forge
    from runner.forges.environment import from_checkout
    from runner.pullrequests.doctor.diagnose import doctor

    root = project_root(options)
    environment = from_checkout(root, os.environ)
    asks = environment is not None and environment.token is not None and not options.offline
    forge = open_forge(environment) if environment is not None and asks else None
    found = doctor(root, environment, forge, offline=options.offline)
    if options.format == "json":
        print_json(found)
    else:
        print(render(found))
    problems = any(diagnosis.state == "problem" for diagnosis in found)
    return int(ExitCode.GATE_NOT_PASSED if problems else ExitCode.PASS)


def render(found: list[Diagnosis]) -> str:
    """One rule to a line, with what to do below it."""
    from runner.report.escape import plain

    width = max(len(mark) for mark in _MARKS.values())
    lines = []
    for each in found:
        lines.append(f"{_MARKS[each.state]:<{width}}  {each.title}: {plain(each.detail, 600)}")
        if each.state != "ok" and each.fix:
            lines.append(f"{'':<{width}}  → {plain(each.fix, 600)}")
    counts = {state: sum(each.state == state for each in found) for state in _MARKS}
    lines.append("")
    lines.append(
        f"{counts['ok']} ok, {counts['problem']} problem{'s' * (counts['problem'] != 1)}, "
        f"{counts['warning']} warning{'s' * (counts['warning'] != 1)}, {counts['unknown']} not known"
    )
    return "\n".join(lines)
