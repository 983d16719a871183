"""The names of a sprint's record are written in the catalogue, and nowhere else in runner/."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.record.catalogue import CATALOGUE, REPORTS

RUNNER = Path(__file__).parents[2] / "runner"
FILES = [file.name.rpartition("/")[2] for file in CATALOGUE if file.format != "folder"]
FOLDERS = {file.name for file in CATALOGUE if file.format == "folder"}
_NAMED = re.compile(
    rf"(?<![\w.-])(?:{'|'.join(map(re.escape, FILES))})(?![\w-])"
    rf"|(?<![\w.-]){REPORTS}/"
    rf"|(?:^|/)(?:{'|'.join(FOLDERS)})/"
)
ALLOWED = {
    **dict.fromkeys(
        ("adapters", "checks", "config", "dataset", "domain", "exporters", "trainers"),
        "below the catalogue, which they cannot import",
    ),
    **dict.fromkeys(("cli", "report"), "says it to people"),
    "scaffold": "writes the .gitignore of a repository, which is of no record",
}


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Where a text of Python code names a file or folder of a record: the line, and the text."""
    if not _NAMED.search(source) and not any(name in source for name in (REPORTS, *FOLDERS)):
        return
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = {
        id(node.right)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            text = node.value
            if _NAMED.search(text) or (id(node) in joined and text in {REPORTS, *FOLDERS}):
                yield node.lineno, text


def _sources() -> Iterator[Path]:
    for path in sorted(RUNNER.rglob("*.py")):
        if path.relative_to(RUNNER).parts[0] not in ("record", *ALLOWED):
            yield path


def test_no_name_of_a_record_stands_outside_the_catalogue() -> None:
    written = [
        f"{path.relative_to(RUNNER.parent)}:{line}: {text!r}"
        for path in _sources()
        for line, text in literals(path.read_text(encoding="utf-8"))
    ]
    assert written == [], "name it by runner/record/catalogue.py"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('x = folder / "verdict.json"', 1),
        ('x = f"reports/{sprint}"', 1),
        ('x = f"no {name} in verdict.json"', 1),
        ('x = root / "reports" / name / "weights"', 2),
        ('"""verdict.json is named."""', 0),
        ('x = "my-verdict.json", "verdicts", "the weights"', 0),
    ],
)
def test_a_literal_is_found(source: str, count: int) -> None:
    assert len(list(literals(source))) == count


if __name__ == "__main__":
    print(sum(len(list(literals(path.read_text(encoding="utf-8")))) for path in _sources()))
