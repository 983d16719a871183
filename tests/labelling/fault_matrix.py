"""Everything that goes wrong on the way from annotators into a dataset, done to a small project in every layout.

What must hold after each: every object that was answered is in the dataset once, on the image that it was drawn on, whatever that
is called by now; all other labels are as they were; each image has the row of the metadata that it had.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.labelling import pull as pulling
from runner.labelling.pull import pull
from runner.labelling.push import push
from tests.labelling.label_projects import (
    POOL,
    SPRINT,
    answer,
    answer_class,
    answers_folder,
    keys,
    labels,
    make,
)

LAYOUTS = ("yolo", "coco", "voc", "folders")
LINES = (
    ("0 0.5 0.5 0.5 0.5", "1 0.25 0.25 0.5 0.5"),
    ("1 0.25 0.25 0.5 0.5",),
    ("0 0.75 0.75 0.25 0.25",),
    (),
)
NAMES = ("cat", "dog", "dog", "cat")  # of whole images
Labelled = dict[str, Counter[tuple[object, ...]]]  # objects by the image's content
Contents = dict[str, str]


@dataclass(frozen=True)
class Loss:
    """What a fault did: objects that are not there, objects that are there too often, and further differences in words."""

    injected: int
    lost: int
    doubled: int
    other: list[str]


@dataclass(frozen=True)
class Case:
    """One project on its way; `layout` of its dataset."""

    folder: Path
    layout: str

    @property
    def paths(self) -> list[str]:
        """The batch's images, as they were when it was drawn."""
        return list(keys(self.folder))

    def answer(self, number: int) -> None:
        """An annotator labels one of the images."""
        path = self.paths[number]
        if self.layout == "folders":
            answer_class(self.folder, path, NAMES[number])
        else:
            answer(self.folder, path, *LINES[number])

    def push(self) -> None:
        push(self.folder, SPRINT, say=lambda line: None)

    def pull(self) -> Any:
        return pull(self.folder, SPRINT, finished=True, commit=False, say=lambda line: None)

    def labelled(self) -> Labelled:
        task = "classify" if self.layout == "folders" else "detect"
        return {
            content(self.folder / "data" / path): Counter(objects)
            for path, objects in labels(self.folder, self.layout, task).items()
        }

    def rows(self) -> Contents:
        """The metadata's scene of each image, by content."""
        with (self.folder / "data" / "metadata.csv").open(newline="") as file:
            scenes = {row["path"]: row["scene"] for row in csv.DictReader(file)}
        data = self.folder / "data"
        return {
            content(path): scenes.get(path.relative_to(data).as_posix(), "none")
            for path in data.rglob("*.jpg")
        }


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


Fault = Callable[[Case], int]


def nothing(case: Case) -> int:
    """nothing goes wrong"""
    return 0


def repeated(case: Case) -> int:
    """pulled again and again"""
    for _ in range(3):
        case.pull()
    return 3


def pushed_again(case: Case) -> int:
    """handed out again after it was answered"""
    case.push()
    case.pull()
    case.push()
    return 2


def half_done(case: Case) -> int:
    """half of it is answered, merged, and the rest later"""
    kept = answers_folder(case.folder).with_name(".later")
    answers_folder(case.folder).rename(kept)
    for path in sorted(kept.rglob("*.*")):
        place = answers_folder(case.folder) / path.relative_to(kept)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        case.pull()
    return len(POOL)


def renamed(case: Case) -> int:
    """images are renamed in the dataset after they were handed out"""
    data = case.folder / "data"
    table = data / "metadata.csv"
    count = 0
    for path in case.paths[:2]:
        other = f"{path.rpartition('/')[0]}/renamed-{count}.jpg"
        (data / path).rename(data / other)
        table.write_text(table.read_text().replace(f"{path},", f"{other},"))
        for sets in data.glob("ImageSets/Main/pool.txt"):
            old, new = (
                Path(name).relative_to("JPEGImages").with_suffix("").as_posix() for name in (path, other)
            )
            sets.write_text(
                "".join(f"{new if line == old else line}\n" for line in sets.read_text().splitlines())
            )
        count += 1
    return count


