"""How many small faults, planted in a room one at a time, its tests catch.

    python benchmarks/mutants.py                                  # every room, 50 mutants each
    python benchmarks/mutants.py --room gates --sample 200
    python benchmarks/mutants.py --json after.json --beside before.json
    python benchmarks/mutants.py --tree ../older --rooms rooms.json --json before.json

cosmic-ray's operators say where a fault can be planted; this file samples, runs and counts. Tests run in a copy of the tree, which
is made anew; each mutant in a process forked from one that has imported pytest and the libraries. Of a room's tests those run that
were seen to call the mutated function, the quickest first (`--seconds`); tests that need a finished training are left out (`finished`), and so are those that fail
or take long without a fault. A mutant is known by its function, its line's text and its operator, and drawn by a hash of these and the
seed: where a file moved or lines were added, the same mutants are drawn again. Prints one Markdown table; exits with 1 where,
beside an older run, a room catches a smaller share or a mutant survives that was caught.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# Where the faults are planted (a path with ! before it is left out), and the tests that guard it.
ROOMS: dict[str, dict[str, list[str]]] = {
    "policy": {"sources": ["runner/policy/**/*.py"], "tests": ["tests/policy"]},
    "gates": {"sources": ["runner/gates/**/*.py"], "tests": ["tests/gates", "tests/policy"]},
    "evaluation": {
        "sources": ["runner/evaluation/**/*.py"],
        "tests": ["tests/evaluation", "tests/gates", "tests/assessment"],
    },
    "record": {
        "sources": ["runner/record/**/*.py"],
        "tests": [
            "tests/record",
            *(f"tests/workflow/test_{name}.py" for name in ("record_files", "lock")),
            *(f"tests/pullrequests/test_{name}.py" for name in ("bundle", "own_record", "believed")),
        ],
    },
    "pullrequests": {"sources": ["runner/pullrequests/**/*.py"], "tests": ["tests/pullrequests"]},
}
SLOW_FIXTURES = {"finished"}
SLOW_TEST = 5.0  # CPU seconds: a test that takes longer while it is watched is left out
CPU_GRACE = 10  # seconds of CPU that a mutant's tests may take beyond three times what they took without it
COMPILING = 120  # seconds of CPU more where numba compiles anew
WALL_GRACE = 600.0  # and by the clock beyond ten times, for one that waits: the machine may have other work
MEMORY = 24 * 2**30  # bytes of address space of one mutant's process
PASSED, NOTHING_COLLECTED = 0, 5  # pytest's exit codes
IMPORTED = [  # once, before the forks
    "pytest", "_pytest.assertion.rewrite", "hypothesis", "hypothesis.extra.numpy", "numpy", "msgspec", "yaml",
    "jsonschema", "numba", "pyarrow", "pyarrow.parquet", "duckdb", "scipy.stats", "PIL.Image", "requests",
]  # fmt: skip
# Not planted: a decorator's and an annotation's faults change no behaviour, and variables need a configuration.
NOT_USED = ("core/RemoveDecorator", "core/Variable")


@dataclass(frozen=True)
class Mutant:
    """One fault: `occurrence` counts its operator's places in the file, `nth` those of the same function and line text."""

    path: str
    line: int
    function: str
    text: str
    operator: str
    occurrence: int
    nth: int

    @property
    def key(self) -> str:
        """The same for the same fault, wherever the function stands."""
        return "\n".join([self.function, self.text, self.operator, str(self.nth)])

    @property
    def family(self) -> tuple[str, str, str]:
        """Function, line and kind of operator: one of each is drawn, since some have twelve replacements."""
        return self.function, self.text, self.operator.split("_")[0]

    def rank(self, seed: int) -> str:
        """The order in which mutants are drawn."""
        return hashlib.sha256(f"{seed}\n{self.key}".encode()).hexdigest()


