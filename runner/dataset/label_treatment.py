"""What becomes of wrong labels, as `dataset.labels` says: refused, left out, or cut to what lies in the image.

It is done to the labels before the index is built, so that training, evaluation and checks see the same. Where flywheel.yaml
says nothing of a kind, its labels stay as they are, and the checks decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.dataset.entries import ImageEntry, LabelledObject, LayoutContent
from runner.dataset.label_fault_counts import FAULT_COLUMNS
from runner.dataset.label_scene import SHAPE_KINDS, Scene
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.label_faults import (
    FaultName,
    LabelFault,
    Locate,
    Treatment,
    as_they_are,
    fault_of,
)
from runner.domain.task import TaskName
from runner.tasks import TASKS

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatedLabels:
    """A dataset whose wrong labels were treated.

    Attributes:
        entries: of the images that are left, in their order.
        kept: which of the images these are, by position.
        treated: each fault, with the image that it is of (None where it is of none) and what became of it.
    """

    entries: Sequence[ImageEntry]
    kept: Sequence[int]
    treated: Sequence[tuple[LabelFault, str | None, Treatment]]

    def columns(self) -> dict[str, list[str | None]]:
        """The columns of label_faults.parquet, by the names of `FAULT_COLUMNS`; `place` is file and line."""
        rows = [
            (path, str(fault.kind), str(treatment), fault.place, fault.message)
            for fault, path, treatment in self.treated
        ]
        return {name: [row[at] for row in rows] for at, name in enumerate(FAULT_COLUMNS)}


def treat_labels(
    content: LayoutContent,
    measurements: Sequence[ImageMeasurement],
    task: TaskName,
    treatments: Mapping[FaultName, Treatment],
    locate: Locate = as_they_are,
) -> TreatedLabels:
    """Treats the faults of the kinds that `treatments` names.

    An image of which every label is left out stays, as one without objects; of a task that names an image's class it counts
    as not labelled.

    Args:
        content: what the layout read.
        measurements: one per entry.
        task: the project's.
        treatments: what becomes of each kind.
        locate: tells where labels are that are wrong by their shape.

    Raises:
        FlywheelError: labels that belong to no image of the dataset are to be refused.
    """
    treater = _Treater(task, treatments)
    absent = treater.of_dataset(content.faults)
    kept = [at for at, entry in enumerate(content.entries) if entry.path not in absent]
    entries = [treater.of_entry(content.entries[at]) for at in kept]
    if TASKS[task].ranked and not treatments.keys().isdisjoint(SHAPE_KINDS):
        scene = Scene(entries, [measurements[at] for at in kept], task)
        treater.of_shapes(scene)
        entries = scene.entries()
    places = locate(fault.place for fault, _, _ in treater.treated)
    return TreatedLabels(
        entries=[_placed(entry, places) for entry in entries] if places else entries,
        kept=kept,
        treated=[(fault.at(places), path, treatment) for fault, path, treatment in treater.treated],
    )


def _placed(entry: ImageEntry, places: Mapping[str, str]) -> ImageEntry:
    if not entry.label_problems:
        return entry
    return replace(entry, label_problems=tuple(fault_of(wrong).at(places) for wrong in entry.label_problems))


class _Treater:
    def __init__(self, task: TaskName, treatments: Mapping[FaultName, Treatment]) -> None:
        self.task = task
        self.treatments = treatments
        self.treated: list[tuple[LabelFault, str | None, Treatment]] = []
        self.shared: set[str] = set()  # label files of several images, of which one has been seen

    def of_dataset(self, faults: Sequence[LabelFault]) -> set[str]:
        """Faults of no entry of their own; returns the images that are said to be missing and are left out for it."""
        refused = [fault for fault in faults if self.treatments.get(fault.kind) == "refuse"]
        if refused:
            raise _refused(refused)
        dropped = [fault for fault in faults if self.treatments.get(fault.kind) == "drop"]
        self.treated += [(fault, fault.image or None, "drop") for fault in dropped]
        return {fault.image for fault in dropped if fault.kind == "no_image" and fault.image}

    def of_entry(self, entry: ImageEntry) -> ImageEntry:
        """What the files alone show of one image's labels."""
        problems: list[str] = []
        objects = list(entry.objects)
        for problem in entry.label_problems:
            fault = fault_of(problem)
            treatment = self.treatments.get(fault.kind)
            if treatment is not None:
                self.treated.append((fault, entry.path, treatment))
            if treatment != "drop":
                problems.append(problem)
            elif fault.kind == "image_twice" and fault.place in self.shared:
                return replace(entry, objects=(), label_problems=(), labelled=False)
            elif isinstance(fault.rest, LabelledObject):
                objects.append(fault.rest)
            if fault.kind == "image_twice":
                self.shared.add(fault.place)
        if len(problems) == len(entry.label_problems):
            return entry
        labelled = entry.labelled and (TASKS[self.task].ranked or bool(objects or problems))
        return replace(entry, objects=tuple(objects), label_problems=tuple(problems), labelled=labelled)

    def of_shapes(self, scene: Scene) -> None:
        """What shows beside the size of images."""
        for kind in SHAPE_KINDS:
            if kind in self.treatments:
                for at, message in scene.faults(kind).items():
                    self._treat(scene, kind, at, message)

    def _treat(self, scene: Scene, kind: FaultName, at: int, message: str) -> None:
        applied = self.treatments[kind]
        fault = LabelFault(kind, scene.objects[at].place, message)
        match applied:
            case "refuse":
                scene.refused[at].append(fault)
            case "clip" if scene.clip(at):
                pass
            case "drop" | "clip":
                applied = "drop"  # nothing of it lies in the image
                scene.dropped.add(at)
        self.treated.append((fault, scene.paths[at], applied))


def _refused(faults: Sequence[LabelFault]) -> FlywheelError:
    kinds = list(dict.fromkeys(fault.kind for fault in faults))
    lines = [f"  {fault}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f"  … and {len(faults) - SHOWN} more")
    head = f"{len(faults)} faults of labels that are refused ({', '.join(kinds)})"
    return FlywheelError(
        "\n".join([head, *lines]),
        hint=f"correct them, or say what becomes of them in flywheel.yaml: `dataset: {{labels: {{{kinds[0]}: drop}}}}`",
        exit_code=ExitCode.STAGE_FAILED,
    )
