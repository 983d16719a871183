"""docs/security.md: a row for each rule, and each names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from github.test_rules import RULES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def rows() -> dict[int, list[str]]:
    """Rule → the tests that its row names."""
    found = re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", PAGE, re.MULTILINE)
    return {int(number): re.findall(r"`([^`]+)`", shown) for number, shown in found}


def names(test: str) -> bool:
    """Whether `file::function[case]` is a test that there is."""
    file, _, function = test.partition("::")
    function, _, case = function.partition("[")
    path = ROOT / file
    tree = (
        ast.parse(path.read_text(encoding="utf-8"))
        if path.is_file()
        else ast.Module(body=[], type_ignores=[])
    )
    there = any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)
    return there and (not case or case.removesuffix("]") in RULES)


def test_every_rule_names_tests_that_there_are() -> None:
    assert list(rows()) == list(range(1, 31))
    assert [number for number, tests in rows().items() if not tests] == []
    assert [test for tests in rows().values() for test in tests if not names(test)] == []


def test_every_library_names_a_test_that_there_is() -> None:
    listed = PAGE.partition("## What libraries read")[2]
    tests = re.findall(r"\| `(tests/[^`]+)` \|$", listed, re.MULTILINE)
    assert len(tests) == len(re.findall(r"^\| (?!library|-)", listed, re.MULTILINE)) > 10
    assert [test for test in tests if not names(test)] == []


def test_a_test_that_is_gone_is_noticed() -> None:
    assert not names("tests/test_security_page.py::test_gone")
    assert not names("tests/gone.py::test_gone")
    assert not names("tests/github/test_rules.py::test_holds[rule_21]")
