"""The committed list of expectations equals what the installed library offers."""

from __future__ import annotations

import warnings

from runner.checks.expectation_names import EXPECTATION_NAMES, EXPECTATIONS, UNSUPPORTED_NAMES
from runner.checks.expectations import OWN_KEYS, REFUSED_ARGUMENTS


def test_names_are_those_of_the_installed_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations.core  # noqa: F401
        from great_expectations.expectations.registry import list_registered_expectation_implementations

    assert set(list_registered_expectation_implementations()) == EXPECTATION_NAMES | UNSUPPORTED_NAMES
    assert not EXPECTATION_NAMES & UNSUPPORTED_NAMES


def test_arguments_are_those_of_the_installed_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations.core  # noqa: F401
        from great_expectations.expectations.registry import get_expectation_impl

    ours = {*OWN_KEYS, *REFUSED_ARGUMENTS, "library_metadata"}
    for name, arguments in EXPECTATIONS.items():
        fields = {
            field: value.required
            for field, value in get_expectation_impl(name).__fields__.items()
            if field not in ours
        }
        assert set(arguments.required) == {field for field, required in fields.items() if required}, name
        assert set(arguments.optional) == {field for field, required in fields.items() if not required}, name
