"""Files with the marks of a merge that was not finished: what is said of them, and what to type."""

from __future__ import annotations

import re
from pathlib import PurePath

from runner.domain.errors import FlywheelError, Where

_MARK = re.compile(rb"^(<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)(?= |\r?$)", re.MULTILINE)
_USES = "uses.json"  # of a sprint's record: what one side forgets would never be counted again
_MADE = ("dvc.lock", "params.yaml", "dvc.yaml")


def unfinished_merge(path: str, content: bytes) -> FlywheelError | None:
    """The error for a file that holds git's conflict marks; None where it holds none.

    >>> unfinished_merge("data.dvc", b"outs:\\n<<<<<<< HEAD\\n").where
    Where(file='data.dvc', line=2, column=None)
    >>> unfinished_merge("notes.md", b"title\\n=======\\n")
    """
    found = _MARK.search(content)
    if found is None:
        return None
    return FlywheelError(
        "the mark of a merge that was not finished",
        where=Where(path, content[: found.start()].count(b"\n") + 1),
        hint=_how(path),
    )


def _how(path: str) -> str:
    place = PurePath(path)
    record = place.parts[-3:-2] == ("reports",)
    one_side = f"git checkout --theirs -- {path} && git add {path} (or --ours)"
    if record and place.name == _USES:
        return f"keep every entry of both sides, in one list, since each is a use of the test split; then: git add {path}"
    if record and (place.suffix in (".json", ".csv", ".md") or place.name in _MADE):
        return f"{one_side}, then: flywheel run {place.parts[-2]}"
    if place.suffix == ".dvc":
        return one_side
    return f"keep the lines that are meant and delete the marks, then: git add {path}"
