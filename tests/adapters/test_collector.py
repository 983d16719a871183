"""The collector of cycles is as it was, however the work ended."""

from __future__ import annotations

import gc

import pytest

from runner.adapters.system.collector import collector_paused


def fail() -> None:
    assert not gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
    assert not gc.isenabled()
    raise KeyError


def test_it_pauses_and_goes_on() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        fail()
    assert gc.isenabled()
