"""The names of a sprint's record are written in the catalogue, and nowhere else in runner/."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.record.catalogue import CATALOGUE, REPORTS

RUNNER = Path(__file__).parents[2] / "runner"
FILES = [file.name for file in CATALOGUE if file.format != "folder"]
FOLDERS = {file.name for file in CATALOGUE if file.format == "folder"}
_NAMED = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, FILES))})(?![\w-])|(?<![\w.-]){REPORTS}/")
# Below the catalogue, which they cannot import: each with the one thing that it knows of a record.
BELOW = {
    "adapters": "DVC's own names: dvc.yaml, dvc.lock, .gitignore, and where a project's pipelines lie",
    "config/ancestors.py": "whether a sprint was trained",
    "domain/conflicts.py": "what a merge left unfinished is a record",
}


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Where a text of Python code names a file or folder of a record: the line, and the text."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            if _NAMED.search(node.value):
                yield node.lineno, node.value
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            if node.right.value in {REPORTS, *FOLDERS}:
                yield node.lineno, str(node.right.value)


def _sources() -> Iterator[Path]:
    for path in sorted(RUNNER.rglob("*.py")):
        inside = path.relative_to(RUNNER)
        if inside.parts[0] not in ("record", *BELOW) and inside.as_posix() not in BELOW:
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
