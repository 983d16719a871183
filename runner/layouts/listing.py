"""The images that label files list, each once: of two entries of an image one counts, and the other is named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from runner.dataset.entries import ImageEntry
from runner.dataset.split_names import folder_of_split, split_weight
from runner.domain.label_faults import LabelFault


@dataclass
class Listing:
    """Collects entries.

    Attributes:
        entries: by the image's path.
        faults: labels of images that are not there.
    """

    entries: dict[str, ImageEntry] = field(default_factory=dict)
    faults: list[LabelFault] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)

    def add(self, entry: ImageEntry, place: str) -> bool:
        """Adds an image. Of two entries the first counts, unless the second is of a split that is judged by.

        Args:
            place: where it is listed: `annotations.xml:40`.

        Returns:
            Whether this entry counts.
        """
        first = self.entries.get(entry.path)
        if first is None:
            self.entries[entry.path], self._places[entry.path] = entry, place
            return True
        kept = max(first, entry, key=lambda item: split_weight(item.split))
        other = self._places[entry.path] if kept is entry else place
        counts = place if kept is entry else self._places[entry.path]
        fault = LabelFault(
            "image_twice", other, f"it is about {entry.path}, as {counts} is, whose labels count"
        )
        problems = (*first.label_problems, fault) if kept is first else (*entry.label_problems, fault)
        self.entries[entry.path] = replace(kept, label_problems=problems)
        self._places[entry.path] = counts
        return kept is entry

    def absent(self, place: str, name: str, path: str | None) -> None:
        """Notes that an image is not in the dataset; `path`: where it would be."""
        self.faults.append(LabelFault("no_image", place, f"{name!r} is not in the dataset", path or ""))

    def sorted_with(self, images: Collection[str]) -> list[ImageEntry]:
        """All entries by path, with those of the images that nothing lists, which are not labelled."""
        rest = [
            ImageEntry(path=path, split=folder_of_split(path), labelled=False)
            for path in images
            if path not in self.entries
        ]
        return sorted([*self.entries.values(), *rest], key=lambda entry: entry.path)
