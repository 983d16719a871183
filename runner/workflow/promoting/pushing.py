"""One push of what a promotion or a rollback wrote: the branch, and every tag of the model that the remote lacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.adapters.dvc import artifacts, metafiles, registry
from runner.adapters.dvc.registry import RegistryTag
from runner.adapters.git import commits, repository
from runner.config.project import Model
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.record.catalogue import LOCK, sprint_path
from runner.workflow.promoting.registering import Registered, said_in


def require_fetchable(root: Path, sprint: str, commit: str, *, hint: str = "dvc push") -> None:
    """A tag tells everybody where the model is: what the sprint's record at a commit names must be in DVC's remote.

    Args:
        hint: what puts it there.

    Raises:
        FlywheelError: it is not, or there is no remote (exit code 5).
    """
    path = LOCK.of(sprint)
    content = repository.read_file(root, commit, path)
    if content is None:
        return  # a tag made by hand
    stages = metafiles.parse_lock(content, Where(path)).values()
    folders = [md5 for stage in stages for md5 in stage.outs.values() if md5.endswith(".dir")]
    members = [md5 for folder in folders for md5 in (metafiles.cached_members(root, folder) or {}).values()]
    artifacts.require_in_remote(root, [*members, *folders], sprint_path(sprint), hint)


def push_all(root: Path, registered: Registered, model: Model) -> None:
    """Pushes the commit and the model's tags. Where that fails, those made just now are taken back: none names what
    nobody has.

    Raises:
        FlywheelError: the push was refused, or a tag names a commit that is not pushed with it (exit code 5).
    """
    try:
        remote, branch = commits.upstream(root)
        there = commits.remote_refs(root, remote)
        known = registry.tags_of(root, model.name)
        absent = [tag for tag in known.tags if f"refs/tags/{tag.name}" not in there]
        _require_on_branch(root, branch, absent)
        ours = {f"{known.name}@{registered.version}", registered.tag}
        commits.push(root, sorted(ours | {tag.name for tag in absent}))
    except FlywheelError:
        delete_tags(root, registered.tags)
        raise


def _require_on_branch(root: Path, branch: str, tags: Sequence[RegistryTag]) -> None:
    left = [tag for tag in tags if not repository.is_ancestor(root, tag.commit, "HEAD")]
    if not left:
        return
    names = " ".join(tag.name for tag in left)
    again = [
        f"flywheel {'rollback' if said.get('event') == 'rollback' else 'promote'} {said['sprint']}"
        for said in (said_in(tag.message) for tag in left if "#" in tag.name)
        if "sprint" in said
    ]
    raise FlywheelError(
        f"{branch} does not hold the commits of these tags, as after a rebase, and nobody would find them: {names}",
        where=Where("refs/tags"),
        hint=" && ".join([f"git tag --delete {names}", *again]) + ", then run the same command again",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def is_left_behind(root: Path, model: Model, commit: str) -> bool:
    """Whether a rebase replaced a commit that has tags, and nobody else has these: they can be made anew.

    Raises:
        FlywheelError: there is no remote, or it cannot be reached (exit code 5).
    """
    if repository.is_ancestor(root, commit, "HEAD"):
        return False
    remote, _ = commits.upstream(root)
    there = commits.remote_refs(root, remote)
    return not any(f"refs/tags/{name}" in there for name in tags_at(root, model, commit))


def tags_at(root: Path, model: Model, commit: str) -> list[str]:
    """The model's tags that name a commit."""
    return [tag.name for tag in registry.tags_of(root, model.name).tags if tag.commit == commit]


def delete_tags(root: Path, tags: Sequence[str]) -> None:
    """Takes tags of this clone back."""
    for tag in tags:
        repository.run_git(root, "tag", "--delete", tag)
