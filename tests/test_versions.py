"""What the tests ask of the versions that are installed: xdist keeps groups in one process (test_act_loop.py rests on it), and all are pinned."""

from __future__ import annotations

import os
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" not in os.environ, reason="not run in parallel: there is one process"
)
@pytest.mark.xdist_group("sprint-act")
def test_a_group_is_known_to_what_distributes_the_tests(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@sprint-act"), (
        "pytest-xdist does not see the groups: run with --dist loadgroup, and with the versions of constraints.txt"
    )


def test_every_installed_library_is_pinned() -> None:
    """What no line of constraints.txt names is whatever version there is on the day."""
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for line in (Path(__file__).parents[1] / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    }
    # Where they are installed, not sys.path: setuptools, once imported, puts the copies that it brings along there.
    installed = {
        canonicalize_name(found.metadata["Name"])
        for found in distributions(path=[sysconfig.get_path("purelib")])
    }
    assert installed - pinned <= {"flywheel-vision", "pip", "setuptools", "wheel"}
