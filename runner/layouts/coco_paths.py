"""Where the images of a COCO file are, whatever the tool that wrote it says of their place.

A `file_name` may be beside the JSON or below the usual folders. Annotation tools also write where a file was when it was
uploaded: absolute, with `../`, with backslashes, as a URL, with a number before its name. Then the image of that name is
taken, if there is only one. What is looked for is only ever among the dataset's own images.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

# Label Studio puts eight digits of a UUID before an uploaded file's name.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|[A-Za-z]:(?=[\\/])")


@dataclass(frozen=True, slots=True)
class Located:
    """Where an image is, relative to the dataset.

    `expected`: no image of that name is there, and this is where it would be; None where its name leads out of the
    dataset. `by_name`: it lies elsewhere than its file says.
    """

    path: str | None = None
    expected: str | None = None
    by_name: bool = False


class ImageFinder:
    """Finds the images that annotation files are about.

    Args:
        images: the dataset's, as posix paths relative to it.
    """

    def __init__(self, images: Collection[str]) -> None:
        self.known = frozenset(images)
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(images):
            self.by_name[_key(PurePosixPath(path).name)].append(path)

    def find(self, file: str, name: str, subset: str | None) -> Located:
        """The image that `file` calls `name`; `subset` is what the file's own name says that it is about."""
        given = PurePosixPath(_SCHEME.sub("/", name).replace("\\", "/"))
        parts = [part for part in given.parts if part not in ("/", ".")]
        inside = bool(parts) and not given.is_absolute() and ".." not in parts
        expected = None
        if inside:
            candidates = [(folder / given).as_posix() for folder in _folders(file, subset)]
            if path := next((path for path in candidates if path in self.known), None):
                return Located(path=path)
            expected = candidates[0 if file.startswith("annotations/") else 1]
        tail = parts[max((at + 1 for at, part in enumerate(parts) if part == ".."), default=0) :]
        found = self._of_that_name(tail, subset) if tail else None
        return Located(path=found, by_name=True) if found else Located(expected=expected)

    def _of_that_name(self, parts: Sequence[str], subset: str | None) -> str | None:
        """The only image of a name; of several, the one whose folders are the most alike."""
        for spelled in _spellings(parts[-1]):
            found = self.by_name.get(_key(spelled), [])
            wanted = [_key(part) for part in parts[:-1]]
            common = {path: _shared_end(wanted, path) for path in found}
            best = [path for path in found if common[path] == max(common.values())]
            if len(best) > 1 and subset:
                best = [path for path in best if subset in PurePosixPath(path).parts[:-1]]
            if len(best) == 1:
                return best[0]
        return None


def _folders(file: str, subset: str | None) -> Iterator[PurePosixPath]:
    if not file.startswith("annotations/"):
        yield PurePosixPath(file).parent
    if subset:
        yield from (PurePosixPath("images", subset), PurePosixPath(subset), PurePosixPath(subset, "images"))
    yield from (PurePosixPath("images"), PurePosixPath("data"), PurePosixPath())


def _spellings(name: str) -> Iterator[str]:
    """A file's name as written, out of a URL, and without what an upload put before it."""
    plain = unquote(name.partition("?")[0])
    yield from dict.fromkeys((name, plain, _UPLOADED.sub("", plain, count=1)))


def _shared_end(folders: Sequence[str], path: str) -> int:
    """How many folders before the name are the same."""
    own = [_key(part) for part in PurePosixPath(path).parts[:-1]]
    return next(
        (
            at
            for at, pair in enumerate(zip(reversed(folders), reversed(own), strict=False))
            if pair[0] != pair[1]
        ),
        min(len(folders), len(own)),
    )


def _key(name: str) -> str:
    """The same for names that a file system of another kind takes for one: by case, by composition (NFC, NFD)."""
    return unicodedata.normalize("NFC", name).casefold()
