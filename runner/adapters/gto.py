"""The model registry as GTO keeps it: `model@v1.0.0` registers a version, `model#stage#N` assigns it; annotated git tags.

Reading asks git alone, so that it costs a few milliseconds; writing goes through GTO's own API.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.adapters.git import run_git
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record

_FIELDS = (
    "%(refname:short)",
    "%(*objectname)",
    "%(objectname)",
    "%(taggerdate:unix)",
    "%(taggername)",
    "%(contents)",
)
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_CLOCK_SKEW_S = 5


class RegistryTag(Record, frozen=True, kw_only=True):
    """One annotated tag of the registry, and the commit that it names.

    Attributes:
        time: when it was made, in seconds since 1970; GTO orders by it.
    """

    name: str
    commit: str
    time: int
    by: str
    message: str

    @property
    def at(self) -> str:
        """When it was made: ISO 8601, UTC."""
        return datetime.fromtimestamp(self.time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def assignments(root: Path, model: str, stage: str) -> list[tuple[int, RegistryTag]]:
    """Every assignment of the stage with its number, newest first."""
    found = []
    for tag in _tags(root, f"{model}#{stage}#*"):
        number = tag.name.rsplit("#", 1)[-1]
        if number.isdigit():
            found.append((int(number), tag))
    return sorted(found, key=lambda pair: pair[0], reverse=True)


def versions(root: Path, model: str) -> dict[str, RegistryTag]:
    """The registered versions (`v1.2.0`), newest version first; those that were deregistered are left out."""
    named = {tag.name.rpartition("@")[2]: tag for tag in _tags(root, f"{model}@v*")}
    gone = {name.partition("!")[0] for name in named if "!" in name}
    kept = {name: tag for name, tag in named.items() if _VERSION.fullmatch(name) and name not in gone}
    return dict(sorted(kept.items(), key=lambda item: number_of(item[0]), reverse=True))


def tags_of(root: Path, model: str) -> list[RegistryTag]:
    """Every tag of a model, of versions and of all stages, in the order in which they were made."""
    return sorted(_tags(root, f"{model}[#@]*"), key=lambda tag: tag.time)


def number_of(version: str) -> tuple[int, ...]:
    """
    >>> number_of("v1.10.0")
    (1, 10, 0)
    """
    match = _VERSION.fullmatch(version)
    return tuple(int(part) for part in match.groups()) if match else ()


def register(root: Path, model: str, version: str, commit: str, message: str) -> str:
    """Registers a commit's artifact as a version, and returns the tag.

    Raises:
        FlywheelError: GTO refuses (exit code 3).
    """
    return _tagged(
        root, lambda registry: registry.register(model, commit, version=version, message=message, simple=True)
    )


def assign(root: Path, model: str, stage: str, version: str, message: str) -> str:
    """Assigns a registered version to the stage, also one that held it before, and returns the tag.

    Raises:
        FlywheelError: GTO refuses, or the newest assignment was made in what is the future here (exit code 3).
    """
    _wait_past(root, model)
    return _tagged(
        root,
        lambda registry: registry.assign(model, stage, version=version, message=message, force=True),
    )


def _wait_past(root: Path, model: str) -> None:
    """GTO and DVC order tags by whole seconds: two in one second would leave it to chance which one holds the stage."""
    newest = max((tag.time for tag in tags_of(root, model)), default=0)
    ahead = newest + 1 - time.time()
    if ahead > _CLOCK_SKEW_S:
        raise FlywheelError(
            "the registry's newest tag was made in the future, by this machine's clock: GTO would take it for the newest still",
            where=Where("refs/tags"),
            hint="set this machine's clock, then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if ahead > 0:
        time.sleep(ahead)


def _tagged(root: Path, write: Callable[[Any], Any]) -> str:
    from gto.config import RegistryConfig
    from gto.exceptions import GTOException
    from gto.registry import GitRegistry
    from scmrepo.exceptions import SCMError

    try:
        # The names are flywheel.yaml's: what lies in a file `.gto` neither loads anything nor keeps a model from its stage.
        with GitRegistry.from_url(str(root), config=RegistryConfig()) as registry:
            return str(write(registry).ref)
    except (GTOException, SCMError) as error:
        raise FlywheelError(
            f"the registry could not be written: {str(error).strip()}",
            where=Where("refs/tags"),
            hint="look at it with: gto show, gto history",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def _tags(root: Path, pattern: str) -> Iterator[RegistryTag]:
    """The annotated tags; GTO does not read others."""
    line = "%00".join(_FIELDS) + "%00%00"
    result = run_git(root, "for-each-ref", f"--format={line}", f"refs/tags/{pattern}")
    text = result.stdout.decode("utf-8", "replace") if result.returncode == 0 else ""
    for entry in text.split("\0\0\n"):
        name, *rest = entry.split("\0")
        if len(rest) == len(_FIELDS) - 1 and rest[0]:
            yield RegistryTag(
                name=name,
                commit=rest[0],
                time=int(rest[2] or 0),
                by=rest[3],
                message=rest[4].strip(),
            )
