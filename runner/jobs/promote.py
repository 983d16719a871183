"""`flywheel ci promote`: records what was merged, verifies it, and promotes it. It believes no check and no comment of a bot."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path

from runner.adapters.dvc.local_config import local_configuration
from runner.adapters.git import commit_trees, repository
from runner.adapters.git import commits as git_commits
from runner.config.load import sprint_name
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.forges import open_forge
from runner.forges.environment import Environment, read_environment
from runner.forges.forge import Forge, PullRequest
from runner.jobs.outputs import append_summary
from runner.pullrequests.approvable import merged_sprints
from runner.pullrequests.merged.after_merge import (
    Settled,
    Writing,
    promote_recorded,
    record_and_promote,
    roll_back,
)
from runner.pullrequests.merged.merges import Merges, pushed, searched
from runner.pullrequests.merged.notify import message, notify, tell_trouble
from runner.pullrequests.merged.own_record import last_record
from runner.pullrequests.publishing.publisher import Publisher
from runner.pullrequests.trusted_runs import bundle_of, git_access, newest_run, outputs_of, require_believed
from runner.record.catalogue import DIGESTS
from runner.report.annotations import untrusted
from runner.report.escape import code
from runner.workflow.merged_terms import Merge

KEY = "FLYWHEEL_PUSH_KEY"
NOTHING = "0" * 40
_RUN = re.compile(r"specs/[^/]+\.yaml|flywheel\.yaml|.+\.dvc")  # as `merges.RUN_PATHS`


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
        if start is not None:
            _catch_up(writing, start)
        pulls = list(_pulls(writing, pushed(root, start, end), end))
        codes = [_merged(writing, pull, merge) for pull, merge in pulls]
    return max(codes, default=int(ExitCode.PASS))


def _pushed(writing: Writing) -> tuple[str | None, str]:
    """The branch before the push (None for its first commit), and after it."""
    environment, root = writing.publisher.environment, writing.root
    end = commit_trees.commit_of(root, str(environment.event.get("after") or environment.sha))
    before = str(environment.event.get("before") or NOTHING)
    return before if before != NOTHING else git_commits.parent(root, end), end


def _catch_up(writing: Writing, start: str) -> None:
    """Records what earlier pushes brought: a forge drops all but one of several jobs that wait; one that failed told how."""
    publisher = writing.publisher
    recorded = last_record(writing.root, publisher.forge, publisher.access, start)
    if recorded not in (None, start):
        for pull, merge in _pulls(writing, searched(writing.root, recorded, start), start):
            _merged(writing, pull, merge)


def _pulls(writing: Writing, commits: Sequence[str], end: str) -> Iterator[tuple[PullRequest, Merge]]:
    """The pull requests that these commits brought, the oldest first, and what each brought to the branch."""
    publisher, root = writing.publisher, writing.root
    merges = Merges(forge=publisher.forge, root=root, branch=writing.branch)
    found = list(merges.of(commits, end))
    if not found:
        publisher.say("no merged pull request brought this push: there is nothing to record")
    for pull, merge in found:
        if _can_have_run(root, merge):
            yield pull, merge
        else:
            publisher.say(f"#{pull.number} changes no spec, no project and no data: nothing to record")


def _can_have_run(root: Path, merge: Merge) -> bool:
    """Whether it brought something that sprint.yml runs for: for what it only took away nothing was run."""
    if merge.before is None:
        return True
    changed = commit_trees.changed_files(root, merge.before, merge.after)
    runs = [path for path in changed if _RUN.fullmatch(path)]
    return any(repository.read_file(root, merge.after, path) is not None for path in runs)


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
        outputs_of(forge, newest, pull, bundle, folder)
        return record_and_promote(writing, pull, merge, bundle, folder / "cache")


def _promote(writing: Writing, sprint: str) -> int:
    writing.to_tip()
    name = sprint_name(writing.root, sprint)  # a number and a path name it too
    pull, merge = _brought(writing, name)
    settled = promote_recorded(writing, name, pull, merge)
    if pull is not None:
        _told(writing.publisher, pull, [settled])
    else:
        writing.publisher.say(message(settled))
        append_summary(writing.publisher.environment, f"{message(settled)}\n")
    return int(ExitCode.GATE_NOT_PASSED if settled.altered else ExitCode.PASS)


def _brought(writing: Writing, sprint: str) -> tuple[PullRequest | None, Merge | None]:
    """The newest merge before a sprint's record whose pull request ran it; nothing where a forge knows of none.

    It need not have changed the sprint's spec: a changed flywheel.yaml, or other data, runs the newest sprint again.
    """
    publisher, root = writing.publisher, writing.root
    record = git_commits.newest_of(root, [DIGESTS.of(sprint)], first_parent=True) or "HEAD"
    merges = Merges(forge=publisher.forge, root=root, branch=writing.branch)
    for pull, merge in merges.of(reversed(searched(root, None, record)), record):
        if sprint in merged_sprints(publisher, pull):
            return pull, merge
    return None, None


def _told(publisher: Publisher, pull: PullRequest, settled: list[Settled]) -> None:
    append_summary(publisher.environment, "\n\n".join(message(each) for each in settled) + "\n")
    notify(publisher, pull, settled)


def _roll_back(writing: Writing, name: str) -> int:
    done = roll_back(writing, name)
    environment: Environment = writing.publisher.environment
    said = f"{done.result}: {done.before} → {done.sprint} ({done.version}), {done.tag}"
    writing.publisher.say(said)
    append_summary(environment, f"### Rollback\n\n{code(said)}\n")
    return int(ExitCode.PASS)
