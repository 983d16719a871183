"""predict: one table per model, on the test split."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.tables.parquet import read_table
from runner.domain.errors import ExitCode, FlywheelError
from runner.stages import predict
from runner.stages.stage import StageContext
from tests.models_fixture import CLASSES, context, project, sprint

TARGETS = ["torch", "torch-seed-1", *(target.name for target in sprint().export)]


@pytest.fixture(scope="module")
def predicted(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    root = tmp_path_factory.mktemp("predict")
    shutil.copytree(tiny_root / "data", root / "data")
    shutil.copytree(context(tiny_root).folder, context(root).folder)
    predict.run(context(root), predict.resolve(project(), sprint().export))
    return context(root)


def test_every_model_has_a_table(predicted: StageContext) -> None:
    found = sorted(path.name for path in (predicted.folder / "predictions").iterdir())
    assert found == sorted(f"{target}.parquet" for target in TARGETS)


def test_tables_hold_test_images_and_the_projects_classes_only(predicted: StageContext) -> None:
    for target in TARGETS:
        rows = read_table(predicted.folder / "predictions" / f"{target}.parquet")
        assert set(rows["path"]) <= {f"images/test/{number}.png" for number in range(3)}
        assert all(
            CLASSES[number] == name for number, name in zip(rows["class_id"], rows["class"], strict=True)
        )


def test_export_in_full_precision_finds_what_the_torch_model_does(predicted: StageContext) -> None:
    reference = read_table(predicted.folder / "predictions" / "torch.parquet")
    assert len(reference["path"])
    for target in ("onnx-fp32", "openvino-fp32"):
        rows = read_table(predicted.folder / "predictions" / f"{target}.parquet")
        assert np.allclose(np.sort(rows["score"]), np.sort(reference["score"]), atol=1e-5)


def test_predicting_again_gives_the_same_bytes(predicted: StageContext) -> None:
    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (predicted.folder / "predictions").iterdir()}

    before = contents()
    predict.run(predicted, predict.resolve(project(), sprint().export))
    assert contents() == before


def test_a_model_with_other_classes_is_refused(predicted: StageContext) -> None:
    changed = project(classes=["square", "ring"])
    with pytest.raises(FlywheelError) as caught:
        predict.run(predicted, predict.resolve(changed, sprint().export))
    assert str(caught.value) == (
        "flywheel.yaml: the model's classes (square, disc) are not the project's (square, ring)\n"
        "  hint: train again with the current class map: flywheel run"
    )


def test_a_model_of_another_task_is_refused(predicted: StageContext) -> None:
    with pytest.raises(FlywheelError) as caught:
        predict.run(predicted, predict.resolve(project(task="segment"), sprint().export))
    assert caught.value.message == "the model's task is detect, not the project's segment"


def test_missing_test_image_leaves_the_old_predictions(predicted: StageContext) -> None:
    image = predicted.root / "data" / "images" / "test" / "1.png"
    content = image.read_bytes()
    image.unlink()
    try:
        with pytest.raises(FlywheelError) as caught:
            predict.run(predicted, predict.resolve(project(), sprint().export))
    finally:
        image.write_bytes(content)
    assert caught.value.message == "the image cannot be used: file not found"
    assert (predicted.folder / "predictions" / "torch.parquet").is_file()
    assert not (predicted.folder / ".predictions.partial").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_gives_no_numbers_does_not_pass_for_one_that_finds_nothing(value: float) -> None:
    sound, broken = np.zeros((1, 6, 9), np.float32), np.full((1, 6, 9), value, np.float32)
    predict.require_numbers((sound,), "torch", "images/test/1.png")
    for target, hint in (
        ("torch", "a smaller train.lr0"),
        ("onnx-int8", "leave this format or precision out"),
    ):
        with pytest.raises(FlywheelError, match=f"{target} gives NaN or infinite numbers") as caught:
            predict.require_numbers((sound, broken), target, "images/test/1.png")
        assert str(caught.value.where) == "images/test/1.png"
        assert hint in str(caught.value.hint)
        assert caught.value.exit_code is ExitCode.STAGE_FAILED
