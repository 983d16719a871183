"""Which runs are believed: those whose workflow the default branch wrote, on the commit that a pull request now proposes.

A pull request of the same repository brings its own copy of the workflow files, and so does the branch that it is proposed
to. What a run says is believed only if the proposal changes no code and was never proposed to another branch, or if somebody
who may started the default branch's workflow by hand. And of what a believed run left, what git can tell is compared with
git: the commits, the specs, flywheel.yaml and the data's pointer.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

import msgspec

from runner.adapters.git import commit_trees, repository, trusted
from runner.adapters.git.access import REMOTE, Access
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.environment import Environment
from runner.forges.forge import Forge, PullRequest, WorkflowRun
from runner.policy.code_paths import code_paths
from runner.pullrequests.bundles.attempts import artifact_of, is_after_merge
from runner.pullrequests.bundles.bundle import BUNDLE_ARTIFACT, OUTPUTS_ARTIFACT, Bundle
from runner.pullrequests.bundles.unpack import (
    BUNDLE_BYTES,
    OUTPUTS_BYTES,
    Expected,
    open_bundle,
    open_outputs,
)
from runner.record.catalogue import DIGESTS, REPORTS

Workflow = Literal["plan.yml", "sprint.yml"]
FOLDER, CALLED = ".github/workflows/", "run-sprint.yml"
_TITLE = re.compile(r"(plan|sprint) #([1-9][0-9]{0,9}) ([0-9a-f]{40})")  # `run-name` of the two workflows
_AT = re.compile(r"(?:@(?!.*\.ya?ml$)[^@]*)?", re.IGNORECASE)  # forges may name the ref behind the path


class HeadMoved(FlywheelError):  # noqa: N818 - no error: there is nothing left to do
    """The run was of a commit that no pull request proposes any more: nothing is published, and nobody is told."""


def git_access(environment: Environment, *, key: str | None = None) -> Access:
    """How git reaches the forge that the environment names.

    Args:
        key: FLYWHEEL_PUSH_KEY, where the job has it.
    """
    return Access(
        server_url=environment.server_url,
        repository=environment.repository,
        token=environment.token,
        key=key or None,
        bot=environment.bot,
    )


def require_believed(
    forge: Forge,
    root: Path,
    run: WorkflowRun,
    workflow: Workflow,
    *,
    access: Access | None = None,
    merged: PullRequest | None = None,
    before: str | None = None,
    left_behind: bool = False,
) -> PullRequest:
    """The pull request that a run was of, if what it left may be believed. Its head commit's objects are then here.

    Args:
        root: a clone with the default branch's whole history.
        access: how git reaches the forge; None: as the clone is set up.
        merged: for promotion: the merged pull request, which is no longer among the open ones.
        before: the default branch's commit before that merge, where it is known: `before` of the push's event.
        left_behind: believe a run also where its pull request was closed or has another head by now; what is returned is the
            pull request as it was when it ran.

    Raises:
        HeadMoved: the pull request's head is another commit by now, or it was closed.
        FlywheelError: the run is not believed; the message says why (exit code 5).
    """
    _require_path(run, workflow)
    branch = forge.default_branch()
    if workflow == "sprint.yml":
        _require_called(run, branch)
    match run.event:
        case "pull_request":
            pull = _of_proposal(forge, run, branch, merged, left_behind=left_behind)
            _require_one_base(forge, run, pull, branch)
            _fetch(root, pull, access)
            base = before or (_before_merge(root, pull) if pull.merged else _tip(root, branch))
            _require_no_code(root, pull, base)
            _require_approved_state(forge, root, run, pull, base)
        case "workflow_dispatch":
            pull = _of_dispatch(forge, run, branch, workflow, merged, left_behind=left_behind)
            _require_on_branch(root, run, branch, workflow)
            _fetch(root, pull, access)
        case other:
            raise _refused(run, f"it was started by {other!a}, which no pull request and nobody by hand does")
    return pull


def bundle_of(forge: Forge, root: Path, run: WorkflowRun, pull: PullRequest, folder: Path) -> Bundle | None:
    """The bundle of a believed run, opened in an empty temporary folder; None where the run left none.

    Raises:
        FlywheelError: it is refused, or gone (exit code 5).
    """
    archive = _download(forge, run, pull, BUNDLE_ARTIFACT, folder / "bundle.zip", BUNDLE_BYTES)
    if archive is None:
        return None
    bundle = open_bundle(archive, folder / "bundle", Expected(head=pull.head_sha))
    archive.unlink()
    _require_of_git(root, run, bundle, forge.default_branch())
    return bundle


def outputs_of(forge: Forge, run: WorkflowRun, pull: PullRequest, bundle: Bundle, folder: Path) -> list[str]:
    """Brings the outputs of a believed run into `folder/cache`, and returns the objects' hashes; none where all failed.

    Raises:
        FlywheelError: they are refused, or gone (exit code 5).
    """
    archive = _download(forge, run, pull, OUTPUTS_ARTIFACT, folder / "outputs.zip", OUTPUTS_BYTES)
    if archive is None:
        if bundle.manifest.objects:
            raise _refused(run, f"it left no {OUTPUTS_ARTIFACT}, which its bundle names")
        return []
    hashes = open_outputs(archive, bundle, folder / "cache")
    archive.unlink()
    return hashes


def _download(
    forge: Forge, run: WorkflowRun, pull: PullRequest, name: str, target: Path, most: int
) -> Path | None:
    artifact = artifact_of(forge, run, pull, name)
    if artifact is None:
        return None
    if artifact.expired:
        raise _refused(run, f"its {name} is gone: forges keep it for 90 days")
    target.parent.mkdir(parents=True, exist_ok=True)
    return forge.download(artifact.id, target, max_bytes=most)


def _require_of_git(root: Path, run: WorkflowRun, bundle: Bundle, branch: str) -> None:
    """What the bundle says of git's files is what git holds at the two commits."""
    base, head = bundle.manifest.base_commit, bundle.manifest.head_commit
    if not repository.is_ancestor(root, base, _tip(root, branch)):
        raise _refused(run, f"it was judged by {base[:12]}, which is not a commit of {branch}")
    for sprint in bundle.manifest.sprints:
        spec = f"specs/{sprint}.yaml"
        named = {} if bundle.failed(sprint) else _digests(bundle, sprint)
        for file, sha256 in {**named, spec: bundle.report(sprint).spec.sha256}.items():
            content = repository.read_file(root, head, file)
            if content is None or hashlib.sha256(content).hexdigest() != sha256:
                raise _refused(run, f"{sprint} rests on another {file!a} than the one of {head[:12]}")


