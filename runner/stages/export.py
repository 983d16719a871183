"""export: the first seed's model in every format that the spec names."""

from __future__ import annotations

from pathlib import Path

from runner.config.project import Project
from runner.domain.files import atomic_folder
from runner.domain.progress import progress_bar
from runner.domain.records import Record
from runner.exporters import ExportOptions
from runner.exporters.artefact import ExportJob
from runner.record.catalogue import EXPORTS, EXPORTS_FOLDER, SELECTION_FOLDER, TRAINING, WEIGHTS_FOLDER
from runner.stages.stage import Stage, StageContext


class ExportParams(Record, frozen=True, kw_only=True):
    """What the artefacts depend on, besides the weights."""

    dataset: str
    targets: list[ExportOptions]


def resolve(project: Project, targets: list[ExportOptions]) -> ExportParams:
    """The export targets, and where calibration images lie."""
    return ExportParams(dataset=project.dataset.path, targets=targets)


def run(context: StageContext, params: ExportParams) -> None:
    """Writes every artefact, and what they are."""
    from runner.adapters.tables.selected import selected_paths

    manifest = context.folder / SELECTION_FOLDER.name / "manifest.parquet"
    dataset = context.data(params.dataset)
    weights = context.folder / TRAINING.read(context.folder).models[0].path

    def images(split: str) -> list[Path]:
        return [dataset / path for path in selected_paths(manifest, split)]

    exported = []
    with (
        atomic_folder(context.folder / EXPORTS_FOLDER.name) as folder,
        progress_bar("export", len(params.targets), "target") as bar,
    ):
        job = ExportJob(weights=weights, images=images, folder=folder)
        for target in params.targets:
            bar.set_postfix_str(target.name)
            exported.append(target.export(job))
            bar.update()
    EXPORTS.write(context.folder, exported)


STAGE = Stage(
    name="export",
    version=3,
    params_type=ExportParams,
    run=run,
    reads=(WEIGHTS_FOLDER, TRAINING, SELECTION_FOLDER),
    looks_at=lambda params: tuple(sorted({split for target in params.targets for split in target.looks_at})),
    writes=(EXPORTS_FOLDER, EXPORTS),
)
