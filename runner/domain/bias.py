"""What may bias a model or its verdict: shortcuts, shifts between splits, imbalance, and values that were never seen."""

from __future__ import annotations

from runner.domain.record import Record


class Shortcut(Record, frozen=True, kw_only=True):
    """How well a column of the index alone tells which training images hold a class.

    Attributes:
        score: Youden's J (sensitivity + specificity - 1) on groups that the predictor was not made from; 0 by chance.
        excess: the lower end of its interval, corrected for all columns and classes that were tried; at least 0.
        values: where the column says that the class is there, in words.
        inside, holding: how many images have such a value, and how many of those hold the class.
        outside, missed: how many have another, and how many of those hold it.
    """

    column: str
    class_name: str
    score: float
    excess: float
    values: str
    inside: int
    holding: int
    outside: int
    missed: int


class Shift(Record, frozen=True, kw_only=True):
    """How a column of one set of images differs from that of another.

    Attributes:
        of: the split that is compared: with train, or its new images with the champion's.
        distance: Kolmogorov-Smirnov for numbers, else total variation; 0 (alike) to 1. Of new images
            times their share, which is how far they move the whole.
        chance: the distance that drawing groups at random exceeds in any column in 5 of 100 cases.
        shift: the distance; 0 where chance explains it.
        words: what differs most.
    """

    of: str
    column: str
    distance: float
    chance: float
    shift: float
    words: str


class ClassShare(Record, frozen=True, kw_only=True):
    """How many labels of a class (of images, or of objects that are no crowd) each split has."""

    class_name: str
    train: int
    val: int
    test: int


class SliceShare(Record, frozen=True, kw_only=True):
    """How many images of a slice each split has; of a slice of objects, how many objects."""

    slice: str
    train: int
    val: int
    test: int
    objects: bool = False


class NewValue(Record, frozen=True, kw_only=True):
    """A value of a metadata column that no training image has; or that none of the champion's has, classes among them.

    Attributes:
        images: by split (the pool is one), how many images have it; of `path` the first.
    """

    column: str
    value: str
    images: dict[str, int]
    path: str


class DataBias(Record, frozen=True, kw_only=True):
    """What the check stage measured, for the report's pictures. Long lists are cut: what matters most is first.

    Attributes:
        max_shortcut, max_shift: the thresholds.
        classes_counted: `images` or `objects`.
        effective_classes: the number of equally frequent classes with train's entropy; None without labels.
    """

    shortcuts: list[Shortcut]
    shifts: list[Shift]
    classes: list[ClassShare]
    slices: list[SliceShare]
    new_values: list[NewValue]
    max_shortcut: float
    max_shift: float
    classes_counted: str
    effective_classes: float | None = None