def _digests(bundle: Bundle, sprint: str) -> dict[str, str]:
    """Of the files that are the proposal's own."""
    known = DIGESTS.read(bundle.sprint_folder(sprint))
    return {file: sha256 for file, sha256 in known.items() if not file.startswith(f"{REPORTS}/")}


def _require_path(run: WorkflowRun, workflow: Workflow) -> None:
    expected = FOLDER + workflow
    if not run.path.startswith(expected) or not _AT.fullmatch(run.path.removeprefix(expected)):
        raise _refused(run, f"it was made by {run.path!a}, not by {expected}")


def _require_called(run: WorkflowRun, branch: str) -> None:
    """The sprints ran by the default branch's run-sprint.yml: for `uses`, a tag of the branch's name goes before the branch."""
    expected = f"{run.head_repository}/{FOLDER}{CALLED}"
    wanted = f"refs/heads/{branch}"
    if not run.called:
        raise _refused(run, f"it did not use {CALLED}")
    for called in run.called:
        if called.path != expected or called.ref != wanted:
            where = f"{called.path!a} of {called.ref!a}"
            raise _refused(run, f"it used {where}, and not {CALLED} of {branch}")


def _require_one_base(forge: Forge, run: WorkflowRun, pull: PullRequest, branch: str) -> None:
    """A run's workflow comes from the merge with the branch that was proposed to, and the run does not say which that was.

    Any pull request of the same branch can have made it, so none may ever have been proposed elsewhere.
    """
    for proposed in forge.pull_requests_of_branch(run.head_repository or "", run.head_branch):
        if proposed.base_ref != branch or forge.changed_base(proposed.number):
            its = "it" if proposed.number == pull.number else f"#{proposed.number}, of the same branch,"
            raise _refused(
                run, f"{its} is or was proposed to another branch, whose workflow could have made it"
            )


