"""What the suite's own time rests on: a warm python does what a fresh one does, nothing is done twice, a change finds its tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import FRESH, Clock

from runner.adapters.pictures.canvas import Picture
from runner.stages.stage import StageContext
from tests import built as kept
from tests import done_once
from tests.dealing import dealt
from tests.touched import changed_files, module_of, touched


def said(python: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("root",), ("init", "--no-scm", "-q"), ("nonsense",)], ids=" ".join)
def test_a_warm_command_is_as_a_fresh_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    folders = [tmp_path / name / "project" for name in ("fresh", "warm")]
    for folder in folders:
        folder.mkdir(parents=True)
    fresh, warm = (
        said(python, folder, "-m", "dvc", *arguments)
        for python, folder in zip((FRESH, sys.executable), folders, strict=True)
    )
    assert warm == fresh
    assert [path.name for path in folders[1].iterdir()] == [path.name for path in folders[0].iterdir()]


@pytest.mark.slow
def test_a_stage_that_is_none_fails_warm_as_it_does_fresh(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "0001-x"
    folder.mkdir(parents=True)
    fresh, warm = (
        said(python, folder, "-m", "runner.stages.run", "nonsense") for python in (FRESH, sys.executable)
    )
    assert (warm[0], warm[1], warm[2].splitlines()[-1:]) == (fresh[0], fresh[1], fresh[2].splitlines()[-1:])
    assert warm[0] != 0


def test_everything_else_is_run_by_the_real_python(tmp_path: Path) -> None:
    code = "import sys; print(sys.executable, sys.argv[1:], sys.stdin.read())"
    done = subprocess.run(
        [sys.executable, "-c", code, "a b"], input="typed", capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{FRESH} ['a b'] typed\n"
    assert Path(sys.executable).with_name("flywheel").resolve() == Path(FRESH).with_name("flywheel").resolve()


@pytest.mark.fresh_processes
def test_a_test_can_ask_for_fresh_processes() -> None:
    assert sys.executable == FRESH


def test_what_is_built_is_made_once_and_the_oldest_are_dropped(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def build(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("built")

    monkeypatch.setenv("FLYWHEEL_TEST_CACHE", str(tmp_path / "cache"))
    for version in range(kept.KEPT + 2):
        monkeypatch.setattr(kept, "version", lambda maker, version=version: str(version))
        for run in range(2):
            here = tmp_path / f"run-{version}-{run}"
            here.mkdir()
            monkeypatch.setattr(kept, "of_all_workers", lambda factory, here=here: here)
            for _ in range(2):
                assert (kept.built("thing", build, tmp_path_factory) / "file").read_text() == "built"
        os.utime(tmp_path / "cache" / f"thing-{version}", (version, version))
    assert len(made) == kept.KEPT + 2
    left = sorted(path.name for path in (tmp_path / "cache").iterdir() if path.is_dir())
    assert left == [f"thing-{version}" for version in range(2, kept.KEPT + 2)]


def test_a_change_finds_the_tests_that_import_it_the_nearest_first() -> None:
    found = touched(["runner/gates/judge.py"])
    assert found.index("tests/gates/test_judge.py") < found.index("tests/workflow/test_promote.py")
    assert "tests/dataset/test_csv.py" not in found
    assert "tests/workflow/test_promote.py" in touched(["tests/promoting.py"])
    assert "tests/gates/test_judge.py" not in touched(["tests/promoting.py"])
    assert touched(["tests/gates/test_judge.py"]) == ["tests/gates/test_judge.py"]
    assert touched(["README.md"]) == []


def test_a_file_that_is_no_module_belongs_to_its_package() -> None:
    assert module_of("runner/gates/judge.py") == "runner.gates.judge"
    assert module_of("runner/gates/__init__.py") == "runner.gates"
    assert module_of("runner/config/schemas/sprint.json") == "runner.config.schemas"
    assert module_of("tests/gates/test_judge.py") is None


def test_where_git_does_not_say_what_changed_that_is_no_empty_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.touched.ROOT", tmp_path)
    with pytest.raises(SystemExit, match="git diff"):
        changed_files()


class _Item:
    """A test that needs these states, as pytest describes it."""

    def __init__(self, name: str, *states: str) -> None:
        self.name = name
        made = SimpleNamespace(scope="session", argnames=("tmp_path_factory",))
        own = SimpleNamespace(scope="function", argnames=())
        known = {"tmp_path": [own], **{state: [made] for state in states}}
        self._fixtureinfo = SimpleNamespace(name2fixturedefs=known)


def test_states_are_built_early_while_others_run_quick_tests() -> None:
    quick = [f"quick-{number}" for number in range(20)]
    states = {"a-1": ["a"], "b-1": ["a", "b"], "a-2": ["a"], "c-1": ["c"]} | {name: [] for name in quick}
    items = [_Item(name, *needed) for name, needed in states.items()]
    order = [item.name for item in dealt(items)]  # type: ignore[arg-type]
    assert sorted(order) == sorted(states)
    assert [name for name in order if name in quick] == quick
    assert [name for name in order if name not in quick] == ["a-1", "c-1", "b-1", "a-2"]
    assert [order.index(name) for name in ("a-1", "c-1", "b-1")] == [0, 6, 13]
    assert order[-4:] == ["a-2", *quick[-3:]]


def test_what_is_evaluated_is_remembered_by_every_byte_that_the_stage_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated: list[Path] = []

    def evaluate(context: StageContext, params: object) -> None:
        evaluated.append(context.folder)
        (context.folder / "evaluation.json").write_text(f"number {len(evaluated)}")

    monkeypatch.setattr(done_once, "_EVALUATE", evaluate)
    monkeypatch.setattr(done_once, "_evaluations", {})
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        (folder / "predictions").mkdir(parents=True)
        (folder / "predictions" / "torch.parquet").write_text("a table")
    params = {"seeds": [0]}

    def said(folder: Path, params: object) -> str:
        done_once.evaluated(StageContext(root=tmp_path, folder=folder), params)  # type: ignore[arg-type]
        return (folder / "evaluation.json").read_text()

    assert [said(folder, params) for folder in folders] == ["number 1", "number 1"]
    assert said(folders[0], {"seeds": [1]}) == "number 2"
    (folders[1] / "predictions" / "torch.parquet").write_text("another")
    assert said(folders[1], params) == "number 3"
    (folders[1] / "champion").mkdir()
    (folders[1] / "champion" / "new.parquet").write_text("")
    assert said(folders[1], params) == "number 4"


def test_every_function_that_draws_a_plot_is_among_those_that_draw_once() -> None:
    drawn = {name for _, name in done_once._DRAW}
    assert {"two_panels", "unit_square", "confusion", "differences", "dots", "bars"} <= drawn
    assert drawn.isdisjoint({"blank", "encoded", "drawing"})


def test_a_plot_is_drawn_once_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, int]] = []

    def draw(title: str, *, rows: int) -> Picture:
        drawn.append((title, rows))
        return Picture(svg=title.encode(), png=bytes(rows))

    monkeypatch.setitem(done_once._DRAW, ("module", "name"), draw)
    monkeypatch.setattr(done_once, "_plots", lambda: tmp_path)
    for _ in range(2):
        done_once._drawn.cache_clear()  # as in another process
        for title, rows in (("a", 1), ("a", 2), ("b", 1), ("a", 1)):
            picture = done_once._remembered("module", "name", title, rows=rows)
            assert picture == Picture(svg=title.encode(), png=bytes(rows))
    assert drawn == [("a", 1), ("a", 2), ("b", 1)]


def test_tags_of_a_promotion_are_a_second_apart_without_waiting() -> None:
    clock = Clock()
    began = clock.time()
    clock.sleep(1.5)
    assert began + 1.5 <= clock.time() < time.time() + 1.6
    clock.sleep(1.0)
    assert began + 2.5 <= clock.time()