@dataclass
class Watched:
    """What a room's tests do without a fault: seconds of each, and per function of a file the tests that call it."""

    seconds: dict[str, float] = field(default_factory=dict)
    callers: dict[str, list[str]] = field(default_factory=dict)

    def tests(self, mutant: Mutant, most_seconds: float) -> list[str]:
        """Those to run, quickest first, as many as take so long: of the function; for a file's own lines, and for compiled
        functions, of all the file."""
        own = self.callers.get(f"{mutant.path}:{mutant.function}")
        if not own:
            own = [
                name
                for function, names in self.callers.items()
                if function.startswith(f"{mutant.path}:")
                for name in names
            ]
        ordered = sorted(set(own) & self.seconds.keys(), key=lambda name: (self.seconds[name], name))
        ends = accumulate(self.seconds[name] for name in ordered)
        return [
            name for name, end in zip(ordered, ends, strict=True) if end <= most_seconds or name == ordered[0]
        ]


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant: killed, timeout, survived or unreached (no test calls its function)."""

    mutant: Mutant
    became: str
    seconds: float
    diff: str = ""

    @property
    def caught(self) -> bool:
        return self.became in ("killed", "timeout")


# ---- where faults can be planted


class _Places(ast.NodeVisitor):
    """Which lines are of which function, and what is an annotation or a decorator."""

    def __init__(self, tree: ast.Module) -> None:
        self.functions: list[tuple[int, int, str]] = []
        self.skipped: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._names: list[str] = []
        self._within = 0  # functions
        self.visit(tree)

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._skip(decorator)
        self._names.append(node.name)
        is_function = not isinstance(node, ast.ClassDef)
        if is_function and not self._within:  # a function within another is the outer one's
            self.functions.append((node.lineno, node.end_lineno or node.lineno, ".".join(self._names)))
        self._within += is_function
        self.generic_visit(node)
        self._within -= is_function
        self._names.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _scope  # noqa: N815

    def visit_arg(self, node: ast.arg) -> None:
        self._skip(node.annotation)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._skip(node.annotation)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.BitOr) and not self._within:  # A | B: a type
            self._skip(node)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._skip(node.returns)
        super().generic_visit(node)

    def _skip(self, node: ast.expr | None) -> None:
        if node is not None:
            end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
            self.skipped.append(((node.lineno, node.col_offset), end))

    def function(self, line: int) -> str:
        return next((name for first, last, name in self.functions if first <= line <= last), "")

    def is_skipped(self, position: tuple[int, int]) -> bool:
        return any(start <= position < end for start, end in self.skipped)


def operators() -> dict[str, Any]:
    """cosmic-ray's, by name."""
    from cosmic_ray.plugins import get_operator, operator_names

    names = [name for name in operator_names() if not name.startswith(NOT_USED)]
    return {name: get_operator(name)() for name in names if not get_operator(name).arguments()}


def mutants(tree: Path, sources: Iterable[str]) -> list[Mutant]:
    """Every fault that can be planted."""
    from cosmic_ray.ast import ast_nodes, get_ast

    made: list[Mutant] = []
    for path in files(tree, sources):
        source = path.read_text("utf-8")
        lines = source.splitlines()
        nodes = list(ast_nodes(get_ast(source)))
        places = _Places(ast.parse(source))
        for name, operator in operators().items():
            nth: Counter[tuple[str, str]] = Counter()
            positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
            for occurrence, start in enumerate(positions):
                if places.is_skipped(start):
                    continue
                function, text = places.function(start[0]), lines[start[0] - 1].strip()
                place = str(path.relative_to(tree))
                made.append(Mutant(place, start[0], function, text, name, occurrence, nth[function, text]))
                nth[function, text] += 1
    return made


