"""benchmark: each target in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_json
from runner.domain.records import Benchmark
from runner.stages import benchmark
from tests.models_fixture import SIZE, context, project, sprint


@pytest.fixture(scope="module")
def place(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("benchmark")
    shutil.copytree(tiny_root / "data", root / "data")
    shutil.copytree(context(tiny_root).folder, context(root).folder)
    return root


def test_every_target_is_measured_on_its_own(place: Path) -> None:
    params = benchmark.resolve(project(), sprint().export, sprint().benchmark)
    benchmark.run(context(place), params)
    result = read_json(context(place).folder / "benchmark.json", Benchmark)
    assert [each.target for each in result.targets] == ["torch", *(target.name for target in params.targets)]
    assert (result.device.kind, result.device.threads) == ("cpu", 1)
    for each in result.targets:
        assert 0 < each.latency_p50_ms <= each.latency_p95_ms <= each.latency_p99_ms
        assert each.throughput_ips > 0
        assert each.size_mb > 0
        assert (each.input_hw, each.iterations) == ((SIZE, SIZE), 10)
    memory = {each.target: each.peak_memory_mb for each in result.targets}
    assert max(memory[name] for name in memory if name != "torch") < memory["torch"]


def test_a_target_that_cannot_run_is_named(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place, tmp_path / "broken")
    context_ = context(tmp_path / "broken")
    (context_.folder / "exports" / "onnx-fp32" / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(FlywheelError) as caught:
        benchmark.run(context_, benchmark.resolve(project(), sprint().export, sprint().benchmark))
    assert caught.value.message.startswith("onnx-fp32 could not be measured: ")
    assert "the exported model cannot be loaded" in caught.value.message
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
