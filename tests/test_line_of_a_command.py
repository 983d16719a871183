"""The line of each command, as docs/architecture.md lists it, is the one that the code's imports lead along."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = ("run", "report", "verify")
LEADING = ("workflow", "planning", "pipeline")  # the rooms that a line leads through
STARTED_BY_DVC = "stages/run.py"
MOST = 20


def section() -> str:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    return text.partition("## The line of a command\n")[2].partition("\n## ")[0]


def line(command: str) -> list[str]:
    """The files that one reads, in order."""
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in section().splitlines()
        if row.startswith("| `")
    ]
    place = 2 + COMMANDS.index(command)
    numbered = sorted((int(cells[place]), cells[0].strip("`")) for cells in rows if cells[place])
    assert [number for number, _ in numbered] == list(range(1, len(numbered) + 1))
    return [file for _, file in numbered]


def beside() -> set[str]:
    """The files that a line asks on the way."""
    listed = section().partition("Not on the line")[2].partition("`tests/test_line_of_a_command.py`")[0]
    files, room = set(), ""
    for name in re.findall(r"`([^`]+)`", listed):
        if name.endswith("/"):
            room = name
        else:
            files.add(f"{room}{name}")
    return files


def imports(file: str) -> set[str]:
    """The files of runner/ that a file imports, inside functions too; not what only types are taken from."""
    tree = ast.parse((ROOT / "runner" / file).read_text(encoding="utf-8"))
    typing = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typing:
            module = node.module.removeprefix("runner.").replace(".", "/")
            imported |= {f"{module}.py", *(f"{module}/{name.name}.py" for name in node.names)}
    return {path for path in imported if (ROOT / "runner" / path).is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_is_short_and_each_of_its_files_is_called_by_one_before_it(command: str) -> None:
    files = line(command)
    assert len(files) <= MOST
    called = {files[0], STARTED_BY_DVC}
    for file in files:
        assert file in called, f"no file above it imports {file}"
        called |= imports(file)


def test_whatever_a_line_leads_to_is_on_it_or_is_said_to_be_beside_it() -> None:
    files = {file for command in COMMANDS for file in line(command)}
    led_to = {path for file in files for path in imports(file) if path.startswith(LEADING)}
    assert sorted(led_to - files) == sorted(beside())