def files(tree: Path, patterns: Iterable[str]) -> list[Path]:
    """The files of a room."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    chosen = {path for pattern in wanted for path in tree.glob(pattern)}
    for pattern in patterns:
        if pattern.startswith("!"):
            chosen -= set(tree.glob(pattern[1:]))
    return sorted(path for path in chosen if path.name != "__init__.py")


def drawn(every: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """The first `count` by rank, one of each family."""
    families: dict[tuple[str, str, str], Mutant] = {}
    for mutant in sorted(every, key=lambda each: each.rank(seed)):
        families.setdefault(mutant.family, mutant)
    return list(families.values())[:count]


# ---- running tests in forked processes


class _Watch:
    """A pytest plugin: which functions of the tree each test calls, how long it takes, and whether it passes."""

    def __init__(self, tree: Path) -> None:
        self.prefix = str(tree / "runner") + os.sep
        self.cut = len(str(tree)) + 1
        self.called: set[tuple[str, str]] = set()
        self.callers: dict[str, list[str]] = defaultdict(list)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    def _profile(self, frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(self.prefix):
            self.called.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if not SLOW_FIXTURES & set(item.fixturenames)]

    def pytest_runtest_protocol(self, item: Any) -> None:
        self.called.clear()
        self.started = cpu_seconds()
        sys.setprofile(self._profile)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        sys.setprofile(None)
        self.seconds[nodeid] = cpu_seconds() - self.started
        for path, name in self.called:
            self.callers[f"{path[self.cut :]}:{name.split('.<locals>')[0]}"].append(nodeid)

    def watched(self) -> Watched:
        kept = {
            name: taken
            for name, taken in self.seconds.items()
            if taken <= SLOW_TEST and name not in self.failed
        }
        return Watched(kept, dict(self.callers))


def cpu_seconds() -> float:
    """Of this process and of those it waited for."""
    return sum(os.times()[:4])


def forked(work: Callable[[], int], limit: float) -> tuple[int | None, float]:
    """What a forked process returns (None: it took longer than `limit` seconds), and its seconds."""
    started = time.perf_counter()
    process = os.fork()
    if not process:
        os.setsid()
        code = 70
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        taken = time.perf_counter() - started
        if ended:
            return os.waitstatus_to_exitcode(status), taken
        if taken > limit:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None, taken
        time.sleep(0.02)


def pytest(tree: Path, arguments: list[str], plugins: list[Any], *, cpu: float) -> int:
    """Runs in a forked process: pytest in the copy, with the same examples of every property in each run."""
    import hypothesis
    import pytest

    if not os.environ.get("MUTANTS_SHOW"):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu), int(cpu)))
    sys.dont_write_bytecode = not plugins
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    hypothesis.settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    options = ["-q", "-x", "-p", "xdist.plugin", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    if plugins:
        options.remove("-x")
    return int(pytest.main([*options, *arguments], plugins=plugins))


def watch(tree: Path, tests: Iterable[str], folder: Path) -> Watched:
    """Runs the tests once without a fault."""
    present = [test for test in tests if (tree / test).exists()]
    target = folder / "watched.json"

    def work() -> int:
        plugin = _Watch(tree)
        code = pytest(tree, present, [plugin], cpu=3600)
        target.write_text(json.dumps(asdict(plugin.watched())))
        return code

    target.unlink(missing_ok=True)
    forked(work, 3600)
    if not target.exists():
        raise SystemExit(f"the tests of {', '.join(present)} cannot be run")
    watched = Watched(**json.loads(target.read_text()))
    if not watched.seconds:
        raise SystemExit(f"no test of {', '.join(present)} passes")
    return watched


def outcome(tree: Path, mutant: Mutant, watched: Watched, most_seconds: float) -> Outcome:
    """Plants one fault, runs the tests of its function, and takes it away again."""
    import difflib

    from cosmic_ray.mutating import mutate_code

    tests = watched.tests(mutant, most_seconds)
    path = tree / mutant.path
    source = path.read_text("utf-8")
    faulty = mutate_code(source, operators()[mutant.operator], mutant.occurrence)
    difference = difflib.unified_diff(source.splitlines(), faulty.splitlines(), lineterm="", n=0)
    diff = "\n".join(line for line in difference if line[:1] in "+-" and line[:3] not in ("+++", "---"))
    if not tests:
        return Outcome(mutant, "unreached", 0.0, diff)
    usual = sum(watched.seconds[name] for name in tests)
    compiled = "@njit" in source  # numba's files know of their own source only, not of their callers'
    try:
        path.write_text(faulty, "utf-8")
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
        if compiled:
            shutil.rmtree(os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
        code, taken = forked(
            lambda: pytest(tree, tests, [], cpu=3 * usual + CPU_GRACE + COMPILING * compiled),
            10 * usual + WALL_GRACE,
        )
    finally:
        path.write_text(source, "utf-8")
        if compiled:
            shutil.rmtree(os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)
    out_of_time = code in (None, -signal.SIGKILL, -signal.SIGXCPU)
    became = "timeout" if out_of_time else "survived" if code in (PASSED, NOTHING_COLLECTED) else "killed"
    return Outcome(mutant, became, taken, diff)


# ---- the whole run


def copied(tree: Path, folder: Path) -> Path:
    """The tracked files of a tree, in a repository of their own."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=tree, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        if name and (tree / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def run_room(
    tree: Path, name: str, room: Mapping[str, list[str]], given: argparse.Namespace, folder: Path
) -> list[Outcome]:
    """Every drawn mutant of a room; says on stderr how far it is."""
    every = mutants(tree, room["sources"])
    watched = watch(tree, room["tests"], folder)
    chosen = drawn(every, given.sample, given.seed)
    say(f"{name}: {len(every)} mutants, {len(chosen)} drawn, {len(watched.seconds)} tests")
    outcomes: list[Outcome] = []
    for mutant in chosen:
        outcomes.append(outcome(tree, mutant, watched, given.seconds))
        last = outcomes[-1]
        say(f"{last.became:<9} {last.seconds:5.1f} s {mutant.path}:{mutant.line} {mutant.operator}")
    return outcomes


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def share(outcomes: list[Outcome]) -> float:
    return sum(each.caught for each in outcomes) / len(outcomes) if outcomes else 0.0


