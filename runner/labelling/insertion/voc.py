"""Pascal VOC: an XML file of each image; its split is the list in ImageSets/Main that names it, else a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.entries import LabelledObject
from runner.domain.files import write_bytes, write_text
from runner.labelling.insertion.inserter import Edit, EditedImage, Insertion, moved, no_folder, not_where_read
from runner.layouts.voc_files import ANNOTATIONS, IMAGES
from runner.layouts.voc_sets import SETS
from runner.writers.losses import Losses
from runner.writers.voc_documents import annotation_text, object_lines
from runner.writers.writer import Scheme

_ENDS = "\r\n"
_OBJECT = re.compile(r"<object\b[^>]*>.*?</object\s*>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_SIDES = ("xmin", "ymin", "xmax", "ymax")


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

    def edit(self, folder: Path, scheme: Scheme, images: Sequence[EditedImage]) -> None:
        """An <object> each: its name, its <bndbox>, or all of it; the text around it stays."""
        for image in images:
            places = [edit.place.rpartition(":")[0] for edit in image.edits if edit.place is not None]
            path = folder / (places[0] if places else _xml(folder, image.path))
            if not path.is_file():
                raise not_where_read(image.path)
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            written = self._edited(text, image)
            write_bytes(path, written.encode("utf-8", "surrogateescape"))

    def _edited(self, text: str, image: EditedImage) -> str:
        hidden = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)  # of the same length
        found = {text.count("\n", 0, match.start()) + 1: match.span() for match in _OBJECT.finditer(hidden)}
        several = len(found) != len(_OBJECT.findall(hidden))
        pieces: list[tuple[int, int, str]] = []
        for edit in image.edits:
            new = self._lines(edit, image)
            if edit.place is None:
                at = hidden.rfind("</annotation")
                at = text.rfind("\n", 0, at) + 1 if not text[text.rfind("\n", 0, at) + 1 : at].strip() else at
                pieces.append((at, at, new))
                continue
            line = int(edit.place.rpartition(":")[2])
            if several or line not in found:
                raise not_where_read(edit.place)
            start, end = found[line]
            pieces.append(
                _removed(text, start, end)
                if edit.label is None
                else (start, end, _changed(text[start:end], new, edit))
            )
        for start, end, new in sorted(pieces, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _lines(self, edit: Edit, image: EditedImage) -> str:
        if edit.label is None:
            return ""
        lines = object_lines(edit.label, image.sized(edit.label), Losses(), self.one_based)
        return "".join(f"{line}\n" for line in lines)

    def edited_path(self, folder: Path, image: EditedImage) -> str:
        """Its own."""
        return image.path

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Its XML file."""
        place = _xml(folder, path)
        return place if (folder / place).is_file() else None


def _changed(own: str, new: str, edit: Edit) -> str:
    """An object's text with the name of another, and with the corners where it has another shape."""
    for tag in ("name", *(_SIDES if edit.reshaped else ())):
        value = re.search(f"<{tag}>(.*?)</{tag}>", new, re.DOTALL)
        there = re.search(rf"<{tag}\b[^>]*>([^<]*)</{tag}\s*>", own)
        if value is None or there is None:
            raise not_where_read(edit.place or "")
        own = own[: there.start(1)] + value[1] + own[there.end(1) :]
    return own


def _removed(text: str, start: int, end: int) -> tuple[int, int, str]:
    """The object with the line that it leaves empty."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end) + 1 or len(text)
    whole = not text[begin:start].strip() and not text[end:stop].strip()
    return (begin, stop, "") if whole else (start, end, "")


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
