"""How an image leaves the pool for a split: the folder that it lies in says it, or a column of the metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.tables.plain_conditions import Use, plain_uses
from runner.config.project import Project
from runner.dataset.columns import IMAGE_COLUMNS
from runner.dataset.csv_rows import KEY, read_header
from runner.domain.errors import FlywheelError, Where
from runner.labelling.data_now import DataNow

_OWN = "split"


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where images go.

    Attributes:
        split: what the layout is to call their split; None where the layout does not say it.
        cells: of their rows in the metadata, by column.
    """

    split: str | None = None
    cells: Mapping[str, str] = field(default_factory=dict)


def destination_of(root: Path, project: Project, data: DataNow, into: str) -> Destination:
    """By the condition that flywheel.yaml has for the split.

    Raises:
        FlywheelError: it names a split in a way that no single change brings an image into.
    """
    condition = getattr(project.splits, into)
    uses = plain_uses(condition) or frozenset()
    own = {use for use in uses if use.column.lower() == _OWN}
    columns = _of_metadata(root, project, uses)
    if own:
        named = sorted(use.literal.strip("'") for use in own if use.kind == "text")
        return Destination(split=data.usual_split(into) or (named[0] if len(named) == 1 else into))
    if len(columns) == 1 and columns[0].kind in ("text", "boolean", "number"):
        use = columns[0]
        return Destination(cells={use.column: use.literal.strip("'")})
    if not uses or columns or not _is_about_labels(uses):
        raise FlywheelError(
            f"how an image comes into {into} cannot be told from its condition: {condition}",
            where=Where("flywheel.yaml"),
            hint=f"write splits.{into} by the layout's folders, split = '{into}', or by one column of the metadata, "
            f"assigned = '{into}'",
        )
    return Destination()


def _of_metadata(root: Path, project: Project, uses: frozenset[Use]) -> list[Use]:
    """The uses of the metadata's columns."""
    if project.dataset.metadata is None:
        return []
    header = {name for name in read_header(root / project.dataset.metadata) if name != KEY}
    return sorted(
        (use for use in uses if use.column in header and use.column not in IMAGE_COLUMNS),
        key=lambda use: (use.column, use.literal),
    )


def _is_about_labels(uses: frozenset[Use]) -> bool:
    """Whether a condition asks only whether an image is labelled: then labelling it is enough."""
    return {use.column.lower() for use in uses} <= {"labelled", "n_objects"}
