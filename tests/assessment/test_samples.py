"""Samples come back as they were stored, with the luck of training beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.assessment.cells import CellSample
from runner.assessment.samples import StoredSamples, read_samples, write_samples


def cell(target: str, estimate: float, *, slice_name: str | None = None, resamples: int = 3) -> CellSample:
    replicates = np.full(resamples, estimate)
    replicates[:1] = np.nan
    return CellSample(
        target=target,
        slice=slice_name,
        class_name=None,
        metric="map50",
        estimate=estimate,
        groups=7,
        replicates=replicates,
    )


@pytest.fixture
def stored(tmp_path: Path) -> StoredSamples:
    cells = [
        cell("torch", 0.5),
        cell("torch", 0.25, slice_name="dark"),
        cell("onnx-fp32", 0.46),
        cell("torch-seed-1", 0.54, resamples=0),
        cell("torch-seed-2", 0.48, resamples=0),
        cell("champion", 0.4),
    ]
    write_samples(tmp_path / "resamples.parquet", cells)
    return read_samples(tmp_path / "resamples.parquet")


def test_a_sample_comes_back_as_it_was_stored(stored: StoredSamples) -> None:
    found = stored.get("torch", "dark", None, "map50")
    assert found is not None
    assert (found.estimate, found.groups, found.seeds) == (0.25, 7, ())
    np.testing.assert_array_equal(found.replicates, [np.nan, 0.25, 0.25])


def test_what_was_not_stored_is_none(stored: StoredSamples) -> None:
    assert stored.get("torch", "bright", None, "map50") is None
    assert stored.get("torch-seed-1", None, None, "map50") is None


def test_an_export_has_its_torch_models_seeds_moved_by_what_the_export_changed(stored: StoredSamples) -> None:
    torch, export = (stored.get(target, None, None, "map50") for target in ("torch", "onnx-fp32"))
    assert torch is not None
    assert export is not None
    assert torch.seeds == pytest.approx((0.54, 0.48))
    assert export.seeds == pytest.approx((0.50, 0.44))


def test_the_champion_is_one_model_without_seeds(stored: StoredSamples) -> None:
    champion = stored.get("champion", None, None, "map50")
    assert champion is not None
    assert champion.seeds == ()
