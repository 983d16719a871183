"""A batch drawn again from what it rests on: what is found, and what is only said since something is not here as it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from planted_scoring import FOLDER, drawing, plant, project

from runner.config.load import LoadedSprint
from runner.config.sprint import Sprint
from runner.record.catalogue import BATCH, BATCH_IMAGES, sprint_folder
from runner.record.labelling import write_batch
from runner.strategies.mix import Mix
from runner.workflow.verifying.batch_again import BatchAgain, batch_again

SPRINT, OTHER = "0002-more", "0003-other"
CSV = BATCH_IMAGES.of(SPRINT)
MIX = {"random": 1}


def loaded(**batch: Any) -> LoadedSprint:
    spec = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "More",
        "train": {"framework": "ultralytics", "model": "yolo11n.yaml", "epochs": 1},
        "annotation": {"strategy": "boxes", "batch": {"size": 4, "mix": MIX, **batch}},
    }
    return LoadedSprint(
        name=SPRINT,
        path=f"specs/{SPRINT}.yaml",
        sprint=msgspec.convert(spec, Sprint),
        gate_sources=[],
        policy_sources=[],
        claim_source="",
        raw_sha256="",
    )


def draw(root: Path, sprint: str, beside: list[str]) -> None:
    made = drawing(root, plant(root), Mix(random=1), sprint=sprint, beside=beside, champion=None)
    batch, images = made.draw()
    write_batch(sprint_folder(root, sprint), images)
    BATCH.write(sprint_folder(root, sprint), batch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sprints have a batch each, the second one beside the first."""
    draw(tmp_path, OTHER, [])
    draw(tmp_path, SPRINT, [OTHER])
    return tmp_path


def again(root: Path, **batch: Any) -> BatchAgain:
    return batch_again(root, project(), loaded(**batch))


def test_the_same_batch_comes_out_of_the_same_evidence(root: Path) -> None:
    found = again(root)
    assert (found.rebuilt, found.findings, found.notes) == ([BATCH_IMAGES.name, BATCH.name], [], [])


def test_another_image_and_another_count_are_found(root: Path) -> None:
    folder = sprint_folder(root, SPRINT)
    (folder / BATCH_IMAGES.name).write_text(
        (folder / BATCH_IMAGES.name).read_text().replace("place 1 of", "place 9 of")
    )
    BATCH.write(folder, msgspec.structs.replace(BATCH.read(folder), labels=1.0))
    found = again(root)
    assert [each.file for each in found.findings] == [CSV, BATCH.of(SPRINT)]
    assert "labels: 1.0, drawn again" in found.findings[1].detail


def test_options_that_the_spec_has_no_more_are_found(root: Path) -> None:
    (finding,) = again(root, seed=7).findings
    assert (finding.file, finding.detail) == (
        CSV,
        "the spec has other options than it was drawn by: seed",
    )


def test_the_batch_beside_it_that_was_drawn_anew_is_no_finding(root: Path) -> None:
    other = sprint_folder(root, OTHER) / BATCH_IMAGES.name
    draw(root, OTHER, [SPRINT])
    found = again(root)
    assert found.findings == []
    assert found.notes == [
        f"{CSV} was not drawn again: it rests on {BATCH_IMAGES.of(OTHER)}, which is another by now"
    ]
    other.unlink()
    assert f"{BATCH_IMAGES.of(OTHER)}, which is not here" in again(root).notes[0]


def test_evidence_that_is_not_here_is_no_finding(root: Path) -> None:
    shutil.rmtree(root / FOLDER / "index")
    found = again(root)
    assert (found.findings, found.rebuilt) == ([], [])
    assert found.notes == [
        f"{CSV} was not drawn again: it rests on {FOLDER}/index, which is not here (dvc fetch --all-commits)"
    ]


def test_a_batch_that_cannot_be_drawn_again_is_found(root: Path) -> None:
    (sprint_folder(root, SPRINT) / BATCH.name).write_text("{")
    (finding,) = again(root).findings
    assert finding.detail.startswith("it cannot be drawn again: ")
    assert batch_again(root / "elsewhere", project(), loaded()) == BatchAgain()
