"""Lines for what is called by an id in a JSON file: `annotations/train.json#17` stands in `annotations/train.json:1234: annotation 17`.

The files are read once more for it, so that only places that are shown to somebody should be asked for: those of faults.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

from runner.adapters.system.json_text import JsonElement, TextLines, json_elements
from runner.dataset.entries import ImageEntry, LayoutContent
from runner.domain.label_faults import LabelFault, fault_of

# `a.json#17`, `a.json#9/r1`, `a.json: annotation 17`, `a.json: task 3`: none with a line.
_PLACE = re.compile(
    r"(?P<file>.+?\.json)(?:#|: (?=(?:annotation|image|task) |(?:annotations|tasks)\[))(?P<name>.+)",
    re.I | re.S,
)
_IN_NOTE = re.compile(
    r"(?:.+?\.json): (?:(?:annotation|task|image) [^:]+|(?:annotations|tasks)\[\d+\])(?=: )", re.I | re.S
)
Place: TypeAlias = tuple[int | None, int | None]
"""A line and a column, from 1."""
NOWHERE: Place = (None, None)
_TASK_ANNOTATIONS = ("annotations", "completions")


def located(folder: Path, places: Iterable[str]) -> dict[str, str]:
    """The places among some that can be told with a line, and with the column where other elements stand on it before.

    Args:
        folder: the dataset.
        places: as labels and faults have them, relative to it; others than those of elements of JSON files are left out.

    >>> located(Path("nowhere"), ["labels/a.txt:3", "gone.json#7"])
    {}
    """
    return {
        place: f"{file}:{line}{f':{column}' if column else ''}: {_words(name)}"
        for place, (file, name, line, column) in _found(folder, places).items()
    }


def line_of(folder: Path, place: str) -> Place:
    """The line and the column of one place, as `located` tells them; nothing where it does not."""
    return next(((line, column) for _, _, line, column in _found(folder, [place]).values()), NOWHERE)


def _found(folder: Path, places: Iterable[str]) -> dict[str, tuple[str, str, int, int | None]]:
    """The file, the name in it, the line and the column of each place that was found."""
    wanted: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for place in places:
        if match := _PLACE.fullmatch(place):
            wanted[match["file"]].setdefault(match["name"], place)
    return {
        names[name]: (file, name, line, column)
        for file, names in wanted.items()
        for name, (line, column) in _in_file(folder / file, names).items()
    }


def with_lines(folder: Path, faults: Sequence[LabelFault]) -> list[LabelFault]:
    """Faults, whose places have lines where that can be told."""
    found = located(folder, (fault.place for fault in faults))
    return [fault.at(found) for fault in faults]


def entries_with_lines(folder: Path, entries: Sequence[ImageEntry]) -> list[ImageEntry]:
    """Images, the places of whose wrong labels have lines where that can be told."""
    problems = [fault_of(problem) for entry in entries for problem in entry.label_problems]
    found = located(folder, (fault.place for fault in problems))
    if not found:
        return list(entries)
    return [
        replace(entry, label_problems=tuple(fault_of(problem).at(found) for problem in entry.label_problems))
        if entry.label_problems
        else entry
        for entry in entries
    ]


def content_with_lines(folder: Path, content: LayoutContent) -> LayoutContent:
    """A dataset, the places of whose wrong labels and notes have lines where that can be told."""
    noted = {note: match[0] for note in content.notes if (match := _IN_NOTE.match(note))}
    found = located(folder, noted.values())
    notes = [
        found.get(noted[note], noted[note]) + note.removeprefix(noted[note]) if note in noted else note
        for note in content.notes
    ]
    return replace(
        content,
        entries=entries_with_lines(folder, content.entries),
        notes=notes,
        faults=with_lines(folder, content.faults),
    )


def place_of(path: Path, key: str, at: int) -> Place:
    """The line of an element of an array, and its column where others stand on it before; nothing where it is not there."""
    text = _text(path) or ""
    try:
        start = next(item.start for item in json_elements(text) if (item.key, item.at) == (key, at))
    except (ValueError, StopIteration, RecursionError):
        return NOWHERE
    return TextLines(text).place(start)


def _in_file(path: Path, wanted: Collection[str]) -> dict[str, tuple[int, int | None]]:
    text = _text(path)
    if text is None:
        return {}
    lines = TextLines(text)
    try:
        return {name: lines.place(start) for name, start in sorted(_named(text, wanted), key=itemgetter(1))}
    except (ValueError, RecursionError):
        return {}  # whoever reads the file says so


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError):
        return None


def _named(text: str, wanted: Collection[str]) -> Iterator[tuple[str, int]]:
    """The wanted names with the position of what has them, in the text's order; of an image listed twice, the last."""
    inner: defaultdict[str, list[str]] = defaultdict(list)  # of an annotation of Label Studio, its regions
    for name in wanted:
        annotation, slash, _ = name.partition("/")
        if slash:
            inner[annotation].append(name)
    for element in json_elements(text):
        names = _names(element)
        yield from ((name, element.start) for name in names if name in wanted)
        if element.key == "":
            yield from _of_task(text, element, wanted, inner)
        elif element.key in _TASK_ANNOTATIONS:
            yield from _of_regions(text, element.start, ("result",), names, inner)


