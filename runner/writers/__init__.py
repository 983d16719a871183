"""Writers: one class per format, and what converts a dataset. Whatever a format cannot hold is counted, with its place."""

from collections.abc import Mapping

from runner.writers.coco import CocoWriter
from runner.writers.cvat import CvatWriter
from runner.writers.folders import FoldersWriter
from runner.writers.label_studio import LabelStudioWriter
from runner.writers.manifest import ManifestWriter
from runner.writers.voc import VocWriter
from runner.writers.writer import Writer
from runner.writers.yolo import YoloWriter

WRITERS: Mapping[str, Writer] = {
    writer.name: writer
    for writer in (
        YoloWriter(),
        CocoWriter(),
        VocWriter(),
        FoldersWriter(),
        CvatWriter(),
        LabelStudioWriter(),
        ManifestWriter(),
    )
}
"""Every format that is written, by the name of the layout that reads it."""
