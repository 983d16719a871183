"""digests.json: the SHA-256 of everything that a sprint's report rests on, and of the report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.config.load import LoadedSprint, load_sprint
from runner.config.project import Project
from runner.config.root import PROJECT_FILE
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import encode_json, write_bytes
from runner.record.catalogue import (
    CATALOGUE,
    DIGESTS,
    IGNORED,
    PLOTS,
    RECORDED,
    REPORT_PAGE,
    STORED_AND_DIGESTED,
    sprint_folder,
)


def write_digests(root: Path, project: Project, loaded: LoadedSprint, *, stored_unchanged: bool) -> None:
    """Writes digests.json, where it differs from what is there.

    Args:
        stored_unchanged: what DVC keeps is as it was when the file was last written, and need not be read again.
    """
    folder = sprint_folder(root, loaded.name)
    path = folder / DIGESTS.name
    known = (DIGESTS.read_if_there(folder) if stored_unchanged else None) or {}
    stored = {file: known[file] for file in _stored(root, loaded.name) if file in known}
    content = encode_json(
        {file: stored.get(file) or digest_of(root / file) for file in relied_on(root, project, loaded)}
    )
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)


def renderings_are_recorded(root: Path, sprint: str) -> bool:
    """Whether report.md and the pictures are those that digests.json names: an edited one must not get into it."""
    known = DIGESTS.read_if_there(sprint_folder(root, sprint)) or {}
    named = {
        file for file in known if file == REPORT_PAGE.of(sprint) or file.startswith(f"{PLOTS.of(sprint)}/")
    }
    return REPORT_PAGE.of(sprint) in named and all(
        (root / file).is_file() and digest_of(root / file) == known[file] for file in named
    )


def relied_on(root: Path, project: Project, loaded: LoadedSprint) -> list[str]:
    """The files by their paths from the repository's top, sorted: those that are there."""
    folder = sprint_folder(root, loaded.name)
    own = [path for file in RECORDED if file.digested and (path := folder / file.name).is_file()]
    inside = [
        path
        for file in CATALOGUE
        if file.format == "folder" and file.digested
        for path in files_in(folder / file.name)
    ]
    outside = [PROJECT_FILE, f"{project.dataset.path}.dvc", *_specs(root, project, loaded)]
    guidelines = guidelines_file(root, loaded)
    outside += [guidelines] if guidelines else []
    present = {path for path in outside if (root / path).is_file()}
    return sorted({*present, *(path.relative_to(root).as_posix() for path in (*own, *inside))})


def require_line_ends(root: Path, recorded: Mapping[str, str]) -> None:
    """Records are compared byte for byte: a checkout that turned their line ends into Windows' own holds no record.

    Raises:
        FlywheelError: files differ from what was recorded in that alone (exit code 1), with what to type.
    """
    turned = [
        file
        for file, digest in recorded.items()
        if (root / file).is_file()
        and b"\r\n" in (content := (root / file).read_bytes())
        and hashlib.sha256(content).hexdigest() != digest
        and hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest() == digest
    ]
    if turned:
        raise FlywheelError(
            f"git gave {len(turned)} file{'s' * (len(turned) > 1)} other line ends than they were recorded with",
            where=Where(turned[0]),
            hint="commit what you changed, then: git config core.autocrlf false && git rm -r -q --cached . && "
            "git reset -q --hard",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )


def guidelines_file(root: Path, loaded: LoadedSprint) -> str | None:
    """The annotators' instructions, where the spec names some that exist."""
    path = loaded.sprint.annotation.guidelines if loaded.sprint.annotation else None
    return path if path is not None and (root / path).is_file() else None


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def files_in(folder: Path) -> Iterator[Path]:
    """The files of a folder of the record, however deep; without what tells git that DVC keeps some."""
    return (path for path in folder.rglob("*") if path.is_file() and path.name != IGNORED.name)


def _stored(root: Path, sprint: str) -> Iterator[str]:
    for file in STORED_AND_DIGESTED:
        yield from (path.relative_to(root).as_posix() for path in files_in(root / file.of(sprint)))


def _specs(root: Path, project: Project, loaded: LoadedSprint) -> Iterator[str]:
    """The spec and those it extends."""
    yield loaded.path
    parent = loaded.sprint.extends
    while parent is not None:
        above = load_sprint(root, parent, project)
        yield above.path
        parent = above.sprint.extends
