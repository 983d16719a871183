"""The order in which images are drawn: by a hash of the seed and their content, which no other image changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_VALUE = "(none)"
_WORD = 8  # bytes of a hash that are compared first


class Drawn(Struct, frozen=True, kw_only=True):
    """The images of each value in the order in which they are drawn.

    Attributes:
        codes: `(N,)` the value of each image. `names`: of each of K values.
        ranks: `(N,)` of each image among those of its value, from 0.
        shares: `(K,)` how many of each value are taken.
    """

    codes: NDArray[np.intp]
    names: list[str]
    ranks: NDArray[np.intp]
    shares: NDArray[np.intp]

    def left_out(self) -> NDArray[np.intp]:
        """The positions of what is not taken."""
        return (self.ranks >= self.shares[self.codes]).nonzero()[0]


def drawing_order(image_ids: Sequence[str], paths: Sequence[str], seed: int) -> NDArray[np.intp]:
    """The positions `(N,)` of images in the order in which a seed draws them.

    An image's rank among others depends on its content and the seed alone, so a sample changes little as a dataset grows;
    files of one content follow each other by path.
    """
    import numpy as np

    seeded = hashlib.sha256(f"{seed}:".encode())
    digests = [_digest(seeded, image_id) for image_id in image_ids]
    first = np.frombuffer(b"".join(digest[:_WORD] for digest in digests), dtype=">u8")
    order = np.argsort(first.astype(np.uint64), kind="stable")
    for start, stop in _runs(first[order]):
        tied = sorted(order[start:stop].tolist(), key=lambda at: (digests[at], paths[at]))
        order[start:stop] = tied
    return order


def _digest(seeded: Any, image_id: str) -> bytes:
    hashed = seeded.copy()
    hashed.update(image_id.encode())
    return bytes(hashed.digest())


def _runs(values: NDArray[Any]) -> list[tuple[int, int]]:
    """Where values that follow each other are equal: from, and up to."""
    import numpy as np

    equal = np.flatnonzero(values[1:] == values[:-1])
    if not len(equal):
        return []
    breaks = np.flatnonzero(np.diff(equal) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 2) for run in np.split(equal, breaks)]


def value_name(value: Any) -> str:
    """A value of a column as text; a missing one (None or NaN) is a value of its own."""
    return NO_VALUE if value is None or value != value else str(value)


def value_codes(
    values: NDArray[Any], name_of: Callable[[Any], str] = value_name
) -> tuple[NDArray[np.intp], list[str]]:
    """Of each of N values a number `(N,)`, the same for equal ones, and the names that the numbers stand for.

    >>> import numpy as np
    >>> value_codes(np.array(["b", None, "b"], dtype=object))
    (array([0, 1, 0]), ['b', '(none)'])
    """
    import numpy as np

    known: dict[Any, int] = {}  # by value, so that each value is named once
    names: dict[str, int] = {}
    codes = np.empty(len(values), dtype=np.intp)
    for at, value in enumerate(values.tolist()):
        value = None if value != value else value
        code = known.get(value)
        if code is None:
            code = known[value] = names.setdefault(name_of(value), len(names))
        codes[at] = code
    return codes, list(names)


def within(codes: NDArray[np.intp], order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of each of N images its rank `(N,)` among those of its value, from 0.

    Args:
        codes: `(N,)`, the value of each.
        order: `(N,)`, the positions in the order in which they are drawn.

    >>> import numpy as np
    >>> within(np.array([0, 1, 0]), np.array([2, 1, 0]))
    array([1, 0, 0])
    """
    import numpy as np

    by_value = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    ranks = np.empty(len(codes), dtype=np.intp)
    ranks[by_value] = np.arange(len(codes)) - starts[codes[by_value]]
    return ranks
