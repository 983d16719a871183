"""Opens bundles and outputs. They come from a job that ran somebody's proposal: everything is compared, nothing believed.

What is refused is refused as a whole, and the message names the file and what is wrong with it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from runner.adapters.web import archives
from runner.adapters.web.archives import Files, Limits, refused
from runner.config.yaml_loader import parse_document
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import decode_json, write_bytes
from runner.domain.records import Record
from runner.domain.verdict import Verdict
from runner.pullrequests.bundles.bundle import (
    MANIFEST,
    Bundle,
    BundleManifest,
    bundled,
    is_of_a_failure,
    is_sprint,
    object_path,
    stored_outs,
)
from runner.record.catalogue import (
    CATALOGUE,
    DIGESTS,
    FAILURE,
    LOCK,
    REPORT,
    REPORTED,
    REPORTS,
    TERMS,
    VERDICT,
    RecordFile,
    sprint_path,
)
from runner.record.report import SprintReport

MIB = 1024 * 1024
BUNDLE_BYTES, OUTPUTS_BYTES = 256 * MIB, 50 * 1024 * MIB  # the most that is downloaded, and that comes out
BUNDLE_LIMITS = Limits(files=5_000, file_bytes=32 * MIB, total_bytes=BUNDLE_BYTES)
OUTPUTS_LIMITS = Limits(files=50_000, file_bytes=20 * 1024 * MIB, total_bytes=OUTPUTS_BYTES)
_YAML_BYTES = 4 * MIB
_LISTING_BYTES = 16 * MIB
_CSV_ROWS, _CSV_CELL = 2_000_000, 1_000
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
_OBJECT = re.compile(r"files/md5/[0-9a-f]{2}/[0-9a-f]{30}(?:\.dir)?")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the forge says that a bundle must be about.

    Attributes:
        head: the commit that ran. `base`: the commit that judged, where it is known for certain.
        sprints: those that the proposal changes; a bundle may hold fewer. None: any.
    """

    head: str
    base: str | None = None
    sprints: Collection[str] | None = None


class _Member(Record, frozen=True, kw_only=True):
    """One file in DVC's listing of a folder."""

    md5: str
    relpath: str


def open_bundle(source: Path, folder: Path, expected: Expected) -> Bundle:
    """Reads a bundle into an empty temporary folder.

    Args:
        source: the artifact's zip, or a folder laid out as one.

    Raises:
        FlywheelError: it is about something else, a file is odd, missing, one too many or not what the manifest says, or a
            record does not hold what its kind holds (exit code 5).
    """
    with archives.opened(source, BUNDLE_LIMITS) as files:
        manifest = _manifest(files)
        _require_expected(manifest, expected)
        held = (name for name in files.sizes if name != MANIFEST)
        _require_same(MANIFEST, manifest.files, "the bundle", held)
        for name, sha256 in manifest.files.items():
            sprint, _, inside = name.removeprefix(f"{REPORTS}/").partition("/")
            file = bundled(inside) if name.startswith(f"{REPORTS}/") and sprint in manifest.sprints else None
            if file is None:
                raise refused(name, "no file of the record of a sprint in this bundle")
            content = files.read(name)
            if hashlib.sha256(content).hexdigest() != sha256:
                raise refused(name, "not the bytes that manifest.json names")
            _require_readable(name, file, content)
            write_bytes(folder / name, content)
    bundle = Bundle(folder=folder, manifest=manifest)
    for sprint in manifest.sprints:
        _require_consistent(bundle, sprint)
    return bundle


def open_outputs(source: Path, bundle: Bundle, cache_folder: Path) -> list[str]:
    """Reads the outputs into a temporary DVC cache, laid out as `files/md5/aa/bbb…`, and returns the objects' hashes.

    Every object is compared with its md5, by dvc.lock or the listing of its folder, and with the manifest's SHA-256.

    Raises:
        FlywheelError: an object is missing, one too many, or not what it must be (exit code 5); or the disk is too
            full (exit code 3).
    """
    stored = {md5 for sprint in bundle.manifest.sprints for md5 in bundle.stored(sprint).values()}
    with archives.opened(source, OUTPUTS_LIMITS) as files:
        _require_space(cache_folder, sum(files.sizes.values()))
        expected = set(stored)
        for md5 in sorted(stored):
            if md5.endswith(".dir"):
                expected |= set(_listed(files, md5).values())
        paths = {object_path(md5): md5 for md5 in expected}
        _require_same(LOCK.name, paths, MANIFEST, bundle.manifest.objects)
        _require_same(MANIFEST, paths, "the archive", files.sizes)
        for path, md5 in sorted(paths.items()):
            _receive(files, path, md5, bundle.manifest.objects[path], cache_folder / path)
    return sorted(expected)


