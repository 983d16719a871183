"""Which executor does the work, and what is said where it cannot."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from runner.adapters.system import executors, ray_cluster
from runner.domain.errors import ExitCode, FlywheelError


def test_nothing_is_asked_of_ray_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (None, "local"):
        with executors.chosen(name):
            assert executors.current() is None


def test_a_choice_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv(executors.VARIABLE, "local")
    with executors.chosen("ray"):
        assert os.environ[executors.VARIABLE] == "ray"
    assert os.environ[executors.VARIABLE] == "local"


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with executors.chosen("ray"), pytest.raises(FlywheelError) as refused:
        executors.current()
    assert "pip install 'flywheel-vision[ray]'" in str(refused.value.hint)
    assert refused.value.exit_code == ExitCode.MISSING_TOOL


@pytest.mark.skipif(not find_spec("ray"), reason="the extra `ray` is not installed")
def test_a_cluster_that_is_not_there_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ray_cluster.ADDRESS, "127.0.0.1:9")
    with executors.chosen("ray"), pytest.raises(FlywheelError) as refused:
        executors.current()
    assert "127.0.0.1:9" in refused.value.message
