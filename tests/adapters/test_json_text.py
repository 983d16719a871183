"""Where elements of a JSON text stand: the same elements that `json` reads, at the characters that they begin with."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from runner.adapters.system.json_text import TextLines, json_elements

DOCUMENT: dict[str, Any] = {
    "info": {"images": [1, 2]},  # inside another object: not an array of the document
    "images": [{"id": 1, "file_name": 'a "[{é,\n'}, {"id": 2}],
    "none": [],
    "annotations": [{"id": 7, "bbox": [1.5, [2], -3e5, True, None]}, 8, "nine", [10]],
    "last": 1,
}


@pytest.mark.parametrize("indent", [None, 0, 1, "\t"])
def test_every_element_of_an_objects_arrays_is_found_where_it_begins(indent: int | str | None) -> None:
    text = " \n" + json.dumps(DOCUMENT, indent=indent) + "\n"
    found = list(json_elements(text))
    assert [(item.key, item.at, item.value) for item in found] == [
        *(("images", at, value) for at, value in enumerate(DOCUMENT["images"])),
        *(("annotations", at, value) for at, value in enumerate(DOCUMENT["annotations"])),
    ]
    assert all(json.JSONDecoder().raw_decode(text, item.start)[0] == item.value for item in found)
    assert [
        (item.at, item.value) for item in json_elements(text, found[2].start) if item.key == "bbox"
    ] == list(enumerate([1.5, [2], -3e5, True, None]))


@pytest.mark.parametrize(
    ("text", "values"),
    [("[1, NaN]", 2), ("[]", 0), ("{}", 0), ("[ ]", 0), ('{"a": [ ] }', 0), ("3", 0), ("", 0)],
)
def test_arrays_at_the_top_and_texts_without_any(text: str, values: int) -> None:
    assert [item.key for item in json_elements(text)] == [""] * values


@pytest.mark.parametrize("text", ["[1, ", "[1 2", '{"a": [1, }', '{"a" [1]}', "[nothing]", '{"a'])
def test_what_is_no_json_ends_or_is_refused(text: str) -> None:
    with suppress(ValueError):
        assert len(list(json_elements(text))) <= 2


def test_lines_count_from_one_and_columns_are_said_where_something_stands_before() -> None:
    text = '[{"a": 1},\n  {"a": 2}, {"a": 3},\n\n\t{"a": 4}]'
    lines = TextLines(text)
    assert [lines.place(item.start) for item in json_elements(text)] == [
        (1, 2),
        (2, None),
        (2, 13),
        (4, None),
    ]
