"""The job that runs a pull request's sprints. What it leaves is data: others verify it before they believe it."""

from __future__ import annotations

import html
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from runner.adapters.dvc.local_config import local_configuration
from runner.adapters.git import commit_trees
from runner.adapters.git.access import Access
from runner.domain.errors import ConfigurationErrors, ExitCode, FlywheelError, Where
from runner.domain.files import write_text
from runner.forges.environment import from_checkout
from runner.jobs.outputs import append_summary
from runner.planning.proposal import ConfigProblem, Proposal
from runner.policy.code_paths import code_paths
from runner.pullrequests.bundles.bundle import pack
from runner.pullrequests.html_page import page
from runner.pullrequests.looks import BRANCH as LOOKS
from runner.pullrequests.looks import looks_of, note_looks
from runner.pullrequests.proposing import guard
from runner.pullrequests.proposing.propose import propose
from runner.record.catalogue import REPORTS
from runner.report import markdown
from runner.report.annotations import untrusted
from runner.report.escape import markdown as markdown_text
from runner.workflow.judged_sprint import JudgedSprint
from runner.workflow.running.run import report_failure
from runner.workflow.running.run import run as run_sprint

REDACTED = "***"
CHUNK_BYTES = 8 * 2**20
_LEFT = ("bundle", "html", "outputs")


def run(
    root: Path,
    *,
    base: str,
    head: str | None,
    output: Path,
    variables: MutableMapping[str, str] = os.environ,
) -> int:
    """Runs every sprint that the checked-out proposal changes, under the base's terms, and packs what came out.

    Args:
        base: the commit of the base branch that judges.
        head: the proposed commit, which must be what is checked out.
        output: gets `bundle` and `outputs`, and `html` with a page per sprint.

    Returns:
        0 when every sprint has a verdict or a failure's report: which it is, the check on the commit tells. Else the exit
        code of what refused the proposal or kept the job from running, which is printed.
    """
    try:
        _run_all(root, _Proposed.of(root, base, head), output, variables)
    except FlywheelError as error:
        with untrusted():  # it tells of files whose names and texts a stranger chose
            print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    return int(ExitCode.PASS)


@dataclass(frozen=True, kw_only=True)
class _Proposed:
    """The commits' full SHAs."""

    base: str
    head: str

    @classmethod
    def of(cls, root: Path, base: str, head: str | None) -> _Proposed:
        """Raises FlywheelError where one is not known here, or the head is not what is checked out."""
        here = commit_trees.commit_of(root, "HEAD")
        named = commit_trees.commit_of(root, head) if head is not None else here
        if named != here:
            raise FlywheelError(
                f"{named[:10]} is proposed, and {here[:10]} is checked out: nothing was run",
                hint=f"check out what is proposed: git checkout {named}",
            )
        return cls(base=commit_trees.commit_of(root, base), head=here)


def _run_all(root: Path, commits: _Proposed, output: Path, variables: MutableMapping[str, str]) -> None:
    """Guards, runs, summarises and packs.

    Raises:
        ConfigurationErrors: flywheel.yaml or a spec is not valid.
        FlywheelError: the proposal may not be run: it changes code, or holds what none may hold (exit code 2).
    """
    environment = from_checkout(root, variables)
    _refuse_code(root, commits.base)
    guard.require(root, commits.base)
    with untrusted():
        sprints = _sprints(propose(root, commits.base))
        for path in guard.restore_records(root, commits.base):
            _say(f"{path}: as on the base branch: what a proposal says of its runs is not believed")
        with _ended_in_order(), local_configuration(root, variables) as secrets:
            outcomes = [_run(root, name, commits.base, secrets) for name in sprints]
    if not sprints:
        _say("no sprint is changed: nothing to run")
        return
    with _looked_through(output, secrets) as left:
        pack(root, sprints, commits.base, commits.head, left)
        for outcome in outcomes:
            write_text(
                left / "html" / f"{outcome.folder.name}.html", page(outcome.report, root / outcome.folder)
            )
    if environment is None:
        _note_looks(root, sprints)
    else:
        for outcome in outcomes:
            append_summary(environment, markdown.render(outcome.report))


