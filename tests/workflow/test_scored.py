"""The champion's scores beside the index: joined by content, and only where a question names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.tables.joined import join_columns
from runner.adapters.tables.parquet import read_table, write_table
from runner.domain.errors import FlywheelError
from runner.workflow.scored import names_scores


@pytest.mark.parametrize(
    ("conditions", "columns", "known", "asks"),
    [
        (["brightness < 0.2 AND Entropy > 0.8"], [None], ["brightness"], True),
        (["brightness < 0.2"], ["margin"], ["brightness"], True),
        (["brightness < 0.2"], [None], ["brightness"], False),
        (["entropy > 0.8"], [None], ["Entropy"], False),  # a metadata column of the project
        (["note = 'entropy'"], [None], ["note"], False),
        (["entropy >"], [None], [], False),  # what is no condition is refused elsewhere
    ],
)
def test_scores_are_asked_for_by_name_and_a_column_of_the_index_goes_before(
    conditions: list[str], columns: list[str | None], known: list[str], asks: bool
) -> None:
    assert names_scores(conditions, columns, known) is asks


def test_rows_keep_their_order_and_what_was_not_scored_is_null(tmp_path: Path) -> None:
    ids = ["b", "a", "c", "a"]  # the same content twice
    write_table(
        tmp_path / "images.parquet",
        {"image_id": ids, "phash": np.array([2**64 - 1, 1, 2, 3], dtype=np.uint64)},
    )
    scores = {"image_id": ["a", "b", "gone"], "entropy": np.array([0.1, 0.2, 0.3]), "path": ["x", "y", "z"]}
    write_table(tmp_path / "scores.parquet", scores)
    target = tmp_path / "joined.parquet"
    assert (
        join_columns(
            tmp_path / "images.parquet", tmp_path / "scores.parquet", "image_id", ["entropy"], target
        )
        == 3
    )
    joined = read_table(target)
    assert list(joined) == ["image_id", "phash", "entropy"]
    assert joined["image_id"].tolist() == ids
    assert joined["phash"].tolist() == [2**64 - 1, 1, 2, 3]
    assert joined["entropy"] == pytest.approx([0.2, 0.1, np.nan, 0.1], nan_ok=True)


def test_a_table_without_the_key_is_named(tmp_path: Path) -> None:
    write_table(tmp_path / "images.parquet", {"image_id": ["a"]})
    write_table(tmp_path / "scores.parquet", {"path": ["a"], "entropy": [0.1]})
    with pytest.raises(FlywheelError, match="cannot be joined by image_id"):
        join_columns(
            tmp_path / "images.parquet",
            tmp_path / "scores.parquet",
            "image_id",
            ["entropy"],
            tmp_path / "t.parquet",
        )
    assert not (tmp_path / "t.parquet").exists()
