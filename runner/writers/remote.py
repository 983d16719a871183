"""Images of a manifest that are behind URLs: fetched beside the new dataset, and removed once they are in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError, Where

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class RemoteImages:
    """Where images are that lie behind URLs.

    Attributes:
        folder: that of the fetched ones, at their paths; None where nothing was fetched.
        urls: by path.
    """

    folder: Path | None = None
    urls: dict[str, str] = field(default_factory=dict)


@contextmanager
def remote_images(source: Path, layout: str, target: Path, *, fetch: bool) -> Iterator[RemoteImages]:
    """The images behind URLs, for as long as the block runs. After a failure, those that were fetched stay for the next call.

    Raises:
        FlywheelError: an image could not be fetched; nobody knows what is in it.
    """
    from runner.adapters.web.remote_files import fetch_files
    from runner.layouts.manifest_fetch import remote_images as behind_urls
    from runner.layouts.manifest_recognition import find_manifest

    file = find_manifest(source) if layout == "manifest" else None
    files = behind_urls(source, file) if file else []
    urls = {item.target.relative_to(source).as_posix(): item.url for item in files}
    if not fetch or all(item.target.is_file() for item in files):
        yield RemoteImages(urls=urls)
        return
    staged = target.with_name(f".{target.name}.fetched")
    absent = [item for item in files if not item.target.is_file()]
    problems = fetch_files(
        [replace(item, target=staged / item.target.relative_to(source)) for item in absent]
    )
    if problems:
        raise FlywheelError(
            f"{len(problems)} of {len(absent)} images could not be fetched: {'; '.join(problems[:_SHOWN])}",
            where=Where(str(source / str(file))),
            hint="run the same command again: what was fetched is kept; or leave the images where they are: --images none",
            exit_code=ExitCode.STAGE_FAILED,
        )
    yield RemoteImages(folder=staged, urls=urls)
    shutil.rmtree(staged, ignore_errors=True)
