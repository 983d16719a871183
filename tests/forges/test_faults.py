"""The matrix of faults and operations: what is asked again, what is not, and that nothing is done twice."""

from __future__ import annotations

import pytest
from forges.emulator import Emulator, Fault
from forges.fault_matrix import FAULTS, OPERATIONS, WAITS, Operation, expected, happen


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_fault_leaves_what_it_must(github: Emulator, operation: Operation, fault: Fault) -> None:
    result = happen(github, operation, fault)
    assert (result.outcome, result.effects) == expected(operation, fault), result.message
    if fault in WAITS:
        assert result.slept == [1.0]  # as long as the server asked for


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_outage_ends_in_an_error_and_not_in_a_loop(github: Emulator, operation: Operation) -> None:
    result = happen(github, operation, "502", times=1000)
    assert result.outcome == ("refused" if operation.method == "GET" else "lost")
    assert result.effects in (None, 0)
    assert result.hint == "GitHub has a problem of its own, see its status page: run the job again later"
    assert result.waited_s < 120


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_server_that_wants_to_be_left_alone_for_long_is(github: Emulator, operation: Operation) -> None:
    result = happen(github, operation, "403-retry-after", retry_after=3600)
    assert (result.outcome, result.effects in (None, 0), result.slept) == ("refused", True, [])
    assert result.hint == "too many requests for this token: run the job again in 3600 seconds"