def newest_run(forge: Forge, pull: PullRequest, workflow: Workflow) -> WorkflowRun | None:
    """The newest finished run of a workflow for the proposed commit, by its push or by hand; it is yet to be believed.

    Of a merged pull request it is the newest that left something: one that was started after the merge had nothing to run,
    and hides none that judged.

    Raises:
        FlywheelError: the forge refused.
    """
    title = f"{workflow.removesuffix('.yml')} #{pull.number} {pull.head_sha}"
    pushed = forge.workflow_runs(workflow, head_sha=pull.head_sha, event="pull_request")
    by_hand = [run for run in forge.workflow_runs(workflow, event="workflow_dispatch") if run.title == title]
    branch = forge.default_branch()
    ours = [run for run in [*pushed, *by_hand] if is_of(run, pull, branch)]
    done = [run for run in ours if run.conclusion in ("success", "failure") or is_after_merge(run, pull)]
    if pull.merged_at is not None:
        done = [run for run in done if run.created_at <= pull.merged_at]
    done.sort(key=lambda run: run.id, reverse=True)
    left = (
        run for run in done if not pull.merged or artifact_of(forge, run, pull, BUNDLE_ARTIFACT) is not None
    )
    return next(left, done[0] if done else None)


def is_of(run: WorkflowRun, pull: PullRequest, branch: str) -> bool:
    """Whether a run can be of a pull request at all, by what the forge says of both; it is yet to be believed."""
    if run.event == "workflow_dispatch":
        return run.head_branch == branch
    ours = (run.head_sha, run.head_branch, run.head_repository)
    return ours == (pull.head_sha, pull.head_ref, pull.head_repository)


def _of_proposal(
    forge: Forge, run: WorkflowRun, branch: str, merged: PullRequest | None, *, left_behind: bool
) -> PullRequest:
    if merged is not None:
        _require_merged(run, merged, run.head_sha)
        if not is_of(run, merged, branch):
            raise _refused(
                run, f"it is of the branch {run.head_branch!a}, and #{merged.number} of {merged.head_ref!a}"
            )
        return merged
    open_ones = [
        pull
        for pull in forge.pull_requests_with_head(run.head_sha)
        if pull.base_ref == branch and is_of(run, pull, branch)
    ]
    if not open_ones and left_behind:
        open_ones = _as_it_was(forge, run, branch)
    if not open_ones:
        raise HeadMoved(f"no open pull request into {branch} has the head {run.head_sha[:12]} any more")
    if len(open_ones) > 1:
        numbers = ", ".join(f"#{pull.number}" for pull in open_ones)
        raise _refused(run, f"its commit is the head of several pull requests: {numbers}")
    return open_ones[0]


def _as_it_was(forge: Forge, run: WorkflowRun, branch: str) -> list[PullRequest]:
    """The newest pull request of the run's branch, with the head that ran."""
    known = forge.pull_requests_of_branch(run.head_repository or "", run.head_branch)
    ours = [pull for pull in known if pull.base_ref == branch]
    newest = max(ours, key=lambda pull: pull.number, default=None)
    return [msgspec.structs.replace(newest, head_sha=run.head_sha)] if newest is not None else []


def _of_dispatch(
    forge: Forge,
    run: WorkflowRun,
    branch: str,
    workflow: Workflow,
    merged: PullRequest | None,
    *,
    left_behind: bool,
) -> PullRequest:
    """The title is by `run-name` of the default branch's workflow: the run has no other tie to a pull request."""
    if run.head_branch != branch:
        raise _refused(run, f"it was started by hand on {run.head_branch!a}, not on {branch}")
    title = _TITLE.fullmatch(run.title)
    if title is None or f"{title[1]}.yml" != workflow:
        raise _refused(run, f"its title {run.title!a} does not name a pull request and a commit")
    number, sha = int(title[2]), title[3]
    if merged is not None:
        if merged.number != number:
            raise _refused(run, f"it was of #{number}, not of #{merged.number}")
        return _require_merged(run, merged, sha)
    pull = forge.pull_request(number)
    if left_behind and pull.base_ref == branch:
        return msgspec.structs.replace(pull, head_sha=sha)
    if pull.state != "open" or pull.base_ref != branch or pull.head_sha != sha:
        raise HeadMoved(f"#{number} does not propose {sha[:12]} to {branch} any more")
    return pull