def copied_by_the_tool(case: Case) -> int:
    """the tool has copies of answers, with their ids"""
    found = [path for path in sorted(answers_folder(case.folder).rglob("*.*")) if path.is_file()]
    for path in found:
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())
    return len(found)


def names_of_its_own(case: Case) -> int:
    """the tool gives the files names of its own"""
    found = [path for path in sorted(answers_folder(case.folder).rglob("*.*")) if path.is_file()]
    for number, path in enumerate(found):
        path.rename(path.with_name(f"{number:08x}-{path.stem}_out{path.suffix}"))
    return len(found)


def forgotten_by_the_tool(case: Case) -> int:
    """the tool loses what was pulled"""
    case.pull()
    found = [path for path in sorted(answers_folder(case.folder).rglob("*.*")) if path.is_file()]
    for path in found:
        path.unlink()
    return len(found)


def unknown_label(case: Case) -> int:
    """a class that the project does not have, corrected later"""
    if case.layout == "folders":
        wrong = answers_folder(case.folder) / "horse" / f"{keys(case.folder)[case.paths[0]]}.jpg"
        right = answers_folder(case.folder) / NAMES[0] / wrong.name
        wrong.parent.mkdir()
        right.rename(wrong)
        case.pull()
        wrong.rename(right)
        return 1
    label = answers_folder(case.folder) / "labels" / f"{keys(case.folder)[case.paths[0]]}.txt"
    before = label.read_text()
    names = answers_folder(case.folder) / "classes.txt"
    names.write_text("cat\ndog\nhorse\n")
    label.write_text(f"{before}2 0.5 0.5 0.1 0.1\n")
    case.pull()
    label.write_text(before)
    return 1


def name_is_taken(case: Case) -> int:
    """train has an image of that name already"""
    if case.layout in ("voc", "folders"):
        return 0  # images stay where they are, or pool and train have one name each
    data = case.folder / "data"
    other = data / "images/train/2.jpg"
    other.write_bytes((data / "images/val/00.jpg").read_bytes() + b"\0")
    with (data / "metadata.csv").open("a") as file:
        file.write("images/train/2.jpg,scene-x,0\n")
    return 1


def answered_twice(case: Case) -> int:
    """an answer is changed after it was merged, and changed back"""
    if case.layout == "folders":
        return 0
    case.pull()
    path = case.paths[0]
    answer(case.folder, path, "0 0.5 0.5 0.9 0.9")
    case.pull()
    answer(case.folder, path, *LINES[0])
    case.pull()
    return 2


def pulled_elsewhere(case: Case) -> int:
    """another machine pulls, without what this one remembers"""
    case.pull()
    for path in (case.folder / ".flywheel").glob("index/**/*"):
        if path.is_file():
            path.unlink()
    return 1


FAULTS: tuple[Fault, ...] = (
    nothing,
    repeated,
    pushed_again,
    half_done,
    renamed,
    copied_by_the_tool,
    names_of_its_own,
    forgotten_by_the_tool,
    unknown_label,
    name_is_taken,
    answered_twice,
    pulled_elsewhere,
)


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_after(effects: int) -> Iterator[Counter[str]]:
    """The process ends after so many changes of files of the dataset, the record or the journal; never where 0.

    Yields:
        How many changes there were.
    """
    done: Counter[str] = Counter()

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(Path, name)

        def change(path: Path, *arguments: Any, **options: Any) -> Any:
            result = real(path, *arguments, **options)
            place = arguments[0] if arguments else path
            if _counts(name, path, place):
                done["changes"] += 1
                if done["changes"] == effects:
                    raise Killed
            return result

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename", "unlink"):
            patch.setattr(Path, name, counted(name))
        yield done


