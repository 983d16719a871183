"""What GTO's tags say of one model, read by GTO's own rules but without GTO, which `status` and `plan` must not import.

`model@v1.0.0` registers a version, `model@v1.0.0!` takes it back, `model#stage` assigns it, `model#stage!` takes that back,
and `model@deprecated` ends the model; each may have a number (`#2`) at its end. Only annotated tags count, and in the order of
their times. A test compares with GTO's own answer over histories made at random.

Source: gto/tag.py, gto/base.py and gto/constants.py of GTO 1.10.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from msgspec import Struct

from runner.adapters.git.repository import folder_in_repository, run_git, said
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record

Action = Literal["register", "deregister", "assign", "unassign", "deprecate"]

_NAME = r"[a-zA-Z0-9]([a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_FOLDER = r"[a-zA-Z0-9-_./]+"
_SEMVER = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?"
)
TAG = re.compile(
    rf"(?P<model>({_FOLDER}=)?{_NAME})"
    rf"((#(?P<stage>{_NAME})|@(?P<version>v{_SEMVER}))(?P<cancel>!?)|@(?P<whole>deprecated|created))"
    r"(#(?P<number>[0-9]+))?"
)
FOLDER = re.compile(_FOLDER)
_FIELDS = (
    "%(refname:strip=2)",
    "%(objecttype)",
    "%(tag)",
    "%(object)",
    "%(type)",
    "%(taggerdate:unix)",
    "%(taggername)",
    "%(*committerdate:unix)",
    "%(contents)",
)


class RegistryTag(Record, frozen=True, kw_only=True):
    """One annotated tag of the registry, and the commit that it names.

    Attributes:
        time: when it was made, in seconds since 1970; GTO orders by it.
        committed: when its commit was made.
        version: of tags that register, or take back, one. `stage`: of those that assign.
        number: at the end of its name; 0 where there is none.
    """

    name: str
    commit: str
    time: int
    committed: int = 0
    by: str = ""
    message: str = ""
    action: Action
    version: str = ""
    stage: str = ""
    number: int = 0

    @property
    def at(self) -> str:
        """When it was made: ISO 8601, UTC."""
        return datetime.fromtimestamp(self.time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class UnreadableTags(FlywheelError):  # noqa: N818 - it says what is wrong with them
    """Tags of the model are there that nobody can read: who holds its stage is not known."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, where=Where("refs/tags"), hint=hint, exit_code=ExitCode.STAGE_FAILED)


def tag_name(root: Path, model: str) -> str:
    """How the registry's tags call the project's model: with the project's folder, where that is not the repository's top.

    GTO and DVC call such a model `folder:model`, and `folder=model` in tags.

    Raises:
        FlywheelError: GTO has no name for such a folder (exit code 2).
    """
    folder = folder_in_repository(root).rstrip("/")
    if not folder:
        return model
    if not FOLDER.fullmatch(folder):
        raise FlywheelError(
            f"no model can be registered for a project in {folder!a}: GTO's names hold letters, digits and - _ . / only",
            where=Where("flywheel.yaml"),
            hint="give the folder another name: git mv",
        )
    return f"{folder}={model}"


def full_name(name: str) -> str:
    """A model's name as GTO's and DVC's commands take it.

    >>> full_name("ml/v1=digits")
    'ml/v1:digits'
    """
    return name.replace("=", ":")


def parse(name: str) -> tuple[str, Action, str, str, int] | None:
    """A tag's model, what it does, the version and stage that it names, and its number; None for tags that are no GTO's.

    >>> parse("digits#prod#2"), parse("ml/v1=digits@v1.0.0!")
    (('digits', 'assign', '', 'prod', 2), ('ml/v1=digits', 'deregister', 'v1.0.0', '', 0))
    >>> parse("digits#prod#²")
    """
    found = TAG.fullmatch(name)
    if found is None or found["whole"] == "created":
        return None
    action: Action = "deprecate"
    if found["version"]:
        action = "deregister" if found["cancel"] else "register"
    elif found["stage"]:
        action = "unassign" if found["cancel"] else "assign"
    return found["model"], action, found["version"] or "", found["stage"] or "", int(found["number"] or 0)


class _Version(Struct, frozen=True, kw_only=True):
    """A version as GTO gathers it: its commit, and the tags that are about it, in order.

    A commit that was assigned without being registered is a version of its own, anew with every such tag.
    """

    name: str
    commit: str
    own: list[RegistryTag]
    stages: dict[str, list[RegistryTag]]

    @property
    def is_active(self) -> bool:
        """Whether what was said of it last is not that it is taken back; GTO lets that win where both have one time."""
        newest = _newest(self.own, ("register", "deregister"))
        return newest is None or newest.action == "register"

    @property
    def created(self) -> int:
        registered = [tag.time for tag in self.own if tag.action == "register"]
        others = [tag for tags in self.stages.values() for tag in tags]
        return max(registered or [max(tag.time, tag.committed) for tag in [*self.own, *others]])


def _newest(tags: Iterable[RegistryTag], order: tuple[Action, Action]) -> RegistryTag | None:
    """The last of some tags: of those with one time, those that take back are the later."""
    listed = sorted(tags, key=lambda tag: order.index(tag.action))
    return sorted(listed, key=lambda tag: tag.time)[-1] if listed else None


