"""The tables that checks look at, in SQL over the index and the selection's manifest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.adapters.tables.frames import query_frames
from runner.adapters.tables.parquet import column_names
from runner.checks.data_rules import DEFAULT_DISTANCE, NEAR_DUPLICATES
from runner.checks.twins import twin_frame
from runner.dataset.columns import place_column
from runner.domain.records import SPLITS

if TYPE_CHECKING:
    import pandas as pd

# What a spec's own expectations may look at: the rows that are used, by the split that they were assigned to.
_VIEWS = {
    "images": """
        SELECT i.* REPLACE (m.assigned AS split), i.split AS layout_split
        FROM index_images i JOIN manifest m USING (path)
        WHERE m.selected AND m.assigned IN ('train', 'val', 'test')
    """,
    "objects": """
        SELECT o.* REPLACE (i.split AS split), o.split AS layout_split
        FROM index_objects o JOIN images i USING (path)
    """,
}
_PER_SPLIT = ", ".join(
    f"count(*) FILTER (split = '{split}') AS {split}_images, "
    f"min(path) FILTER (split = '{split}') AS {split}_path"
    for split in SPLITS
)
_LAST_PER_SPLIT = ", ".join(f"max(path) FILTER (split = '{split}') AS {split}_last_path" for split in SPLITS)
_QUERIES = {
    "images": "SELECT * FROM images ORDER BY path",
    "objects": "SELECT * FROM objects ORDER BY path, {place}",
    # One row per file of the dataset, used or not.
    "files": "SELECT path, readable, problem FROM index_images ORDER BY path",
    "labels": "SELECT path, label_problem FROM images ORDER BY path",
    # A box that is not finite has no side at all.
    "boxes": """
        SELECT o.path, o.{place} AS written, coalesce(o.class, 'class ' || o.class_id, 'no class') AS class, o.crowd,
            o.x_min, o.y_min, o.x_max, o.y_max, i.width, i.height, o.area_px,
            CASE WHEN isfinite(o.x_max - o.x_min) AND isfinite(o.y_max - o.y_min)
                THEN least(o.x_max - o.x_min, o.y_max - o.y_min) ELSE 0 END AS short_side_px,
            greatest(0, -o.x_min, -o.y_min, o.x_max - i.width, o.y_max - i.height) AS overhang_px,
            greatest(0, -(o.x_min + o.x_max) / 2, (o.x_min + o.x_max) / 2 - i.width,
                -(o.y_min + o.y_max) / 2, (o.y_min + o.y_max) / 2 - i.height) AS centre_overhang_px
        FROM objects o JOIN images i USING (path)
        ORDER BY o.path, o.{place}
    """,
    "splits": """
        SELECT s.value AS split, count(i.path) AS images
        FROM split_names s LEFT JOIN images i ON i.split = s.value
        GROUP BY s.value, s.position ORDER BY s.position
    """,
    "classes": """
        SELECT c.value AS class,
            count(*) FILTER (o.split = 'train') AS train_objects,
            count(*) FILTER (o.split IN ('val', 'test')) AS judged_objects,
            CASE WHEN train_objects = 0 THEN judged_objects ELSE 0 END AS untrained_objects
        FROM class_names c LEFT JOIN objects o ON o.class = c.value AND NOT coalesce(o.crowd, false)
        GROUP BY c.value, c.position ORDER BY c.position
    """,
    "groups": f"""
        SELECT "group", count(DISTINCT split) AS splits,
            {_PER_SPLIT}
        FROM images GROUP BY "group" ORDER BY "group"
    """,  # noqa: S608 - no text of a user's
    # One row per content. Files of the same content in one split are named by the first and the last.
    "contents": f"""
        SELECT image_id, count(DISTINCT split) AS splits,
            {_PER_SPLIT}, {_LAST_PER_SPLIT},
            greatest(train_images, val_images, test_images) AS in_one_split
        FROM images GROUP BY image_id ORDER BY image_id
    """,  # noqa: S608 - no text of a user's
}


def check_frames(
    folder: Path, class_names: Sequence[str], wanted: Collection[str], *, distance: int = DEFAULT_DISTANCE
) -> dict[str, pd.DataFrame]:
    """The named tables of one sprint, from its index, its manifest and the altered copies that were found.

    Args:
        distance: in how many bits hashes of near-duplicates may differ.

    Raises:
        FlywheelError: the index or the manifest is missing or is not readable.
    """
    objects = folder / "index" / "objects.parquet"
    place = place_column(column_names(objects))
    frames = query_frames(
        files={
            "index_images": folder / "index" / "images.parquet",
            "index_objects": objects,
            "manifest": folder / "selection" / "manifest.parquet",
        },
        lists={"split_names": SPLITS, "class_names": class_names},
        views=_VIEWS,
        queries={name: sql.format(place=place) for name, sql in _QUERIES.items() if name in wanted},
    )
    if "twins" in wanted:
        frames["twins"] = twin_frame(folder)
    if NEAR_DUPLICATES in wanted:
        from runner.checks.leak_frames import leak_frame

        frames[NEAR_DUPLICATES] = leak_frame(folder, distance)
    return frames
