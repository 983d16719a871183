"""The images that a sprint selected, and where their labels are: what trainers are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.tables.parquet import read_table
from runner.domain.errors import ExitCode, FlywheelError, Where


@dataclass(frozen=True, kw_only=True)
class SelectedData:
    """Where the selected images and their labels are recorded.

    Attributes:
        dataset: the folder that image paths are relative to.
        manifest: manifest.parquet, which image is in which split.
        images: images.parquet of the index.
        objects: objects.parquet of the index.
    """

    dataset: Path
    manifest: Path
    images: Path
    objects: Path


def selected_paths(manifest: Path, split: str) -> list[str]:
    """The selected images of a split, relative to the dataset, in a fixed order.

    Raises:
        FlywheelError: there are none.
    """
    table = read_table(manifest, ["path", "assigned", "selected"])
    chosen = table["selected"].astype(bool) & (table["assigned"] == split)
    if not chosen.any():
        raise FlywheelError(
            f"the {split} split is empty: no image is selected for it",
            where=Where(str(manifest)),
            hint=f"widen splits.{split} in flywheel.yaml or data.{split} in the spec",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return sorted(str(path) for path in table["path"][chosen])


def image_ids(manifest: Path, paths: Sequence[str]) -> list[str]:
    """The content hashes of images of a manifest, in the order of their paths."""
    table = read_table(manifest, ["path", "image_id"])
    ids = dict(zip(table["path"].tolist(), table["image_id"].tolist(), strict=True))
    return [str(ids[path]) for path in paths]
