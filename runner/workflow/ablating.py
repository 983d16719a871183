"""`ablate`: twins of a sprint's model, trained on the strategy's images or on as many of the control arm; what the choice caused.

Nothing of the sprint changes but caused.json and what the report says of it. A twin that was trained is kept below `.flywheel/`, so that
a run that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.labelling import CONTROL_ARM, GOLD_ARM
from runner.domain.worth import Ablation
from runner.planning.earlier_sprints import params_in, recipe_in
from runner.planning.records import Action
from runner.planning.resolve import params_of
from runner.planning.situation import Situation
from runner.planning.stages import UNCHANGED
from runner.record.catalogue import (
    BATCH_IMAGES,
    CAUSED,
    INDEX_FOLDER,
    PIPELINE,
    SELECTION,
    SELECTION_FOLDER,
    WEIGHTS_FOLDER,
)
from runner.record.labelling import read_batch
from runner.stages import ancestry, evaluate, train
from runner.stages.train import TrainParams
from runner.tasks import TASKS
from runner.workflow.judging.report import report
from runner.workflow.load import load
from runner.workflow.locking import sprint_lock

Say = Callable[[str], None]
KEPT = Path(".flywheel") / "ablations"
LEAST_PAIRS = 2
"""One pair of twins cannot tell the choice from luck."""


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Images of the batch that the sprint trains on, by path, in an order that chance gave them: the strategies', the control arm's."""

    chosen: list[str]
    control: list[str]

    def images(self, pairs: int) -> int:
        """In each twin: as many of either arm, and no image in two pairs."""
        return min(len(self.chosen), len(self.control)) // pairs

    @property
    def all(self) -> frozenset[str]:
        return frozenset((*self.chosen, *self.control))


def ablate(root: Path, name: str | None, *, pairs: int, say: Say) -> Ablation:
    """Trains the twins that are not there yet, compares them, and writes caused.json and the report again.

    Raises:
        FlywheelError: the sprint has no batch with a control arm in training, or too small a one; it has not run as its spec says, or
            its index and selection are not here; or a training failed.
    """
    situation = load(root, name)
    _require_ran(situation)
    arms = _arms(situation)
    images = _images(situation, arms, pairs)
    params = params_of(situation.stages, train.STAGE)
    with sprint_lock(root, situation.name):
        files = []
        for pair in range(pairs):
            say(f"pair {pair + 1} of {pairs}: two trainings on {images} images of the batch each")
            own = slice(pair * images, (pair + 1) * images)
            files.append(
                (
                    _twin(situation, params, arms, arms.chosen[own], pair),
                    _twin(situation, params, arms, arms.control[own], pair),
                )
            )
        made = _compared(situation, params, arms, images, files)
        CAUSED.write(situation.folder, made)
    report(root, situation.name)
    return made


def _require_ran(situation: Situation) -> None:
    needed = {"index", "select", "train"}
    for plan in situation.plans:
        if plan.stage not in needed:
            continue
        if plan.action is Action.CACHED and (plan.reasons == [UNCHANGED] or plan.absent_only):
            absent = [path for path in plan.stored if plan.stage != "train"] if plan.absent_only else []
            if not absent:
                continue
            message, hint = (
                f"{', '.join(absent)} is not here, only in DVC",
                f"dvc pull {PIPELINE.of(situation.name)}",
            )
        else:
            message, hint = f"not run as the spec now says: {plan.stage}", f"flywheel run {situation.name}"
        raise FlywheelError(
            message, where=Where(f"specs/{situation.name}.yaml"), hint=hint, exit_code=ExitCode.STAGE_FAILED
        )


def _arms(situation: Situation) -> Arms:
    """
    Raises:
        FlywheelError: no batch was drawn for the sprint.
    """
    import numpy as np

    from runner.adapters.tables.parquet import read_table

    batch = read_batch(situation.folder)
    if not batch:
        raise FlywheelError(
            "there is no batch whose strategy could have caused anything",
            where=Where(BATCH_IMAGES.of(situation.name)),
            hint="draw one with a control arm, have it labelled, and run the sprint: flywheel batch",
        )
    manifest = read_table(_manifest(situation), ["path", "image_id", "assigned", "selected"])
    used = manifest["selected"].astype(bool) & (manifest["assigned"] == "train")
    paths = dict(zip(manifest["image_id"][used].tolist(), manifest["path"][used].tolist(), strict=True))
    shuffled = np.random.default_rng(0).permutation(len(batch)).tolist()
    order = [batch[place] for place in shuffled if batch[place].image_id in paths]
    return Arms(
        chosen=[paths[image.image_id] for image in order if image.arm not in (CONTROL_ARM, GOLD_ARM)],
        control=[paths[image.image_id] for image in order if image.arm == CONTROL_ARM],
    )


