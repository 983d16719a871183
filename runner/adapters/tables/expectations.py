"""Great Expectations over pandas frames: offline, quiet, one suite per table."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from runner.adapters.tables.expectation_values import fitted, shown_moment
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.nearest import suggestion

if TYPE_CHECKING:
    import pandas as pd

Row: TypeAlias = Mapping[str, object]

MAX_ROWS = 20
VALIDATION_SECONDS = 900.0  # a million rows take some
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


class Expectation(Struct, frozen=True, kw_only=True):
    """One of Great Expectations' core expectations by its snake_case name, with its arguments."""

    name: str
    arguments: Mapping[str, Any]


class ExpectationResult(Struct, frozen=True, kw_only=True):
    """What became of an expectation.

    Attributes:
        success: whether it is met (with `mostly`, some rows may still be unexpected).
        checked: rows looked at; 1 for an expectation about one figure of the whole table.
        unexpected: how many of them do not meet it.
        rows: the first 20 of those, each by column name.
        observed: the figure, for an expectation about one figure of the whole table.
    """

    success: bool
    checked: int
    unexpected: int
    rows: list[Row]
    observed: str | None


def validate(
    frame: pd.DataFrame, expectations: Sequence[Expectation], seen: Callable[[Any], None] | None = None
) -> list[ExpectationResult]:
    """Validates a frame, whose rows are numbered from 0, against expectations; outcomes are in their order.

    Args:
        seen: is given Great Expectations' own result, an `ExpectationSuiteValidationResult`.

    Raises:
        FlywheelError: an expectation's arguments are wrong, or it cannot be computed on
            this table (exit code 2).
    """
    if not expectations:
        return []
    with _quiet():
        import great_expectations  # noqa: F401 - it takes seconds, which are not the expectations'

        with _limited(VALIDATION_SECONDS):
            validated = _validated(frame, expectations)
            results = {result.expectation_config.meta["position"]: result for result in validated.results}
            outcomes = [_outcome(frame, results[position]) for position in range(len(expectations))]
            if seen is not None:
                seen(validated)
            return outcomes


def _validated(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> Any:
    import great_expectations as gx

    for expectation in expectations:
        _check_columns(frame, expectation)
    built = [_build(expectation, position, frame) for position, expectation in enumerate(expectations)]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("index").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    layout = {"result_format": "SUMMARY", "partial_unexpected_count": MAX_ROWS}
    try:
        validated = batch.validate(
            gx.ExpectationSuite(name="checks", expectations=built), result_format=layout
        )
    except Exception as error:
        # Some faults surface outside Great Expectations' own error handling; find whose it is.
        raise _culprit(batch, expectations, built) or _unusable(expectations[0], str(error)) from error
    if any(_failure(result) for result in validated.results):
        # One broken expectation can spoil the others of its suite: each is asked by itself.
        raise _culprit(batch, expectations, built) or _unusable(expectations[0], "it could not be computed")
    return validated


class _TooLong(BaseException):
    """Not an Exception: Great Expectations would take it for the expectation's own."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """A regular expression of a spec's can take for ever: `(a+)+$` doubles its time with every letter.

    Only the main thread can be interrupted, and only where the system has alarms; elsewhere nothing is limited.
    """

    def stop(number: int, frame: object) -> None:
        raise _TooLong

    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _TooLong:
        raise FlywheelError(
            f"the expectations of one table took longer than {seconds:g} s",
            where=Where("checks"),
            hint="a regular expression in which a repetition is repeated, such as (a+)+, takes for ever: write it without",
            exit_code=ExitCode.STAGE_FAILED,
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """No analytics, no progress bars, no log lines; deprecations inside the library are not the user's."""
    import logging

    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _build(expectation: Expectation, position: int, frame: pd.DataFrame) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    try:
        kind = get_expectation_impl(expectation.name)
        return kind(**fitted(expectation.arguments, frame), meta={"position": position})
    except Exception as error:
        raise _unusable(expectation, _message(error)) from error


def _check_columns(frame: pd.DataFrame, expectation: Expectation) -> None:
    if expectation.name == "expect_column_to_exist":
        return
    named = [expectation.arguments.get(key) for key in _COLUMN_ARGUMENTS]
    if expectation.name.startswith(("expect_compound_", "expect_multicolumn_", "expect_select_")):
        named += list(expectation.arguments.get("column_list") or ())
    for name in named:
        if isinstance(name, str) and name not in frame.columns:
            message = f'there is no column "{name}"{suggestion(name, frame.columns, plural="columns")}'
            raise _unusable(expectation, message)


def _culprit(batch: Any, expectations: Sequence[Expectation], built: Sequence[Any]) -> FlywheelError | None:
    for expectation, single in zip(expectations, built, strict=True):
        try:
            failure = _failure(batch.validate(single))
        except Exception as error:
            failure = _message(error)
        if failure:
            return _unusable(expectation, failure)
    return None


def _failure(result: Any) -> str | None:
    """Great Expectations' message when the expectation could not be computed."""
    info = result.exception_info or {}
    # Either one entry about the expectation, or one per metric that it needs.
    entries = [info] if "raised_exception" in info else list(info.values())
    messages = [str(entry["exception_message"]) for entry in entries if entry["raised_exception"]]
    return "; ".join(dict.fromkeys(messages)) if messages else None


def _message(error: Exception) -> str:
    listed = getattr(error, "errors", None)
    if not callable(listed):
        return str(error)
    # pydantic: one entry per field and per alternative type; the field and the reason are enough.
    reasons: dict[str, str] = {}
    for entry in listed():
        place = ".".join(str(part) for part in entry["loc"] if part != "__root__")
        reasons.setdefault(place, f"{place}: {entry['msg']}" if place else str(entry["msg"]))
    return "; ".join(reasons.values())


def _unusable(expectation: Expectation, message: str) -> FlywheelError:
    given = ", ".join(f"{key}: {value}" for key, value in expectation.arguments.items())
    return FlywheelError(
        f"{expectation.name} ({given}): {message}",
        hint="correct its arguments under `checks` in the sprint's spec",
    )


def _outcome(frame: pd.DataFrame, result: Any) -> ExpectationResult:
    details = result.result
    if "element_count" not in details:
        observed = plain(details.get("observed_value"))
        missing = [*details.get("partial_unexpected_list", ()), *details.get("partial_missing_list", ())]
        listed = f"unexpected or missing: {', '.join(str(plain(value)) for value in missing)}"
        return ExpectationResult(
            success=bool(result.success),
            checked=1,
            unexpected=int(not result.success),
            rows=[],
            observed=listed if observed is None and missing else str(observed),
        )
    positions = details.get("partial_unexpected_index_list") or []
    return ExpectationResult(
        success=bool(result.success),
        checked=int(details["element_count"]),
        unexpected=int(details["unexpected_count"]),
        rows=[_row(frame, int(position)) for position in positions[:MAX_ROWS]],
        observed=None,
    )


def _row(frame: pd.DataFrame, position: int) -> Row:
    return {str(name): plain(value) for name, value in frame.iloc[position].items()}


def plain(value: Any) -> Any:
    """A Python value; None for a missing one."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    value = shown_moment(value.item() if hasattr(value, "item") else value)
    if isinstance(value, float):
        return None if value != value else float(f"{value:.6g}")
    return value
