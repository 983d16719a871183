"""All labelled objects of a dataset beside the sizes of their images: which are wrong, and what is left when they are treated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.dataset.clipping import clipped
from runner.dataset.entries import ImageEntry, LabelledObject
from runner.dataset.label_geometry import Placed, boxes_px, outside_px, short_sided, twins, without_area
from runner.dataset.shapes import SizeHW, mask_problem
from runner.domain.label_faults import FaultName, LabelFault
from runner.domain.task import TaskName
from runner.tasks import TASKS

# In this order: what is clipped may be without area then, or the same as another.
SHAPE_KINDS: tuple[FaultName, ...] = ("mask_size", "outside", "zero_area", "duplicate")


class Scene:
    """The objects of images that can be read, in the index's order.

    Args:
        entries: the images.
        measurements: one per image.
        task: the project's.

    Attributes:
        objects: what is left of each, after what was done so far.
        paths: of each, its image.
        dropped: which are left out. `refused`: what is wrong with those that stay and stop a sprint.
    """

    def __init__(
        self, entries: Sequence[ImageEntry], measurements: Sequence[ImageMeasurement], task: TaskName
    ) -> None:
        self.images = list(entries)
        self.task = task
        self.objects: list[LabelledObject] = []
        self.paths: list[str] = []
        self.sizes: list[SizeHW] = []
        self.dropped: set[int] = set()
        self.refused: defaultdict[int, list[LabelFault]] = defaultdict(list)
        self.spans: list[range] = []  # of each image, its objects
        for entry, measured in zip(entries, measurements, strict=True):
            found = entry.objects if measured.problem is None else ()
            self.spans.append(range(len(self.objects), len(self.objects) + len(found)))
            self.objects += found
            self.paths += [entry.path] * len(found)
            self.sizes += [(measured.height or 0, measured.width or 0)] * len(found)
        problems = ((at, mask_problem(item, self.sizes[at])) for at, item in enumerate(self.objects))
        self.unfit = {at: wrong for at, wrong in problems if wrong}  # they can be laid over no image

    def faults(self, kind: FaultName, *, masks: bool = True) -> dict[int, str]:
        """What is wrong with which objects: one of `SHAPE_KINDS`; without area by their boxes only, where `masks` is False."""
        unfit = {
            at: fault.message
            for at, fault in self.unfit.items()
            if fault.kind == kind and at not in self.dropped
        }
        if kind == "mask_size":
            return unfit
        rows = [at for at in range(len(self.objects)) if at not in self.dropped and at not in self.unfit]
        placed = [self._placed(at) for at in rows]
        boxes = boxes_px(placed)
        match kind:
            case "outside":
                out = outside_px(boxes, placed, self.task).tolist()
                return {at: self._outside(px) for at, px in zip(rows, out, strict=True) if px} | unfit
            case "zero_area":
                empty = without_area(boxes, placed, self.task) if masks else short_sided(boxes)
                sides = (boxes[:, 2:] - boxes[:, :2]).tolist()
                return {
                    at: f"nothing of it can be found: {width:.1f} × {height:.1f} px"
                    for at, (width, height), bad in zip(rows, sides, empty, strict=True)
                    if bad
                }
        found = twins(boxes, [self.paths[at] for at in rows], placed, self.task)
        first = {rows[later]: self.objects[rows[earlier]] for later, earlier in sorted(found.items())}
        return {at: f"the same {item.class_name} as {item.place}" for at, item in first.items()}

    def clip(self, at: int) -> bool:
        """Cuts an object to what lies in its image; whether anything of it could be found there."""
        rest = clipped(self.objects[at], self.sizes[at])
        placed = [(rest, self.sizes[at])] if rest else []
        if rest is None or without_area(boxes_px(placed), placed, self.task)[0]:
            return False
        self.objects[at] = rest
        self.unfit.pop(at, None)
        return True

    def entries(self) -> list[ImageEntry]:
        """The images with the objects that are left; what is refused is among their problems."""
        return [self._entry(image, span) for image, span in zip(self.images, self.spans, strict=True)]

    def _entry(self, image: ImageEntry, span: range) -> ImageEntry:
        if not span:
            return image
        kept = tuple(self.objects[at] for at in span if at not in self.dropped)
        # What can be laid over no image is named when the index is built, treated or not.
        refused = [fault for at in span for fault in self.refused.get(at, ()) if at not in self.unfit]
        if kept == image.objects and not refused:
            return image
        return replace(image, objects=kept, label_problems=(*image.label_problems, *refused))

    def _placed(self, at: int) -> Placed:
        return self.objects[at], self.sizes[at]

    def _outside(self, px: float) -> str:
        what = "has its centre" if TASKS[self.task].may_reach_out else "reaches"
        return f"it {what} {px:.1f} px out of the image"
