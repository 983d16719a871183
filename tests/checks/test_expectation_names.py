"""The committed list of expectations equals what the installed library offers."""

from __future__ import annotations

import warnings

from runner.checks.expectation_names import EXPECTATION_NAMES, UNSUPPORTED_NAMES


def test_names_are_those_of_the_installed_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations.core  # noqa: F401
        from great_expectations.expectations.registry import list_registered_expectation_implementations

    assert set(list_registered_expectation_implementations()) == EXPECTATION_NAMES | UNSUPPORTED_NAMES
    assert not EXPECTATION_NAMES & UNSUPPORTED_NAMES
