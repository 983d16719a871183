"""What an XML file of CVAT for images 1.1 holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.sax.saxutils import escape, quoteattr

from runner.layouts.cvat_files import NO_SPLIT
from runner.tasks import TASKS
from runner.writers.cvat_elements import element
from runner.writers.writer import Scheme, SizedImage, WriteJob


def document_lines(job: WriteJob) -> Iterator[str]:
    """The file, line by line."""
    labelled = [image for image in job.images if image.entry.labelled]
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<annotations>"
    yield "  <version>1.1</version>"
    yield "  <meta><task><name>flywheel</name>"
    yield f"    <size>{len(labelled)}</size><mode>annotation</mode>"
    yield "    <labels>"
    yield from _labels(job.scheme)
    yield "    </labels>"
    yield "  </task></meta>"
    for number, image in enumerate(labelled):
        yield from _image(number, image, job)
    yield "</annotations>"


def _labels(scheme: Scheme) -> Iterator[str]:
    task = TASKS[scheme.task]
    kind = "tag" if not task.ranked else "skeleton" if task.skeleton else "any" if task.shape else "rectangle"
    for name in scheme.classes:
        yield f"      <label><name>{escape(name)}</name><type>{kind}</type><attributes></attributes></label>"
        for point in scheme.keypoints.names if scheme.keypoints else ():
            yield f"      <label><name>{escape(point)}</name><type>points</type><parent>{escape(name)}</parent></label>"


def _image(number: int, image: SizedImage, job: WriteJob) -> Iterator[str]:
    """`name` is relative to the folder of the subset's images."""
    entry, parts = image.entry, PurePosixPath(image.place).parts
    name = PurePosixPath(*parts[2 if entry.split else 1 :]).as_posix()
    subset = f" subset={quoteattr(entry.split)}" if entry.split else ""
    if entry.split in NO_SPLIT:
        job.losses.add("split", entry.path)
    size = f'width="{image.width}" height="{image.height}"'
    yield f'  <image id="{number}" name={quoteattr(name)}{subset} {size}>'
    for item in entry.objects:
        if text := element(item, image, job):
            yield f"    {text}"
    yield "  </image>"