@dataclass(frozen=True)
class ModelTags:
    """The tags of one model, by the time at which they were made."""

    name: str
    tags: Sequence[RegistryTag]

    def assignments(self, stage: str) -> list[RegistryTag]:
        """Every tag that assigned the stage, the newest first, whatever was taken back since."""
        return [tag for tag in reversed(self.tags) if tag.action == "assign" and tag.stage == stage]

    def before(self, tag: RegistryTag) -> ModelTags:
        """What there was when a tag was made."""
        return ModelTags(self.name, self.tags[: list(self.tags).index(tag)])

    def holder(self, stage: str) -> RegistryTag | None:
        """The assignment that holds the stage, as `gto show` says it; None where nothing does.

        Raises:
            UnreadableTags: GTO cannot tell, since two versions have one commit.
        """
        active = [each for each in self._versions if each.is_active]
        if self.is_deprecated:
            return None
        # twice sorted and turned round, as GTO does it: that decides between those of one time
        active = sorted(active, key=lambda version: version.created)[::-1]
        held = []
        for version in active:
            tags = version.stages.get(stage, [])
            newest = _newest(tags, ("assign", "unassign"))
            if newest is not None and newest.action == "assign":
                held.append(newest)
        return sorted(held, key=lambda tag: tag.time)[-1] if held else None

    @property
    def is_deprecated(self) -> bool:
        """Whether the model was deprecated after everything else that was said of it."""
        ended = [tag.time for tag in self.tags if tag.action == "deprecate"]
        others = [max(tag.time, tag.committed) for tag in self.tags if tag.action != "deprecate"]
        return bool(ended) and max(ended) > max(others, default=0)

    @property
    def versions(self) -> dict[str, RegistryTag]:
        """The registered versions (`v1.2.0`) that were not taken back, the highest first."""
        found = {
            each.name: tag
            for each in self._versions
            if each.is_active
            and (tag := _newest([tag for tag in each.own if tag.action == "register"], ("register",) * 2))
        }
        plain = {name: tag for name, tag in found.items() if number_of(name)}
        return dict(sorted(plain.items(), key=lambda item: number_of(item[0]), reverse=True))

    @property
    def all_versions(self) -> list[str]:
        """Every version that there ever was, also those that were taken back, the highest first."""
        names = {tag.version for tag in self.tags if number_of(tag.version)}
        return sorted(names, key=number_of, reverse=True)

    @cached_property
    def _versions(self) -> list[_Version]:
        versions: list[_Version] = []
        for tag in self.tags:
            if tag.action in ("register", "deregister"):
                self._version(versions, tag).own.append(tag)
        registered = [version for version in versions if version.own]
        for tag in self.tags:
            if tag.action not in ("assign", "unassign"):
                continue
            here = [version for version in registered if version.commit == tag.commit]
            if len(here) > 1:
                names = " and ".join(version.name for version in here)
                raise UnreadableTags(
                    f"{names} of {full_name(self.name)} name one commit, {tag.commit[:10]}, which {tag.name} assigns: "
                    "GTO cannot tell which of them it is",
                    f"look at them with: git tag --list '{self.name}@*'; delete the one that is wrong: git tag --delete TAG",
                )
            if not here:  # GTO finds no version there, not even the one that it made for the tag before
                here = [_Version(name=tag.commit, commit=tag.commit, own=[], stages={})]
                versions.append(here[0])
            here[0].stages.setdefault(tag.stage, []).append(tag)
        return versions

    @staticmethod
    def _version(versions: list[_Version], tag: RegistryTag) -> _Version:
        for version in versions:
            if (version.name, version.commit) == (tag.version, tag.commit):
                return version
        versions.append(_Version(name=tag.version, commit=tag.commit, own=[], stages={}))
        return versions[-1]


def number_of(version: str) -> tuple[int, ...]:
    """
    >>> number_of("v1.10.0"), number_of("v1.0.0-rc1")
    ((1, 10, 0), ())
    """
    match = re.fullmatch(r"v([0-9]+)\.([0-9]+)\.([0-9]+)", version)
    return tuple(int(part) for part in match.groups()) if match else ()


def read_tags(root: Path, name: str) -> ModelTags:
    """All tags of a model.

    Args:
        name: as `tag_name` gives it.

    Raises:
        UnreadableTags: git, or GTO, cannot read one of them.
    """
    line = "%00".join(_FIELDS) + "%00%00"
    result = run_git(root, "for-each-ref", f"--format={line}", f"refs/tags/{name}[#@]*")
    if result.returncode != 0 or b"broken ref" in result.stderr:
        raise UnreadableTags(
            f"the tags of {full_name(name)} could not be read: {said(result)}",
            "git fetch --tags --force; where that does not help: git fsck, and git tag --delete TAG",
        )
    tags = []
    for entry in result.stdout.decode("utf-8", "surrogateescape").split("\0\0\n"):
        fields = entry.split("\0")
        if len(fields) == len(_FIELDS) and fields[1] == "tag" and (tag := _tag(name, fields)) is not None:
            tags.append(tag)
    return ModelTags(name, sorted(tags, key=lambda tag: (tag.time, tag.name)))


def _tag(name: str, fields: Sequence[str]) -> RegistryTag | None:
    ref, _, written, commit, kind, time, by, committed, message = fields
    # a ref may be a copy of another tag: what it does is said by the tag itself
    parsed = parse(written) if parse(ref) is not None else None
    if parsed is None or parsed[0] != name:
        return None
    if not time or (kind != "commit" and parsed[1] != "deprecate"):
        raise UnreadableTags(
            f"{ref} names no commit" if time else f"{ref} does not say when it was made",
            f"git tag --delete '{ref}', and git push --delete REMOTE '{ref}'",
        )
    _, action, version, stage, number = parsed
    return RegistryTag(
        name=ref,
        commit=commit,
        time=int(time),
        committed=int(committed or 0),
        by=_printable(by),
        message=_printable(message).strip(),
        action=action,
        version=version,
        stage=stage,
        number=number,
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
