"""What a query counts and lists, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_sprint import CLASSES, SprintFolder, clean_sprint

from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.query import Query, QueryCounts, QueryResult, ask
from runner.domain.errors import FlywheelError
from runner.report.queried import query_csv, render_query

SPLITS = {name: f"split = '{name}'" for name in ("train", "val", "test")}


@pytest.fixture
def made(tmp_path: Path) -> SprintFolder:
    """Twenty images, their brightness from 0.00 to 0.95 by path; one is in no split, one has no value."""
    made = clean_sprint(tmp_path)
    for number, path in enumerate(sorted(made.images)):
        made.images[path]["brightness"] = number * 0.05
    made.images["images/train/train0-0.jpg"] |= {"split": "other"}
    made.images["images/train/train0-1.jpg"] |= {"brightness": None, "camera": None}
    made.write()
    return made


def asked(made: SprintFolder, condition: str, **options: Any) -> QueryResult:
    index = made.folder / "index"
    query = Query(condition=condition, **options)
    return ask(index / "images.parquet", index / "objects.parquet", query, SPLITS, CLASSES, "the index")


def test_images_are_counted_by_split_and_class(made: SprintFolder) -> None:
    found = asked(
        made, "brightness < 0.5"
    )  # test 4 (0 to 0.15), train 0.2 to 0.45: 6, one of them without a value
    assert (found.images, found.objects, found.rows_of_table) == (9, 18, 20)
    assert found.splits == {
        "train": QueryCounts(images=4, objects=8),
        "val": QueryCounts(images=0, objects=0),
        "test": QueryCounts(images=4, objects=8),
        "none": QueryCounts(images=1, objects=2),
    }
    assert found.classes == {"cat": 9, "dog": 9}
    assert found.columns == ["brightness"]
    assert found.rows[0] == {"path": "images/test/test0-0.jpg", "brightness": 0.0}
    assert len(found.rows) == 9


def test_objects_are_counted_with_the_images_that_hold_them(made: SprintFolder) -> None:
    made.add_object("images/val/val0-0.jpg", **{"class": "cat", "x_max": 90.0})
    made.write()
    found = asked(made, "class = 'cat' AND area_px > 100", table="objects")
    assert (found.images, found.objects, found.rows_of_table) == (20, 21, 41)
    assert found.splits["val"] == QueryCounts(images=4, objects=5)
    assert found.splits["none"] == QueryCounts(images=1, objects=1)
    assert found.classes == {"cat": 21, "dog": 0}
    assert list(found.rows[0]) == ["path", "object_id", "class", "area_px"]


def test_columns_are_listed_in_the_order_of_the_condition(made: SprintFolder) -> None:
    found = asked(made, "width > 1 AND Camera = 'east' AND path LIKE '%' AND brightness < 2", sort="n_cat")
    assert found.columns == ["width", "camera", "brightness", "n_cat"]


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [
        ({}, "images/test/test0-0.jpg", "images/val/val1-1.jpg"),
        ({"descending": True}, "images/val/val1-1.jpg", "images/test/test0-0.jpg"),
        ({"sort": "BRIGHTNESS"}, "images/test/test0-0.jpg", "images/train/train0-1.jpg"),
        ({"sort": "brightness", "descending": True}, "images/val/val1-1.jpg", "images/train/train0-1.jpg"),
        ({"sort": "camera"}, "images/test/test0-0.jpg", "images/train/train0-1.jpg"),
        ({"sort": "n_cat", "descending": True}, "images/test/test0-0.jpg", "images/val/val1-1.jpg"),
        ({"sort": "readable"}, "images/test/test0-0.jpg", "images/val/val1-1.jpg"),
    ],
)
def test_rows_have_an_order_and_missing_values_are_last(
    made: SprintFolder, options: dict[str, Any], first: str, last: str
) -> None:
    rows = asked(made, "true", **options).rows
    assert (rows[0]["path"], rows[-1]["path"]) == (first, last)
    assert len(rows) == 20
    assert asked(made, "true", limit=3, **options).rows == rows[:3]


def test_nothing_is_an_answer(made: SprintFolder) -> None:
    found = asked(made, "brightness > 2")
    assert (found.images, found.objects, found.rows) == (0, 0, [])
    assert render_query(found) == (
        "0 images with 0 objects, of 20 images of the index\n"
        "\n"
        "split  images  objects\n"
        "train       0        0\n"
        "val         0        0\n"
        "test        0        0"
    )
    assert query_csv(found) == "path,brightness\n"
    assert asked(made, "area_px > 1e9", table="objects").images == 0


def test_an_answer_as_a_person_reads_it(made: SprintFolder) -> None:
    assert render_query(asked(made, "brightness < 0.1 OR brightness IS NULL", limit=2)) == (
        "3 images with 6 objects, of 20 images of the index\n"
        "\n"
        "split  images  objects\n"
        "train       1        2\n"
        "val         0        0\n"
        "test        2        4\n"
        "\n"
        "class  objects\n"
        "cat          3\n"
        "dog          3\n"
        "\n"
        "path                     brightness\n"
        "images/test/test0-0.jpg           0\n"
        "images/test/test0-1.jpg        0.05\n"
        "and 1 more: --limit 3, or --format csv"
    )
    assert query_csv(asked(made, "brightness IS NULL AND readable")) == (
        "path,brightness,readable\nimages/train/train0-1.jpg,,true\n"
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("brightnes < 1", 'unknown column "brightnes"; did you mean "brightness"?'),
        ("brightness", "it gives DOUBLE, not true or false"),
        ("(SELECT true)", "subqueries are not allowed in a condition"),
        ("1 = 1; DROP TABLE images", "one boolean expression is allowed, and nothing else"),
        ("path IN (SELECT path FROM read_csv('/etc/passwd'))", "subqueries are not allowed in a condition"),
        ("regexp_matches(path, '(a?){1000}')", "the regular expression `(a?){1000}` repeats 1,000 states"),
    ],
)
def test_what_conditions_refuse_is_refused(made: SprintFolder, condition: str, message: str) -> None:
    with pytest.raises(FlywheelError) as error:
        asked(made, condition)
    assert f"condition `{condition}`: {message}" in str(error.value)
    assert error.value.exit_code == 2


def test_an_order_by_no_column_is_refused(made: SprintFolder) -> None:
    with pytest.raises(
        FlywheelError, match='there is no column "sharpnes" to order by; did you mean "sharpness"'
    ):
        asked(made, "true", sort="sharpnes")


def test_numbers_of_any_size_are_ordered(made: SprintFolder) -> None:
    file = made.folder / "index" / "images.parquet"
    columns = read_table(file)
    write_table(file, columns | {"phash": 2**64 - 1 - np.arange(20, dtype=np.uint64)})
    assert asked(made, "true", sort="phash", limit=1).rows == [
        {"path": "images/val/val1-1.jpg", "phash": 2**64 - 20}
    ]
    (largest,) = asked(made, "true", sort="phash", descending=True, limit=1).rows
    assert largest["phash"] == 2**64 - 1


def test_a_condition_that_is_too_long_is_refused(made: SprintFolder) -> None:
    with pytest.raises(FlywheelError, match="16,196 characters: a condition has at most 10,000"):
        asked(made, " OR ".join(["brightness < 1"] * 900))
