"""Brings a manifest's images from where its URLs say to where the layout reads them, below `remote/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.adapters.web.remote_files import RemoteFile, fetch_files
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_text
from runner.layouts import LabelLayout, layout_of
from runner.layouts.manifest import ManifestLayout
from runner.layouts.manifest_files import open_manifest
from runner.layouts.manifest_schema import FILE
from runner.layouts.manifest_uris import REMOTE, is_remote, local_path

_SHOWN = 20


def manifest_file(layout: str | LabelLayout) -> str:
    """The name of the Parquet file that a project's layout reads."""
    read = layout_of(layout)
    return read.file if isinstance(read, ManifestLayout) else FILE


def leaves_fetched_out(root: Path, dataset: str) -> bool:
    """Whether DVC is told not to look at the images that were fetched: then its hash of the dataset does not tell which are here."""
    path, line = root / ".dvcignore", f"{dataset}/{REMOTE}"
    lines = (read_text(path) if path.is_file() else "").splitlines()
    return line in {each.strip().strip("/") for each in lines}


def require_fetched(root: Path, dataset: str, layout: str | LabelLayout) -> None:
    """An index of what happens to be here would pass for one of the whole dataset, where DVC does not look at the images.

    Raises:
        FlywheelError: an image of the manifest is not here (exit code 3).
    """
    if not isinstance(layout_of(layout), ManifestLayout) or not leaves_fetched_out(root, dataset):
        return
    file = manifest_file(layout)
    images = remote_images(root / dataset, file)
    absent = [each.url for each in images if not each.target.is_file()]
    if absent:
        raise FlywheelError(
            f"{len(absent):,} of the {len(images):,} images of the manifest are not here, as {absent[0]}",
            where=Where(f"{dataset}/{file}"),
            hint="flywheel run --pull",
            exit_code=ExitCode.STAGE_FAILED,
        )


def remote_images(folder: Path, file: str) -> list[RemoteFile]:
    """The images of a manifest that are behind URLs, fetched or not.

    Raises:
        FlywheelError: as `open_manifest`.
    """
    manifest = open_manifest(folder, file)
    rows = range(len(manifest.uris))
    known = {
        name: list(manifest.columns.get(name, [None for _ in rows]))
        for name in ("sha256", "md5", "etag", "size")
    }
    return [
        RemoteFile(
            url=uri,
            target=folder / path,
            sha256=_text(known["sha256"][row]),
            md5=_text(known["md5"][row]),
            etag=_text(known["etag"][row]),
            size=_whole_number(known["size"][row]),
        )
        for row, uri in enumerate(manifest.uris)
        if isinstance(uri, str) and is_remote(uri) and (path := local_path(uri))
    ]


def _text(value: Any) -> str | None:
    return value.strip('"') or None if isinstance(value, str) else None


def _whole_number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and value == value else None


def fetch_images(folder: Path, file: str) -> int:
    """Fetches the images that are not there yet into the dataset's folder; returns how many the manifest has.

    Called again after a failure, it goes on with those that are missing.

    Raises:
        FlywheelError: some could not be fetched, each with the reason.
    """
    files = remote_images(folder, file)
    problems = fetch_files(files)
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        lines = "".join(f"\n  {problem}" for problem in [*problems[:_SHOWN], *more])
        raise FlywheelError(
            f"{len(problems)} of {len(files)} images could not be fetched:{lines}",
            where=Where(str(folder / file)),
            hint="correct these rows or the access to them, then run the same command again: what was fetched is kept",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return len(files)
