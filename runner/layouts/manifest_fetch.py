"""Brings a manifest's images from where its URLs say to where the layout reads them, below `remote/`."""

from __future__ import annotations

from pathlib import Path

from runner.adapters.web.remote_files import RemoteFile, fetch_files
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.layouts.manifest_files import open_manifest
from runner.layouts.manifest_uris import is_remote, local_path

_SHOWN = 20


def remote_images(folder: Path, file: str) -> list[RemoteFile]:
    """The images of a manifest that are behind URLs, fetched or not.

    Raises:
        FlywheelError: as `open_manifest`.
    """
    manifest = open_manifest(folder, file)
    digests = manifest.columns.get("sha256") or [None] * len(manifest.uris)
    return [
        RemoteFile(url=uri, target=folder / path, sha256=str(digest) if digest else None)
        for uri, digest in zip(manifest.uris, digests, strict=True)
        if isinstance(uri, str) and is_remote(uri) and (path := local_path(uri))
    ]


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
