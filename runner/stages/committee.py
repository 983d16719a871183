"""committee: what else is predicted on the pool, to be compared with what the champion's artefact predicts there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.files import atomic_folder
from runner.domain.records import POOL, Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import SELECTION, SELECTION_FOLDER
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
        members: further artefacts of the champion's sprint, by the names of their tables.
        mirrored: what the champion ships, where it is also run on mirrored images.
    """

    members: dict[str, ResolvedChampion]
    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    mirrored: ResolvedChampion | None = None
    split: str = POOL


def resolve(
    project: Project, members: dict[str, ResolvedChampion], mirrored: ResolvedChampion | None
) -> CommitteeParams | None:
    """None where nothing else is asked for."""
    if not members and mirrored is None:
        return None
    return CommitteeParams(
        members=members,
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
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
        for name, member in params.members.items():
            model = open_model(artefact(context.root, member), device)
            table = predict_split(context, {name: model}, params.dataset, params.split)[name]
            write_table(folder / f"{name}.parquet", of_classes(table.columns(), params.task.classes))
        if params.mirrored is not None:
            model = open_model(artefact(context.root, params.mirrored), device)
            turned = replace(model, decoder=Mirrored(model.decoder))
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
    writes=(COMMITTEE_FOLDER,),
    work=lambda params, selection: float(images_of(selection, params.split)) * (len(params.members) + 1),
)
