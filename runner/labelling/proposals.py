"""Pre-annotations: what the champion predicted on the pool, as annotators are shown it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.labelling import Batch, Proposal
from runner.domain.task import BOX
from runner.record.catalogue import CHAMPION_FOLDER, PIPELINE
from runner.tasks import TASKS
from runner.workflow.scoring import scoring_folder

MOST = 300  # of one image
_SEEN = 0.5  # a predicted key point of less confidence is not shown
_SIMPLER_PX = 1.0  # how far an outline may be from the mask's


def proposals(
    root: Path,
    project: Project,
    batch: Batch,
    sizes: Mapping[str, tuple[int, int]],
    *,
    min_confidence: float,
    exact: bool,
) -> dict[str, list[Proposal]]:
    """The predictions on some images, the likeliest first; of an image's class, the likeliest alone.

    Args:
        batch: names the champion.
        sizes: (width, height) of each image by the path that it had as it was scored.
        exact: outlines follow a mask's very pixels; else they are simplified, for people to move their points.

    Raises:
        FlywheelError: the predictions are not here (exit code 3).
    """
    from runner.adapters.tables.parquet import read_table

    file = root / scoring_folder(batch.champion) / CHAMPION_FOLDER.name / "predictions.parquet"
    if not file.is_file():
        raise FlywheelError(
            "the champion's predictions on the pool are not here, and annotators are to be shown them",
            where=Where(file.relative_to(root).as_posix()),
            hint=_hint(root, scoring_folder(batch.champion)),
            exit_code=ExitCode.STAGE_FAILED,
        )
    task = TASKS[project.task]
    shapes = [task.shape] if task.shape else []
    boxes = list(BOX) if task.ranked else []
    table = read_table(file, ["path", "class", "score", *boxes, *shapes])
    columns = {name: values.tolist() for name, values in table.items()}
    found: dict[str, list[Proposal]] = {path: [] for path in sizes}
    rows = sorted(
        range(len(columns["path"])), key=lambda row: (columns["path"][row], -columns["score"][row], row)
    )
    for row in rows:
        path = columns["path"][row]
        one = {name: values[row] for name, values in columns.items()}
        shown = found.get(path)
        if shown is None or one["score"] < min_confidence or one["class"] not in project.classes:
            continue
        if len(shown) < (MOST if task.ranked else 1):
            proposal = _proposal(one, sizes[path], task.shape, exact=exact)
            shown += [proposal] if proposal else []
    return found


def _hint(root: Path, folder: str) -> str:
    """How a scoring comes here; `flywheel score` would look at today's champion, which may be another one."""
    again = "flywheel score --pull"
    if not (root / folder / PIPELINE.name).is_file():
        return again
    return f"dvc pull {folder}/{PIPELINE.name}; where it was never pushed, as long as the champion is the same: {again}"


def _proposal(
    row: Mapping[str, Any], size: tuple[int, int], shape: str | None, *, exact: bool
) -> Proposal | None:
    """None of a prediction of which nothing lies in the image."""
    width, height = size
    score = round(float(row["score"]), 6)
    if BOX[0] not in row:
        return Proposal(class_name=row["class"], box=(0.0, 0.0, 1.0, 1.0), score=score)
    box = [_cut(row[name] / side) for name, side in zip(BOX, (width, height) * 2, strict=True)]
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    fields: dict[str, list[float]] = {}
    polygons: list[list[float]] = []
    match shape:
        case "mask_rle":
            polygons = [
                [_cut(value / (height if at % 2 else width)) for at, value in enumerate(outline)]
                for outline in _outlines(row["mask_rle"], (height, width), exact=exact)
            ]
            if not polygons:
                return None
        case "corners":
            fields["corners"] = [
                value / (height if at % 2 else width) for at, value in enumerate(row["corners"])
            ]
        case "keypoints":
            points = list(row["keypoints"])
            fields["keypoints"] = [
                value
                for x, y, sure in zip(points[::3], points[1::3], points[2::3], strict=True)
                for value in ((_cut(x / width), _cut(y / height), 2.0) if sure >= _SEEN else (0.0, 0.0, 0.0))
            ]
    return Proposal(
        class_name=row["class"],
        box=(box[0], box[1], box[2], box[3]),
        score=score,
        polygons=polygons,
        **fields,
    )


def _outlines(rle: str, size_hw: tuple[int, int], *, exact: bool) -> list[list[float]]:
    """A mask as one outline in pixels; none of an empty mask."""
    from runner.adapters.pictures.coco_masks import decode_mask
    from runner.writers.outlines import joined, pixel_outlines

    parts = pixel_outlines(decode_mask(rle, size_hw))
    if not parts:
        return []
    outline = joined(parts)
    if not exact and len(parts) == 1:
        outline = simplified(outline, _SIMPLER_PX)
    return [[float(value) for point in outline for value in point]]


def simplified(points: Sequence[tuple[float, float]], tolerance: float) -> list[tuple[float, float]]:
    """A closed outline of fewer points, none of whose points is further from it than the tolerance.

    Source: Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a digitized
    line or its caricature", 1973.

    >>> simplified([(0, 0), (5, 0.1), (10, 0), (10, 10), (0, 10)], 1)
    [(0, 0), (10, 0), (10, 10), (0, 10)]
    """
    if len(points) < 5:
        return list(points)
    first = points[0]
    far = max(range(len(points)), key=lambda at: _squared(points[at], first))
    kept = {0, far}
    pending = [(0, far), (far, len(points))]
    while pending:
        start, end = pending.pop()
        line = (points[start], points[end % len(points)])
        between = range(start + 1, end)
        if not between:
            continue
        worst = max(between, key=lambda at: _distance(points[at], *line))
        if _distance(points[worst], *line) > tolerance:
            kept.add(worst)
            pending += [(start, worst), (worst, end)]
    return [points[at] for at in sorted(kept)] if len(kept) > 2 else list(points)


def _squared(one: tuple[float, float], other: tuple[float, float]) -> float:
    across, down = one[0] - other[0], one[1] - other[1]
    return across * across + down * down


def _distance(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    """From a point to the line through two others."""
    length = math.sqrt(_squared(start, end))
    if not length:
        return math.sqrt(_squared(point, start))
    across = (end[0] - start[0]) * (start[1] - point[1]) - (start[0] - point[0]) * (end[1] - start[1])
    return abs(across) / length


def _cut(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)
