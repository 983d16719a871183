"""What tests of the jobs begin with: states of a repository on a forge."""

from __future__ import annotations

from simulated_forge.states import first, judged, overtaken, prepared, promoted, rivals  # noqa: F401 - fixtures

from tests.done_once import done_once  # noqa: F401 - a fixture
