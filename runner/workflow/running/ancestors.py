"""Brings the model that a sprint fine-tunes: from DVC's remote into its cache, in any clone and in CI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.adapters.dvc import metafiles, repo
from runner.domain.ancestor import Ancestor
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.record.catalogue import sprint_path
from runner.stages.ancestry import absent, not_here


def require_ancestor(root: Path, ancestor: Ancestor, *, pull: bool, say: Callable[[str], None]) -> None:
    """The weights, and what they were trained on: fetched as data is, only when asked for.

    Raises:
        FlywheelError: they are not in DVC's cache, and were not to be fetched or could not be (exit code 3).
    """
    wanted = absent(root, ancestor)
    if not wanted:
        return
    if not pull:
        raise not_here(ancestor)
    shown = f"{sprint_path(ancestor.sprint)}/{ancestor.path}"
    say(f"fetching the model of {ancestor.sprint}, from which training starts, through DVC")
    repo.fetch_objects(root, wanted, shown)
    members = {
        md5
        for folder in wanted
        for member, md5 in (metafiles.cached_members(root, folder) or {}).items()
        if folder != ancestor.weights or ancestor.stored.holds(member)
    }
    repo.fetch_objects(root, sorted(members), shown)
    if absent(root, ancestor):
        raise FlywheelError(
            f"the model of {ancestor.sprint}, from which training starts, is not in DVC's remote",
            where=Where(shown),
            hint="where it was made: dvc push",
            exit_code=ExitCode.STAGE_FAILED,
        )
