"""The preset of the task classify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta

from runner.checks.bias_rules import BiasOption
from runner.checks.data_rules import (
    DEFAULT_DISTANCE,
    AlteredCopies,
    FrameCorrelation,
    NearDuplicateDistance,
    class_rules,
    data_rules,
    unknown_classes,
)
from runner.checks.rule import Rule
from runner.domain.options import Fraction, NonNegativeInt, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.task import TaskName

NAME = "classification"


class ClassificationPreset(Options, frozen=True, kw_only=True, tag_field="preset", tag=NAME):
    """For classify: corrupt files, unknown class folders, empty splits, leakage, class balance, bias."""

    max_unreadable: Annotated[
        Fraction,
        Meta(
            description="Share of unreadable files that is still accepted (they are never selected).",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ] = 0.05
    near_duplicate_distance: NearDuplicateDistance = DEFAULT_DISTANCE
    frame_correlation: FrameCorrelation = UNSET
    altered_copies: AlteredCopies = UNSET
    min_images_per_class: Annotated[
        NonNegativeInt,
        Meta(
            description="Fewer training images of a class than this is a warning.",
            extra=weakens(FindingKind.CHECK_WEAKENED),
        ),
    ] = 10
    bias: BiasOption = UNSET

    def rules(self, class_names: Sequence[str], group_by: str | None, task: TaskName) -> list[Rule]:
        """The preset's checks for a class map and the metadata column that groups images, if any."""
        return [
            *data_rules(
                NAME,
                self.max_unreadable,
                group_by,
                self.near_duplicate_distance,
                self.frame_correlation,
                self.altered_copies,
            ),
            unknown_classes(NAME, class_names),
            *class_rules(NAME, self.min_images_per_class, "images"),
        ]
