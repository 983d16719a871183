"""What can be wrong with labels: every kind of it, and what may become of it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from msgspec import Struct

Treatment: TypeAlias = Literal["refuse", "drop", "clip"]
"""What becomes of a fault: it stops the sprint; the label is left out; what of it lies in the image is kept."""

TREATED: Mapping[str, str] = {"refuse": "refused", "drop": "dropped", "clip": "clipped"}
"""What became of a fault, in a word."""

FaultName: TypeAlias = Literal[
    "malformed",
    "unknown_class",
    "short_polygon",
    "zero_area",
    "outside",
    "duplicate",
    "mask_size",
    "image_size",
    "image_twice",
    "no_image",
    "unreadable",
]

LABEL_FAULTS = "label_faults.parquet"
"""The index's table of wrong labels, where flywheel.yaml says what becomes of some."""

# Annotation tools round to whole pixels: a border that is crossed by less is not a mistake.
OVERHANG_TOLERANCE_PX = 1.0
SMALLEST_SIDE_PX = 1.0
# From here on two boxes are one: nobody aims that well twice.
TWIN_IOU = 0.99


class FaultKind(Struct, frozen=True, kw_only=True):
    """One kind of fault.

    Attributes:
        meaning: what is wrong, in words that follow "a label with".
        allows: what may become of it.
        usual: what becomes of it where flywheel.yaml says nothing: `refuse` by the checks of the images that have it, or
            when the dataset is read; `warn` by the checks; `note` in the log and in `flywheel init`.
        dropping: what is left out, where it may be dropped.
    """

    name: FaultName
    meaning: str
    allows: tuple[Treatment, ...]
    usual: Literal["refuse", "warn", "note"] = "refuse"
    dropping: str = "the label"


def _by_name(*kinds: FaultKind) -> dict[FaultName, FaultKind]:
    return {kind.name: kind for kind in kinds}


FAULT_KINDS: Mapping[FaultName, FaultKind] = _by_name(
    FaultKind(
        name="malformed",
        meaning="a line or an annotation that says no object of the task: no numbers, too few or too many, not finite",
        allows=("refuse", "drop"),
    ),
    FaultKind(
        name="unknown_class",
        meaning="a class that the project does not have",
        allows=("refuse", "drop"),
        dropping="the label; in the layout `folders` the image counts as not labelled",
    ),
    FaultKind(
        name="short_polygon",
        meaning="an outline of fewer than three points; in YOLO's lines for `segment`, a box looks the same",
        allows=("refuse", "drop"),
        dropping="the outline, and the label where it has no other",
    ),
    FaultKind(
        name="zero_area",
        meaning=f"a box with a side of {SMALLEST_SIDE_PX:g} px or less, or a mask without pixels",
        allows=("refuse", "drop"),
    ),
    FaultKind(
        name="outside",
        meaning=f"a box or an outline that reaches more than {OVERHANG_TOLERANCE_PX:g} px out of its image; of a rotated box, "
        "its centre",
        allows=("refuse", "drop", "clip"),
    ),
    FaultKind(
        name="duplicate",
        meaning=f"the same class and shape as an earlier label of its image (an IoU of {TWIN_IOU:g} or more)",
        allows=("refuse", "drop"),
        usual="warn",
        dropping="the later label",
    ),
    FaultKind(
        name="mask_size",
        meaning="a mask of another size than its image",
        allows=("refuse", "drop"),
    ),
    FaultKind(
        name="image_size", meaning="annotations of an image of another size than the file", allows=("refuse",)
    ),
    FaultKind(
        name="image_twice",
        meaning="an image that a list or an annotation file names twice, or that shares its label file with another",
        allows=("refuse", "drop"),
        dropping="what is said the second time; of two splits the one that is judged by keeps the image",
    ),
    FaultKind(
        name="no_image",
        meaning="labels of an image that is not in the dataset",
        allows=("refuse", "drop"),
        usual="note",
        dropping="the labels, and the entry of the image that is missing",
    ),
    FaultKind(name="unreadable", meaning="a label file that cannot be read at all", allows=("refuse",)),
)
"""Every kind, in the order in which they are listed."""


Locate: TypeAlias = Callable[[Iterable[str]], Mapping[str, str]]
"""Places as they are told to somebody, of those among some that a reader of the file does better with (`layouts/json_places.py`)."""


def as_they_are(places: Iterable[str]) -> Mapping[str, str]:
    """A `Locate` that knows nothing better."""
    return {}


class Flaw(NamedTuple):
    """What is wrong with one label, without its place; `rest`: what is left of its object without the flaw, if anything."""

    kind: FaultName
    message: str
    rest: Any = None


class LabelFault(str):
    """What is wrong with a label, in words that begin with its place: `labels/train/x.txt:3: what is wrong`.

    It is text, so that whatever shows problems shows it. A problem that is plain text is `malformed`.

    Attributes:
        kind: decides what becomes of it.
        place: the file with the line, and what is there; `labels/train/x.txt:3`, `annotations/a.json:120: annotation 12`.
        message: what is wrong, without the place.
        image: the image that it is about, relative to the dataset; empty where its entry tells.
        rest: the labelled object without what is wrong with it, if there is anything left: `drop` keeps it.
    """

    kind: FaultName
    place: str
    message: str
    image: str
    rest: Any

    def __new__(
        cls, kind: FaultName, place: str, message: str, image: str = "", rest: Any = None
    ) -> LabelFault:
        """`place: message`."""
        fault = super().__new__(cls, f"{place}: {message}")
        fault.kind, fault.place, fault.message, fault.image, fault.rest = kind, place, message, image, rest
        return fault

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.kind, self.place, self.message, self.image, self.rest

    def at(self, places: Mapping[str, str]) -> LabelFault:
        """The same fault, at what `places` says for its place; itself where they say nothing."""
        place = places.get(self.place)
        return LabelFault(self.kind, place, self.message, self.image, self.rest) if place else self

    @classmethod
    def of(cls, place: str, flaw: Flaw | str) -> LabelFault:
        """The fault of a label at a place; plain words are of a malformed one."""
        if isinstance(flaw, str):
            return cls("malformed", place, flaw)
        return cls(flaw.kind, place, flaw.message, rest=flaw.rest)


def fault_of(problem: str) -> LabelFault:
    """A problem of a label as a fault.

    >>> fault_of("labels/x.txt:3: not numbers: a b").kind
    'malformed'
    """
    if isinstance(problem, LabelFault):
        return problem
    place, _, message = problem.partition(": ")
    return LabelFault("malformed", place, message or problem)
