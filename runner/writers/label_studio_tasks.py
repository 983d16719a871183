"""What Label Studio's import takes: tasks, each with the annotation that it comes with, and the interface they belong to.

An image is named as the server serves local files, relative to the dataset: its folder is LOCAL_FILES_DOCUMENT_ROOT, and
`images` a storage of the project.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from runner.tasks import TASKS
from runner.writers.folders import note_class_order, note_unused
from runner.writers.label_studio_regions import CLASS, IMAGE, POINTS, regions
from runner.writers.writer import Scheme, WriteJob

_SHAPES = {
    None: ("RectangleLabels",),
    "corners": ("RectangleLabels", "PolygonLabels"),
    "mask_rle": ("PolygonLabels", "BrushLabels"),
    "keypoints": ("RectangleLabels",),
}


def tasks(job: WriteJob) -> Iterator[dict[str, Any]]:
    """A task for each image; one that nobody labelled has no annotation."""
    used = {item.class_name for image in job.images for item in image.entry.objects}
    note_unused(job, used)
    note_class_order(job, used)
    _note_points(job)
    for number, image in enumerate(job.images, start=1):
        results = [
            region
            for at, item in enumerate(image.entry.objects, start=1)
            for region in regions(f"{number}-{at}", item, image, job)
        ]
        yield {
            "id": number,
            "data": {"image": f"/data/local-files/?d={quote(image.place)}"},
            "annotations": [{"id": number, "result": results}] if image.entry.labelled else [],
        }


def label_config(scheme: Scheme) -> str:
    """The labelling interface with the classes, and the points of a skeleton, in their order."""
    lines = ["<View>", f'  <Image name="{IMAGE}" value="$image"/>']
    if not TASKS[scheme.task].ranked:
        lines += _control("Choices", CLASS, "Choice", scheme.classes)
    else:
        for tag in _SHAPES[TASKS[scheme.task].shape]:
            lines += _control(tag, tag.removesuffix("Labels").lower(), "Label", scheme.classes)
    if scheme.keypoints:
        lines += _control("KeyPointLabels", POINTS, "Label", scheme.keypoints.names)
    return "\n".join([*lines, "</View>"]) + "\n"


def _control(tag: str, name: str, child: str, values: Sequence[str]) -> list[str]:
    return [
        f'  <{tag} name="{name}" toName="{IMAGE}">',
        *(f"    <{child} value={quoteattr(value)}/>" for value in values),
        f"  </{tag}>",
    ]


def _note_points(job: WriteJob) -> None:
    """An export names points where they are labelled, and says nothing of their order."""
    names = job.scheme.keypoints.names if job.scheme.keypoints else []
    seen = {
        names[at]
        for image in job.images
        for item in image.entry.objects
        for at, visibility in enumerate(item.keypoints[2::3])
        if visibility
    }
    kept = [name for name in names if name in seen]
    for at, name in enumerate(names):
        if at >= len(kept) or sorted(kept)[at] != name:
            job.losses.add("skeleton", name)
