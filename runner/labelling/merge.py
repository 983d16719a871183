"""Brings answers into the dataset: labels are written, images go from the pool into their split, the metadata follows.

Each step can be cut off and done again. Labels are written first, for where the images are going to lie; then each image is
moved by one rename; then the metadata is written at once. What was moved is in a journal until then, so that the metadata
follows also after a kill in between. An image is found by its content, wherever it lies. Labels of an image that are
neither what was answered nor what an earlier merge left are the user's own, and stay.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from runner.annotators.shapes import labelled_objects
from runner.config.project import Project
from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import LabelledObject
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.labelling import AnsweredObject
from runner.domain.records import POOL
from runner.labelling.data_now import DataNow, ImageNow, data_now, labels_digest
from runner.labelling.destination import Destination, destination_of
from runner.labelling.insertion import inserter_of
from runner.labelling.insertion.coco import CocoInserter
from runner.labelling.insertion.inserter import Inserter, Insertion
from runner.labelling.moves import Moves
from runner.layouts import layout_of
from runner.layouts.coco import CocoLayout
from runner.stages import index
from runner.tasks import TASKS
from runner.writers.writer import Scheme

State = Literal["labelled", "kept", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be labelled of one image.

    Attributes:
        key, path, image_id: as in the batch.
        objects: what annotators agree on.
        earlier: digests of labels that an earlier merge left, or would have left: they may be replaced.
    """

    key: str
    path: str
    image_id: str
    objects: Sequence[AnsweredObject]
    earlier: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Became:
    """What became of one image: `path`, where it lies now; `labels`, the digest of its labels; `why` it is not labelled so."""

    key: str
    state: State
    path: str
    labels: str = ""
    why: str = ""


def merge(root: Path, project: Project, wanted: Sequence[Wanted], into: str, journal: Path) -> list[Became]:
    """Labels the images and brings them into a split; killed at any point, it is done again.

    Args:
        into: train or test.
        journal: a file of this machine's, where what is being moved is noted.

    Raises:
        FlywheelError: the dataset is not here, its layout takes no labels, or how an image comes into the split cannot be told
            (nothing was changed); the disk is full; or what was written is not read as it was meant.
    """
    merger = _Merger(root, project, into, journal)
    merger.moves.finish_earlier()
    data = data_now(root, project)
    known = class_ids(project.classes)
    found = {item.key: image for item in wanted if (image := data.find(item.image_id, item.path))}
    strange = {item.key: name for item in wanted if (name := _unknown_class(item, known))}
    pairs = [(item, found[item.key]) for item in wanted if item.key in found and item.key not in strange]
    expected = merger.rendered(pairs)
    decided = {item.key: merger.decide(data, item, image, expected[item.key]) for item, image in pairs}
    became = [one for one in decided.values() if one is not None]
    became += [
        _waiting(item, item.path, f'the project has no class "{strange[item.key]}"')
        if item.key in strange
        else _waiting(item, item.path, "its content is nowhere in the dataset")
        for item in wanted
        if item.key not in decided
    ]
    became += merger.write(
        data, [(item, image) for item, image in pairs if decided[item.key] is None], expected
    )
    return sorted(became, key=lambda one: one.key)


def _unknown_class(item: Wanted, known: Collection[str]) -> str | None:
    return next((one.class_name for one in item.objects if plain_name(one.class_name) not in known), None)


