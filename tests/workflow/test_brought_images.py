"""The terms' evidence knows which test images labelling rounds brought: from the sprint's manifest and all batches."""

from __future__ import annotations

from pathlib import Path

from runner.adapters.tables.parquet import write_table
from runner.domain.labelling import Batch, BatchImage
from runner.record.catalogue import BATCH, sprint_folder
from runner.record.labelling import write_batch
from runner.workflow.terms import brought_to_test


def plant(root: Path, sprint: str, into: str, **images: str) -> None:
    """A spec, and the record of a batch whose images have these arms."""
    (root / "specs").mkdir(exist_ok=True)
    (root / "specs" / f"{sprint}.yaml").write_text("")
    folder = sprint_folder(root, sprint)
    folder.mkdir(parents=True)
    batch = Batch(
        sprint=sprint,
        into=into,  # type: ignore[arg-type]
        champion=None,
        tag=None,
        seed=0,
        pool_images=9,
        pool_digest="",
        evidence={},
        arms={},
    )
    BATCH.write(folder, batch)
    write_batch(
        folder,
        [BatchImage(key=name, path=f"{name}.jpg", image_id=name, arm=arm) for name, arm in images.items()],
    )


def test_images_of_the_test_split_are_looked_up_in_every_batch(tmp_path: Path) -> None:
    plant(tmp_path, "0002-x", "test", a="random", b="random")
    plant(tmp_path, "0003-y", "train", c="uncertainty", d="random")
    folder = sprint_folder(tmp_path, "0003-y")
    (folder / "selection").mkdir()
    assigned = {"a": "test", "b": "pool", "c": "test", "d": "train", "e": "test"}
    write_table(
        folder / "selection" / "manifest.parquet",
        {"image_id": list(assigned), "assigned": list(assigned.values()), "selected": [True] * 5},
    )
    found = brought_to_test(tmp_path, folder)
    assert found.random == {"0002-x": 1}
    assert found.chosen == ("c.jpg (uncertainty of 0003-y)",)


def test_without_a_batch_or_a_manifest_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    assert brought_to_test(tmp_path, sprint_folder(tmp_path, "0001-a")).said == ""
    plant(tmp_path, "0002-x", "test", a="random")
    assert brought_to_test(tmp_path, sprint_folder(tmp_path, "0002-x")).chosen == ()
