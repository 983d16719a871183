"""What is compiled for DVC fits what the stages write."""

from __future__ import annotations

from runner.assessment.curves import CONFIDENCE_COLUMNS, PRECISION_RECALL_COLUMNS
from runner.domain.records import Device, Epoch, TrainedModel, Training
from runner.stages.kinds import SPRINT
from runner.stages.train import training_csv


def test_every_plot_names_columns_of_the_table_that_its_stage_writes() -> None:
    epoch = Epoch(epoch=1, values={"metrics/mAP50-95(B)": 0.5, "train/box_loss": 1.0})
    model = TrainedModel(seed=0, path="", state_digest="", parameters=1, epochs=[epoch], seconds=1.0)
    training = Training(
        framework="ultralytics",
        framework_version="",
        base_model="",
        class_names=["cat"],
        imgsz=64,
        device=Device(kind="cpu", name="", threads=1, cpu_count=1),
        images=1,
        models=[model],
    )
    columns = {
        "plots/training.csv": training_csv(training).splitlines()[0].split(","),
        "plots/precision_recall.csv": list(PRECISION_RECALL_COLUMNS),
        "plots/f1_confidence.csv": list(CONFIDENCE_COLUMNS),
    }
    for stage in SPRINT.stages:
        for plot in stage.plots:
            for file, axes in plot.items():
                assert {axes["x"], axes["y"]} <= set(columns.pop(file))
    assert not columns
