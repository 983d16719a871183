"""XML of strangers, read part by part with the line of each element; what could harm is refused.

Entities are refused: a few hundred bytes of them unpack to gigabytes, and others read files of this machine. So are external
DTDs, and elements nested without end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_error

MAX_DEPTH = 50
_CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class XmlElement:
    """An element; `line` counts from 1, `text` is what stands before its first child."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    text: str = ""
    children: list[XmlElement] = field(default_factory=list)

    def child(self, tag: str) -> XmlElement | None:
        """The first child of that name."""
        return next((item for item in self.children if item.tag == tag), None)

    def every(self, *tags: str) -> list[XmlElement]:
        """The children of those names, in order."""
        return [item for item in self.children if item.tag in tags]

    def word(self, tag: str) -> str:
        """The text of the first child of that name, without spaces around it; nothing where there is none."""
        found = self.child(tag)
        return found.text.strip() if found else ""


def read_xml(path: Path) -> XmlElement:
    """A whole document.

    Raises:
        FlywheelError: as `xml_parts`.
    """
    root: XmlElement | None = None
    for element in xml_parts(path):
        if root is None:
            root = element
        else:
            root.children.append(element)
    assert root is not None  # noqa: S101 - expat refuses a document without one
    return root


def xml_parts(path: Path) -> Iterator[XmlElement]:
    """The root as it opens (without children or text), then each of its children when it is complete.

    Only one of them is kept in memory at a time: annotations of a long video are.

    Raises:
        FlywheelError: the file cannot be read, is no XML (with line and column), has entities, or is nested too deeply.
    """
    reader = _Reader(path)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                reader.parse(chunk)
                yield from reader.taken()
            reader.parse(b"", last=True)
            yield from reader.taken()
    except OSError as error:
        raise read_error(path, error) from error


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.ready: list[XmlElement] = []
        self.open: list[XmlElement] = []
        self.texts: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self.parser.ExternalEntityRefHandler = self._entity
        self.parser.SkippedEntityHandler = self._entity

    def parse(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self.parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise self._refused(
                f"not valid XML: {expat.ErrorString(error.code)}", error.lineno, error.offset + 1
            ) from error

    def taken(self) -> list[XmlElement]:
        ready, self.ready = self.ready, []
        return ready

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = XmlElement(tag, attributes, self.parser.CurrentLineNumber)
        self._keep_text()
        self.open.append(element)
        if len(self.open) > MAX_DEPTH:
            raise self._refused(f"elements are nested deeper than {MAX_DEPTH}", element.line)
        if len(self.open) == 1:
            self.ready.append(element)
        elif len(self.open) > 2:
            self.open[-2].children.append(element)

    def _end(self, tag: str) -> None:
        self._keep_text()
        element = self.open.pop()
        if len(self.open) == 1:
            self.ready.append(element)

    def _text(self, text: str) -> None:
        if len(self.open) > 1:
            self.texts.append(text)

    def _keep_text(self) -> None:
        if self.texts:
            if not self.open[-1].children:
                self.open[-1].text += "".join(self.texts)
            self.texts.clear()

    def _entity(self, *_: Any) -> int:
        raise self._refused("entities are not read", self.parser.CurrentLineNumber)

    def _refused(self, message: str, line: int, column: int | None = None) -> FlywheelError:
        return FlywheelError(
            message,
            where=Where(str(self.path), line, column),
            hint="correct it, or move it out of the dataset folder",
            exit_code=ExitCode.STAGE_FAILED,
        )
