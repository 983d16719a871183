"""Brings a verified bundle's record into the default branch's working tree, and its outputs where `verify` finds them.

The order for whoever calls: the objects into the remote, the record into the tree, one commit, one push. Killed anywhere,
all of it can be done again: what is there already is left as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.adapters.dvc import metafiles
from runner.adapters.git import trusted
from runner.adapters.git.access import Access
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import (
    atomic_folder,
    decode_json,
    encode_json,
    write_bytes,
    write_json,
)
from runner.domain.records import LastFailure
from runner.domain.verdict import SplitUse
from runner.pullrequests.bundles.bundle import (
    Bundle,
    bundled,
    object_path,
    stored_outs,
)
from runner.pullrequests.bundles.unpack import members
from runner.pullrequests.merged.own_record import record_message
from runner.record import digests
from runner.record.catalogue import (
    DIGESTS,
    FAILURE,
    GALLERY_FOLDER,
    IGNORED,
    LAST_FAILURE,
    LOCK,
    PIPELINE,
    PLOTS,
    REPORT_PAGE,
    STORED_AND_DIGESTED,
    USES,
    VERDICT,
    sprint_folder,
    sprint_path,
)
from runner.record.report import SprintReport
from runner.report import markdown, plots

_READ = frozenset(file.name for file in STORED_AND_DIGESTED)


def write_record(root: Path, bundle: Bundle) -> list[str]:
    """Writes the bundle's records below reports/ and returns their files, those that went away included, for the commit.

    The report and its plots are drawn here, from report.json. What the sprint's folder holds beside a record stays, and
    so do uses of the test split that the bundle does not know of. No other folder is touched.

    Raises:
        FlywheelError: what ran is not what was merged: another spec, or other data (exit code 5).
    """
    return sorted(path for sprint in bundle.manifest.sprints for path in _write(root, bundle, sprint))


def commit_record(root: Path, paths: Sequence[str], sprints: Sequence[str], access: Access) -> str | None:
    """Commits the records; None where they are as committed. No text of a spec gets into the message."""
    return trusted.commit(root, paths, record_message(sprints), access)


def unlike_tree(root: Path, bundle: Bundle, sprint: str) -> list[str]:
    """The files outside the record that the sprint's report rests on, and that are not here as they were when it ran."""
    folder = bundle.sprint_folder(sprint)
    if bundle.failed(sprint):
        return []
    known = DIGESTS.read(folder)
    outside = {
        file: sha256 for file, sha256 in known.items() if not file.startswith(f"{sprint_path(sprint)}/")
    }
    return sorted(file for file, sha256 in outside.items() if _digest(root / file) != sha256)


