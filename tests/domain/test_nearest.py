"""The nearest valid name, and what a message ends with."""

from __future__ import annotations

from runner.domain.nearest import nearest, suggestion


def test_case_and_dashes_do_not_count() -> None:
    assert nearest("mAP50-95", ["map50", "map50_95"]) == "map50_95"


def test_no_candidates_and_empty_names_are_fine() -> None:
    assert nearest("x", []) is None
    assert nearest("", ["where"]) is None
    assert suggestion("x", []) == ""


def test_long_lists_are_cut() -> None:
    names = [f"column_{index:03}" for index in range(100)]
    ending = suggestion("zzz", names, plural="columns")
    assert ending.startswith("; columns: column_000, ")
    assert ending.endswith(", column_039, …")
