"""`flywheel ci promote`: records what was merged, verifies it, and promotes it. It believes no check and no comment of a bot."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from runner.adapters import git_commits, git_snapshot
from runner.adapters.dvc_config import local_configuration
from runner.adapters.git import run_git
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.forges import open_forge
from runner.forges.environment import Environment, read_environment
from runner.forges.forge import Forge, PullRequest
from runner.jobs.outputs import append_summary
from runner.loop.after_merge import (
    Settled,
    Writing,
    promote_recorded,
    record_and_promote,
    roll_back,
)
from runner.loop.approvable import merged_sprints
from runner.loop.believed import bundle_of, git_access, newest_run, outputs_of, require_believed
from runner.loop.publisher import Publisher
from runner.loop.tell import message, tell, tell_trouble
from runner.report.annotations import untrusted
from runner.report.escape import code
from runner.workflow import digests
from runner.workflow.stale import Merge

KEY = "FLYWHEEL_PUSH_KEY"
NOTHING = "0" * 40
_COMMITS = 50  # of one push; a merge queue brings several pull requests at once
_RUN = re.compile(r"specs/[^/]+\.yaml|flywheel\.yaml|.+\.dvc")
_RUN_PATHS = ("specs", "flywheel.yaml", "*.dvc")  # the same for git


def run(
    root: Path,
    *,
    sprint: str | None,
    rollback: str | None,
    forge: Forge | None = None,
    variables: MutableMapping[str, str] | None = None,
) -> int:
    """Records and promotes what the push's event brought; or promotes one recorded sprint, or goes back to one.

    Args:
        root: a clone of the default branch, with its whole history, that is the job's own.
        sprint: promote this one, whose record is on the branch: after approvals that came later.
        rollback: go back to this sprint, or to "previous".
        forge: the environment's when None.
        variables: the job's environment; this process's when None.

    Returns:
        0 when what was merged is recorded, promoted or not; 1 when it could not be verified or there is nothing to go back to;
        5 when it could not be brought to the forge or to DVC's remote.

    Raises:
        FlywheelError: with these exit codes.
    """
    given = os.environ if variables is None else variables
    environment = read_environment(given)
    known = forge or open_forge(environment)
    access = git_access(environment, key=given.get(KEY))
    publisher = Publisher(forge=known, environment=environment, root=root, access=access)
    writing = Writing(publisher=publisher, branch=known.default_branch())
    with local_configuration(root, given), untrusted():  # what is told quotes specs and file names
        writing.require_clean()
        if rollback:
            return _roll_back(writing, rollback)
        if sprint:
            return _promote(writing, sprint)
        start, end = _pushed(writing)
        recorded = _last_record(root, start) if start is not None else None
        if start is not None and recorded not in (None, start):
            for pull, merge in _pulls(writing, recorded, start):
                _merged(
                    writing, pull, merge
                )  # its own job was cancelled, or failed; that one told how it ended
        codes = [_merged(writing, pull, merge) for pull, merge in _pulls(writing, start, end)]
    return max(codes, default=int(ExitCode.PASS))


def _pushed(writing: Writing) -> tuple[str | None, str]:
    """The branch before the push (None for its first commit), and after it."""
    environment, root = writing.publisher.environment, writing.root
    end = git_snapshot.commit_of(root, str(environment.event.get("after") or environment.sha))
    before = str(environment.event.get("before") or NOTHING)
    return before if before != NOTHING else git_commits.parent(root, end), end


def _last_record(root: Path, commit: str) -> str | None:
    """The newest record at or before a commit of the branch. A forge drops all but one of several jobs that wait."""
    found = run_git(
        root, "log", "-1", "--first-parent", "--format=%H", "--grep=^flywheel: record of ", commit, "--"
    )
    return found.stdout.decode("ascii", "replace").strip() or None


def _pulls(writing: Writing, start: str | None, end: str) -> Iterator[tuple[PullRequest, Merge]]:
    """The pull requests that these commits brought, the oldest first, and what each brought to the branch."""
    root = writing.root
    found: dict[int, tuple[PullRequest, Merge]] = {}
    for commit in _commits(root, start, end):
        for pull in writing.publisher.forge.pull_requests_merged_by(commit):
            if pull.base_ref == writing.branch:
                first = (
                    found[pull.number][1].before if pull.number in found else git_commits.parent(root, commit)
                )
                found[pull.number] = (pull, Merge(before=first, after=commit))
    if not found:
        writing.publisher.say("no merged pull request brought this push: there is nothing to record")
    for pull, merge in found.values():
        changed = git_snapshot.changed_files(root, merge.before, merge.after) if merge.before else []
        if any(_RUN.fullmatch(path) for path in changed) or merge.before is None:
            yield pull, merge
        else:
            writing.publisher.say(
                f"#{pull.number} changes no spec, no project and no data: nothing to record"
            )


def _commits(root: Path, start: str | None, end: str, *paths: str) -> list[str]:
    """Those of the branch itself that changed one of `paths`, the oldest first."""
    asked = [f"{start}..{end}"] if start is not None else [end]
    options = ("--first-parent", "--reverse", f"--max-count={_COMMITS}")
    listed = run_git(root, "rev-list", *options, *asked, "--", *paths)
    return listed.stdout.decode("ascii", "replace").split() if listed.returncode == 0 else [end]


def _merged(writing: Writing, pull: PullRequest, merge: Merge) -> int:
    """One pull request; what went wrong is told on it."""
    publisher = writing.publisher
    try:
        settled = _recorded(writing, pull, merge)
    except FlywheelError as trouble:
        writing.to_tip()
        tell_trouble(publisher, pull, trouble)
        append_summary(
            publisher.environment, f"### #{pull.number}: nothing was recorded\n\n{code(trouble.message)}\n"
        )
        print(f"error: #{pull.number}: {trouble}")
        return int(
            trouble.exit_code if trouble.exit_code is not ExitCode.STAGE_FAILED else ExitCode.GATE_NOT_PASSED
        )
    _told(publisher, pull, settled)
    return int(ExitCode.PASS)


def _recorded(writing: Writing, pull: PullRequest, merge: Merge) -> list[Settled]:
    publisher = writing.publisher
    forge, root = publisher.forge, publisher.root
    newest = newest_run(forge, pull, "sprint.yml")
    if newest is None:
        raise FlywheelError(
            f"no finished run of sprint.yml is of its last commit {pull.head_sha[:10]}: nothing was judged",
            where=Where(".github/workflows/sprint.yml"),
            hint="propose the sprint again, and merge when its report is there",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )
    require_believed(
        forge, root, newest, "sprint.yml", access=publisher.access, merged=pull, before=merge.before
    )
    with tempfile.TemporaryDirectory(prefix="flywheel-merged-") as temporary:
        folder = Path(temporary)
        bundle = bundle_of(forge, root, newest, pull, folder)
        if bundle is None:
            raise FlywheelError(
                f"run {newest.id} left no bundle: nothing was judged",
                hint="propose the sprint again, and merge when its report is there",
                exit_code=ExitCode.GATE_NOT_PASSED,
            )
        outputs_of(forge, newest, bundle, folder)
        return record_and_promote(writing, pull, merge, bundle, folder / "cache")


def _promote(writing: Writing, sprint: str) -> int:
    name = Path(sprint).name.removesuffix(".yaml")
    _require_own_record(writing, name)
    pull, merge = _brought(writing, name)
    settled = promote_recorded(writing, name, pull, merge)
    if pull is not None:
        _told(writing.publisher, pull, [settled])
    else:
        writing.publisher.say(message(settled))
        append_summary(writing.publisher.environment, f"{message(settled)}\n")
    return int(ExitCode.GATE_NOT_PASSED if settled.altered else ExitCode.PASS)


def _require_own_record(writing: Writing, sprint: str) -> None:
    """The record was written by this job, or by somebody who may push to the branch: a merge brings what its author wrote.

    Raises:
        FlywheelError: a pull request brought it (exit code 1).
    """
    record = git_commits.newest_of(writing.root, [f"reports/{sprint}/{digests.FILE}"], first_parent=True)
    merged = writing.publisher.forge.pull_requests_merged_by(record) if record is not None else []
    brought = [pull for pull in merged if pull.base_ref == writing.branch]
    if brought:
        raise FlywheelError(
            f"the record of {sprint} came with #{brought[0].number}: what a pull request says of its own runs is not believed",
            where=Where(f"reports/{sprint}"),
            hint="propose the sprint again, so that it runs; or verify it yourself, and: flywheel promote",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )


def _brought(writing: Writing, sprint: str) -> tuple[PullRequest | None, Merge | None]:
    """The newest merge before a sprint's record whose pull request ran it; nothing where a forge knows of none.

    It need not have changed the sprint's spec: a changed flywheel.yaml, or other data, runs the newest sprint again.
    """
    publisher, root = writing.publisher, writing.root
    record = git_commits.newest_of(root, [f"reports/{sprint}/{digests.FILE}"], first_parent=True)
    pull: PullRequest | None = None
    merge: Merge | None = None
    for commit in reversed(_commits(root, None, record or "HEAD", *_RUN_PATHS)):
        merged = {
            each.number: each
            for each in publisher.forge.pull_requests_merged_by(commit)
            if each.merged and each.base_ref == writing.branch
        }
        if pull is None:
            pull = next((each for each in merged.values() if sprint in merged_sprints(publisher, each)), None)
        elif pull.number not in merged:
            break
        if pull is not None:  # rebased, it may have brought several commits
            merge = Merge(before=git_commits.parent(root, commit), after=merge.after if merge else commit)
    return pull, merge


def _told(publisher: Publisher, pull: PullRequest, settled: list[Settled]) -> None:
    append_summary(publisher.environment, "\n\n".join(message(each) for each in settled) + "\n")
    tell(publisher, pull, settled)


def _roll_back(writing: Writing, name: str) -> int:
    done = roll_back(writing, name)
    environment: Environment = writing.publisher.environment
    said = f"{done.result}: {done.before} → {done.sprint} ({done.version}), {done.tag}"
    writing.publisher.say(said)
    append_summary(environment, f"### Rollback\n\n{code(said)}\n")
    return int(ExitCode.PASS)
