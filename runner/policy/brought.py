"""Where test images come from that a labelling round brought: drawn at random for the test split, or chosen by a model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from runner.domain.labelling import CONTROL_ARM, GOLD_ARM, Batch, BatchImage

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Brought:
    """Of the images of a test split that stand in batches.

    Attributes:
        random: by sprint, how many its batch drew at random, into the test split.
        chosen: `path (arm of sprint)` of those that a strategy picked.
    """

    random: Mapping[str, int] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """For a finding that test images were added; empty where no batch brought any."""
        parts = [
            f"{count} of its images come from the batch of {sprint}, drawn at random for the test split "
            f"(flywheel verify {sprint} draws it again)"
            for sprint, count in self.random.items()
        ]
        return f". {'; '.join(parts)}" if parts else ""

    @property
    def chosen_said(self) -> str:
        """Which images a model chose."""
        more = f" and {len(self.chosen) - _SHOWN} more" if len(self.chosen) > _SHOWN else ""
        return f"{', '.join(self.chosen[:_SHOWN])}{more}"


def brought(
    image_ids: Collection[str], batches: Iterable[tuple[str, Batch, Iterable[BatchImage]]]
) -> Brought:
    """Args:
    image_ids: contents of a test split.
    batches: of each sprint that has one: its name, the batch and its images.
    """
    held, random, chosen = set(image_ids), dict[str, int](), list[str]()
    for sprint, batch, images in batches:
        for image in images:
            if image.image_id not in held:
                continue
            if batch.into == "test" and image.arm == CONTROL_ARM:
                random[sprint] = random.get(sprint, 0) + 1
            elif image.arm not in (CONTROL_ARM, GOLD_ARM):
                chosen.append(f"{image.path} ({image.arm} of {sprint})")
    return Brought(random=random, chosen=tuple(sorted(chosen)))