def _counts(name: str, path: Path, place: object) -> bool:
    target = Path(str(place))
    if "index" in target.parts or (name == "unlink" and path.name.startswith(".")):
        return False
    return any(part in ("data", "reports") for part in target.parts) or target.name == "moves.json"


@contextmanager
def without_versioning() -> Iterator[None]:
    """Neither DVC nor git: what they do comes last, and is looked at in tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulling, "_track", lambda round_, changed: [])
        patch.setattr(pulling, "_commit", lambda *arguments, **options: (None, []))
        patch.setattr(pulling, "measured", lambda *arguments: None)
        yield


def started(folder: Path, layout: str) -> Case:
    """A project whose batch is handed out and answered; two of its images have one name in two folders."""
    folder.mkdir(parents=True)
    strategy = "class" if layout == "folders" else "boxes"
    make(folder, layout, strategy=strategy, versioned=False)
    case = Case(folder, layout)
    case.push()
    for number in range(len(POOL)):
        case.answer(number)
    return case


def happened(folder: Path, layout: str, fault: Fault) -> Loss:
    """One fault, then a last pull; what is lost or doubled."""
    with without_versioning():
        case = started(folder, layout)
        wanted, rows = expected(case), case.rows()
        injected = fault(case)
        rows |= {one: scene for one, scene in case.rows().items() if one not in rows}
        case.pull()
        return compared(case, wanted, rows, injected)


def killed_everywhere(folder: Path, layout: str) -> Loss:
    """A pull is killed after its first change, after its second, … and repeated each time."""
    injected, lost, doubled, other = 0, 0, 0, list[str]()
    with without_versioning():
        first = started(folder / "first", layout)
        wanted, rows = expected(first), first.rows()
        while True:
            case = Case(Path(shutil.copytree(first.folder, folder / str(injected))), layout)
            with killed_after(injected + 1):
                try:
                    case.pull()
                except Killed:
                    injected += 1
                else:
                    return Loss(injected, lost, doubled, other)
            case.pull()
            found = compared(case, wanted, rows, 1)
            lost, doubled = lost + found.lost, doubled + found.doubled
            other += [f"after change {injected}: {text}" for text in found.other]


def expected(case: Case) -> Labelled:
    """What the dataset has to say in the end: what it says, and what is answered."""
    found = case.labelled()
    data = case.folder / "data"
    for number, path in enumerate(case.paths):
        if case.layout == "folders":
            objects = [(NAMES[number], 0.0, 0.0, 1.0, 1.0)]
        else:
            objects = [_object(line) for line in LINES[number]]
        found[content(data / path)] = Counter(objects)
    return found


def _object(line: str) -> tuple[object, ...]:
    number, x, y, width, height = line.split()
    left, top = float(x) - float(width) / 2, float(y) - float(height) / 2
    name = ("cat", "dog")[int(number)]
    return (name, round(left, 3), round(top, 3), round(left + float(width), 3), round(top + float(height), 3))


def compared(case: Case, wanted: Labelled, rows: Contents, injected: int) -> Loss:
    """How the dataset differs from what it should say."""
    found = case.labelled()
    lost = sum((objects - found.get(image, Counter())).total() for image, objects in wanted.items())
    doubled = sum((objects - wanted.get(image, Counter())).total() for image, objects in found.items())
    other = [f"{image} is not labelled" for image in wanted.keys() - found.keys()]
    other += [f"{image} is labelled" for image in found.keys() - wanted.keys()]
    images = [content(path) for path in (case.folder / "data").rglob("*.jpg")]
    if sorted(images) != sorted(rows):
        other.append("images are missing, or there twice")
    if case.rows() != rows:
        other.append("an image has another row of the metadata")
    if (case.folder / ".flywheel/annotate" / SPRINT / "moves.json").exists():
        other.append("the journal is not ended")
    return Loss(injected, lost, doubled, other)
