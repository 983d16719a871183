"""Great Expectations' data docs as one page that fetches nothing and runs nothing."""

from __future__ import annotations

import re

from runner.adapters.tables.data_docs import DataDocs
from runner.adapters.tables.expectations import Expectation, validate

HOSTILE = '<img src="https://example.org/x" onerror="alert(1)">'
COLUMNS = {"brightness": [0.1, 0.5, 0.9], "weather": ["sun", "rain", HOSTILE]}
DARK = Expectation(
    name="expect_column_values_to_be_between", arguments={"column": "brightness", "min_value": 0.2}
)
KNOWN = Expectation(
    name="expect_column_values_to_be_in_set", arguments={"column": "weather", "value_set": ["sun", "rain"]}
)


def page() -> str:
    import pandas as pd

    frame, docs = pd.DataFrame(COLUMNS), DataDocs("Data checks of 0001-first & others")
    for name in ("images", "objects, split val"):
        validate(frame, [DARK, KNOWN], lambda validated, name=name: docs.add(name, validated))
    return docs.page()


def test_each_suite_is_shown_with_what_was_expected_and_what_was_found() -> None:
    text = re.sub(r"<[^>]*>", " ", page())
    assert "Data checks of 0001-first &amp; others" in text
    assert text.index(" images ") < text.index(" objects, split val ")
    assert len(re.findall(r"values must be greater than or equal to\s+0.2", text)) == 2
    assert len(re.findall(r"1 unexpected values found", text)) == 4


def test_a_page_fetches_nothing_and_what_the_data_says_stays_text() -> None:
    found = page()
    assert "default-src 'none'" in found
    assert not re.search(r"<(script|img|link|iframe|form)\b", found)
    assert not re.search(r"(src|href|url)\s*[=(]\s*[\"']?https?:", re.sub(r"&lt;[^>]*>", "", found))
    assert "&lt;img src=" in found


def test_the_same_results_give_the_same_page_and_ids_are_unique() -> None:
    found = page()
    assert found == page()
    ids = re.findall(r' id="(section-[^"]*)"', found)
    assert len(ids) == len(set(ids))


def test_what_cannot_be_rendered_is_said_and_stops_nothing() -> None:
    docs = DataDocs("Data checks")
    docs.add("images", object())
    assert "Great Expectations could not render this suite: " in docs.page()
