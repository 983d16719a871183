"""DVC's own files, read without importing DVC: pointers, locks, the run cache and the object cache.

`plan` and `run` with nothing to do must start in a fraction of the second that importing DVC takes. The formats are
those of DVC 3 (dvc/stage/serialize.py, dvc/stage/cache.py); a test compares the run-cache key with DVC's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from runner.adapters.dvc.cache_place import cache_folder
from runner.adapters.system import yaml_text
from runner.domain.conflicts import unfinished_merge
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_bytes

_MD5 = re.compile(r"[0-9a-f]{32}")


class LockedStage(Struct, frozen=True, kw_only=True):
    """One stage of a dvc.lock: its command, and md5 per path of what it read and wrote."""

    cmd: str
    deps: dict[str, str]
    params: dict[str, Any]  # section of params.yaml → its content, as DVC stored it
    outs: dict[str, str]


def _load(path: Path) -> Any:
    return parse(path.read_bytes(), Where(str(path)))


def parse(content: bytes, where: Where) -> Any:
    """The document of a DVC file's bytes.

    Raises:
        FlywheelError: they are no YAML (exit code 3), or have the marks of a merge (exit code 2).
    """
    unfinished = unfinished_merge(str(where), content)  # what YAML may take for a text over several lines
    if unfinished is not None:
        raise unfinished
    try:
        return yaml_text.load(content.decode())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FlywheelError(
            f"not a DVC file: {str(error).splitlines()[0]}",
            where=where,
            hint=f"restore it from git: git checkout -- {where}",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def _hashes(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    return {entry["path"]: entry.get("md5", "") for entry in entries or ()}


def _locked(entry: Mapping[str, Any]) -> LockedStage:
    return LockedStage(
        cmd=str(entry.get("cmd", "")),
        deps=_hashes(entry.get("deps")),
        params=dict((entry.get("params") or {}).get("params.yaml") or {}),
        outs=_hashes(entry.get("outs")),
    )


def read_lock(path: Path) -> dict[str, LockedStage]:
    """Reads a dvc.lock; an absent file is an empty one.

    Raises:
        FlywheelError: the file is not a DVC lock.
    """
    return parse_lock(path.read_bytes(), Where(str(path))) if path.is_file() else {}


def parse_lock(content: bytes, where: Where) -> dict[str, LockedStage]:
    """The stages of a dvc.lock's bytes.

    Raises:
        FlywheelError: they are not a DVC lock.
    """
    document = parse(content, where)
    try:
        return {name: _locked(entry) for name, entry in document["stages"].items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise FlywheelError(
            "not a DVC lock file",
            where=where,
            hint="delete it and run the sprint again: what ran before is served from DVC's cache",
            exit_code=ExitCode.STAGE_FAILED,
        ) from None


def dependency_files(lock: Path, stage: str, dependency: str) -> int | None:
    """How many files a stage's input had by a dvc.lock; None where that is not recorded."""
    try:
        entries = _load(lock)["stages"][stage]["deps"]
        found = next(entry for entry in entries if entry["path"] == dependency).get("nfiles")
    except (OSError, FlywheelError, KeyError, TypeError, AttributeError, StopIteration):
        return None
    return found if isinstance(found, int) else None


def pointer_md5(path: Path) -> str | None:
    """The md5 that a `.dvc` file records for its one output, or None when there is no such file.

    Raises:
        FlywheelError: the file is not a DVC pointer.
    """
    if not path.is_file():
        return None
    content = _load(path)
    try:
        (out,) = content["outs"]
        _, md5 = out["path"], out["md5"]
        return str(md5)
    except (TypeError, KeyError, ValueError):
        raise FlywheelError(
            "not a DVC pointer: it names one file or folder with its path and md5",
            where=Where(str(path)),
            hint=f"dvc add {path.stem}",
        ) from None


def pointer_remote(path: Path) -> str | None:
    """The remote that a `.dvc` file names for its one output (`dvc add --remote`, or `remote:` written by hand); None without one."""
    if pointer_md5(path) is None:
        return None
    remote = _load(path)["outs"][0].get("remote")
    return None if remote is None else str(remote)


class Pointer(Struct, frozen=True, kw_only=True):
    """What a `.dvc` file says of its one output; `files` is None for a single file."""

    md5: str
    files: int | None = None
    bytes: int | None = None


def parse_pointer(content: bytes) -> Pointer | None:
    """A `.dvc` file's bytes as a record; None where they are none."""
    try:
        out = parse(content, Where("pointer"))["outs"][0]
        sizes = [out.get(key) if isinstance(out.get(key), int) else None for key in ("nfiles", "size")]
        return Pointer(md5=str(out["md5"]), files=sizes[0], bytes=sizes[1])
    except (FlywheelError, TypeError, KeyError, IndexError, AttributeError):
        return None


def file_md5(path: Path) -> str:
    """The md5 of a file's bytes, as DVC records it."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def folder_md5(path: Path) -> str:
    """The hash of a folder as DVC records it: the md5 of the list of its files' md5, and `.dir`.

    Source: `Tree.as_bytes` of dvc_data/hashfile/tree.py (dvc-data 3.18).
    """
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    listing = [{"md5": file_md5(file), "relpath": name} for name, file in sorted(files.items())]
    content = json.dumps(listing, sort_keys=True).encode()
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"


def cache_path(root: Path, md5: str) -> Path:
    """Where DVC's local cache keeps the object `md5`."""
    return cache_folder(root) / _in_cache(md5)


