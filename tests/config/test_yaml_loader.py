"""SECURITY.md rule 10: safe YAML. And: places are exact."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.config.yaml_loader import MAX_BYTES, MAX_DEPTH, parse_document, read_document, show_path
from runner.domain.errors import FlywheelError, Where


def errors(text: str) -> list[str]:
    return [str(error) for error in parse_document(text.encode(), "a.yaml").errors]


def test_data_is_plain() -> None:
    document = parse_document(b'a: 1\nb: [x, "2", 0.5, ~, true]\nc: {d: |\n  }\n', "a.yaml")
    assert document.errors[0].message.startswith("not valid YAML")
    document = parse_document(b'a: 1\nb: [x, "2", 0.5, ~, true]\nc:\n  d: |\n    text\n', "a.yaml")
    assert document.data == {"a": 1, "b": ["x", "2", 0.5, None, True], "c": {"d": "text\n"}}
    assert document.errors == []


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "y", "On", "NO", "2024-01-01", "1_000", "0b1", "12:30:45"]
)
def test_what_yaml_1_2_calls_text_stays_text(word: str) -> None:
    assert parse_document(f"a: {word}".encode(), "a.yaml").data == {"a": word}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("", None),
        ("0o17", 15),
        ("0x1F", 31),
        ("-3", -3),
        ("1e3", 1000),
        (".5", 0.5),
        ("+1.25", 1.25),
        ("30.0", 30),
        ("007", 7),
    ],
)
def test_core_schema_scalars(text: str, value: object) -> None:
    data = parse_document(f"a: {text}".encode(), "a.yaml").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_places_are_of_keys_and_values_and_count_from_one() -> None:
    text = "a: 1\nlist:\n  - {name: dark, where: x}\n  -   by: é\n      max: 3\n"
    document = parse_document(text.encode(), "a.yaml")
    assert str(document.where(("a",))) == "a.yaml:1:4"
    assert str(document.where(("list",), at_key=True)) == "a.yaml:2:1"
    assert str(document.where(("list", 0))) == "a.yaml:3:5"
    assert str(document.where(("list", 0, "where"), at_key=True)) == "a.yaml:3:18"
    assert str(document.where(("list", 0, "where"))) == "a.yaml:3:25"
    assert str(document.where(("list", 1, "max"))) == "a.yaml:5:12"
    assert str(document.where(("list", 1, "missing"))) == "a.yaml:4:7"


def test_duplicate_keys_are_refused() -> None:
    text = "a: 1\nb: {c: 1, c: [2, {x: 3}], d: 4}\na: 2\n"
    assert errors(text) == [
        "a.yaml:2:11: b.c: duplicate key, first written in line 2",
        "a.yaml:3:1: a: duplicate key, first written in line 1",
    ]
    assert parse_document(text.encode(), "a.yaml").data == {"a": 1, "b": {"c": 1, "d": 4}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [id]", "a.yaml:1:4: tag !!python/object/apply:os.system: tags are not allowed"),
        ("a: !!int 3", "a.yaml:1:4: tag !!int: tags are not allowed"),
        ("a: !own x", "a.yaml:1:4: tag !own: tags are not allowed"),
        ("a: &x 1", "a.yaml:1:4: anchor &x: anchors and aliases are not allowed"),
        ("? [a, b]\n: 1", "a.yaml:1:3: a key must be plain text"),
        ("!!str a: 1", "a.yaml:1:1: a key must be plain text, without tag or anchor"),
        ("a: .nan", "a.yaml:1:4: a: .nan is not accepted: a number must be finite"),
        ("a: [-.inf]", "a.yaml:1:5: a[0]: -.inf is not accepted: a number must be finite"),
        ("a: 1e999", "a.yaml:1:4: a: a number so large is not accepted"),
        ("a: " + "9" * 5000, "a.yaml:1:4: a: a number of so many digits is not accepted"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: a second YAML document; one file holds one document"),
        ("a: [1, 2\nb: 3", "a.yaml:2:2: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence, line 1)"),
        ("a:\n\tb: 1", "a.yaml:2:1: not valid YAML: found character that cannot start any token (while scanning for the next token, line 2)\n  hint: YAML is indented with spaces, not tabs"),
        ("a: 1\n b: 2", "a.yaml:2:3: not valid YAML: mapping values are not allowed in this context\n  hint: text with a colon in it is written in quotes; or a line is indented too far"),
        ("a: 'x", "a.yaml:1:6: not valid YAML: found unexpected end of stream (while scanning a quoted scalar, line 1)"),
    ],
)  # fmt: skip
def test_refusals(text: str, message: str) -> None:
    assert errors(text) == [message]


def test_merge_keys_are_only_text() -> None:
    assert parse_document(b"<<: {a: 1}", "a.yaml").data == {"<<": {"a": 1}}


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    start = time.perf_counter()
    found = errors("\n".join(lines))
    assert time.perf_counter() - start < 1
    assert found[0] == "a.yaml:1:5: anchor &a0: anchors and aliases are not allowed"
    assert found[2] == "a.yaml:2:10: alias *a0: write the value out; aliases are not allowed"


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "x: 1\nx: " + "[" * 5000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert errors(text)[-1].endswith(f"nested deeper than {MAX_DEPTH} levels")


def test_nesting_up_to_the_limit_is_fine() -> None:
    assert errors("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert len(errors("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))) == 1


def test_large_files_are_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: " + b"x" * MAX_BYTES)
    assert [str(error) for error in read_document(tmp_path, "a.yaml").errors] == [
        "a.yaml: larger than 256 KiB"
    ]
    assert errors("a: " + "x" * MAX_BYTES) == ["a.yaml: larger than 256 KiB"]


def test_other_encodings_are_refused() -> None:
    assert [str(error) for error in parse_document(b"a: 1\nb: \xff", "a.yaml").errors] == [
        "a.yaml:2:4: not UTF-8 text\n  hint: save the file as UTF-8"
    ]
    after_a_mark = parse_document(b"\xef\xbb\xbf# caf\xc3\xa9 \xe9", "a.yaml").errors
    assert [error.where for error in after_a_mark] == [Where("a.yaml", 1, 8)]
    assert parse_document("a: 1".encode("utf-16"), "a.yaml").errors != []
    assert parse_document(b"\xef\xbb\xbfa: 1", "a.yaml").data == {"a": 1}


def test_control_characters_are_refused() -> None:
    assert len(errors("a: x\x00y")) == 1
    assert len(errors("a: x\x1by")) == 1


def test_an_empty_file_is_nothing() -> None:
    for text in ("", "# only a comment\n", "---\n"):
        document = parse_document(text.encode(), "a.yaml")
        assert (document.data, document.errors) == (None, [])


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1")
    (tmp_path / "a.yaml").symlink_to(tmp_path / "real.yaml")
    document = read_document(tmp_path, "a.yaml")
    message = "a.yaml: is a symlink; the project's files must be regular files"
    assert ([str(error) for error in document.errors], document.data) == ([message], None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        read_document(tmp_path, "specs/0001-a.yaml")
    assert str(caught.value) == "specs/0001-a.yaml: file not found"


def test_paths_are_shown_as_written() -> None:
    assert show_path(("gates", 0, "metric")) == "gates[0].metric"
    assert show_path(()) == ""
