"""Pascal VOC: an XML file of each image; its split is the list in ImageSets/Main that names it, else a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.entries import LabelledObject
from runner.domain.files import write_text
from runner.labelling.insertion.inserter import Insertion, moved, no_folder
from runner.layouts.voc_files import ANNOTATIONS, IMAGES
from runner.layouts.voc_sets import SETS
from runner.writers.losses import Losses
from runner.writers.voc_documents import annotation_text
from runner.writers.writer import Scheme

_ENDS = "\r\n"


class VocInserter:
    """Writes an XML file per image, and its name into the list of its split.

    Args:
        one_based: corners count from 1 on.
    """

    by_stem = True

    def __init__(self, *, one_based: bool = True) -> None:
        self.one_based = one_based

    def target(
        self, folder: Path, path: str, split: str | None, into: str, objects: Sequence[LabelledObject]
    ) -> str:
        """Where lists say it, images stay; else the folder of the split gets the other's name."""
        if split == into or _sets(folder, path) is not None:
            return path
        if place := moved(path, split, into):
            return place
        raise no_folder(path, into, "there is no ImageSets/Main, and no folder is called like a split")

    def insert(self, folder: Path, scheme: Scheme, items: Sequence[Insertion]) -> None:
        """Lists are written last."""
        lists: dict[Path, str] = {}
        for item in items:
            text = annotation_text(item.sized(), Losses(), one_based=self.one_based)
            write_text(folder / _xml(folder, item.target), text)
            sets = _sets(folder, item.target)
            if sets is not None and item.split is not None:
                _name_in(lists, sets, _name(item.target), item.split)
        for path, content in sorted(lists.items()):
            write_text(path, content)

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Its XML file."""
        place = _xml(folder, path)
        return place if (folder / place).is_file() else None


def _xml(folder: Path, image: str) -> str:
    """The XML file of an image: in the folder of annotations that goes with its folder, else beside it."""
    plain = PurePosixPath(image).with_suffix(".xml")
    parts = list(plain.parts)
    for name in (IMAGES, "images"):
        if name in parts[:-1]:
            at = parts.index(name)
            for own in (ANNOTATIONS, "annotations", "labels"):
                if (folder / PurePosixPath(*parts[:at], own)).is_dir() or (name, own) == (
                    IMAGES,
                    ANNOTATIONS,
                ):
                    return PurePosixPath(*parts[:at], own, *parts[at + 1 :]).as_posix()
    return plain.as_posix()


def _sets(folder: Path, image: str) -> Path | None:
    """The folder of lists that an image is named in; None where there is none."""
    parts = PurePosixPath(image).parts
    above = parts[: parts.index(IMAGES)] if IMAGES in parts[:-1] else ()
    sets = folder.joinpath(*above, *SETS)
    return sets if sets.is_dir() else None


def _name(image: str) -> str:
    plain = PurePosixPath(image).with_suffix("")
    parts = plain.parts
    return PurePosixPath(*parts[parts.index(IMAGES) + 1 :]).as_posix() if IMAGES in parts[:-1] else plain.name


def _name_in(lists: dict[Path, str], sets: Path, name: str, split: str) -> None:
    """Puts a name into the list of its split, and takes it out of the other splits' lists."""
    own = sets / f"{split}.txt"
    for path in {own, *(path for path in sets.glob("*.txt") if "_" not in path.stem)}:
        text = lists.get(path)
        if text is None:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if path == own or line.strip() != name]
        if path == own and name not in (line.strip() for line in lines):
            if kept and not kept[-1].endswith(tuple(_ENDS)):
                kept[-1] += "\n"
            kept.append(f"{name}\n")
        if kept != lines or path == own:
            lists[path] = "".join(kept)
