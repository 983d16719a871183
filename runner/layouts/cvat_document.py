"""One XML file of CVAT: its labels, and its images or tracks with the shapes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.system.xml_text import XmlElement, xml_parts
from runner.domain.errors import ExitCode, FlywheelError, Where

ROOT = "annotations"


@dataclass(frozen=True, kw_only=True)
class CvatLabel:
    """A label of a project; `points` are the names of a skeleton's, in order. `kind` is empty where none is stated."""

    name: str
    kind: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CvatTask:
    """A task's frames. `size` is (width, height) of a video; `step` is how many frames lie between two."""

    number: str
    subset: str | None
    frames: int
    start: int
    stop: int | None
    step: int
    is_video: bool
    size: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class CvatMeta:
    """What a file says before its images."""

    labels: Sequence[CvatLabel] = ()
    tasks: Sequence[CvatTask] = ()

    @property
    def skeletons(self) -> Mapping[str, Sequence[str]]:
        """The names of the points of each skeleton, by its label."""
        return {label.name: label.points for label in self.labels if label.points}


@dataclass(kw_only=True)
class CvatDocument:
    """One file. Of `images` and `tracks` one is empty, as CVAT writes them."""

    meta: CvatMeta = field(default_factory=CvatMeta)
    images: list[XmlElement] = field(default_factory=list)
    tracks: list[XmlElement] = field(default_factory=list)

    @property
    def is_video(self) -> bool:
        """Whether shapes belong to tracks over frames, not to images by name."""
        return bool(self.tracks) or (not self.images and any(task.is_video for task in self.meta.tasks))


def read_document(path: Path) -> CvatDocument:
    """Reads a file.

    Raises:
        FlywheelError: it is no XML that is read (see `xml_parts`), or not CVAT's.
    """
    document = CvatDocument()
    for element in _parts(path):
        match element.tag:
            case "meta":
                document.meta = _meta(element)
            case "image":
                document.images.append(element)
            case "track":
                document.tracks.append(element)
    return document


def _parts(path: Path) -> Iterator[XmlElement]:
    parts = xml_parts(path)
    root = next(parts)
    if root.tag != ROOT:
        raise FlywheelError(
            f"not CVAT's XML: its root is <{root.tag}>, not <{ROOT}>",
            where=Where(str(path), root.line),
            hint="correct it, or move it out of the dataset folder",
            exit_code=ExitCode.STAGE_FAILED,
        )
    yield from parts


def _meta(element: XmlElement) -> CvatMeta:
    owners = element.every("task", "project", "job")
    tasks = [
        *element.every("task", "job"),
        *(task for owner in owners for tasks in owner.every("tasks") for task in tasks.every("task")),
    ]
    labels = [
        label for owner in owners for listed in owner.every("labels") for label in listed.every("label")
    ]
    # The size of a video stands in its task, or beside it in older files.
    size = element.child("original_size")
    return CvatMeta(labels=_labels(labels), tasks=[_task(task, size) for task in tasks])


def _labels(elements: Sequence[XmlElement]) -> list[CvatLabel]:
    points: dict[str, list[str]] = {}
    for item in elements:
        if parent := item.word("parent"):
            points.setdefault(parent, []).append(item.word("name"))
    return [
        CvatLabel(name=name, kind=item.word("type"), points=tuple(points.get(name, ())))
        for item in elements
        if not item.word("parent") and (name := item.word("name"))
    ]


def _task(element: XmlElement, size: XmlElement | None) -> CvatTask:
    own = element.child("original_size") or size
    width, height = (_whole(own.word("width")), _whole(own.word("height"))) if own else (None, None)
    step = element.word("frame_filter").removeprefix("step=")
    return CvatTask(
        number=element.word("id"),
        subset=element.word("subset") or None,
        frames=_whole(element.word("size")) or 0,
        start=_whole(element.word("start_frame")) or 0,
        stop=_whole(element.word("stop_frame")),
        step=max(1, _whole(step) or 1),
        is_video=element.word("mode") == "interpolation" or own is not None,
        size=(width, height) if width and height else None,
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