def _images(situation: Situation, arms: Arms, pairs: int) -> int:
    images = arms.images(pairs)
    if images:
        return images
    raise FlywheelError(
        f"{pairs} pairs need {pairs} images of each kind in training, and there are {len(arms.chosen)} that a strategy picked "
        f"and {len(arms.control)} of the control arm",
        where=Where(BATCH_IMAGES.of(situation.name)),
        hint=f"give the control arm a larger share of the next batch: annotation.batch.mix: {{…, {CONTROL_ARM}: 0.3}}",
    )


def _twin(situation: Situation, params: TrainParams, arms: Arms, own: Sequence[str], pair: int) -> Path:
    """The predictions of one twin on the test split; trained now where that was not done yet."""
    without = arms.all - set(own)
    seed = params.trainer.seeds[0] + pair
    selection = SELECTION.read(situation.folder).digest
    told = "\n".join((selection, _recipe(situation), str(seed), *sorted(own)))
    file = (
        situation.root / KEPT / situation.name / f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.parquet"
    )
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        _train(situation, params, without, seed, file)
    return file


def _train(
    situation: Situation, params: TrainParams, without: Collection[str], seed: int, file: Path
) -> None:
    from runner.adapters.system.machine import torch_device
    from runner.adapters.system.private_folders import out_of_reach
    from runner.adapters.tables.parquet import read_table, write_table
    from runner.adapters.tables.selected import SelectedData, selected_paths
    from runner.exporters.opened import open_model
    from runner.stages.predict import predict_all
    from runner.trainers.job import TrainingJob

    root, folder = situation.root, situation.folder
    with tempfile.TemporaryDirectory(dir=file.parent) as temporary, out_of_reach():
        work = Path(temporary)
        table = dict(read_table(_manifest(situation)))
        table["selected"] = table["selected"].astype(bool) & [
            path not in without for path in table["path"].tolist()
        ]
        write_table(work / "manifest.parquet", table)
        out = work / WEIGHTS_FOLDER.name
        out.mkdir()
        index = folder / INDEX_FOLDER.name
        data = SelectedData(
            dataset=root / params.dataset,
            manifest=work / "manifest.parquet",
            images=index / "images.parquet",
            objects=index / "objects.parquet",
        )
        trained = msgspec.structs.replace(params.trainer, seeds=[seed]).train(
            TrainingJob(
                root=root,
                data=data,
                spec=params.task,
                device=params.device,
                threads=params.threads,
                out=out,
                base=ancestry.weights_of(root, params.ancestor) if params.ancestor else None,
            )
        )
        model = open_model(work / trained.models[0].path, torch_device(params.device, params.threads))
        tested = selected_paths(_manifest(situation), "test")
        predict_all({"twin": model}, root / params.dataset, tested)["twin"].write(file)


def _compared(
    situation: Situation, params: TrainParams, arms: Arms, images: int, files: Sequence[tuple[Path, Path]]
) -> Ablation:
    from runner.assessment.twins import Twins, caused_gains

    told = params_of(situation.stages, evaluate.STAGE)
    task = TASKS[told.task.name](spec=told.task, operating_confidence=told.operating_confidence)
    gains = caused_gains(
        situation.folder,
        task,
        Twins(images=images, pairs=files),
        metric=told.optimizing,
        slices=told.slices,
        confidence=told.confidence,
    )
    return Ablation(
        selection=SELECTION.read(situation.folder).digest,
        recipe=_recipe(situation),
        chosen=len(arms.chosen),
        control=len(arms.control),
        images=images,
        seeds=[params.trainer.seeds[0] + pair for pair in range(len(files))],
        gains=gains,
    )


def _recipe(situation: Situation) -> str:
    """The digest of what the sprint's training was told."""
    return recipe_in(params_in(situation.folder))


def _manifest(situation: Situation) -> Path:
    return situation.folder / SELECTION_FOLDER.name / "manifest.parquet"
