"""`flywheel ablate`: twins with the strategy's images or with as many of the control arm, from a batch to the report."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from projects import SPRINT, flywheel

from runner.adapters.tables.parquet import read_table, write_table
from runner.cli.main import build_parser
from runner.domain.errors import FlywheelError
from runner.domain.labelling import BatchImage
from runner.planning.situation import Situation
from runner.record.catalogue import CAUSED, sprint_folder
from runner.record.labelling import write_batch
from runner.stages.train import TrainParams
from runner.workflow import ablating
from runner.workflow.ablating import ablate
from tests.done_once import done_once  # noqa: F401 - a fixture


def _batch(project: Path, chosen: int, control: int, sprint: str = SPRINT) -> tuple[list[str], list[str]]:
    """A batch of the first training images: so many that a strategy picked, then those of the control arm."""
    folder = sprint_folder(project, sprint)
    manifest = read_table(
        folder / "selection" / "manifest.parquet", ["path", "image_id", "assigned", "selected"]
    )
    used = np.flatnonzero((manifest["assigned"] == "train") & manifest["selected"].astype(bool))[
        : chosen + control
    ]
    rows = [
        BatchImage(
            key=f"{place:016x}",
            path=str(manifest["path"][row]),
            image_id=str(manifest["image_id"][row]),
            arm="uncertainty" if place < chosen else "random",
        )
        for place, row in enumerate(used)
    ]
    write_batch(folder, rows)
    return [row.path for row in rows[:chosen]], [row.path for row in rows[chosen:]]


def _seen(monkeypatch: pytest.MonkeyPatch, project: Path, gain: float) -> list[tuple[frozenset[str], int]]:
    """In place of trainings: what each would have left out, and predictions of which a twin of the strategy keeps more."""
    seen: list[tuple[frozenset[str], int]] = []
    found = read_table(sprint_folder(project, SPRINT) / "predictions" / "torch.parquet")

    def train(
        situation: Situation, params: TrainParams, without: Collection[str], seed: int, file: Path
    ) -> None:
        first = len(seen) % 2 == 0  # the strategy's twin is trained first
        seen.append((frozenset(without), seed))
        kept = np.random.default_rng(seed).random(len(found["path"])) < (1.0 if first else 1.0 - gain)
        write_table(file, {name: values[kept] for name, values in found.items()})

    monkeypatch.setattr(ablating, "_train", train)
    return seen


def test_each_pair_has_its_own_images_of_either_arm_and_a_seed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, control = _batch(project, 5, 4)
    seen = _seen(monkeypatch, project, 0.0)
    made = ablate(project, SPRINT, pairs=2, say=lambda text: None)
    assert (made.chosen, made.control, made.images, made.seeds) == (5, 4, 2, [0, 1])
    batch = frozenset((*chosen, *control))
    kept = [batch - without for without, _ in seen]
    assert [len(images) for images in kept] == [2, 2, 2, 2]
    assert kept[0] | kept[2] <= set(chosen)
    assert kept[1] | kept[3] == set(control)
    assert kept[0].isdisjoint(kept[2])
    assert [seed for _, seed in seen] == [0, 0, 1, 1]
    assert all(gain.interval is None or gain.interval.low <= 0 <= gain.interval.high for gain in made.gains)


def test_what_was_trained_is_not_trained_again_and_the_result_is_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _batch(project, 4, 4)
    seen = _seen(monkeypatch, project, 0.3)
    once = ablate(project, SPRINT, pairs=2, say=lambda text: None)
    again = ablate(project, SPRINT, pairs=2, say=lambda text: None)
    assert len(seen) == 4
    assert once == again == CAUSED.read(sprint_folder(project, SPRINT))
    assert "caused.json" in (sprint_folder(project, SPRINT) / "digests.json").read_text()


@pytest.mark.parametrize(("chosen", "control"), [(4, 1), (1, 6), (0, 4)])
def test_arms_that_are_too_small_are_refused(project: Path, chosen: int, control: int) -> None:
    _batch(project, chosen, control)
    with pytest.raises(FlywheelError) as refused:
        ablate(project, SPRINT, pairs=2, say=lambda text: None)
    assert (
        f"there are {chosen} that a strategy picked and {control} of the control arm" in refused.value.message
    )


def test_a_sprint_without_a_batch_and_one_that_is_not_as_it_ran(project: Path) -> None:
    done = flywheel(project, "ablate", SPRINT)
    assert done.returncode == 2
    assert "there is no batch whose strategy could have caused anything" in done.stderr
    _batch(project, 4, 4)
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 2"))
    done = flywheel(project, "ablate", SPRINT)
    assert done.returncode == 3
    assert "not run as the spec now says: train" in done.stderr


def test_one_pair_is_refused_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        build_parser("ablate").parse_args(["ablate", SPRINT, "--pairs", "1"])
    assert stop.value.code == 2
    assert "one pair cannot tell the choice from luck" in capsys.readouterr().err


def test_twins_are_really_trained(project: Path) -> None:
    _batch(project, 2, 2)
    done = flywheel(project, "ablate", SPRINT, "--pairs", "2", "--format", "json", check=True)
    told = json.loads(done.stdout)
    assert (told["images"], told["seeds"]) == (1, [0, 1])
    assert told["gains"][0]["slice"] is None
    assert len(list((project / ".flywheel" / "ablations" / SPRINT).glob("*.parquet"))) == 4