def table(rooms: Mapping[str, list[Outcome]], before: Mapping[str, list[Outcome]]) -> str:
    """One row per room; with an older run also its share, and the mutants of both that only it caught."""
    head = ["room", "mutants", "killed", "timeout", "survived", "no test calls it", "caught"]
    extra = ["caught before", "in both", "caught before, not now"] if before else []
    rows = [head + extra, ["---"] * len(head + extra)]
    for name, outcomes in rooms.items():
        became = Counter(each.became for each in outcomes)
        counts = [became[state] for state in ("killed", "timeout", "survived", "unreached")]
        row = [name, len(outcomes), *counts, f"{share(outcomes):.0%}"]
        if before:
            older = before.get(name, [])
            row += [f"{share(older):.0%}", len(common(outcomes, older)), len(lost(outcomes, older))]
        rows.append([str(cell) for cell in row])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def common(now: list[Outcome], older: list[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """The mutants of both runs."""
    by_key = {each.mutant.key: each for each in older}
    return [(each, by_key[each.mutant.key]) for each in now if each.mutant.key in by_key]


def lost(now: list[Outcome], older: list[Outcome]) -> list[Outcome]:
    """Those that an older run caught and this one does not."""
    return [new for new, old in common(now, older) if old.caught and not new.caught]


def stored(path: Path) -> dict[str, list[Outcome]]:
    """What `--json` wrote."""
    document = json.loads(path.read_text("utf-8"))
    return {
        name: [Outcome(**{**each, "mutant": Mutant(**each["mutant"])}) for each in outcomes]
        for name, outcomes in document.items()
    }


def survivors(rooms: Mapping[str, list[Outcome]]) -> Iterator[str]:
    for outcomes in rooms.values():
        for each in outcomes:
            if not each.caught:
                yield f"{each.mutant.path}:{each.mutant.line} {each.mutant.function} ({each.became})\n{each.diff}"


def main() -> int:
    """Prints the table and the survivors; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, default=ROOT, help="whose tracked files are copied (this one)")
    parser.add_argument(
        "--rooms",
        type=Path,
        help="a JSON file that names sources and tests of each room, for a tree whose files stand elsewhere",
    )
    parser.add_argument("--room", action="append", help="only this one; may be given again")
    parser.add_argument("--sample", type=int, default=50, help="mutants of a room")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="CPU of the tests of one mutant; the quickest are run"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where the outcomes are written to")
    parser.add_argument("--beside", type=Path, help="the outcomes of an older run")
    given = parser.parse_args()
    rooms = json.loads(given.rooms.read_text("utf-8")) if given.rooms else ROOMS
    before = stored(given.beside) if given.beside else {}
    outcomes: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        folder = Path(temporary)
        (folder / "tree").mkdir()
        tempfile.tempdir = temporary  # what tests leave goes with it
        tree = copied(given.tree.resolve(), folder / "tree")
        os.environ.update(
            PYTHONPATH=str(tree),
            PYTHONHASHSEED="0",
            NUMBA_CACHE_DIR=str(folder / "numba"),
            OMP_NUM_THREADS="1",
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
            TMPDIR=str(folder),
        )
        for module in IMPORTED:
            __import__(module)
        for name in given.room or rooms:
            outcomes[name] = run_room(tree, name, rooms[name], given, folder)
            if given.json:
                given.json.write_text(
                    json.dumps({room: [asdict(each) for each in done] for room, done in outcomes.items()})
                )
    print(table(outcomes, before))
    print("\nSurvivors:\n\n" + "\n\n".join(survivors(outcomes)))
    worse = [name for name in before.keys() & outcomes.keys() if share(outcomes[name]) < share(before[name])]
    gone = [each for name in outcomes for each in lost(outcomes[name], before.get(name, []))]
    for each in gone:
        print(f"\ncaught before, not now: {each.mutant.path}:{each.mutant.line}\n{each.diff}")
    return 1 if worse or gone else 0


if __name__ == "__main__":
    sys.exit(main())