def _in_cache(md5: str) -> str:
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def _runs_folder(root: Path, key: str) -> Path:
    """Where DVC's run cache keeps what ran under `key`."""
    return cache_folder(root) / "runs" / key[:2] / key


def is_cached(root: Path, md5: str) -> bool:
    """Whether the cache holds an object, and for a folder every file of it."""
    path = cache_path(root, md5)
    if not md5 or not path.is_file():
        return False
    if not md5.endswith(".dir"):
        return True
    members, cache = cached_members(root, md5), cache_folder(root)  # asked once: a dataset has many files
    return members is not None and all((cache / _in_cache(each)).is_file() for each in members.values())


def cached_member(root: Path, md5: str, name: str) -> Path | None:
    """The cached file `name` of the cached folder `md5`, or None."""
    if not is_cached(root, md5):
        return None
    member = (cached_members(root, md5) or {}).get(name)
    return cache_path(root, member) if member is not None else None


def cached_members(root: Path, md5: str) -> dict[str, str] | None:
    """The md5 of every file of a stored folder by its path inside it, or None when the cache has no listing."""
    path = cache_path(root, md5)
    if not md5.endswith(".dir") or not path.is_file():
        return None
    try:
        return {member["relpath"]: member["md5"] for member in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError):
        return None


def leads_outside(root: Path, md5: str) -> str | None:
    """The first entry of a stored folder's listing that would lie elsewhere, or in git's or DVC's own folders.

    DVC 3.67 writes a member called `../.git/hooks/x` where that leads, and skips entries beside it that name no object:
    a listing that holds anything but files and their md5 is none of `dvc add`'s.
    """
    path = cache_path(root, md5)
    if not md5.endswith(".dir") or not path.is_file():
        return None
    try:
        entries = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return "no listing"
    for entry in entries if isinstance(entries, list) else [entries]:
        if not _is_member(entry):
            return str(entry["relpath"] if isinstance(entry, dict) and "relpath" in entry else entry)[:200]
    return None


def _is_member(entry: object) -> bool:
    """Whether an entry of a listing is a file inside the folder, with the md5 of what it holds."""
    match entry:
        case {"relpath": str(name), "md5": str(md5), **rest} if not rest and _MD5.fullmatch(md5):
            parts = name.split("/")
            return "\\" not in name and not any(
                part.lower() in ("", ".", "..", ".git", ".dvc") for part in parts
            )
        case _:
            return False


def run_cache_key(cmd: str, deps: Mapping[str, str], params: Mapping[str, Any], outs: Sequence[str]) -> str:
    """The key under which DVC's run cache files a stage's run.

    Source: `_get_cache_hash` of dvc/stage/cache.py and `dict_hash` of dvc/utils (DVC 3.67.1), which leaves out every
    key called `size` or `nfiles`, at any depth.
    """
    entry: dict[str, Any] = {"cmd": cmd}
    entry["deps"] = [{"path": path, "hash": "md5", "md5": deps[path]} for path in sorted(deps)]
    entry["params"] = {"params.yaml": _without_sizes(params)}
    entry["outs"] = sorted(outs)
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()


def _without_sizes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_sizes(item) for key, item in value.items() if key not in ("size", "nfiles")}
    return [_without_sizes(item) for item in value] if isinstance(value, list | tuple) else value


class RecordedRun(Struct, frozen=True, kw_only=True):
    """A stage's run as a committed dvc.lock tells of it.

    Attributes:
        folder: of the lock; paths are relative to it.
        entry: the stage in the lock, as it is written there.
    """

    folder: Path
    stage: LockedStage
    entry: dict[str, Any]


def recorded_runs(root: Path) -> dict[str, RecordedRun]:
    """Every run that a sprint's dvc.lock tells of, by its key in DVC's run cache; unreadable locks are left out."""
    runs: dict[str, RecordedRun] = {}
    for lock in sorted((root / "reports").glob("*/dvc.lock")):
        try:
            entries = (_load(lock) or {}).get("stages") or {}
        except (FlywheelError, AttributeError):
            continue
        for entry in entries.values():
            stage = _locked(entry)
            key = run_cache_key(stage.cmd, stage.deps, stage.params, list(stage.outs))
            runs[key] = RecordedRun(folder=lock.parent, stage=stage, entry=entry)
    return runs


def file_run(root: Path, key: str, run: RecordedRun) -> None:
    """Puts a recorded run into DVC's run cache, with the small files that lie beside its lock."""
    for out, md5 in run.stage.outs.items():
        path, stored = run.folder / out, cache_path(root, md5)
        if path.is_file() and not stored.exists() and file_md5(path) == md5:
            write_bytes(stored, path.read_bytes())
    content = yaml_text.dump(run.entry).encode()
    name = hashlib.sha256(content).hexdigest()
    write_bytes(_runs_folder(root, key) / name, content)


def run_cache_lookup(root: Path, key: str) -> LockedStage | None:
    """The newest run that DVC's run cache holds under `key` with all its outputs, or None."""
    folder = _runs_folder(root, key)
    if not folder.is_dir():
        return None
    newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return None
    locked = _locked(_load(newest))
    return locked if all(is_cached(root, md5) for md5 in locked.outs.values()) else None
