"""Images that stay in an object store: those that stages look at are fetched by their manifest's URLs, and compared with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from runner.adapters.dvc.cache_objects import QUARANTINE
from runner.adapters.web.remote_files import NotFetched, RemoteFile, fetch_each, mismatch_of
from runner.config.project import Dataset
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_json, write_json
from runner.layouts.manifest_fetch import leaves_fetched_out, manifest_file, remote_images
from runner.layouts.manifest_uris import REMOTE
from runner.report.plan_words import megabytes

Say = Callable[[str], None]
MEMORY = ".flywheel/state/objects.json"  # git-ignored: of this machine alone
_NO_HASH = "nothing in the manifest tells its bytes from others"


def require_objects(
    root: Path, dataset: Dataset, used: Mapping[str, int] | None, command: str, *, pull: bool, say: Say
) -> None:
    """The images are below `remote/` in the dataset's folder, each as the manifest says.

    Args:
        used: the bytes of the images that are looked at, by path; all of the manifest when None.
        command: what fetches them, without `--pull`.

    Raises:
        FlywheelError: an image is not here, and was not to be fetched or could not be, or is another (exit code 3); its URL is
            none that may be fetched, or nothing tells what it should be (exit code 2).
    """
    folder, file = root / dataset.path, manifest_file(dataset.layout)
    files = {each.target.relative_to(folder).as_posix(): each for each in remote_images(folder, file)}
    wanted = {path: files[path] for path in files if used is None or path in used}
    _require_allowed(wanted, dataset, f"{dataset.path}/{file}")
    _require_ignored(root, dataset.path)
    known = _Known(root)
    absent = {path: each for path, each in wanted.items() if not known.holds(path, each)}
    if absent and not pull:
        size = sum(each.size or (used or {}).get(path, 0) for path, each in absent.items())
        raise FlywheelError(
            f"{len(absent):,} of the {len(wanted):,} images that are looked at are not here ({megabytes(size)})",
            where=Where(f"{dataset.path}/{file}"),
            hint=f"{command} --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )
    known.add({path: each for path, each in wanted.items() if path not in absent})
    if absent:
        say(f"fetching {len(absent):,} of {len(files):,} images of {dataset.path}/{file}")
        _fetch(root, absent)
        known.add(absent)


def _fetch(root: Path, wanted: Mapping[str, RemoteFile]) -> None:
    failed = fetch_each(list(wanted.values()), root / QUARANTINE)
    if not failed:
        return
    first = next((each for each in failed if each.fault is not None and each.fault.of_all), failed[0])
    words = first.fault.words if first.fault is not None else first.words
    raise FlywheelError(
        f"{len(failed):,} of {len(wanted):,} images could not be fetched: {words}",
        where=Where(first.file.url),
        hint=_hint(first),
        exit_code=ExitCode.STAGE_FAILED,
    )


def _hint(failure: NotFetched) -> str:
    if failure.fault is None:
        return (
            f"what came was put aside ({QUARANTINE}/) and not used: upload the image again that the manifest names, or write "
            "the manifest anew if this one is meant"
        )
    if failure.fault.kind == "absent":
        return "upload it again, or take its row out of the manifest; then run the same command again: what was fetched is kept"
    if "s3fs" in failure.words:
        return "pip install 'flywheel-vision[s3]'"
    return failure.fault.hint


def _require_allowed(wanted: Mapping[str, RemoteFile], dataset: Dataset, shown: str) -> None:
    prefixes = dataset.remote.prefixes if dataset.remote is not None else []
    for each in wanted.values():
        inside = any(each.url.startswith(prefix) for prefix in prefixes)
        if not inside or ".." in each.url.split("/") or "::" in each.url:
            raise FlywheelError(
                f"{each.url[:200]!a} is not below what `dataset.remote.prefixes` of flywheel.yaml names",
                where=Where(shown),
                hint="correct the row; or allow its place in flywheel.yaml, in a pull request without specs",
            )
        if not each.is_identified:
            raise FlywheelError(
                f"{each.url[:200]!a}: {_NO_HASH}",
                where=Where(shown),
                hint="give it a column sha256, md5 or etag (docs/remote-data.md)",
            )


def _require_ignored(root: Path, dataset: str) -> None:
    """DVC tracks the manifest, and would take fetched images for changes of the dataset."""
    line = f"/{dataset}/{REMOTE}"
    if not leaves_fetched_out(root, dataset):
        raise FlywheelError(
            f"DVC is not told to leave {dataset}/{REMOTE}/ out, where images are fetched to",
            where=Where(".dvcignore"),
            hint=f"echo {line} >> .dvcignore && git add .dvcignore",
        )


class _Known:
    """Which fetched images were compared with what the manifest says, by size, times and inode, as git's index does."""

    def __init__(self, root: Path) -> None:
        self._path = root / MEMORY
        self._root = root
        self._entries: dict[str, tuple[str, str]] = {}
        if self._path.is_file():
            with suppress(FlywheelError):
                self._entries = read_json(self._path, dict[str, tuple[str, str]])

    def holds(self, path: str, file: RemoteFile) -> bool:
        """Whether the image is there and is the one; another is put aside."""
        if not file.target.is_file():
            return False
        if self._entries.get(path) == (_identity(file), _state(file.target)):
            return True
        if mismatch_of(file) is None:
            self._entries[path] = (_identity(file), _state(file.target))
            return True
        (self._root / QUARANTINE).mkdir(parents=True, exist_ok=True)
        shutil.move(file.target, self._root / QUARANTINE / file.target.name)
        return False

    def add(self, files: Mapping[str, RemoteFile]) -> None:
        """Notes that these are the ones."""
        self._entries |= {path: (_identity(file), _state(file.target)) for path, file in files.items()}
        write_json(self._path, dict(sorted(self._entries.items())))


def _identity(file: RemoteFile) -> str:
    return (
        f"{file.sha256 or ''} {file.md5 or ''} {file.etag or ''} {file.size if file.size is not None else ''}"
    )


def _state(path: Path) -> str:
    status = os.stat(path)  # noqa: PTH116 - asked for every image
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
