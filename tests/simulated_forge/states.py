"""States of one repository on a forge, as fixtures: each is made once, and copied for the tests that begin there.

A conftest.py imports those that its tests use, with all that they are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from simulated_forge.loop import NEXT, SMALL, THIRD, Loop, spec

from runner.forges.forge import Review
from tests.built import built

Factory = pytest.TempPathFactory


def _state(name: str, make: Callable[[Path], Loop], factory: Factory) -> Loop:
    """What `make` makes in an empty folder, once per machine (`tests/built.py`)."""
    return Loop.kept(built(f"loop-{name}", lambda folder: make(folder).keep(), factory))


def _after(before: Loop, name: str, step: Callable[[Loop], object], factory: Factory) -> Loop:
    """The state that `step` makes of a copy of another."""

    def make(folder: Path) -> Loop:
        loop = before.copy(folder)
        step(loop)
        return loop

    return _state(name, make, factory)


@pytest.fixture(scope="session")
def prepared(finished: Path, tmp_path_factory: Factory) -> Loop:
    """Main has one sprint that ran and was never promoted, and a policy; nothing is proposed."""
    return _state("prepared", lambda folder: Loop.start(folder, finished), tmp_path_factory)


@pytest.fixture(scope="session")
def first(prepared: Loop, tmp_path_factory: Factory) -> Loop:
    """Pull request 7 proposes a sprint whose gate is not met; it ran, and is reported."""
    return _after(
        prepared,
        "first",
        lambda loop: loop.run_proposal(7, {f"specs/{NEXT}.yaml": spec(0.5)}),
        tmp_path_factory,
    )


@pytest.fixture(scope="session")
def judged(first: Loop, tmp_path_factory: Factory) -> Loop:
    """A second push to it asks for less: PASS, and nothing to approve."""
    return _after(
        first, "judged", lambda loop: loop.run_proposal(7, {f"specs/{NEXT}.yaml": spec(50)}), tmp_path_factory
    )


@pytest.fixture(scope="session")
def promoted(judged: Loop, tmp_path_factory: Factory) -> Loop:
    """It was merged, recorded and promoted."""

    def step(loop: Loop) -> None:
        loop.merge(7)
        assert loop.promote(7) == 0, loop.log[-1]

    return _after(judged, "promoted", step, tmp_path_factory)


@pytest.fixture(scope="session")
def rivals(judged: Loop, tmp_path_factory: Factory) -> Loop:
    """8 proposes another sprint beside it, which was judged against the same champion: none."""
    return _after(
        judged,
        "rivals",
        lambda loop: loop.run_proposal(8, {f"specs/{THIRD}.yaml": spec(40)}),
        tmp_path_factory,
    )


@pytest.fixture(scope="session")
def overtaken(rivals: Loop, tmp_path_factory: Factory) -> Loop:
    """Both were merged; 7's was recorded and promoted, and somebody who may approved 8 as it was judged."""

    def step(loop: Loop) -> None:
        loop.merge(7)
        loop.merge(8)
        assert loop.promote(7) == 0, loop.log[-1]
        loop.memory.later()
        fake = loop.memory.fake
        head = fake.pulls[8].head_sha
        fake.reviewed[8] = [Review(author="dave", state="APPROVED", commit=head, submitted_at=fake.now)]

    return _after(rivals, "overtaken", step, tmp_path_factory)


@pytest.fixture(scope="session")
def waiting(overtaken: Loop, tmp_path_factory: Factory) -> Loop:
    """8's was recorded, and judged again against the champion that 7 brought."""

    def step(loop: Loop) -> None:
        assert loop.promote(8) == 0, loop.log[-1]

    return _after(overtaken, "waiting", step, tmp_path_factory)


@pytest.fixture(scope="session")
def succeeded(waiting: Loop, tmp_path_factory: Factory) -> Loop:
    """What that came to was approved by somebody who may, and by its author before: 8's is the champion."""

    def step(loop: Loop) -> None:
        approve = f"/flywheel approve {loop.waits_for(8, THIRD)}"
        assert "Nothing was approved" in loop.says(8, "alice", approve)
        assert loop.follow() == []
        assert loop.says(8, "dave", approve).endswith(f"Promoting `{THIRD}`.")
        assert loop.follow() == ["promote.yml"]

    return _after(waiting, "succeeded", step, tmp_path_factory)


@pytest.fixture(scope="session")
def loosened(prepared: Loop, tmp_path_factory: Factory) -> Loop:
    """Pull request 7 loosens a gate of main: FAIL by the gate that is kept; reported."""

    def step(loop: Loop) -> None:
        loop.on_main({f"specs/{SMALL}.yaml": spec(1)})  # the model has 10 MB
        loop.run_proposal(7, {f"specs/{SMALL}.yaml": spec(100)})

    return _after(prepared, "loosened", step, tmp_path_factory)
