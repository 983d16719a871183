"""Whose records the default branch holds: this job's, those of people who may push, or what a pull request brought.

A record that a pull request brought says what its author wants. What a commit says of its own author is no sign: a merge by
rebase keeps it. What the forge says of the commit is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.git.access import Access, done, git, identity
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.policy import FindingKind
from runner.forges.forge import Forge, PullRequest
from runner.pullrequests.approvals import JUDGED_AGAIN
from runner.pullrequests.publishing.publisher import Publisher
from runner.record import digests
from runner.record.catalogue import DIGESTS, STORED, files, sprint_folder, sprint_path
from runner.workflow.merged_terms import Merge
from runner.workflow.terms import read_terms

_FILES = files(lambda file: file.bundled or file in STORED)  # notes and the model card are none
_RECORD = "flywheel: record of "


@dataclass(frozen=True, kw_only=True)
class _Commit:
    sha: str
    author: str
    committer: str
    subject: str


def record_message(sprints: Sequence[str]) -> str:
    """Of the commit that brings records to the branch; no text of a spec is in it."""
    return f"{_RECORD}{', '.join(sprints)} [skip ci]"


def judged_again_message(sprint: str) -> str:
    """Of the commit that changes what of a record depends on the champion and the terms."""
    return f"flywheel: {sprint} is judged again [skip ci]"


def last_record(root: Path, forge: Forge, access: Access, commit: str) -> str | None:
    """This job's newest record at or before a commit of the branch."""
    commits = _log(root, f"--grep=^{_RECORD}", commit, "--")
    return next((logged.sha for logged in commits if _is_ours(logged, forge, access)), None)


def is_recorded_since(root: Path, forge: Forge, access: Access, merge: Merge, sprint: str) -> bool:
    """Whether this job recorded what was merged, and no pull request has brought another record in its place since."""
    for commit in _log(root, f"{merge.after}..HEAD", "--", *_paths(sprint)):
        if _is_ours(commit, forge, access):
            return True
        if forge.pull_requests_merged_by(commit.sha):
            return False
    return False


def require_own(root: Path, forge: Forge, branch: str, sprint: str) -> None:
    """The record at HEAD was written by this job, or by somebody who may push to the branch.

    Raises:
        FlywheelError: a pull request brought some of it (exit code 1).
    """
    for commit in _log(root, "HEAD", "--", *_paths(sprint)):
        merged = forge.pull_requests_merged_by(commit.sha)
        brought = [pull for pull in merged if pull.base_ref == branch]
        if brought:
            raise FlywheelError(
                f"the record of {sprint} came with #{brought[0].number}: what a pull request says of its own runs is not believed",
                where=Where(sprint_path(sprint)),
                hint="propose the sprint again, so that it runs; or verify it yourself, and: flywheel promote",
                exit_code=ExitCode.GATE_NOT_PASSED,
            )
        if commit.subject != judged_again_message(sprint):  # that one rests on what was there
            return


def judged_again_id(folder: Path) -> str:
    """What the check is known by that shows the report in a record which was judged again."""
    return f"{JUDGED_AGAIN}{digests.digest_of(folder / DIGESTS.name)[:12]}"


def is_unpublished(publisher: Publisher, pull: PullRequest, sprint: str) -> bool:
    """Whether a record was judged again after its merge, and its new report is not on the pull request yet."""
    folder = sprint_folder(publisher.root, sprint)
    terms = read_terms(folder)
    if terms is None or all(finding.kind is not FindingKind.STALE for finding in terms.all_findings):
        return False
    checks = publisher.forge.check_runs(pull.head_sha)
    return all(check.external_id != judged_again_id(folder) for check in checks)


def _is_ours(commit: _Commit, forge: Forge, access: Access) -> bool:
    bot = identity(access)
    by_bot = (commit.author, commit.committer) == (bot["GIT_AUTHOR_EMAIL"], bot["GIT_COMMITTER_EMAIL"])
    return by_bot and commit.subject.startswith(_RECORD) and not forge.pull_requests_merged_by(commit.sha)


def _paths(sprint: str) -> list[str]:
    return [file.of(sprint) for file in _FILES]


def _log(root: Path, *arguments: str) -> list[_Commit]:
    """Commits of the branch itself, the newest first: a merge counts for what it brought."""
    log = git(root, "log", "--first-parent", "-m", "--format=%H%x00%ae%x00%ce%x00%s", *arguments)
    told = done(log, "the branch's history could not be read")
    # not splitlines(): a subject may hold what only that takes for the end of a line
    fields = [line.split("\0", 3) for line in told.split("\n") if line]
    return [_Commit(sha=sha, author=author, committer=by, subject=said) for sha, author, by, said in fields]