def lay_out(root: Path, bundle: Bundle, cache_folder: Path) -> None:
    """Puts the outputs into DVC's cache, and those that `verify` reads into the sprints' folders.

    Args:
        cache_folder: what `open_outputs` wrote.
    """
    for sprint in bundle.manifest.sprints:
        folder = _place(root, sprint)
        for out, md5 in bundle.stored(sprint).items():
            files = members(cache_folder, md5) if md5.endswith(".dir") else {}
            for digest in (*files.values(), md5):  # a listing goes after its files
                _into_cache(root, cache_folder / object_path(digest), digest)
            if out in _READ and files:
                with atomic_folder(folder / out) as temporary:
                    for name, digest in files.items():
                        (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(cache_folder / object_path(digest), temporary / name)


def _write(root: Path, bundle: Bundle, sprint: str) -> list[str]:
    folder = _place(root, sprint)
    report = bundle.report(sprint)
    _require_merged(root, bundle, sprint, report)
    if bundle.failed(sprint) and _is_judged(folder):
        return _beside(root, folder, report)
    contents = _contents(root, bundle, sprint, report)
    before = [path for path in _recorded(folder) if path.name != USES.name]
    gone = [path for path in before if path.relative_to(folder).as_posix() not in contents]
    gone += [folder / LAST_FAILURE.name] if (folder / LAST_FAILURE.name).is_file() else []
    for name, content in contents.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != content:
            write_bytes(folder / name, content)
    for path in gone:
        path.unlink()
    kept = [folder / USES.name] if (folder / USES.name).is_file() else []
    paths = {*(folder / name for name in contents), *gone, *kept}
    return [path.relative_to(root).as_posix() for path in paths]


def _place(root: Path, sprint: str) -> Path:
    """The sprint's folder, which no symbolic link leads away from."""
    folder = sprint_folder(root, sprint)
    if folder.resolve() != sprint_folder(root.resolve(), sprint):
        raise FlywheelError(
            "a symbolic link: no record is written through it",
            where=Where(sprint_path(sprint)),
            hint=f"git rm {sprint_path(sprint)}",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    return folder


def _require_merged(root: Path, bundle: Bundle, sprint: str, report: SprintReport) -> None:
    """The spec and the data are those of this tree; flywheel.yaml may have moved on: that is for `promote` to judge."""
    spec = f"specs/{sprint}.yaml"
    unlike = [file for file in unlike_tree(root, bundle, sprint) if file == spec or file.endswith(".dvc")]
    if _digest(root / spec) != report.spec.sha256:
        unlike.append(spec)
    if unlike:
        raise FlywheelError(
            f"{', '.join(sorted(set(unlike)))} here is not what {sprint} ran with: its record is not written",
            where=Where(spec),
            hint=f"run the sprint again as it was merged: a pull request that changes {spec}",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _is_judged(folder: Path) -> bool:
    """Whether the folder holds what a run was judged on, of whatever spec: that is agreed, and no failure takes it away."""
    return (folder / VERDICT.name).is_file() and not (folder / FAILURE.name).is_file()


def _beside(root: Path, folder: Path, report: SprintReport) -> list[str]:
    """The failure, beside the record of the last verdict."""
    if report.failure is None:
        return []
    path = folder / LAST_FAILURE.name
    write_json(path, LastFailure(spec_sha256=report.spec.sha256, failure=report.failure))
    return [path.relative_to(root).as_posix()]


def _contents(root: Path, bundle: Bundle, sprint: str, report: SprintReport) -> dict[str, bytes]:
    """The record's files: the stages' as they came, and what is rendered from them as it is rendered here."""
    source, prefix = bundle.sprint_folder(sprint), f"{sprint_path(sprint)}/"
    names = [path.removeprefix(prefix) for path in bundle.manifest.files if path.startswith(prefix)]
    if bundle.failed(sprint):  # its pipeline is compared with the spec by nobody: no command gets here unseen
        names = [name for name in names if name != PIPELINE.name]
    drawn = dict(plots.render(report))
    contents = {name: (source / name).read_bytes() for name in names if not _is_rendering(name)}
    contents |= {f"{PLOTS.name}/{name}": content for name, content in drawn.items()}
    contents[REPORT_PAGE.name] = markdown.render(report, plots=PLOTS.name).encode()
    if not bundle.failed(sprint):
        contents |= _uses(sprint_folder(root, sprint), contents)
        contents[IGNORED.name] = _ignored(sprint_folder(root, sprint), source)
        contents[DIGESTS.name] = _digests(contents, prefix)
    return contents


def _is_rendering(name: str) -> bool:
    """Pictures of the gallery are DVC's."""
    return any(file.holds(name) for file in (REPORT_PAGE, PLOTS, GALLERY_FOLDER))


def _uses(folder: Path, contents: dict[str, bytes]) -> dict[str, bytes]:
    """Every decision on a test split counts: those of an earlier record that the bundle's branch did not have are kept."""
    before = USES.read_if_there(folder)
    if USES.name not in contents or not before:
        return {}
    now = decode_json(contents[USES.name], list[SplitUse])
    missing = [use for use in before if use not in now]
    return {USES.name: encode_json([*now, *missing])} if missing else {}


def _ignored(folder: Path, source: Path) -> bytes:
    """What DVC keeps is not git's: the lines that DVC wrote where the sprint ran, beside those that are there."""
    path = folder / IGNORED.name
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    wanted = [f"/{out}" for out in stored_outs(source / LOCK.name)]
    return "".join(f"{line}\n" for line in [*lines, *(line for line in wanted if line not in lines)]).encode()


def _digests(contents: dict[str, bytes], prefix: str) -> bytes:
    """digests.json, with the files that were made or changed here."""
    known = decode_json(contents[DIGESTS.name], dict[str, str])
    kept = {
        file: sha256
        for file, sha256 in known.items()
        if not PLOTS.holds(file.removeprefix(prefix)) or file.removeprefix(prefix) in contents
    }
    made = {
        prefix + name: hashlib.sha256(content).hexdigest()
        for name, content in contents.items()
        if prefix + name in kept or _is_rendering(name)
    }
    return encode_json(dict(sorted({**kept, **made}.items())))


def _recorded(folder: Path) -> list[Path]:
    """The files of the record that is there, without what DVC keeps."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: path.relative_to(folder).as_posix() for path in files}
    return [path for path, name in names.items() if bundled(name) and not GALLERY_FOLDER.holds(name)]


def _digest(path: Path) -> str | None:
    return digests.digest_of(path) if path.is_file() and not path.is_symlink() else None


def _into_cache(root: Path, source: Path, md5: str) -> None:
    target = metafiles.cache_path(root, md5)
    if target.is_file() and metafiles.file_md5(target) == md5.removesuffix(".dir"):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.partial")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o444)
    temporary.replace(target)
