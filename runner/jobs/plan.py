"""`flywheel ci plan`: plans what a pull request proposes. Runs without secrets, beside files that anybody may have written."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from runner.adapters.git.repository import folder_in_repository
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import write_json
from runner.forges.environment import read_environment
from runner.jobs.outputs import append_summary
from runner.planning.proposal import Proposal
from runner.pullrequests.proposing.propose import IndexCounting, propose
from runner.report import plan_comment
from runner.report.annotations import command, print_problems, untrusted

FILE = "plan.json"
SUMMARY_BYTES = 900_000  # the comment's limit does not bind here; a step's summary holds 1 MiB
COUNTED_BYTES = 500 * 10**6  # data that is small enough to be fetched for its counts
_NEEDED = ("dvc", "cv2", "pyarrow")  # to fetch and index data; a plan does without


def run(
    root: Path,
    *,
    base: str | None,
    head: str | None,
    output: Path | None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Writes OUTPUT/plan.json whatever is wrong with the proposal, annotates its errors, and adds a step summary.

    Where the data has no index here, is small and can be had without a secret, it is fetched and counted.

    Args:
        base: the commit that judges; the event's when None.
        head: the proposed commit; what is checked out when None.
        output: a folder; `out` when None.
        variables: the job's environment; this process's when None.

    Returns:
        2 where the proposal is not valid or holds what is refused, else 0.

    Raises:
        FlywheelError: git does not know a commit, or nobody says which one judges.
    """
    environment = read_environment(os.environ if variables is None else variables)
    judge = _base(base, environment.event)
    with untrusted():  # a stage names files of the data
        proposal = propose(root, judge, head, counting=_counting())
    write_json((output or Path("out")) / FILE, proposal)
    _log(root, proposal)
    append_summary(environment, plan_comment.render(proposal, max_bytes=SUMMARY_BYTES))
    wrong = proposal.problems or proposal.refused
    return int(ExitCode.INVALID_CONFIGURATION if wrong else ExitCode.PASS)


def _base(base: str | None, event: Mapping[str, object]) -> str:
    if base is not None:
        return base
    pull = event.get("pull_request")
    side = pull.get("base") if isinstance(pull, dict) else None
    sha = side.get("sha") if isinstance(side, dict) else None
    if not isinstance(sha, str):
        raise FlywheelError(
            "the event names no base to compare with", hint="flywheel ci plan --base origin/main"
        )
    return sha


def _counting() -> IndexCounting | None:
    """None where what it takes is not installed: an index is built by the same code as in a run."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return None
    return IndexCounting(say=print, max_bytes=COUNTED_BYTES)


def _log(root: Path, proposal: Proposal) -> None:
    folder = folder_in_repository(root)
    print_problems(proposal.problems, folder)
    for sentence in proposal.refused:
        print(command("error", sentence, title="flywheel: refused"))
    for finding in proposal.findings:
        path, line, column = _place(finding.where)
        print(
            command(
                "warning",
                f"{finding.message}\nTo approve it: /flywheel approve {finding.id}",
                title="flywheel: needs approval",
                file=f"{folder}{path}" if path else "",
                line=line,
                column=column,
            )
        )


def _place(where: str) -> tuple[str, int | None, int | None]:
    """`file:line:column` apart; a finding may have no line."""
    path, *numbers = where.rsplit(":", 2)
    if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
        return path, int(numbers[0]), int(numbers[1])
    return where, None, None
