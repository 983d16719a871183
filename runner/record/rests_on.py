"""What a record rests on: the files that it was made from, some of other sprints, by their digests.

Others' records move on and need not be here: `verify` makes such a record again where the same files are here, and says where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runner.record.digests import digest_of
from runner.record.recommendation import RestsOn

NOT_ALL_READ = "it says what it could not read"


def rests_on(files: Mapping[str, Path]) -> list[RestsOn]:
    """Those of the files that are there, by their paths from the repository's top, sorted."""
    return [
        RestsOn(path=path, sha256=digest_of(file)) for path, file in sorted(files.items()) if file.is_file()
    ]


def lacking(digests: Mapping[str, str], place: Callable[[str], Path]) -> list[str]:
    """Of the files that a record rests on those that are not here as they were then: `<path>, which is not here`.

    Args:
        digests: path from the repository's top → SHA-256. `place`: where a file lies, by that path.
    """
    told = []
    for path, digest in digests.items():
        if not place(path).is_file():
            told.append(f"{path}, which is not here")
        elif digest_of(place(path)) != digest:
            told.append(f"{path}, which is another by now")
    return told