def members(cache_folder: Path, md5: str) -> dict[str, str]:
    """The md5 of each file of a folder in an opened cache, by its path inside the folder; checked by `open_outputs`."""
    return _members((cache_folder / object_path(md5)).read_bytes(), object_path(md5))


def _manifest(files: Files) -> BundleManifest:
    if MANIFEST not in files.sizes:
        raise refused(MANIFEST, "it is missing")
    manifest: BundleManifest = _decoded(MANIFEST, files.read(MANIFEST), BundleManifest)
    odd = [name for name in manifest.sprints if not is_sprint(name)]
    if odd or len(set(manifest.sprints)) != len(manifest.sprints) or not manifest.sprints:
        raise refused(MANIFEST, f"its sprints are not names of specs: {ascii(odd)[:200]}")
    shas = (manifest.base_commit, manifest.head_commit)
    hashes = (*manifest.files.values(), *manifest.objects.values())
    if not all(_COMMIT.fullmatch(sha) for sha in shas) or not all(_SHA256.fullmatch(sha) for sha in hashes):
        raise refused(MANIFEST, "a commit or a digest in it is none")
    if not all(_OBJECT.fullmatch(path) for path in manifest.objects):
        raise refused(MANIFEST, "an object in it is none of DVC's")
    return manifest


def _require_expected(manifest: BundleManifest, expected: Expected) -> None:
    if manifest.head_commit != expected.head:
        raise refused(
            MANIFEST, f"it is about commit {manifest.head_commit}, and the run was of {expected.head}"
        )
    if expected.base is not None and manifest.base_commit != expected.base:
        raise refused(MANIFEST, f"it was judged by {manifest.base_commit}, and not by {expected.base}")
    foreign = [
        name for name in manifest.sprints if expected.sprints is not None and name not in expected.sprints
    ]
    if foreign:
        raise refused(MANIFEST, f"the pull request does not change {', '.join(foreign)}")


def _require_same(by: str, wanted: Iterable[str], there: str, found: Iterable[str]) -> None:
    """Nothing is missing and nothing is extra."""
    named, held = set(wanted), set(found)
    if extra := sorted(held - named):
        raise refused(extra[0], f"{there} holds {_more(extra)}, and {by} does not name it")
    if missing := sorted(named - held):
        raise refused(missing[0], f"{by} names {_more(missing)}, and {there} does not hold it")


def _more(names: list[str]) -> str:
    return "it" if len(names) == 1 else f"it and {len(names) - 1:,} more"


def _require_readable(name: str, file: RecordFile[Any], content: bytes) -> None:
    """A record decodes as its kind; text is text. Pictures are not looked at here: nobody shows them as they come."""
    if file.format == "json":
        _decoded(name, content, file.type)
    elif file.format == "yaml":
        problems = parse_document(content, name, max_bytes=_YAML_BYTES).errors
        if problems:
            raise refused(name, problems[0].message)
    elif file.format == "csv":
        _require_table(name, content)
    elif file.format == "text":
        _text(name, content)


def _decoded(name: str, content: bytes, kind: Any) -> Any:
    try:
        return decode_json(content, kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise refused(name, f"not the record that it should be: {str(error)[:200]}") from error


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(name, "not UTF-8 text") from error


def _require_table(name: str, content: bytes) -> None:
    width = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(_text(name, content)), strict=True)):
            width = width or len(row)
            if len(row) != width or number > _CSV_ROWS or any(len(cell) > _CSV_CELL for cell in row):
                raise refused(name, f"line {number + 1} is none of its table")
    except csv.Error as error:
        raise refused(name, f"not a table: {error}") from error


