"""Nothing is lost and nothing doubled, whatever goes wrong on the way: benchmarks/annotation_faults.py counts all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labelling.fault_matrix import FAULTS, LAYOUTS, Fault, happened, killed_everywhere


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_loses_and_doubles_nothing(fault: Fault, tmp_path: Path) -> None:
    layout = LAYOUTS[FAULTS.index(fault) % 2]  # the benchmark has all of them in all layouts
    found = happened(tmp_path / "project", layout, fault)
    assert (found.lost, found.doubled, found.other) == (0, 0, [])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_labels_get_into_every_layout(layout: str, tmp_path: Path) -> None:
    found = happened(tmp_path / "project", layout, FAULTS[1])
    assert (found.lost, found.doubled, found.other) == (0, 0, [])


@pytest.mark.parametrize("layout", ["yolo", "coco"])
def test_a_pull_that_is_killed_anywhere_is_finished_by_the_next(layout: str, tmp_path: Path) -> None:
    found = killed_everywhere(tmp_path, layout)
    assert found.injected >= 6
    assert (found.lost, found.doubled, found.other) == (0, 0, [])
