"""committee: what else is predicted on the pool, to be compared with what the champion's artefact predicts there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.files import atomic_folder
from runner.domain.records import POOL, Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import SELECTION, SELECTION_FOLDER, WEIGHTS_FOLDER
from runner.record.scoring import COMMITTEE_FOLDER
from runner.stages.champion import artefact, of_classes
from runner.stages.stage import Stage, StageContext, images_of

if TYPE_CHECKING:
    from runner.adapters.models.decoding import Decoder
    from runner.adapters.models.inference import Floats, Letterbox
    from runner.adapters.pictures.pixels import Pixels

MIRRORED = "mirrored"  # the table of what is predicted on mirrored images, in their own pixels


class CommitteeParams(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the predictions depend on, besides the images.

    Attributes:
        champion: what it ships.
        members: further artefacts of its sprint: where each lies in the sprint's folder, by the name of its table.
        digests: DVC's hashes of the folders that hold them.
        mirrored: whether what the champion ships is run on mirrored images too.
    """

    champion: ResolvedChampion
    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    members: dict[str, str] = {}
    digests: dict[str, str] = {}
    mirrored: bool = False
    split: str = POOL

    def member(self, name: str) -> ResolvedChampion:
        """One of the further artefacts."""
        path = self.members[name]
        folder = path.partition("/")[0]
        target = REFERENCE_TARGET if folder == WEIGHTS_FOLDER.name else name
        return replace(self.champion, target=target, path=path, digest=self.digests[folder])


def resolve(
    project: Project,
    champion: ResolvedChampion | None,
    members: Mapping[str, ResolvedChampion],
    *,
    mirrored: bool,
) -> CommitteeParams | None:
    """None where nothing else is asked for."""
    if champion is None or not (members or mirrored):
        return None
    return CommitteeParams(
        champion=champion,
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
        members={name: member.path for name, member in members.items()},
        digests={member.path.partition("/")[0]: member.digest for member in members.values()},
        mirrored=mirrored,
    )


def run(context: StageContext, params: CommitteeParams) -> None:
    """Writes one table of predictions per member.

    Raises:
        FlywheelError: an artefact is not in DVC's cache, or cannot be run by this version.
    """
    from runner.adapters.system.machine import torch_device
    from runner.adapters.tables.parquet import write_table
    from runner.exporters.opened import open_model
    from runner.stages.predict import predict_split

    device = torch_device(params.device, params.threads)
    with atomic_folder(context.folder / COMMITTEE_FOLDER.name) as folder:
        for name in params.members:
            model = open_model(artefact(context.root, params.member(name)), device)
            table = predict_split(context, {name: model}, params.dataset, params.split)[name]
            write_table(folder / f"{name}.parquet", of_classes(table.columns(), params.task.classes))
        if params.mirrored:
            model = open_model(artefact(context.root, params.champion), device)
            turned = dataclasses.replace(model, decoder=Mirrored(model.decoder))
            table = predict_split(context, {MIRRORED: turned}, params.dataset, params.split)[MIRRORED]
            write_table(folder / f"{MIRRORED}.parquet", of_classes(table.columns(), params.task.classes))


class Mirrored:
    """A decoder that is given mirrored images; what it finds is in pixels of those."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.decode = decoder.decode
        self.columns = decoder.columns
        self.outputs = decoder.outputs
        self.decoding = decoder.decoding
        self.model_type = decoder.model_type
        self.preprocessing = decoder.preprocessing

    def preprocess(self, image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        """The image `(H, W, 3)`, turned left to right, as the model's input."""
        import numpy as np

        return self._decoder.preprocess(np.ascontiguousarray(image[:, ::-1]), input_hw)


STAGE = Stage(
    name="committee",
    version=1,
    params_type=CommitteeParams,
    run=run,
    reads=(SELECTION_FOLDER, SELECTION),
    looks_at=lambda params: (params.split,),
    writes=(COMMITTEE_FOLDER,),
    work=lambda params, selection: (
        float(images_of(selection, params.split)) * (len(params.members) + params.mirrored)
    ),
)
