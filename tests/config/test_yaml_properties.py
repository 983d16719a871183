"""What a stranger's file may hold: anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.config.yaml_loader import parse_document


@given(st.binary(max_size=300))
def test_no_bytes_crash_it(content: bytes) -> None:
    document = parse_document(content, "a.yaml")
    assert (
        document.errors
        or document.data is None
        or isinstance(document.data, (dict, list, str, int, float, bool))
    )


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,? \n\t~0.1e", max_size=80))
def test_no_text_crashes_it(text: str) -> None:
    parse_document(text.encode(), "a.yaml")
