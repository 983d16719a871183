"""Training: reproducible, quiet, offline, and clear when it cannot."""

from __future__ import annotations

import json
import math
import os
import pickletools
import shutil
from pathlib import Path
from typing import Any

import pytest

from runner.adapters.models.torch_models import load_model, save_model, state_digest
from runner.adapters.system.machine import cpu_device, torch_device
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_json
from runner.domain.records import CheckResult, Checks, Severity, Training
from runner.stages import train
from runner.stages.stage import StageContext
from tests.models_fixture import CLASSES, IMAGES, SIZE, context, project, sprint

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"


@pytest.fixture
def copied(tiny_root: Path, tmp_path: Path) -> StageContext:
    """The tiny sprint, to be trained anew."""
    shutil.copytree(tiny_root / "data", tmp_path / "data")
    shutil.copytree(
        context(tiny_root).folder,
        context(tmp_path).folder,
        ignore=shutil.ignore_patterns("exports", "weights"),
    )
    return context(tmp_path)


def _train(place: StageContext, **changes: Any) -> Training:
    train.run(place, train.resolve(project(), sprint(**changes).train))
    return read_json(place.folder / "training.json", Training)


def _trained(root: Path) -> Training:
    return read_json(context(root).folder / "training.json", Training)


def test_the_same_seed_gives_the_same_weights_bit_by_bit(tiny_root: Path, copied: StageContext) -> None:
    again = _train(copied, seeds=[0]).models[0]
    first = _trained(tiny_root).models[0]
    assert again.state_digest == first.state_digest
    stored = (context(tiny_root).folder / first.path, copied.folder / again.path)
    assert stored[0].read_bytes() == stored[1].read_bytes()
    assert stored[0].with_suffix(".json").read_bytes() == stored[1].with_suffix(".json").read_bytes()


def test_another_seed_gives_other_weights(tiny_root: Path) -> None:
    first, second = _trained(tiny_root).models
    assert (first.seed, second.seed) == (0, 1)
    assert first.state_digest != second.state_digest


def test_training_reaches_for_no_network_prints_nothing_and_leaves_the_home_alone(tiny_root: Path) -> None:
    process = json.loads((tiny_root / "process.json").read_text())
    ours = [
        name
        for name in process["home"]
        if not name.startswith((".cache/matplotlib/", ".cache/flywheel/numba-"))
    ]
    assert (process["attempts"], process["stdout"], process["stderr"], ours) == ([], "", "", [])


def test_record_tells_what_was_trained(tiny_root: Path) -> None:
    training = _trained(tiny_root)
    assert training.base_model == "yolo11n.yaml"
    assert training.class_names == CLASSES
    assert (training.imgsz, training.images) == (SIZE, IMAGES["train"])
    assert (training.device.kind, training.device.threads) == ("cpu", 1)
    model = training.models[0]
    assert model.parameters > 2_000_000
    assert model.warnings == []
    assert [epoch.epoch for epoch in model.epochs] == [1]
    values = model.epochs[0].values
    assert {"train/box_loss", "val/box_loss", "metrics/mAP50(B)", "metrics/mAP50-95(B)"} <= set(values)
    assert all(math.isfinite(value) for value in values.values())


def test_curves_have_one_row_per_seed_and_epoch(tiny_root: Path) -> None:
    lines = (context(tiny_root).folder / "plots" / "training.csv").read_text().splitlines()
    assert lines[0] == (
        "seed,epoch,val_map50_95,val_map50,val_precision,val_recall,"
        "train_box_loss,train_cls_loss,train_dfl_loss,val_box_loss,val_cls_loss,val_dfl_loss"
    )
    assert [line.split(",")[:2] for line in lines[1:]] == [["0", "1"], ["1", "1"]]


def test_nothing_that_is_written_is_a_pickle(tiny_root: Path) -> None:
    files = [path for path in context(tiny_root).folder.rglob("*") if path.is_file()]
    assert not [path.name for path in files if path.suffix in (".pt", ".pth", ".pkl", ".cache")]
    for path in files:
        with pytest.raises(Exception):  # noqa: B017 - any refusal will do
            list(pickletools.genops(path.read_bytes()))


def test_stored_model_is_rebuilt_with_its_weights(tiny_root: Path) -> None:
    model = _trained(tiny_root).models[0]
    module, record = load_model(context(tiny_root).folder / model.path)
    assert state_digest(module.state_dict()) == model.state_digest == record.state_digest
    assert (record.class_names, record.imgsz, record.seed, record.epoch) == (CLASSES, SIZE, 0, 1)


def test_damaged_weights_are_refused(tiny_root: Path, tmp_path: Path) -> None:
    source = context(tiny_root).folder / _trained(tiny_root).models[0].path
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes()[:-100])
    shutil.copy(source.with_suffix(".json"), path.with_suffix(".json"))
    with pytest.raises(FlywheelError) as caught:
        load_model(path)
    assert caught.value.message.startswith("cannot be read as the model that seed-0.json describes: ")


