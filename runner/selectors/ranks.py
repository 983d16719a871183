"""The order in which images are drawn: by a hash of the seed and their content, which no other image changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.adapters.tables.stored import FEW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_VALUE = "(none)"
_PIECE = 1 << 20  # images whose keys are made at once
_WORD = 8  # bytes of a hash that are compared first


class Drawn(Struct, frozen=True, kw_only=True):
    """The images of each value, and how many of them are taken in the order of the draw.

    Attributes:
        codes: `(N,)` the value of each image. `names`: of each of K values.
        shares: `(K,)` how many of each value are taken.
        words: `(N,)` the first 8 bytes of each image's hash. `seed`: that it is of.
        image_ids, paths: of each, which decide where the words are equal.
    """

    codes: NDArray[np.int32]
    names: list[str]
    shares: NDArray[np.intp]
    words: NDArray[np.uint64]
    seed: int
    image_ids: Sequence[str]
    paths: Sequence[str]

    def left_out(self) -> NDArray[np.intp]:
        """The positions of what is not taken, ascending."""
        import numpy as np

        if not len(self.codes):
            return np.empty(0, np.intp)
        counts = np.bincount(self.codes, minlength=len(self.names))
        limited = self.shares < counts  # the values of which not all are taken
        some = limited & (self.shares > 0)
        last = np.zeros(len(self.names), np.uint64)  # of each value, the key of the last one that is taken
        ranked = np.concatenate([self._keys(piece) for piece in self._pieces()])
        ranked.sort()
        last[some] = ranked[(np.cumsum(counts) - counts)[some] + self.shares[some] - 1]
        del ranked
        out = np.empty(len(self.codes), np.bool_)
        tied = []
        for piece in self._pieces():
            keys, codes = self._keys(piece), self.codes[piece]
            limits = last[codes]
            out[piece] = limited[codes] & ((keys > limits) | ~some[codes])
            tied.append((some[codes] & (keys == limits)).nonzero()[0] + piece.start)
        self._decide(out, np.concatenate(tied), counts)
        return out.nonzero()[0]

    def _pieces(self) -> Iterator[slice]:
        count = len(self.codes)
        return (slice(start, min(start + _PIECE, count)) for start in range(0, count, _PIECE))

    def _keys(self, piece: slice) -> NDArray[np.uint64]:
        """The value above, as much of the word as there is room for below: a sort of plain numbers is the quickest there is."""
        import numpy as np

        bits = (len(self.names) - 1).bit_length()
        keys = self.words[piece] >> np.uint64(bits)
        if bits:
            keys |= self.codes[piece].astype(np.uint64) << np.uint64(64 - bits)
        return keys

    def _decide(self, out: NDArray[np.bool_], tied: NDArray[np.intp], counts: NDArray[np.intp]) -> None:
        """Of those whose key is that of the last one taken, all but the first are marked that there is no place for."""
        import numpy as np

        tied = tied[np.argsort(self.codes[tied], kind="stable")]
        values, starts, sizes = np.unique(self.codes[tied], return_index=True, return_counts=True)
        several = sizes > 1
        if not several.any():
            return
        left = np.bincount(self.codes[out], minlength=len(self.names))
        for value, start, size in zip(
            values[several].tolist(), starts[several].tolist(), sizes[several].tolist(), strict=True
        ):
            ranked = sorted(tied[start : start + size].tolist(), key=self._key)
            beyond = int(counts[value] - left[value] - self.shares[value])
            out[ranked[size - beyond :] if beyond else []] = True

    def _key(self, at: int) -> tuple[bytes, str]:
        return _digest(_seeded(self.seed), self.image_ids[at].encode()), self.paths[at]

    def rank(self, position: int) -> int:
        """Of an image among those of its value, from 0."""
        same = self.codes == self.codes[position]
        before = int((same & (self.words < self.words[position])).sum())
        tied = (same & (self.words == self.words[position])).nonzero()[0].tolist()
        return before + sorted(tied, key=self._key).index(position)


def draw_words(image_ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """The first 8 bytes `(N,)` of the SHA-256 of seed and content of each image, as numbers."""
    import numpy as np

    if len(image_ids) <= FEW:
        return _words_one_by_one((image_id.encode() for image_id in image_ids), seed)
    from runner.adapters.tables.draws import MOST_BYTES, first_words
    from runner.adapters.tables.stored import buffers

    words, start = np.empty(len(image_ids), np.uint64), 0
    for data, offsets in buffers(image_ids):
        own = slice(start, start + len(offsets) - 1)
        if len(f"{seed}:") + int(np.diff(offsets).max(initial=0)) <= MOST_BYTES:
            words[own] = first_words(f"{seed}:".encode(), data, offsets)
        else:
            texts = [bytes(data[one:other]) for one, other in pairwise(offsets.tolist())]
            words[own] = _words_one_by_one(texts, seed)
        start = own.stop
    return words


def _words_one_by_one(texts: Iterable[bytes], seed: int) -> NDArray[np.uint64]:
    import numpy as np

    seeded = _seeded(seed)
    digests = b"".join(_digest(seeded, text)[:_WORD] for text in texts)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def drawing_order(image_ids: Sequence[str], paths: Sequence[str], seed: int) -> NDArray[np.intp]:
    """The positions `(N,)` of images in the order in which a seed draws them.

    An image's rank among others depends on its content and the seed alone, so a sample changes little as a dataset grows;
    files of one content follow each other by path.
    """
    import numpy as np

    seeded = _seeded(seed)
    first = draw_words(image_ids, seed)
    order = np.argsort(first, kind="stable")
    for start, stop in _runs(first[order]):
        tied = sorted(
            order[start:stop].tolist(), key=lambda at: (_digest(seeded, image_ids[at].encode()), paths[at])
        )
        order[start:stop] = tied
    return order


def _seeded(seed: int) -> Any:
    return hashlib.sha256(f"{seed}:".encode())


def _digest(seeded: Any, image_id: bytes) -> bytes:
    hashed = seeded.copy()
    hashed.update(image_id)
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
    values: Any, name_of: Callable[[Any], str] = value_name
) -> tuple[NDArray[np.int32], list[str]]:
    """Of each of N values a number `(N,)`, the same for equal ones, and the names that the numbers stand for.

    Args:
        values: an array, or a column of a file, which is read piece by piece.

    >>> import numpy as np
    >>> value_codes(np.array(["b", None, "b"], dtype=object))
    (array([0, 1, 0], dtype=int32), ['b', '(none)'])
    """
    import numpy as np

    numbers = _Numbers(name_of)
    if not hasattr(values, "pieces"):
        return numbers.of(values.tolist()), list(numbers.names)
    codes = np.empty(len(values), np.int32)
    start = 0
    for piece in values.pieces():
        coded = piece.dictionary_encode(null_encoding="encode")
        own = numbers.of(coded.dictionary.to_pylist())
        codes[start : start + len(piece)] = own[coded.indices.to_numpy(zero_copy_only=False)]
        start += len(piece)
    return codes, list(numbers.names)


class _Numbers:
    """The numbers of values, in the order in which they come; equal names have one number."""

    def __init__(self, name_of: Callable[[Any], str]) -> None:
        self._name_of = name_of
        self._known: dict[Any, int] = {}  # by value, so that each value is named once
        self.names: dict[str, int] = {}

    def of(self, values: Sequence[Any]) -> NDArray[np.int32]:
        import numpy as np

        codes = np.empty(len(values), np.int32)
        for at, value in enumerate(values):
            value = None if value != value else value
            code = self._known.get(value)
            if code is None:
                code = self._known[value] = self.names.setdefault(self._name_of(value), len(self.names))
            codes[at] = code
        return codes
