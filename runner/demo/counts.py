"""How much of everything the generator makes."""

from __future__ import annotations

from runner.domain.options import NonNegativeInt
from runner.domain.records import Record

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = ("train", "val", "test", "pool")
FRAMES_PER_SCENE = {"train": 3, "val": 3, "test": 2, "pool": 3}  # more scenes where the model is judged
DARK_BELOW = 0.25  # mean luminance in [0, 1]; night scenes lie well below it, all others well above


class Counts(Record, frozen=True, kw_only=True):
    """Images per split, and planted faults. The defaults are the committed demo."""

    train: NonNegativeInt = 288
    val: NonNegativeInt = 60
    test: NonNegativeInt = 120
    pool: NonNegativeInt = 120
    near_duplicates: NonNegativeInt = 8  # of training images, in val and test
    wrong_labels: NonNegativeInt = 8  # boxes of training images with another class
    missing_labels: NonNegativeInt = 6  # boxes of training images left out
    corrupt_train: NonNegativeInt = 4  # files that are no image, beside their intact neighbours
    corrupt_pool: NonNegativeInt = 2

    @classmethod
    def clean(cls, *, train: int, val: int, test: int, pool: int = 0) -> Counts:
        """A data set of this size without a fault, for tests of other things."""
        return cls(
            train=train, val=val, test=test, pool=pool,
            near_duplicates=0, wrong_labels=0, missing_labels=0, corrupt_train=0, corrupt_pool=0,
        )  # fmt: skip