def test_an_earlier_sprints_weights_can_be_trained_on(tiny_root: Path, copied: StageContext) -> None:
    (copied.root / "weights").mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(context(tiny_root).folder / "weights" / f"seed-1{suffix}", copied.root / "weights")
    trained = _train(copied, model="weights/seed-1.safetensors", seeds=[0]).models[0]
    assert trained.state_digest != _trained(tiny_root).models[0].state_digest


def test_pretrained_weights_keep_their_class_branch(copied: StageContext) -> None:
    weights = SHARED_WEIGHTS / "yolo11n_rebuilt.pt"
    if not weights.is_file():
        pytest.skip(f"{weights.name} is not beside this repository")
    (copied.root / "weights").mkdir()
    shutil.copy(weights, copied.root / "weights" / "base.pt")
    trained = _train(copied, model="weights/base.pt", seeds=[0]).models[0]
    module, record = load_model(copied.folder / trained.path)
    assert record.base_classes == 80
    assert module.model[-1].cv3[0][-1].weight.shape[:2] == (len(CLASSES), 80)


def test_diverging_training_says_what_to_change(tiny_root: Path, copied: StageContext) -> None:
    module, record = load_model(context(tiny_root).folder / "weights" / "seed-0.safetensors")
    state = module.state_dict()
    state["model.0.conv.weight"].fill_(math.nan)
    save_model(copied.root, record, state)
    with pytest.raises(FlywheelError) as caught:
        _train(copied, model="seed-0.safetensors", seeds=[0])
    assert str(caught.value) == (
        "training diverged: the loss is not finite after epoch 1\n"
        "  hint: lower train.lr0 (or set it, with an optimizer), or lengthen train.warmup_epochs"
    )
    assert not (copied.folder / "weights").exists()


def test_failed_checks_stop_training(copied: StageContext) -> None:
    from runner.domain.files import write_json

    failed = CheckResult(
        id="corrupt_files", description="", severity=Severity.ERROR, success=False, checked=8, unexpected=2
    )
    write_json(copied.folder / "checks.json", Checks(results=[failed]))
    with pytest.raises(FlywheelError) as caught:
        _train(copied)
    assert str(caught.value) == (
        f"{copied.folder}/checks.json: training was not started, because data checks failed: corrupt_files\n"
        "  hint: correct the data or loosen the check; the report names the rows"
    )
    assert caught.value.exit_code is ExitCode.STAGE_FAILED


@pytest.mark.parametrize("model", ["../x.pt", "/etc/x.pt", "weights/../../x.pt", "link/x.pt"])
def test_weights_outside_the_repository_are_refused(copied: StageContext, tmp_path: Path, model: str) -> None:
    (copied.root / "link").symlink_to(tmp_path)
    with pytest.raises(FlywheelError) as caught:
        _train(copied, model=model)
    assert caught.value.message == (
        f"{model}: a weights file must lie inside the repository, and not behind a symlink"
    )


def test_only_a_weights_file_is_an_input_of_the_stage() -> None:
    def inputs(model: str) -> tuple[str, ...]:
        return train.STAGE.inputs(train.resolve(project(), sprint(model=model).train))

    assert inputs("yolo11n.yaml") == ()
    assert inputs("weights/base.pt") == ("weights/base.pt",)


def test_full_disk_is_reported_and_leaves_no_half_written_weights(
    copied: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("runner.adapters.models.yolo_folder.lay_out", full)
    with pytest.raises(FlywheelError) as caught:
        _train(copied)
    assert caught.value.message == "no space left on the device while writing"
    assert [path.name for path in copied.folder.iterdir() if "weights" in path.name] == []


def test_interrupt_passes_through(copied: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.adapters.models.ultralytics_training._overrides", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _train(copied)
    assert not (copied.folder / ".weights.partial").exists()


def test_absent_gpu_is_an_error_when_named_and_the_cpu_when_automatic() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(FlywheelError) as caught:
        torch_device("cuda:1", None)
    assert str(caught.value) == (
        'compute.device is "cuda:1", but PyTorch finds 0 CUDA devices on this machine\n'
        '  hint: set compute.device to "auto" or "cpu" in flywheel.yaml, or run on a machine with that GPU'
    )
    assert torch_device("auto", 3) == cpu_device(3)


def test_options_that_ultralytics_refuses_are_reported(copied: StageContext) -> None:
    with pytest.raises(FlywheelError) as caught:
        _train(copied, freeze=100, seeds=[0])
    assert caught.value.message.startswith(
        "Ultralytics cannot train like this: 'freeze=100' froze the entire model"
    )
    assert caught.value.hint == "change the options under `train` in the spec"