def _note_looks(root: Path, sprints: Sequence[str]) -> None:
    """Where no forge's report.yml follows, the looks are noted here, if the remote lets this job write."""
    try:
        noted = note_looks(root, looks_of(root / REPORTS, sprints), Access())
    except FlywheelError as error:
        _say(f"the looks at the test split could not be noted on {LOOKS}: {error.message}")
        return
    if noted:
        _say(f"looks at the test split noted on {LOOKS}: {noted}")


def _refuse_code(root: Path, base: str) -> None:
    code = code_paths(commit_trees.changed_anywhere(root, base, "HEAD"))
    if code:
        shown = [path if path.isprintable() else ascii(path) for path in code]
        raise FlywheelError(
            "the proposal changes code, so no sprint is run for it: "
            + ", ".join(shown[:10])
            + ", …" * (len(shown) > 10),
            hint="propose the code in one pull request, which runs the tests, and the sprint in another",
        )


def _sprints(proposal: Proposal) -> list[str]:
    """The sprints to run.

    Raises:
        ConfigurationErrors: one of them cannot be planned.
    """
    sprints = [sprint for sprint in proposal.sprints if sprint.status != "removed"]
    if any(sprint.plan is None for sprint in sprints):
        raise ConfigurationErrors([_error(problem) for problem in proposal.problems])
    return [sprint.sprint for sprint in sprints]


def _error(problem: ConfigProblem) -> FlywheelError:
    where = Where(problem.file, problem.line, problem.column)
    return FlywheelError(problem.message, where=where, hint=problem.hint)


def _run(root: Path, name: str, base: str, secrets: Sequence[str]) -> JudgedSprint:
    """One sprint; what keeps it from running is reported as a stage's failure is.

    Raises:
        FlywheelError: its configuration is refused, or a tool is missing.
    """
    try:
        return run_sprint(root, name, pull=True, say=_say, base=base)
    except FlywheelError as error:
        if error.exit_code is not ExitCode.STAGE_FAILED:
            raise
        _say(f"{name}: {_without(str(error), secrets)}")
        return report_failure(root, name, _without_secrets(error, secrets), base=base)


def _without_secrets(error: FlywheelError, secrets: Sequence[str]) -> FlywheelError:
    """The error for a record that leaves the job: a remote's own message may hold what it was asked with."""
    return FlywheelError(
        _without(error.message, secrets),
        where=error.where,
        hint=_without(error.hint, secrets) if error.hint else None,
        exit_code=error.exit_code,
    )


def _without(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


@contextmanager
def _looked_through(output: Path, secrets: Sequence[str]) -> Iterator[Path]:
    """A folder for what becomes artifacts that everybody may read; it lies in `output` only once it was looked through.

    The steps that upload follow however this one ends, also where it is killed at its time limit.

    Raises:
        FlywheelError: a file holds a value of the DVC configuration. Then nothing at all is left to upload.
    """
    for name in _LEFT:
        shutil.rmtree(output / name, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".left-", dir=output) as temporary:
        left = Path(temporary)
        yield left
        holding = [path for path in sorted(left.rglob("*")) if path.is_file() and _holds(path, secrets)]
        if holding:
            raise FlywheelError(
                "holds a secret of the job's DVC configuration: nothing that the run made was left",
                where=Where(holding[0].relative_to(left).as_posix()),
                hint="change that secret: this machine's logs may hold it too",
                exit_code=ExitCode.STAGE_FAILED,
            )
        for name in _LEFT:
            if (left / name).is_dir():
                (left / name).replace(output / name)


def _holds(path: Path, secrets: Sequence[str]) -> bool:
    """Whether a file holds one of these, as it is or as JSON or HTML write it; read in pieces, since weights are large."""
    forms = {
        form.encode()
        for secret in secrets
        for form in (
            secret,
            json.dumps(secret)[1:-1],
            html.escape(secret),
            markdown_text(secret, len(secret)),
        )
    }
    overlap, tail = max(map(len, forms), default=1) - 1, b""
    with path.open("rb") as file:
        while forms and (read := file.read(CHUNK_BYTES)):
            piece = tail + read
            if any(form in piece for form in forms):
                return True
            tail = piece[-overlap:] if overlap else b""
    return False


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A cancelled job is asked to end before it is killed: what must not stay behind is removed then."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