def _of_task(
    text: str, task: JsonElement, wanted: Collection[str], inner: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, int]]:
    """What is in a task of Label Studio: its annotations and their regions; in JSON-MIN a task is its only annotation."""
    if not isinstance(task.value, dict):
        return
    if not any(isinstance(task.value.get(key), list) for key in _TASK_ANNOTATIONS):
        own = [_id(task.value, "annotation_id"), _id(task.value, "id"), f"tasks[{task.at}]"]
        named = next(name for name in own if name is not None)
        if named in wanted:
            yield named, task.start
        yield from _of_regions(text, task.start, None, [named], inner)
        return
    for item in json_elements(text, task.start):
        if item.key not in _TASK_ANNOTATIONS:
            continue
        names = [_id(item.value, "id") or f"of tasks[{task.at}]"]
        yield from ((name, item.start) for name in names if name in wanted)
        yield from _of_regions(text, item.start, ("result",), names, inner)


def _of_regions(
    text: str,
    start: int,
    keys: Collection[str] | None,
    annotation: Sequence[str],
    inner: Mapping[str, Sequence[str]],
) -> Iterator[tuple[str, int]]:
    """The regions of an annotation; `keys`: the arrays that may hold them, all where None."""
    for owner in annotation:
        if owner not in inner:
            continue
        left = list(inner[owner])
        for item in json_elements(text, start):
            if keys is not None and item.key not in keys:
                continue
            name = f"{owner}/{_id(item.value, 'id') or f'{item.key}[{item.at}]'}"
            for region in [region for region in left if region == name or region.startswith(f"{name}/")]:
                left.remove(region)
                yield region, item.start


def _names(element: JsonElement) -> list[str]:
    """What an element at the top may be called."""
    number, at = _id(element.value, "id"), element.at
    match element.key:
        case "images":
            return [f"image {number}"]
        case "annotations" | "completions":
            return [*([] if number is None else [number, f"annotation {number}"]), f"annotations[{at}]"]
        case "":
            return [f"task {number}", f"task tasks[{at}]", f"tasks[{at}]"]
    return []


def _id(value: Any, key: str) -> str | None:
    found = value.get(key) if isinstance(value, dict) else None
    if isinstance(found, float) and found.is_integer():
        return str(int(found))  # tables write whole numbers as 1.0
    return None if found is None else str(found)


def _words(name: str) -> str:
    """A name in a sentence's words.

    >>> _words("17"), _words("annotation 17"), _words("9/r1"), _words("of tasks[0]")
    ('annotation 17', 'annotation 17', 'annotation 9, region r1', 'annotation of tasks[0]')
    """
    if name.startswith(("annotation ", "annotations[", "image ", "task ", "tasks[")):
        return name
    annotation, slash, region = name.partition("/")
    return f"annotation {annotation}" + (f", region {region}" if slash else "")
