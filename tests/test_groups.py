"""Tests that share a group (`xdist_group`) run in one process, in order: the story of test_act_loop.py rests on it."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" not in os.environ, reason="not run in parallel: there is one process"
)
@pytest.mark.xdist_group("sprint-act")
def test_a_group_is_known_to_what_distributes_the_tests(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@sprint-act"), (
        "pytest-xdist does not see the groups: run with --dist loadgroup, and with the versions of constraints.txt"
    )
