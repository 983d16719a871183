"""A record type does not change without a version of its own: older records must stay readable."""

from __future__ import annotations

from runner.record.schemas import came_later, is_gone, schema, versions


def test_the_newest_version_is_what_the_types_are() -> None:
    assert schema() == versions()[-1], (
        "a record type changed: give a new field a default (records without it are read), then add the version with "
        "`python -m runner.record.schemas` and commit runner/record/schemas.json"
    )


def test_the_first_version_is_of_8001605() -> None:
    first, today = versions()[0], versions()[-1]
    assert "near_duplicates" not in first["Evaluation"]
    assert "near_duplicates" in today["Evaluation"]
    assert came_later("Evaluation", "near_duplicates")
    assert not came_later("Evaluation", "targets")


def test_what_is_of_no_version_is_neither_later_nor_gone() -> None:
    assert not is_gone("Verdict", "reviewed")
    assert not came_later("Verdict", "outcome")
