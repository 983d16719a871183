"""`doctor`: whether a repository is set up so that the loop works and is safe, and what to change."""

from __future__ import annotations

from pathlib import Path

from runner.domain.errors import FlywheelError
from runner.forges.environment import Environment
from runner.forges.forge import Forge
from runner.loop.diagnosis import Diagnosis
from runner.loop.doctor_files import diagnose_files, plan_is_filtered
from runner.loop.doctor_forge import diagnose_forge


def doctor(root: Path, environment: Environment | None, forge: Forge | None) -> list[Diagnosis]:
    """Every rule of the set-up, the local ones first.

    Args:
        environment: None when the checkout has no remote on a forge.
        forge: None when there is no token, or `--offline`: its rules are then left out, and one line says so.
    """
    branch = None
    if forge is not None:
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
            return [*diagnose_files(root, environment.repository if environment else None, None), unreachable]
    local = list(diagnose_files(root, environment.repository if environment else None, branch))
    if forge is None:
        return [*local, _not_asked(environment)]
    return [*local, *diagnose_forge(forge, plan_is_filtered=plan_is_filtered(root))]


def _not_asked(environment: Environment | None) -> Diagnosis:
    if environment is None:
        detail, fix = "the checkout has no remote `origin` on a forge", "git remote add origin https://…"
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