class _Merger:
    def __init__(self, root: Path, project: Project, into: str, journal: Path) -> None:
        self.root = root
        self.project = project
        self.into = into
        self.folder = root / project.dataset.path
        self.inserter: Inserter = inserter_of(project)
        self.moves = Moves(root, project, self.inserter, journal)
        self.scheme = scheme_of(project)

    def decide(self, data: DataNow, item: Wanted, image: ImageNow, expected: str) -> Became | None:
        """What is known of an image before anything is written; None where it is to be labelled."""
        if image.assigned not in (None, POOL, self.into):
            return _waiting(
                item, image.path, f"it is in {image.assigned}, and was asked about for {self.into}"
            )
        if image.labels == expected and image.assigned == self.into:
            return Became(key=item.key, state="labelled", path=image.path, labels=expected)
        if straddled := data.straddled(image.group, self.into):
            names = " and ".join(sorted(straddled))
            return _waiting(
                item, image.path, f"its group {image.group} is in {names}: it would leak into {self.into}"
            )
        in_pool = image.assigned == POOL
        if image.labels is None:
            taken_out = bool(item.earlier) and image.assigned == self.into
            return self._kept(item, image, "its labels were removed") if taken_out else None
        if image.labels in (expected, *item.earlier) or (in_pool and image.labels == labels_digest(())):
            return None
        return self._kept(item, image, "it has other labels than were answered, which stay")

    def _kept(self, item: Wanted, image: ImageNow, why: str) -> Became:
        return Became(key=item.key, state="kept", path=image.path, labels=image.labels or "", why=why)

    def write(
        self,
        data: DataNow,
        chosen: Sequence[tuple[Wanted, ImageNow]],
        expected: Mapping[str, str],
    ) -> list[Became]:
        """Labels, moves, metadata, in this order; then everything is read again."""
        if not chosen:
            return []
        destination = destination_of(self.root, self.project, data, self.into)
        insertions = self._insertions(data, chosen, destination)
        self.inserter.insert(self.folder, self.scheme, list(insertions.values()))
        moves = {one.path: one.target for one in insertions.values() if one.path != one.target}
        self.moves.move(moves, {one.target: destination.cells for one in insertions.values()})
        return self._checked(chosen, expected)

    def _insertions(
        self, data: DataNow, chosen: Sequence[tuple[Wanted, ImageNow]], destination: Destination
    ) -> dict[str, Insertion]:
        """What is written, by key; nothing has been changed yet, so that all that can be refused is."""
        taken = {self._place(path): path for path in data.images}
        insertions = {}
        for item, image in sorted(chosen, key=lambda pair: pair[1].path):
            objects = labelled_objects(item.objects, self.project.classes)
            target = image.path
            if destination.split is not None:
                target = self.inserter.target(
                    self.folder, image.path, image.split, destination.split, objects
                )
            while taken.get(self._place(target), image.path) != image.path:
                plain = PurePosixPath(target)
                target = plain.with_name(f"{plain.stem}-{item.key[:6]}{plain.suffix}").as_posix()
            taken[self._place(target)] = image.path
            insertions[item.key] = Insertion(
                path=image.path,
                target=target,
                split=destination.split or image.split,
                width=image.width,
                height=image.height,
                objects=objects,
            )
        return insertions

    def _place(self, path: str) -> str:
        """What must not be shared: the image's name, or that of its label file, on whatever file system."""
        plain = PurePosixPath(path)
        return (plain.with_suffix("") if self.inserter.by_stem else plain).as_posix().casefold()

    def rendered(self, chosen: Sequence[tuple[Wanted, ImageNow]]) -> dict[str, str]:
        """The digests that labels have once they are written and read again, by key."""
        objects = {
            item.key: ((image.width, image.height), labelled_objects(item.objects, self.project.classes))
            for item, image in chosen
        }
        return rendered_labels(self.project, objects)

    def _checked(
        self, chosen: Sequence[tuple[Wanted, ImageNow]], expected: Mapping[str, str]
    ) -> list[Became]:
        """What the dataset says now.

        Raises:
            FlywheelError: an image is not labelled as it was answered, or in another split.
        """
        after = data_now(self.root, self.project)
        became = []
        for item, before in chosen:
            image = after.find(item.image_id, before.path)
            if image is None or image.labels != expected[item.key]:
                raise FlywheelError(
                    "what was written is not read as it was answered",
                    where=Where(f"{self.project.dataset.path}/{(image or before).path}"),
                    hint="this is a bug in flywheel: report it with this image's answers; "
                    f"dvc checkout {self.project.dataset.path}.dvc takes the change back",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            if image.assigned != self.into:
                raise FlywheelError(
                    f"it is labelled now, and flywheel.yaml puts it into {image.assigned or 'no split, or several'}, "
                    f"not into {self.into}",
                    where=Where(f"{self.project.dataset.path}/{image.path}"),
                    hint=f"correct splits.{self.into} or splits.{POOL} in flywheel.yaml, then run the same command again",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            became.append(Became(key=item.key, state="labelled", path=image.path, labels=image.labels))
        return became


def rendered_labels(
    project: Project, objects: Mapping[str, tuple[tuple[int, int], tuple[LabelledObject, ...]]]
) -> dict[str, str]:
    """The digests of labels as the dataset's layout reads them once they are written, by the images' keys.

    Args:
        objects: of each image, with its (width, height) in pixels.
    """
    if not objects:
        return {}
    inserter, layout = inserter_of(project), layout_of(project.dataset.layout)
    if isinstance(layout, CocoLayout):
        inserter, layout = CocoInserter(), CocoLayout()  # whatever its files are called
    scheme = scheme_of(project)
    by_folders = not TASKS[project.task].ranked
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names, items = {}, []
        for key, ((width, height), own) in objects.items():
            path = f"images/{key}.jpg"
            target = inserter.target(folder, path, None, "train", own) if by_folders else path
            names[target] = key
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            (folder / target).touch()
            items.append(
                Insertion(path=target, target=target, split=None, width=width, height=height, objects=own)
            )
        inserter.insert(folder, scheme, items)
        entries = layout.read(folder, index.resolve(project).scheme).entries
        return {names[entry.path]: labels_digest(entry.objects) for entry in entries}


def scheme_of(project: Project) -> Scheme:
    """What the dataset's labels are for."""
    return Scheme(task=project.task, classes=project.classes, keypoints=project.keypoints)


def _waiting(item: Wanted, path: str, why: str) -> Became:
    return Became(key=item.key, state="waiting", path=path, why=why)
