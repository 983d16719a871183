"""The image that somebody means: by its path, the end of its path, or the hash of its content."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from runner.domain.errors import FlywheelError

MIN_DIGITS = 6  # of a hash that is written short
_SHOWN = 5
_MOST_COMPARED = 20_000  # names; difflib takes a second for them
_HASH = re.compile(r"[0-9a-f]+")


def named_image(name: str, paths: Sequence[str], image_ids: Sequence[str], dataset: str) -> int:
    """The position of the image that a name stands for.

    Args:
        name: a path in the dataset, or from the project's top; the end of one, of whole names first; or a content hash, of
            which `MIN_DIGITS` characters are enough.
        paths: `(N,)` relative to the dataset, unique. `image_ids`: `(N,)`.
        dataset: the dataset's folder, relative to the project's top.

    Raises:
        FlywheelError: no image is called so, with what is near; or several are.
    """
    wanted = name.strip().replace("\\", "/").removeprefix("./")
    inside = wanted.removeprefix(f"{dataset.rstrip('/')}/")
    for exact in (wanted, inside):
        if exact in paths:
            return paths.index(exact)
    ending = f"/{inside.lstrip('/')}"
    found = [at for at, path in enumerate(paths) if path.endswith(ending)]
    found = found or [at for at, path in enumerate(paths) if inside and path.endswith(inside)]
    what = "end so"
    if not found and len(wanted) >= MIN_DIGITS and _HASH.fullmatch(wanted.lower()):
        found = [at for at, image_id in enumerate(image_ids) if image_id.startswith(wanted.lower())]
        what = "have such content"
    if len(found) > 1:
        shown = ", ".join(paths[at] for at in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise FlywheelError(
            f'"{name}" names {len(found)} images', hint=f"write more of the path; these {what}: {shown}"
        )
    if not found:
        raise _unknown(name, inside, paths)
    return found[0]


def _unknown(name: str, inside: str, paths: Sequence[str]) -> FlywheelError:
    near = _near(inside, paths)
    listed = f"did you mean {', '.join(near)}?" if near else None
    empty = "the index has no image" if not paths else None
    hint = empty or listed or "a path is relative to the dataset's folder: flywheel query true lists some"
    return FlywheelError(f'no image of the index is called "{name}"', hint=hint)


def _near(inside: str, paths: Sequence[str]) -> list[str]:
    """The paths whose last names are nearest: equal but for case and suffix first."""
    stem = PurePosixPath(inside).stem.casefold()
    equal = [path for path in paths if PurePosixPath(path).stem.casefold() == stem]
    if equal:
        return equal[:_SHOWN]
    by_name: dict[str, str] = {}
    for path in paths[:_MOST_COMPARED]:
        by_name.setdefault(path.rpartition("/")[2], path)
    close = difflib.get_close_matches(inside.rpartition("/")[2], by_name, n=3, cutoff=0.7)
    return [by_name[found] for found in close]
