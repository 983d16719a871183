"""Every reader takes what we write for the same, and we take what DVC writes for what DVC means."""

from __future__ import annotations

import string
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.system import yaml_text
from runner.config.yaml_loader import parse_document
from runner.scaffold.documents import scalar

# What real classes are called: sign numbers, sizes, answers, times.
AWKWARD = [
    *("00007", "00008", "7e2", "1e3", "1E3", "1_000", "0x1F", "0o17", "0b11", "017", "089", "1:30", "12:30:45"),
    *("yes", "No", "on", "OFF", "y", "N", "true", "null", "Null", "~", ".inf", "-.INF", ".nan", "+1", "-", "--"),
    *(".5", "1.", "1.e3", "2026-01-31", "2026-01-31T10:00:00Z", "2026-01-31 10:00:00", "=", "<<", "", " a ", "a: b", "#"),
    *("_1", "1_", "+", "-.5e-3", "0", "0.0", "٣", "été", "e\u0301", "a\u00a0b", "?", "@", "%", "!x", "&x", "*x"),
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(alphabet="0123456789eExXoObB_.:+-~=<#T Znulfasyo", max_size=8),
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12),
)


def readers(text: str) -> list[Any]:
    from dvc.utils.serialize import loads_yaml

    return [yaml.safe_load(text), loads_yaml(text), yaml_text.load(text)]


@pytest.mark.parametrize("name", AWKWARD)
def test_a_class_of_any_name_is_the_same_text_to_every_reader(name: str) -> None:
    content = {"index": {"classes": [name, "cat"]}, "names": {name: 1}}
    assert all(read == content for read in readers(yaml_text.dump(content)))


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(TEXT, max_size=5),
    numbers=st.lists(st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)),
)
def test_what_is_written_reads_the_same_everywhere(names: list[str], numbers: list[float]) -> None:
    content = {"names": names, "by": dict(zip(names, numbers, strict=False))}
    assert all(read == content for read in readers(yaml_text.dump(content)))


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(TEXT, max_size=5),
    numbers=st.lists(st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)),
)
def test_what_dvc_writes_is_read_as_dvc_reads_it(names: list[str], numbers: list[float]) -> None:
    from dvc.utils.serialize import dumps_yaml

    content = {"names": names, "numbers": numbers, "truths": [True, False, None]}
    assert yaml_text.load(dumps_yaml(content)) == content


@settings(max_examples=150, deadline=None)
@given(name=TEXT)
def test_what_init_writes_into_flywheel_yaml_reads_the_same_everywhere(name: str) -> None:
    text = f"classes: [{scalar(name)}]\n"
    assert parse_document(text.encode(), "flywheel.yaml").data == {"classes": [name]}
    assert all(read == {"classes": [name]} for read in readers(text))


def test_text_is_text_whatever_it_looks_like() -> None:
    words = ["yes", "no", "on", "off", "null", "~", "007", "7e2", "true"]
    assert yaml_text.load_text(f"names: [{', '.join(words)}]") == {"names": words}


def test_plain_sentences_stay_plain() -> None:
    plain = {
        "title": "200 more labelled images",
        "path": "data/a b.csv",
        "where": "split = 'train'",
        "id": "a1",
    }
    assert yaml_text.dump(plain) == yaml.safe_dump(plain, sort_keys=False)
    assert set(string.ascii_letters) - {
        name for name in string.ascii_letters if "'" in yaml_text.dump([name])
    } == (set(string.ascii_letters) - set("yYnN"))


@pytest.mark.parametrize(
    "text", ["[" * 300_000, "- " * 300_000, "{a: " * 5_000, "? " * 90_000, "[[" * 51 + "]]" * 51]
)
def test_nesting_that_would_end_the_process_is_an_error(text: str) -> None:
    """libyaml's composer recurses in C, and runs out of stack before Python notices."""
    for load in (yaml_text.load, yaml_text.load_text):
        with pytest.raises(yaml.YAMLError):
            load(text)


def test_many_brackets_beside_each_other_are_none() -> None:
    assert yaml_text.load("[" + "[1], " * 1_000 + "]") == [[1]] * 1_000
