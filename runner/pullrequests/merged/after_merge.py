"""What happens when a pull request was merged: its record is brought to the default branch, and its sprints are promoted.

Everything that is written goes in one push: the record's commit, the promotion's commit, the tags. Where the branch moved
meanwhile, all of it is done again on what it holds now. Run again, nothing is done twice.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.dvc import artifacts, metafiles, repo
from runner.adapters.git import access, commits, trusted
from runner.adapters.git.repository import is_ancestor, run_git
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.forges.forge import PullRequest
from runner.policy.approvals import Circumstances
from runner.pullrequests.approvals import approvals_given, last_report
from runner.pullrequests.bundles.bundle import Bundle
from runner.pullrequests.merged.own_record import (
    is_recorded_since,
    is_unpublished,
    judged_again_message,
    require_own,
)
from runner.pullrequests.merged.record import commit_record, lay_out, write_record
from runner.pullrequests.publishing.publisher import Publisher
from runner.record.catalogue import LOCK, STORED_AND_DIGESTED, sprint_folder, sprint_path
from runner.workflow.fetching import fetch_folders
from runner.workflow.judging.judge_again import judge_again
from runner.workflow.merged_terms import Merge, merge_of
from runner.workflow.promoting.promote import Promotion, promote
from runner.workflow.promoting.readiness import Conditions
from runner.workflow.promoting.rollback import Rollback, rollback


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of one sprint.

    Attributes:
        promotion: None where a stage of its run failed.
        judged_again: its report is another one than the pull request shows, by this job or by one that did not get so far.
        note: why it could not be judged again.
    """

    sprint: str
    promotion: Promotion | None = None
    judged_again: bool = False
    note: str = ""

    @property
    def altered(self) -> bool:
        """Its record does not follow from what the stages wrote."""
        return self.promotion is not None and self.promotion.result == "altered"