def _require_on_branch(root: Path, run: WorkflowRun, branch: str, workflow: Workflow) -> None:
    """A tag can have the branch's name: what counts is the commit that the workflow file came from.

    That it is a commit of the branch is not enough: a merge brings every commit of a pull request, also those that changed
    the file and changed it back.
    """
    tip = _tip(root, branch)
    if not repository.is_ancestor(root, run.head_sha, tip):
        raise _refused(run, f"its workflow came from {run.head_sha[:12]}, which is not a commit of {branch}")
    file = FOLDER + workflow
    there, here = (repository.read_file_of_repository(root, commit, file) for commit in (run.head_sha, tip))
    if there != here:
        raise _refused(run, f"{workflow} at {run.head_sha[:12]} is not the one that {branch} has now")


def _require_merged(run: WorkflowRun, merged: PullRequest, sha: str) -> PullRequest:
    if not merged.merged or merged.merge_commit is None:
        raise _refused(run, f"#{merged.number} is not merged")
    if merged.head_sha != sha:
        raise HeadMoved(f"#{merged.number} was merged with the head {merged.head_sha[:12]}, not {sha[:12]}")
    return merged


def _fetch(root: Path, pull: PullRequest, access: Access | None) -> None:
    trusted.fetch_commit(root, pull.head_sha, access or Access(), ref=f"refs/pull/{pull.number}/head")


def _require_no_code(root: Path, pull: PullRequest, base: str) -> None:
    changed = code_paths(commit_trees.changed_anywhere(root, base, pull.head_sha))
    if changed:
        more = f" and {len(changed) - 1:,} more" if len(changed) > 1 else ""
        raise FlywheelError(
            f"#{pull.number} changes code ({ascii(changed[0])[1:-1]}{more}), and could have changed what its own runs say: "
            "they are not believed",
            hint="change code and sprints in pull requests of their own; or a maintainer starts the run: /flywheel run",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _require_approved_state(forge: Forge, root: Path, run: WorkflowRun, pull: PullRequest, base: str) -> None:
    """Code that the default branch has changed since is of a state that a pull request left behind, not of one within it.

    A pull request that was rebased, or that the branch was moved forward to, brings its commits one by one, also code that
    a later one takes back.
    """
    if not code_paths(commit_trees.older_anywhere(root, base, pull.head_sha)):
        return
    state = commit_trees.fork_state(root, base, pull.head_sha)
    brought = [merged for merged in forge.pull_requests_merged_by(state) if merged.base_ref == pull.base_ref]
    if brought and all(merged.merge_commit != state for merged in brought):
        raise _refused(
            run,
            f"it rests on {state[:12]}, a commit within #{brought[0].number}, whose code has changed since",
        )


def _tip(root: Path, branch: str) -> str:
    """The default branch as the forge has it, or as it is here."""
    for ref in (f"refs/remotes/{REMOTE}/{branch}", f"refs/heads/{branch}"):
        try:
            return trusted.head_of(root, ref)
        except FlywheelError:
            continue
    return trusted.head_of(root)


def _before_merge(root: Path, pull: PullRequest) -> str:
    """The default branch's commit that the pull request was merged onto.

    The first parent of the merge, unless that is of the proposal itself, since the branch was moved forward to it: then
    nothing in git tells, and the forge's own note of the base is what there is.
    """
    merge = str(pull.merge_commit)
    parents = trusted.parents_of(root, merge)
    forward = merge == pull.head_sha or not parents or repository.is_ancestor(root, pull.head_sha, parents[0])
    return pull.base_sha if forward else parents[0]


def _refused(run: WorkflowRun, why: str) -> FlywheelError:
    return FlywheelError(
        f"run {run.id} is not believed: {why}",
        hint="run the sprint again: /flywheel run, in a comment on the pull request",
        exit_code=ExitCode.PUBLISH_FAILED,
    )
