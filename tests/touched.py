"""Which tests a change touches, by what imports what: `python tests/touched.py` lists their files, the nearest first.

A change is what differs from where this branch left the default branch, commits and working tree together. A test file is
touched when it, a helper or conftest.py that it uses, or anything that they import, imports something that changed.
Prints `everything` where the change is to what all tests rest on.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_ALL = ("pyproject.toml", "constraints.txt", "tests/conftest.py", "tests/warm.py", "tests/built.py")
BRANCHES = ("origin/HEAD", "main", "master")


def changed_files() -> list[str]:
    """Relative to the repository: changed, new or removed."""
    known = [
        branch for branch in BRANCHES if _asked("rev-parse", "--verify", "--quiet", branch).returncode == 0
    ]
    base = _git("merge-base", "HEAD", known[0])[0].strip() if known else "HEAD"
    return sorted(
        {*_git("diff", "--name-only", "-z", base), *_git("ls-files", "-z", "--others", "--exclude-standard")}
    )


def touched(changed: list[str]) -> list[str]:
    """The test files, those whose imports are the fewest steps away first."""
    import grimp

    graph = grimp.build_graph("runner")
    steps: dict[str, int] = {}
    near = [name for path in changed if (name := module_of(path))]
    distance = 0
    while near:
        steps |= dict.fromkeys(near, distance)
        distance += 1
        importing = {
            user
            for name in near
            if name in graph.modules
            for user in graph.find_modules_that_directly_import(name)
        }
        near = [name for name in importing if name not in steps]
    found = {}
    for test in sorted((ROOT / "tests").rglob("test_*.py")):
        path = str(test.relative_to(ROOT))
        used = {*closure(test), *conftests(test)}
        here = [steps[name] for file in used for name in imports(file) if name in steps]
        own = {str(file.relative_to(ROOT)) for file in used}
        if path in changed:
            found[path] = -1
        elif here or not own.isdisjoint(changed):
            found[path] = min(here, default=0)
    return sorted(found, key=lambda path: (found[path], path))


def module_of(path: str) -> str | None:
    """The module that a changed file is, or belongs to: a schema or a template is part of its package."""
    file = Path(path)
    if file.parts[:1] != ("runner",):
        return None
    if file.suffix == ".py":
        parts = file.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ".".join(file.parent.parts)


def conftests(test: Path) -> Iterator[Path]:
    """What pytest loads for the fixtures of a test, without the root's (that is of all tests)."""
    for folder in test.relative_to(ROOT / "tests").parents:
        conftest = ROOT / "tests" / folder / "conftest.py"
        if conftest.is_file() and folder != Path():
            yield from closure(conftest)


@cache
def closure(file: Path) -> frozenset[Path]:
    """A file of `tests/` with the helpers that it uses, directly or not."""
    seen, left = {file}, [file]
    while left:
        for name in imports(left.pop()):
            place = ROOT / "tests" / Path(*name.removeprefix("tests.").split(".")).with_suffix(".py")
            if place.is_file() and place not in seen:
                seen.add(place)
                left.append(place)
    return frozenset(seen)


@cache
def imports(file: Path) -> frozenset[str]:
    """The modules that a file imports anywhere, and the names that it takes from packages, which may be modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return frozenset(names)


def _git(*arguments: str) -> list[str]:
    """
    Raises:
        SystemExit: git does not say: that is not the same as nothing.
    """
    done = _asked(*arguments)
    if done.returncode:
        sys.exit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return [part for part in done.stdout.split("\0") if part]


def _asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def main() -> None:
    changed = changed_files()
    if any(path in OF_ALL for path in changed):
        print("everything")
        return
    examples = [path for path in changed if path.startswith("runner/") and (ROOT / path).suffix == ".py"]
    for path in [*(path for path in examples if (ROOT / path).is_file()), *touched(changed)]:
        print(path)


if __name__ == "__main__":
    sys.exit(main())
