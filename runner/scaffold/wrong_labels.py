"""What is wrong with a new project's labels, by kind, before any pixel is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from runner.adapters.pictures.image_files import open_file
from runner.adapters.pictures.image_sizes import header_size
from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.adapters.system.machine import cpu_count
from runner.dataset.entries import ImageEntry
from runner.dataset.label_scene import Scene
from runner.domain.label_faults import FAULT_KINDS, FaultName, LabelFault, fault_of
from runner.domain.task import TaskName
from runner.layouts.json_places import with_lines
from runner.tasks import TASKS

SETTING = "`dataset.labels` in flywheel.yaml says what becomes of them: refuse, drop or clip"
# A mask may be larger than its image is said to be by a header that knows no rotation, and costs more than a look.
_SHOWN_BY_BOXES: tuple[FaultName, ...] = ("outside", "zero_area", "duplicate")


def wrong_labels(
    folder: Path, entries: Sequence[ImageEntry], faults: Iterable[LabelFault], task: TaskName
) -> dict[FaultName, list[LabelFault]]:
    """What is wrong, by kind in the catalogue's order; kinds without a fault are left out.

    Boxes are compared with the size that the annotations or the image's header state. An image that a camera turned may look
    otherwise: the index, which decodes every image, has the last word.

    Args:
        folder: the dataset.
        entries: its images with their labels.
        faults: what is wrong with labels that belong to none.
        task: what the labels are for.
    """
    problems = [problem for entry in entries for problem in entry.label_problems]
    found = [*map(fault_of, problems), *faults]
    if TASKS[task].ranked:
        scene = Scene([replace(entry, label_problems=()) for entry in entries], _sizes(folder, entries), task)
        for kind in _SHOWN_BY_BOXES:
            shown = scene.faults(kind, masks=False)
            found += [LabelFault(kind, scene.objects[at].place, message) for at, message in shown.items()]
    found = with_lines(folder, found)
    by_kind = {kind: [fault for fault in found if fault.kind == kind] for kind in FAULT_KINDS}
    return {kind: members for kind, members in by_kind.items() if members}


def describe(found: dict[FaultName, list[LabelFault]]) -> list[str]:
    """A sentence for each kind, and where it is said what becomes of them."""
    if not found:
        return []
    lines = [
        f"{len(faults):,} × {kind}: {faults[0]}" + (", …" if len(faults) > 1 else "")
        for kind, faults in found.items()
    ]
    return [f"wrong labels, and the first of each kind; {SETTING}", *(f"  {line}" for line in lines)]


def _sizes(folder: Path, entries: Sequence[ImageEntry]) -> list[ImageMeasurement]:
    with ThreadPoolExecutor(cpu_count()) as pool:
        headers = list(
            pool.map(lambda entry: _header(folder / entry.path) if entry.objects else None, entries)
        )
    sizes = [entry.declared_size or header for entry, header in zip(entries, headers, strict=True)]
    return [
        ImageMeasurement(image_id="", size_bytes=0, width=size[0], height=size[1])
        if size
        else ImageMeasurement(image_id="", size_bytes=0, problem="its size is not known")
        for size in sizes
    ]


def _header(path: Path) -> tuple[int, int] | None:
    try:
        with open_file(path) as file:
            return header_size(file)
    except OSError:
        return None