@dataclass(kw_only=True)
class Writing:
    """The default branch of this clone, while a job writes to it.

    Attributes:
        branch: its name. `tags`: those made since the last push.
    """

    publisher: Publisher
    branch: str
    tags: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.publisher.root

    def require_clean(self) -> None:
        """The clone is the job's own: everything in it may be reset.

        Raises:
            FlywheelError: it holds work that would be lost.
        """
        changed = run_git(self.root, "status", "--porcelain", "--untracked-files=no").stdout
        tip = trusted.fetch_branch(self.root, self.branch, self.publisher.access)
        ours = trusted.head_of(self.root)
        if changed.strip() or (tip is not None and not is_ancestor(self.root, ours, tip)):
            raise FlywheelError(
                "this clone holds changes or commits that were not pushed: the job would drop them",
                where=Where(str(self.root)),
                hint="this job works in a clone of its own; from a terminal use flywheel promote",
            )

    def to_tip(self) -> None:
        """What the forge has now, with its tags, and nothing else."""
        for tag in self.tags:
            run_git(self.root, "tag", "--delete", tag)
        self.tags.clear()
        tip = trusted.fetch_branch(self.root, self.branch, self.publisher.access)
        fetched = access.git(
            self.root,
            *("fetch", "--no-write-fetch-head", access.REMOTE, "+refs/tags/*:refs/tags/*"),
            access=self.publisher.access,
        )
        access.done(fetched, "the tags could not be fetched")
        access.done(
            access.git(self.root, "reset", "--quiet", "--hard", str(tip)), "the branch could not be reset"
        )

    def pushed(self, done: Callable[[], Sequence[str]]) -> None:
        """Does what `done` does on the branch's tip, and pushes its commits and the tags that it returns, all or nothing.

        Raises:
            FlywheelError: what `done` raises; the push is refused, or the branch moves all the time (exit code 5).
        """
        for _ in range(trusted.ATTEMPTS):
            self.to_tip()
            known = set(_tags(self.root))
            try:
                wanted = done()
            finally:
                self.tags = [tag for tag in _tags(self.root) if tag not in known]
            refs = [
                f"HEAD:refs/heads/{self.branch}",
                *(f"refs/tags/{tag}" for tag in sorted({*wanted, *self.tags})),
            ]
            if trusted.push_refs(self.root, refs, self.publisher.access):
                self.tags = []
                return
            self.publisher.say(
                f"{self.branch} moved meanwhile: everything is done again on what it holds now"
            )
        self.to_tip()
        raise FlywheelError(
            f"{self.branch} moved {trusted.ATTEMPTS} times while the record was pushed",
            hint="run the job again",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _tags(root: Path) -> list[str]:
    return run_git(root, "tag", "--list").stdout.decode("utf-8", "replace").split()


def record_and_promote(
    writing: Writing, pull: PullRequest, merge: Merge, bundle: Bundle, cache: Path
) -> list[Settled]:
    """Brings a merged pull request's record to the branch, and promotes what may be.

    Args:
        merge: what the pull request brought to the branch.
        cache: the bundle's outputs, as `open_outputs` wrote them.

    Raises:
        FlywheelError: the bundle is not of what was merged; DVC's remote or git's refuse (exit code 5).
    """
    settled: list[Settled] = []
    sprints = bundle.manifest.sprints

    def done() -> list[str]:
        settled.clear()
        if not all(_recorded_since(writing, merge, sprint) for sprint in sprints):
            lay_out(writing.root, bundle, cache)
            paths = write_record(writing.root, bundle)
            commit_record(writing.root, paths, sprints, writing.publisher.access)
        for sprint in sprints:
            if bundle.failed(sprint):
                settled.append(Settled(sprint=sprint))
            else:
                settled.append(_settle(writing, sprint, pull, merge))
        if any(outcome.altered for outcome in settled):
            raise NotFollowing(settled)
        return _assigned(settled)

    writing.pushed(done)
    return settled


class NotFollowing(FlywheelError):  # noqa: N818 - what was found out
    """A record that does not follow from what it rests on: nothing of the pull request is written."""

    def __init__(self, settled: Sequence[Settled]) -> None:
        altered = [outcome for outcome in settled if outcome.altered and outcome.promotion]
        reasons = [reason for outcome in altered if outcome.promotion for reason in outcome.promotion.reasons]
        super().__init__(
            f"{', '.join(outcome.sprint for outcome in altered)}: not what was judged: {'; '.join(reasons)}",
            hint="nothing was recorded; propose the sprint again, so that it runs again",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )
        self.settled = list(settled)


def promote_recorded(
    writing: Writing, sprint: str, pull: PullRequest | None, merge: Merge | None = None
) -> Settled:
    """Promotes a sprint whose record the branch holds: what was approved since may let it.

    Args:
        pull: what brought it, where that is known: approvals are given there.
        merge: of that pull request; by the branch's history when None.

    Raises:
        FlywheelError: a pull request brought some of its record (exit code 1); its outputs are not in DVC's remote; DVC's
            remote or git's refuse.
    """
    settled: list[Settled] = []

    def done() -> list[str]:
        require_own(writing.root, writing.publisher.forge, writing.branch, sprint)
        settled[:] = [_settle(writing, sprint, pull, merge or merge_of(writing.root, sprint))]
        return _assigned(settled)

    writing.pushed(done)
    return settled[0]


def roll_back(writing: Writing, name: str) -> Rollback:
    """Gives the stage back, and pushes that.

    Raises:
        FlywheelError: there is nothing to go back to (exit code 1); git's remote refuses (exit code 5).
    """
    result: list[Rollback] = []

    def done() -> list[str]:
        with _as_bot(writing.publisher):
            result[:] = [rollback(writing.root, name, push=False)]
        return [result[0].tag] if result[0].tag else []

    writing.pushed(done)
    return result[0]


def _settle(writing: Writing, sprint: str, pull: PullRequest | None, merge: Merge) -> Settled:
    root, say = writing.root, writing.publisher.say
    bring_outputs(root, sprint, say)
    conditions = _conditions(writing.publisher, pull, merge)
    judged, note = pull is not None and is_unpublished(writing.publisher, pull, sprint), ""
    with _as_bot(writing.publisher):
        promotion = promote(root, sprint, _not_yet(conditions) if judged else conditions, push=False)
    if promotion.result == "stale":
        note = _judge_again(writing, sprint, merge)
        judged = not note
        if judged:
            with _as_bot(writing.publisher):
                promotion = promote(root, sprint, _not_yet(conditions), push=False)
    if promotion.result == "altered":
        return Settled(sprint=sprint, promotion=promotion)
    _send_outputs(root, sprint, say)
    return Settled(sprint=sprint, promotion=promotion, judged_again=judged, note=note)


def _judge_again(writing: Writing, sprint: str, merge: Merge) -> str:
    """Commits what comes of it; else why it could not be."""
    root = writing.root
    try:
        judge_again(root, sprint, pull=True, say=writing.publisher.say, merge=merge)
    except FlywheelError as error:
        return str(error)
    changed = commits.uncommitted(root, [sprint_path(sprint)])
    trusted.commit(root, changed, judged_again_message(sprint), writing.publisher.access)
    return ""


def _conditions(publisher: Publisher, pull: PullRequest | None, merge: Merge) -> Conditions:
    if pull is None:
        return Conditions(merge=merge, under_terms=True)
    forge = publisher.forge
    return Conditions(
        approvals=approvals_given(forge, pull, publisher.environment.bot),
        circumstances=Circumstances(
            author=pull.author,
            permission=forge.permission,
            last_report=last_report(forge, pull),
        ),
        merge=merge,
        under_terms=True,
    )


def _not_yet(conditions: Conditions) -> Conditions:
    """The new report is not published yet: nothing was approved that it shows."""
    return Conditions(circumstances=conditions.circumstances, merge=conditions.merge, under_terms=True)


def _recorded_since(writing: Writing, merge: Merge, sprint: str) -> bool:
    publisher = writing.publisher
    return is_recorded_since(writing.root, publisher.forge, publisher.access, merge, sprint)


def _assigned(settled: Sequence[Settled]) -> list[str]:
    """The registry's tags that the push must bring: also those that an earlier, killed job left here."""
    promotions = [outcome.promotion for outcome in settled if outcome.promotion and outcome.promotion.tag]
    return [tag for done in promotions for tag in (f"{done.model}@{done.version}", str(done.tag))]


def bring_outputs(root: Path, sprint: str, say: Callable[[str], None]) -> None:
    """What `verify` reads of the sprint's outputs, as dvc.lock names it, from DVC's cache or its remote.

    Raises:
        FlywheelError: the remote cannot be reached (exit code 3); what it lacks is missed later.
    """
    folder = sprint_folder(root, sprint)
    stored = _stored(folder)
    old = [
        name
        for name in (file.name for file in STORED_AND_DIGESTED)
        if name in stored
        and (not (folder / name).is_dir() or metafiles.folder_md5(folder / name) != stored[name])
    ]
    missing = [stored[name] for name in old if not metafiles.is_cached(root, stored[name])]
    if missing:
        say(f"{sprint}: fetching {', '.join(old)} through DVC")
        fetch_folders(root, missing, sprint_path(sprint))
    for name in old:
        shutil.rmtree(folder / name, ignore_errors=True)
    if old:
        repo.check_out(root, [folder / name for name in old])


def _send_outputs(root: Path, sprint: str, say: Callable[[str], None]) -> None:
    hashes = []
    for md5 in _stored(sprint_folder(root, sprint)).values():
        hashes += [*(metafiles.cached_members(root, md5) or {}).values(), md5]
    sent = artifacts.push_objects(root, hashes)
    if sent:
        say(f"{sprint}: {sent} objects put into DVC's remote")


def _stored(folder: Path) -> dict[str, str]:
    """The folders that DVC keeps of a sprint, with their hashes."""
    stages = metafiles.read_lock(folder / LOCK.name).values()
    return {out: md5 for stage in stages for out, md5 in stage.outs.items() if md5.endswith(".dir")}


@contextmanager
def _as_bot(publisher: Publisher) -> Iterator[None]:
    """Commits and tags that are made in this process are the bot's."""
    before = dict(os.environ)
    os.environ.update(access.identity(publisher.access))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
