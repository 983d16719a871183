"""Which label file belongs to which image: those of several, and those of none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from runner.dataset.class_names import plain_name
from runner.domain.label_faults import LabelFault


def shared_labels(places: Mapping[str, str], labels: Set[str]) -> dict[str, LabelFault]:
    """Label files that are those of several images, which differ in their suffix only: what is wrong with them.

    Args:
        places: of each image, where its labels would be.
        labels: the label files that are there.
    """
    owners: dict[str, list[str]] = {}
    for path, place in places.items():
        if place in labels:
            owners.setdefault(place, []).append(path)
    return {
        place: LabelFault(
            "image_twice",
            place,
            f"it is the label file of {len(paths)} images, {' and '.join(paths[:3])}: rename all but one",
        )
        for place, paths in owners.items()
        if len(paths) > 1
    }


def orphan_faults(orphans: Sequence[str]) -> list[LabelFault]:
    """Each label file without an image."""
    return [
        LabelFault("no_image", label, "it is the label file of no image of the dataset") for label in orphans
    ]


def orphan_notes(orphans: Sequence[str], unlabelled: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """Label files without an image; those that have one but for the case of letters are told apart."""
    near = {plain_name(places[path]).casefold(): path for path in unlabelled}
    alike = [(label, near[key]) for label in orphans if (key := plain_name(label).casefold()) in near]
    rest = [label for label in orphans if plain_name(label).casefold() not in near]
    notes = [f"{len(rest)} label files have no image: {rest[0]}, …"] if len(rest) > 1 else []
    notes += [f"the label file {label} has no image" for label in rest if len(rest) == 1]
    if alike:
        label, image = alike[0]
        notes.append(
            f"{len(alike)} label files are not read, since their names differ from their images' in case or in how "
            f"letters are composed: {label} and {image}"
        )
    return notes
