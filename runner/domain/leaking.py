"""How a test image may be known from training: what kind of leak it is, and by which image."""

from __future__ import annotations

from typing import Literal, TypeAlias

from runner.domain.records import Record

LeakKind: TypeAlias = Literal[
    "same file", "near-duplicate", "mirrored copy", "altered copy", "neighbouring frame", "same group"
]
LEAK_KINDS: tuple[LeakKind, ...] = (
    "same file",
    "near-duplicate",
    "mirrored copy",
    "altered copy",
    "neighbouring frame",
    "same group",
)
"""From the surest on; an image is counted once, by the first of them that it is."""


class LeakPair(Record, frozen=True, kw_only=True):
    """A test image, and one of train or val that gives it away; `distance` in bits of their hashes, where those were compared."""

    path: str
    kind: LeakKind
    near_path: str
    near_split: str
    distance: int | None = None


class NearPair(Record, frozen=True, kw_only=True):
    """A test image, and the nearest image of train or val; `distance` is in bits of their perceptual hashes."""

    path: str
    near_path: str
    near_split: str
    distance: int


class AlteredPair(Record, frozen=True, kw_only=True):
    """An image of val or test, and one of an earlier split from the same photograph; `how`: `cropped, flipped`, empty for brightened."""

    path: str
    near_path: str
    how: str


class Copies(Record, frozen=True, kw_only=True):
    """What the check stage found in pixels (copies.json), sorted by path.

    Attributes:
        looked: whether it looked for them; where it did not, that there are none says nothing.
    """

    looked: bool
    altered: list[AlteredPair] = []
