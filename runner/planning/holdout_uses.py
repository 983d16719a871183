"""Where uses of a test split are recorded: in this tree, and on every branch that this clone knows of.

A look counts also where its branch was never merged: git keeps uses.json on it, and the runs of pull requests are noted on
the branch `flywheel-looks` (docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from runner.adapters.git.tips import files_at_tips
from runner.domain.errors import FlywheelError, Where
from runner.domain.image_set import unpacked
from runner.domain.verdict import SplitUse
from runner.record.catalogue import REPORTS, USES

MOST_SPENT = 0.25  # by one use: the least confidence level that a spec may ask for is 0.5
_MANY = 10**6


def recorded_uses(root: Path) -> dict[str, list[SplitUse]]:
    """Every sprint's uses in the working tree, by the sprint's name.

    Raises:
        FlywheelError: a file does not hold uses.
    """
    found = {}
    for path in sorted((root / REPORTS).glob(f"*/{USES.name}")):
        found[path.parent.name] = uses = USES.read(path.parent)
        try:
            require_sound(uses)
        except ValueError as error:
            shown = path.relative_to(root).as_posix()
            raise FlywheelError(
                f"it holds no uses of the test split: {error}",
                where=Where(shown),
                hint=f"take the committed one: git checkout -- {shown}",
            ) from error
    return found


def uses_on_branches(root: Path) -> tuple[list[SplitUse], list[str]]:
    """Uses that branches record, those of remotes and `flywheel-looks` included; and what could not be read, a line each.

    Whoever may push a branch can make the test split seem more worn than it is, and nobody less: of what is said of one use
    the worst counts.

    Raises:
        FlywheelError: git cannot read the repository.
    """
    uses: list[SplitUse] = []
    trouble: list[str] = []
    for file in files_at_tips(root, REPORTS, USES.name):
        try:
            uses += _decoded(file.content)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            trouble.append(f"{file.ref.removeprefix('refs/')}: {file.path} holds no uses: {error}")
    return uses, trouble


@lru_cache(maxsize=256)
def _decoded(content: bytes) -> tuple[SplitUse, ...]:
    """
    Raises:
        msgspec.MsgspecError, ValueError: these are no uses.
    """
    uses = msgspec.json.decode(content, type=list[SplitUse])
    require_sound(uses)
    return tuple(uses)


def require_sound(uses: Iterable[SplitUse]) -> None:
    """
    Raises:
        ValueError: a number is out of range, or images are none.
    """
    for use in uses:
        _images(use.images)
        counted = 0 <= use.uses_before < _MANY and 1 <= use.look < _MANY
        if not counted or not 0 <= use.significance <= MOST_SPENT or not 0 <= use.spent_before < _MANY:
            raise ValueError("its numbers are out of range")


class Ledger:
    """All uses that are known of, each counted once.

    What several files say of one use is put together: the most of each number, and of a split all images that any names.
    """

    def __init__(self, uses: Iterable[SplitUse]) -> None:
        merged: dict[tuple[str, str], SplitUse] = {}
        self._images: dict[str, frozenset[bytes]] = {}
        for use in uses:
            if use.images:
                known = self._images.get(use.split_digest, frozenset())
                self._images[use.split_digest] = known | _images(use.images)
            key = (use.split_digest, use.evaluation_digest)
            merged[key] = _worst(merged[key], use) if key in merged else use
        self.uses = list(merged.values())
        self._shared: dict[tuple[str, str], bool] = {}
        self._known: dict[str, tuple[int, float]] = {}

    def on(self, split_digest: str, images: str = "") -> list[SplitUse]:
        """The uses of splits that have an image in common with this one.

        Args:
            images: this split's, as `image_set.packed`; by what other uses say of it when empty.
        """
        if images:
            self._images[split_digest] = self._images.get(split_digest, frozenset()) | _images(images)
            self._shared.clear()
            self._known.clear()
        return [use for use in self.uses if self._share(use.split_digest, split_digest)]

    def missing(self, use: SplitUse) -> tuple[int, float]:
        """How many uses came before this one that no file tells of any more, and what they spent."""
        if use.split_digest not in self._known:
            here = self.on(use.split_digest)
            self._known[use.split_digest] = len(here), sum(each.significance for each in here)
        count, spent = self._known[use.split_digest]
        before = use.uses_before - (count - 1), use.spent_before - (spent - use.significance)
        return max(0, before[0]), max(0.0, before[1])

    def _share(self, one: str, other: str) -> bool:
        if one == other:
            return True
        pair = (min(one, other), max(one, other))
        if pair not in self._shared:
            nothing: frozenset[bytes] = frozenset()
            here, there = (self._images.get(digest, nothing) for digest in pair)
            self._shared[pair] = not here.isdisjoint(there)
        return self._shared[pair]


@lru_cache(maxsize=64)
def _images(text: str) -> frozenset[bytes]:
    return unpacked(text)


def _worst(one: SplitUse, other: SplitUse) -> SplitUse:
    return msgspec.structs.replace(
        one,
        significance=max(one.significance, other.significance),
        uses_before=max(one.uses_before, other.uses_before),
        spent_before=max(one.spent_before, other.spent_before),
        look=max(one.look, other.look),
        comparison=one.comparison or other.comparison,
    )


def flattened(recorded: Mapping[str, Iterable[SplitUse]]) -> list[SplitUse]:
    """All sprints' uses in one list."""
    return [use for uses in recorded.values() for use in uses]
