"""What annotators gave back as files: a folder for each of them, with what their tool exported, read by the layout of its format.

An export names images by what the tool was given, or by what it made of that: a number before the name, folders, another
suffix. The key of the task is looked for in the name; of images that came back too, by their content. Exports without images
are read as well: empty files stand for them, since a layout lists files and reads no pixel.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from runner.adapters.pictures.image_files import SUFFIXES
from runner.annotators.annotator import Pulled, Round
from runner.annotators.outcomes import is_as_sent, with_outcomes
from runner.annotators.package import ANSWERS
from runner.annotators.shapes import answered_objects
from runner.dataset.entries import ImageEntry, LabelScheme, list_files
from runner.domain.errors import FlywheelError
from runner.domain.label_faults import LabelFault
from runner.domain.labelling import Answer, HandedTask, task_key
from runner.layouts.coco import CocoLayout
from runner.layouts.cvat import CvatLayout
from runner.layouts.layout import Layout
from runner.tasks import TASKS

_KEY = re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])")
_OF_A_DATASET = frozenset(("annotations", "images", "labels", "train", "val", "default", "package"))
SHOWN = 5

Prepare = Callable[[Path, Round], None]
"""What is done to a copy of an export before it is read."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a tool tells of one annotator's answers beside the labels; by the keys of tasks.

    Attributes:
        seconds: that each took.
        made_from: the place of the proposal that an object was made from, by the id of the object's region.
        tells: the tool says which tasks were looked at: what came back as it was sent is an answer.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    made_from: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    tells: bool = False


def read_folders(round_: Round, tool: str, layout: Layout, prepare: Prepare | None = None) -> Pulled:
    """The answers of all annotators below `answers/`."""
    pulled = Pulled()
    folder = round_.folder / ANSWERS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if not path.is_dir() or path.name.lower() in _OF_A_DATASET:
            pulled.problems.append(f"{path} is in no annotator's folder: move it to {folder}/NAME/")
            continue
        pulled.add(read_export(path, path.name, round_, tool, layout, prepare=prepare))
    return pulled


def read_export(
    folder: Path,
    annotator: str,
    round_: Round,
    tool: str,
    layout: Layout,
    *,
    said: Said | None = None,
    prepare: Prepare | None = None,
) -> Pulled:
    """The answers in what one annotator's tool exported. What cannot be read is a problem, and the rest is read."""
    said = said or Said()
    round_.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=round_.folder, prefix="reading-") as name:
        copy = Path(name)
        pulled, keys = _laid_out(folder, copy, round_)
        if prepare is not None:
            prepare(copy, round_)
        came_back = frozenset(keys) if TASKS[round_.scheme.task].ranked else frozenset[str]()
        keys |= _stand_ins(copy, round_, set(keys.values()))
        points = len(round_.scheme.keypoints.names) if round_.scheme.keypoints else 0
        scheme = LabelScheme(
            task=round_.scheme.task, classes=round_.scheme.classes, keypoints=points, once=True
        )
        found: list[ImageEntry] = []
        for one in _parts(layout, copy):
            try:
                content = one.read(copy, scheme)
            except FlywheelError as error:
                where = f"{error.where}: ".replace(f"{copy}/", "") if error.where else ""
                pulled.problems.append(f"{folder}: {where}{error.message}")
                continue
            twice = {fault.image: fault for fault in content.faults if fault.kind == "image_twice"}
            pulled.problems += [f"{folder}: {fault}" for fault in content.faults if fault.image not in twice]
            found += [_doubted(entry, twice.get(entry.path)) for entry in content.entries]
    reader = _Reader(round_, annotator, tool, said, str(folder), pulled)
    entries = [_looked_at(entry, came_back) if round_.finished else entry for entry in found]
    reader.read([(keys[entry.path], entry) for entry in entries if entry.path in keys])
    strangers = {entry.path for entry in found if entry.path not in keys and entry.labelled}
    pulled.problems += [
        f"{folder}: {path} is none of the batch's images, by its name and by its content"
        for path in sorted(strangers)
    ]
    return pulled


def _parts(layout: Layout, copy: Path) -> list[Layout]:
    """The layout for each annotation file, wherever it lies: several exports of one annotator say the same image again."""
    match layout:
        case CocoLayout():
            files = list_files(copy, frozenset((".json",)))
            return [CocoLayout(annotations=[file]) for file in files]
        case CvatLayout():
            return [CvatLayout(annotations=[file]) for file in list_files(copy, frozenset((".xml",)))]
    return [layout]


def _doubted(entry: ImageEntry, twice: LabelFault | None) -> ImageEntry:
    """An image that one file lists twice: of its labels some would be lost."""
    return replace(entry, label_problems=(*entry.label_problems, twice)) if twice else entry


def _looked_at(entry: ImageEntry, came_back: Collection[str]) -> ImageEntry:
    """An image that came back without a label, of which the annotators say that nothing is on it."""
    return replace(entry, labelled=True) if entry.path in came_back else entry


