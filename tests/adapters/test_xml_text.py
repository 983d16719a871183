"""XML of strangers: read part by part with lines, and refused where it could harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.adapters.system.xml_text import read_xml, xml_parts
from runner.domain.errors import FlywheelError


def test_parts_come_one_at_a_time_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("<!-- first -->\n<a>\n <b x='1'> text <c>\n</c> more</b>\n <d/>\n</a>\n")
    parts = xml_parts(file)
    root = next(parts)
    assert (root.tag, root.line, root.children) == ("a", 2, [])
    first, second = parts
    assert (first.tag, first.line, first.text, dict(first.attributes)) == ("b", 3, " text ", {"x": "1"})
    assert [(item.tag, item.line) for item in first.children] == [("c", 3)]
    assert (second.tag, second.line) == ("d", 5)
    assert [item.tag for item in read_xml(file).children] == ["b", "d"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "1: entities are not read"),
        ('<!DOCTYPE a [\n<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "2: entities are not read"),
        ('<!DOCTYPE a SYSTEM "a.dtd"><a>\n&b;</a>', "2: entities are not read"),
        ("<a>" * 60, "1: elements are nested deeper than 50"),
        ("<a>\n<b></a>", "2:6: not valid XML: mismatched tag"),
        ("", "1:1: not valid XML: no element found"),
        ("{}", "1:1: not valid XML: not well-formed (invalid token)"),
    ],
)
def test_what_could_harm_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "a.xml"
    file.write_text(text)
    with pytest.raises(FlywheelError) as refused:
        read_xml(file)
    assert str(refused.value) == f"{file}:{said}\n  hint: correct it, or move it out of the dataset folder"


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError, match="could not be read"):
        read_xml(tmp_path)
