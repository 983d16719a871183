"""`doctor`: whether a repository is set up so that the loop works and is safe, and what to change."""

from __future__ import annotations

from pathlib import Path

from runner.adapters.git.repository import default_branch
from runner.domain.errors import FlywheelError
from runner.forges.environment import Environment
from runner.forges.forge import Forge
from runner.pullrequests.doctor.diagnosis import Diagnosis
from runner.pullrequests.doctor.files import diagnose_files
from runner.pullrequests.doctor.forge import diagnose_forge
from runner.pullrequests.doctor.workflows import plan_is_filtered, without_remote


def doctor(
    root: Path, environment: Environment | None, forge: Forge | None, *, offline: bool = False
) -> list[Diagnosis]:
    """Every rule of the set-up, the local ones first.

    Args:
        environment: None when the checkout has no remote on a forge.
        forge: None when there is no token, or `offline`: its rules are then left out, and one line says so.
        offline: nothing was to be asked.
    """
    repository = environment.repository if environment else None
    if forge is None:
        local = diagnose_files(root, repository, default_branch(root))
        return [*local, _not_asked(root, environment, offline=offline)]
    try:
        branch = forge.default_branch()
    except FlywheelError as error:
        unreachable = Diagnosis(
            id="forge",
            title="the forge answers",
            state="unknown",
            detail=error.message,
            fix=error.hint or "",
        )
        return [*diagnose_files(root, repository, default_branch(root)), unreachable]
    filtered = plan_is_filtered(root)
    return [*diagnose_files(root, repository, branch), *diagnose_forge(forge, plan_is_filtered=filtered)]


def _not_asked(root: Path, environment: Environment | None, *, offline: bool) -> Diagnosis:
    if environment is None:
        detail, fix = "the checkout has no remote `origin` on a forge", without_remote(root)
    elif offline:
        detail, fix = f"{environment.repository} was not asked: --offline", "flywheel doctor"
    else:
        detail, fix = (
            f"{environment.repository} was not asked: no token",
            "GH_TOKEN=$(gh auth token) flywheel doctor; an administrator's token sees everything",
        )
    return Diagnosis(
        id="forge",
        title="permissions, environments, runners, branch rules",
        state="unknown",
        detail=detail,
        fix=fix,
    )
