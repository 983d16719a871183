"""Forges: where pull requests live. One file per forge, and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.forges.environment import Environment
    from runner.forges.forge import Forge


def open_forge(environment: Environment) -> Forge:
    """The forge that the environment names: GitHub, or a GitHub Enterprise server. Nothing is asked yet."""
    from runner.forges.github import GitHub, session

    return GitHub(environment, session(environment))