def _require_consistent(bundle: Bundle, sprint: str) -> None:
    """The records of one sprint tell the same story."""
    folder, prefix = bundle.sprint_folder(sprint), f"{sprint_path(sprint)}/"
    there = bundle.manifest.files
    # A run may fail before anything was compiled: of such a one nothing but its report is sure to be there.
    needed = [REPORT] if bundle.failed(sprint) else [file for file in CATALOGUE if file.required]
    for file in needed:
        if prefix + file.name not in there:
            raise refused(prefix + file.name, "it is missing")
    report = bundle.report(sprint)
    if report.sprint != sprint:
        raise refused(f"{prefix}{REPORT.name}", f"it is the report of {ascii(report.sprint)[:100]}")
    for file in REPORTED:
        try:
            report.record(file)
        except FlywheelError as error:
            raise refused(f"{prefix}{REPORT.name}", error.message) from error
    if (report.failure is not None) != bundle.failed(sprint):
        raise refused(
            f"{prefix}{FAILURE.name}", f"it and {REPORT.name} do not agree on whether a stage failed"
        )
    terms = bundle.terms(sprint)
    if terms is not None and terms.base_commit != bundle.manifest.base_commit:
        raise refused(f"{prefix}{TERMS.name}", "it names another base than manifest.json does")
    if not bundle.failed(sprint):
        _require_verdict(bundle, sprint, report, folder)
        return
    for name in there:  # of the rest nothing would be verified before it is recorded
        if name.startswith(prefix) and not is_of_a_failure(name.removeprefix(prefix)):
            raise refused(name, "a run that failed leaves no such file")


def _require_verdict(bundle: Bundle, sprint: str, report: SprintReport, folder: Path) -> None:
    prefix = f"{sprint_path(sprint)}/"
    verdict = _decoded(f"{prefix}{VERDICT.name}", (folder / VERDICT.name).read_bytes(), Verdict)
    if report.verdict != verdict:
        raise refused(f"{prefix}{VERDICT.name}", f"{REPORT.name} has another verdict")
    known = _decoded(f"{prefix}{DIGESTS.name}", (folder / DIGESTS.name).read_bytes(), dict[str, str])
    odd = [name for name in known if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if odd:
        raise refused(f"{prefix}{DIGESTS.name}", f"it names {odd[0]!a}, which is outside the repository")
    for name, sha256 in bundle.manifest.files.items():
        if known.get(name, sha256) != sha256:
            raise refused(name, f"not the bytes that {DIGESTS.name} names")
    for out, md5 in stored_outs(folder / LOCK.name).items():
        if not _MD5.fullmatch(md5):
            raise refused(f"{prefix}{LOCK.name}", f"its hash of {out} is none")


def _require_space(folder: Path, wanted: int) -> None:
    above = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(above).free
    if wanted > free:
        raise FlywheelError(
            f"the outputs are {wanted / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free on the disk",
            where=Where(str(folder)),
            hint="give the promote job a runner with more disk",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _listed(files: Files, md5: str) -> dict[str, str]:
    """The md5 of each file in a listing among the outputs, by its path."""
    path = object_path(md5)
    if path not in files.sizes:
        raise refused(path, f"it is missing: {LOCK.name} names it")
    if files.sizes[path] > _LISTING_BYTES:
        raise refused(path, "too long for the listing of a folder")
    content = files.read(path)
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
        raise refused(path, f"not what {LOCK.name} names")
    return _members(content, path)


def _members(content: bytes, path: str) -> dict[str, str]:
    listed: dict[str, str] = {}
    for member in _decoded(path, content, list[_Member]):
        parts = PurePosixPath(member.relpath).parts
        inside = parts and "/".join(parts) == member.relpath and not {"/", "..", "."} & set(parts)
        odd = "\\" in member.relpath or not member.relpath.isprintable()
        if not inside or odd or member.relpath in listed or not re.fullmatch(r"[0-9a-f]{32}", member.md5):
            raise refused(path, f"it lists {ascii(member.relpath)[:200]}, which is no file of a folder")
        listed[member.relpath] = member.md5
    return listed


def _receive(files: Files, path: str, md5: str, sha256: str, target: Path) -> None:
    """Writes one object, if it is the one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    by_md5, by_sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with target.open("xb") as file:
        for piece in files.pieces(path):
            by_md5.update(piece)
            by_sha256.update(piece)
            file.write(piece)
    if by_md5.hexdigest() != md5.removesuffix(".dir"):
        target.unlink()
        raise refused(path, f"not the object that {LOCK.name} names")
    if by_sha256.hexdigest() != sha256:
        target.unlink()
        raise refused(path, "not the bytes that manifest.json names")
    target.chmod(0o444)  # as DVC keeps what may be linked from the workspace
