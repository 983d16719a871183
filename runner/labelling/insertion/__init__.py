"""How labels get into a dataset: one file per layout. Nothing else of the dataset changes."""

from __future__ import annotations

from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.labelling.insertion.class_folders import FolderInserter
from runner.labelling.insertion.coco import CocoInserter
from runner.labelling.insertion.inserter import Inserter
from runner.labelling.insertion.voc import VocInserter
from runner.labelling.insertion.yolo import YoloInserter
from runner.layouts import layout_of
from runner.layouts.coco import CocoLayout
from runner.layouts.folders import FoldersLayout
from runner.layouts.voc import VocLayout
from runner.layouts.yolo import YoloLayout


def inserter_of(project: Project) -> Inserter:
    """What writes into the project's dataset.

    Raises:
        FlywheelError: labels cannot be added to its layout.
    """
    match layout_of(project.dataset.layout):
        case YoloLayout():
            return YoloInserter()
        case CocoLayout() as layout:
            return CocoInserter(layout.annotations)
        case VocLayout() as layout:
            return VocInserter(one_based=layout.corners == "one-based")
        case FoldersLayout():
            return FolderInserter()
        case layout:
            path = project.dataset.path
            raise FlywheelError(
                f"labels cannot be added to the layout {layout.name}",
                where=Where("flywheel.yaml"),
                hint=f"change the dataset into one that can: flywheel convert {path} {path}-yolo --layout yolo; "
                "then dataset.path and dataset.layout name that one",
            )