def _laid_out(folder: Path, copy: Path, round_: Round) -> tuple[Pulled, dict[str, str]]:
    """Copies an export's files; images as empty ones. Returns problems, and the key of each image that is one of the batch's."""
    pulled, keys = Pulled(), {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_symlink() or not path.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        target = copy / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in SUFFIXES:
            target.touch()
            if key := _key_of_image(path, round_):
                keys[relative.as_posix()] = key
        elif path.suffix.lower() in (".zip", ".tar", ".gz", ".7z"):
            pulled.problems.append(f"{path} is not read: unpack it there")
        else:
            shutil.copyfile(path, target)
    return pulled, keys


def _stand_ins(copy: Path, round_: Round, known: set[str]) -> dict[str, str]:
    """An empty file for each of the batch's images that did not come back, and for each that label files are called as."""
    keys: dict[str, str] = {}
    named = {
        place: key
        for path in sorted(copy.rglob("*.txt"))
        if (key := key_in(path.stem, round_))
        for place in _beside(path.relative_to(copy), round_, key)
    }
    missing = [key for key in round_.tasks if key not in known and key not in named.values()]
    for key in missing:
        folder = "images/" if TASKS[round_.scheme.task].ranked else ""  # of classes, a folder would be one
        named[f"{folder}{key}{_suffix(key, round_)}"] = key
    for place, key in named.items():
        path = copy / place
        if not path.exists() and not any(path.with_suffix(suffix).exists() for suffix in SUFFIXES):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            keys[place] = key
    return keys


def _beside(label: Path, round_: Round, key: str) -> Iterator[str]:
    """Where the image of a label file is looked for."""
    parts = list(label.with_suffix(_suffix(key, round_)).parts)
    if "labels" in parts[:-1]:
        parts[parts.index("labels")] = "images"
    yield PurePosixPath(*parts).as_posix()


def _suffix(key: str, round_: Round) -> str:
    return PurePosixPath(round_.tasks[key].path).suffix.lower()


def _key_of_image(path: Path, round_: Round) -> str | None:
    """By its content, else by its name."""
    with path.open("rb") as file:
        image_id = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    key = task_key(round_.handed.sprint, image_id)
    return key if key in round_.tasks else key_in(path.stem, round_)


def key_in(text: str, round_: Round) -> str | None:
    """The key of a task that a name holds, whatever a tool wrote before and behind it."""
    return next((key for key in _KEY.findall(text.lower()) if key in round_.tasks), None)


class _Reader:
    """Turns entries into answers: one for each task.

    Args:
        pulled: takes them.
    """

    def __init__(
        self, round_: Round, annotator: str, tool: str, said: Said, place: str, pulled: Pulled
    ) -> None:
        self.round = round_
        self.annotator = annotator
        self.tool = tool
        self.said = said
        self.place = place
        self.pulled = pulled

    def read(self, entries: Sequence[tuple[str, ImageEntry]]) -> None:
        """Entries with the keys of their tasks; of several of one task all must say the same."""
        of: dict[str, list[ImageEntry]] = {}
        for key, entry in entries:
            if entry.labelled or entry.label_problems:
                of.setdefault(key, []).append(entry)
        for key, found in sorted(of.items()):
            task = self.round.tasks[key]
            problems = [problem for entry in found for problem in entry.label_problems]
            if problems:
                self._refuse(task, "; ".join(map(str, problems[:SHOWN])))
                continue
            answers = [self._answer(task, entry) for entry in found]
            if any(answer != answers[0] for answer in answers[1:]):
                paths = " and ".join(entry.path for entry in found[:SHOWN])
                self._refuse(task, f"it is labelled more than once, and not alike ({paths}): keep one")
            elif self._is_untouched(answers[0]):
                self.pulled.untouched.append(key)
            else:
                self.pulled.answers.append(answers[0])

    def _answer(self, task: HandedTask, entry: ImageEntry) -> Answer:
        made_from = self.said.made_from.get(task.key, {})
        regions = [item.place.rpartition("/")[2] for item in entry.objects]
        pairs = {at: made_from[region] for at, region in enumerate(regions) if region in made_from}
        objects = with_outcomes(answered_objects(entry, task), task.proposals, pairs)
        return Answer(
            key=task.key,
            path=task.path,
            image_id=task.image_id,
            annotator=self.annotator,
            tool=self.tool,
            seconds=self.said.seconds.get(task.key),
            guidelines=self.round.handed.guidelines,
            proposals=task.proposals,
            objects=objects,
        )

    def _is_untouched(self, answer: Answer) -> bool:
        tells = self.said.tells or self.round.finished
        return not tells and is_as_sent(answer.objects, answer.proposals)

    def _refuse(self, task: HandedTask, why: str) -> None:
        self.pulled.problems.append(f"{self.place}: {task.path} ({task.key}) is not taken: {why}")
