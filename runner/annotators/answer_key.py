"""The answer key of a simulated annotator: labels in folders, found by the images' names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from runner.annotators.shapes import answered_objects
from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import read_small
from runner.domain.labelling import AnsweredObject, HandedTask
from runner.layouts import LAYOUTS
from runner.layouts.yolo_files import NOT_LABELS, read_class_names
from runner.layouts.yolo_lines import LineReader
from runner.writers.writer import Scheme

_TEXTS = "*.txt"
Parts = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AnswerKey:
    """Labels by where they lie.

    Attributes:
        entries: by the last part of their paths without suffix; each with all parts.
    """

    entries: dict[str, list[tuple[Parts, ImageEntry]]] = field(default_factory=dict)

    @classmethod
    def read(cls, folders: Sequence[Path], scheme: Scheme) -> AnswerKey:
        """Reads YOLO label files (a folder of text files without images), or a dataset in any layout that is recognised.

        Args:
            folders: of equally named labels those of the earlier folder count.
            scheme: what the labels are for. YOLO's class numbers are in the order of its classes, or of the folder's data.yaml.

        Raises:
            FlywheelError: a folder is not there, holds no labels that are known, or one that cannot be read.
        """
        key = cls()
        for folder in folders:
            content = _texts(folder, scheme) or _dataset(folder, scheme)
            for entry in content:
                parts = PurePosixPath(entry.path).with_suffix("").parts
                known = key.entries.setdefault(parts[-1], [])
                if all(parts != others for others, _ in known):
                    known.append((parts, entry))
        return key

    def of(self, task: HandedTask) -> list[AnsweredObject] | None:
        """What is on an image: of labels of its name those whose folders are most like its own. None where there are none, or several."""
        parts = PurePosixPath(task.path).with_suffix("").parts
        near = [(_common(parts, others), entry) for others, entry in self.entries.get(parts[-1], [])]
        most = max((common for common, _ in near), default=0)
        best = [entry for common, entry in near if common == most]
        return answered_objects(best[0], task) if len(best) == 1 else None


def _common(one: Parts, other: Parts) -> int:
    """How many parts are the same, from the last."""
    same = [mine == theirs for mine, theirs in zip(reversed(one), reversed(other), strict=False)]
    return same.index(False) if False in same else len(same)


def _texts(folder: Path, scheme: Scheme) -> list[ImageEntry]:
    """The labels of a folder that holds label files of YOLO and nothing else; none of any other."""
    if not folder.is_dir():
        raise FlywheelError(
            "the answer key is not there",
            where=Where(str(folder)),
            hint="`answers` of annotation.tool names folders with labels, from the repository's top",
        )
    texts = sorted(path for path in folder.rglob(_TEXTS) if path.name not in NOT_LABELS)
    others = any(
        path.is_file() and path.suffix not in (".txt", ".yaml", ".yml") for path in folder.rglob("*")
    )
    if not texts or others:
        return []
    reader = LineReader(_label_scheme(scheme), read_class_names(folder) or list(scheme.classes))
    entries = []
    for path in texts:
        objects, faults = reader.read(
            path.relative_to(folder).as_posix(), read_small(str(path)).decode(errors="replace")
        )
        if faults:
            raise FlywheelError(str(faults[0]), where=Where(str(folder)), hint="correct the answer key")
        entries.append(
            ImageEntry(
                path=path.relative_to(folder).as_posix(), split=None, labelled=True, objects=tuple(objects)
            )
        )
    return entries


def _dataset(folder: Path, scheme: Scheme) -> list[ImageEntry]:
    for layout in LAYOUTS.values():
        if scheme.task not in layout.tasks:
            continue
        found = layout.recognise(folder, scheme.task)
        if found is not None and found.labelled:
            content: LayoutContent = (found.layout or layout).read(folder, _label_scheme(scheme))
            return [entry for entry in content.entries if entry.labelled]
    raise FlywheelError(
        "the answer key holds no labels in a format that is read",
        where=Where(str(folder)),
        hint="`answers` of annotation.tool names folders of YOLO label files, or whole datasets (docs/data.md)",
    )


def _label_scheme(scheme: Scheme) -> LabelScheme:
    points = len(scheme.keypoints.names) if scheme.keypoints is not None else 0
    return LabelScheme(task=scheme.task, classes=scheme.classes, keypoints=points)
