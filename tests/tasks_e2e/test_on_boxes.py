"""Models of other labels beside one another: both on the boxes of the sprint's masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np

from runner.adapters.tables.parquet import read_table, write_table
from runner.domain.evaluation import Evaluation
from runner.domain.files import read_json
from runner.domain.task import TaskSpec
from runner.evaluation.intervals import difference
from runner.stages import evaluate
from runner.stages.kinds import SPRINT, SprintInputs
from runner.stages.on_boxes import samples_on_boxes
from tests.task_sprints import context, project, sprint


def test_masks_and_boxes_are_compared_on_boxes_and_paired(task_root: Path, tmp_path: Path) -> None:
    folder = context(task_root, "segment").folder
    inputs = SprintInputs(project=project("segment"), sprint=sprint("segment"))
    params = next(told for stage, told in SPRINT.resolved(inputs) if stage is evaluate.STAGE)
    assert isinstance(params, evaluate.EvaluateParams)
    # Of a detector there is no mask, and its boxes are off by a fifth of their height.
    other = tmp_path / "other"
    shutil.copytree(folder / "predictions", other / "predictions")
    for file in (other / "predictions").glob("*.parquet"):
        table = {name: values for name, values in read_table(file).items() if name != "mask_rle"}
        height = table["y_max"] - table["y_min"]
        for name in ("y_min", "y_max"):
            table[name] = table[name] + np.float32(0.2) * height
        write_table(file, table)
    boxes = msgspec.structs.replace(params, task=TaskSpec(name="detect", classes=params.task.classes))

    own, its = samples_on_boxes(folder, other, params, boxes, metric="map50_95")
    assert own is not None
    assert its is not None
    same, again = samples_on_boxes(folder, folder, params, params, metric="map50_95")
    assert same is not None
    assert again is not None
    assert same.estimate == again.estimate == own.estimate > its.estimate
    assert not difference(same, again).replicates.any()
    assert (difference(own, its).replicates > 0).mean() > 0.9
    masks = read_json(folder / "evaluation.json", Evaluation).targets
    assert (
        own.estimate != next(each for each in masks if each.target == params.primary_target).overall.map50_95
    )
