"""`embed`: the vectors of a project's images, computed where they are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

from runner.adapters.system import executors
from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.embeddings import AnySource, Setting
from runner.embeddings.kept import KeptVectors
from runner.planning.champion import trained
from runner.record.embedded import EmbeddedImages
from runner.stages import champion as champion_stage
from runner.stages import index
from runner.stages.index import read_dataset
from runner.workflow import fetching
from runner.workflow.holder import CONFIGURATION, holder

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Pictured:
    """An image of the dataset.

    Attributes:
        path: relative to the dataset's folder. `file`: where it lies.
        image_id: of its content.
        split: the layout's own.
    """

    path: str
    file: Path
    image_id: str
    split: str | None


def embed(root: Path, project: Project, source: AnySource, *, pull: bool, say: Say) -> EmbeddedImages:
    """Computes what is missing for the images of the dataset.

    Raises:
        FlywheelError: the data or the source is not here, or a file is no usable image any more.
    """
    with executors.chosen(project.compute.executor_name):
        images, unreadable = pictured(root, project)
        vectors = KeptVectors(source, setting_of(root, project, pull=pull, say=say))
        computed = vectors.complete({image.image_id: image.file for image in images})
    return EmbeddedImages(
        source=source.name,
        digest=vectors.digest,
        images=len(images),
        contents=computed.images,
        new=computed.new,
        unreadable=unreadable,
        numbers=vectors.get([images[0].image_id]).shape[1] if images else 0,
    )


def source_named(project: Project, name: str | None) -> AnySource:
    """The source that flywheel.yaml names, or another by its name, without options.

    Raises:
        FlywheelError: it needs options.
    """
    if name in (None, project.embeddings.__struct_config__.tag):
        return project.embeddings
    kind = next(kind for kind in get_args(AnySource) if kind.__struct_config__.tag == name)
    try:
        made: AnySource = kind()
    except TypeError:
        raise FlywheelError(
            f"the source {name} has options that flywheel.yaml does not give",
            where=Where(CONFIGURATION),
            hint=f"describe it there, as in: embeddings: {{source: {name}, path: models/own.onnx}}",
        ) from None
    return made


def setting_of(root: Path, project: Project, *, pull: bool, say: Say) -> Setting:
    """Where sources find the device and the champion's model, each looked up when it is first needed.

    Args:
        pull: whether the champion's model is fetched through DVC where it is not here.
    """
    from runner.adapters.system.machine import cpu_count, torch_device

    @cache
    def champion() -> Path:
        model = trained(root, holder(root, project, "embed with"))
        fetching.require_champion(root, model, pull=pull, say=say)
        return champion_stage.artefact(root, model)

    compute = project.compute
    return Setting(
        root=root,
        device=cache(lambda: torch_device(compute.device, compute.threads)),
        threads=compute.threads or cpu_count(),
        champion=champion,
    )


def pictured(root: Path, project: Project) -> tuple[list[Pictured], int]:
    """The usable images of the dataset, in the order of their paths, and how many of its files are none.

    Raises:
        FlywheelError: the dataset is not here, or holds no image.
    """
    from runner.dataset.measured import measure_dataset

    data = root / project.dataset.path
    entries = read_dataset(data, index.resolve(project)).entries
    measurements = measure_dataset(root, data, [entry.path for entry in entries]).images
    found = [
        Pictured(path=entry.path, file=data / entry.path, image_id=measured.image_id, split=entry.split)
        for entry, measured in zip(entries, measurements, strict=True)
        if measured.problem is None
    ]
    return found, len(entries) - len(found)
