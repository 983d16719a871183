"""What is done once: plots, and evaluations that are made again. The same input gives the same bytes, and both take longer
than all else of a report, or of a verification.

A process evaluates once; plots are shared by all processes, and kept beside the states of `tests/built.py`.

Commands in a test's process and the jobs of a simulated forge use it. Tests of plots and of the stage call them, and do the work.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.adapters.pictures import plotting, plotting_bias, plotting_errors, plotting_intervals
from runner.adapters.pictures.canvas import Picture
from runner.stages import evaluate
from runner.stages.measuring import EvaluateParams
from runner.stages.stage import StageContext
from tests.built import shared

KEPT = 500  # pictures of some 100 kB
KEPT_EVALUATIONS = 50  # of some 200 kB
_DRAW: dict[tuple[str, str], Callable[..., Picture]] = {
    (module.__name__, name): function
    for module in (plotting, plotting_bias, plotting_errors, plotting_intervals)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and function.__annotations__["return"] == Picture.__name__
}
_EVALUATE = evaluate.run
_evaluations: dict[str, dict[str, bytes]] = {}


@contextmanager
def nothing_done_twice() -> Iterator[None]:
    """Within it, what was drawn before is not drawn again, and what was evaluated before is not evaluated again."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _DRAW:
            patch.setattr(f"{module}.{name}", functools.partial(_remembered, module, name))
        patch.setattr(evaluate, "run", evaluated)
        yield


@pytest.fixture(autouse=True)
def done_once() -> Iterator[None]:
    """For a conftest.py whose tests look at what becomes of plots and evaluations, and not at how they are made."""
    with nothing_done_twice():
        yield


def _remembered(module: str, name: str, *given: Any, **named: Any) -> Picture:
    return _drawn(module, name, pickle.dumps((given, named)))


@functools.lru_cache(maxsize=KEPT)
def _drawn(module: str, name: str, asked: bytes) -> Picture:
    file = _plots() / hashlib.sha256(f"{module}.{name}\0".encode() + asked).hexdigest()
    with suppress(OSError):
        picture = pickle.loads(file.read_bytes())  # noqa: S301 - our own
        assert isinstance(picture, Picture)
        return picture
    given, named = pickle.loads(asked)  # noqa: S301 - our own
    drawn = _DRAW[module, name](*given, **named)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(pickle.dumps(drawn))
    unfinished.rename(file)
    return drawn


@functools.cache
def _plots() -> Path:
    return shared("plots", Path(__file__))


def evaluated(context: StageContext, params: EvaluateParams) -> None:
    """As the stage's `run`: by its parameters, and by every byte of what it declares to read."""
    asked = hashlib.sha256(msgspec.json.encode(params, order="sorted"))
    for path, content in _files(context.folder, evaluate.STAGE.reads):
        asked.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    key = asked.hexdigest()
    if key not in _evaluations:
        _EVALUATE(context, params)
        while len(_evaluations) >= KEPT_EVALUATIONS:
            del _evaluations[next(iter(_evaluations))]
        _evaluations[key] = dict(_files(context.folder, evaluate.STAGE.writes))
        return
    for name, content in _evaluations[key].items():
        target = context.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _files(folder: Path, declared: Any) -> Iterator[tuple[str, bytes]]:
    """Every file at or below what a stage declares, by its path in the sprint's folder."""
    for file in declared:
        path = folder / file.name
        for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if each.is_file():
                yield str(each.relative_to(folder)), each.read_bytes()
