"""A spec's own expectations: any of Great Expectations' over `images` or `objects`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from runner.adapters.tables.expectations import Expectation, Row
from runner.checks.bias_rules import bias_rules
from runner.checks.classification import ClassificationPreset
from runner.checks.data_rules import DEFAULT_DISTANCE, FRAME_CORRELATION
from runner.checks.detection import DetectionPreset
from runner.checks.expectation_names import EXPECTATION_NAMES
from runner.checks.rule import Rule
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.options import Options
from runner.domain.records import Severity
from runner.domain.task import TaskName

# Great Expectations evaluates the first two as Python (pandas.DataFrame.query): a spec is data, never code.
# The others are its own bookkeeping.
REFUSED_ARGUMENTS = frozenset(
    (
        "row_condition",
        "condition_parser",
        "batch_id",
        "catch_exceptions",
        "id",
        "meta",
        "notes",
        "rendered_content",
        "result_format",
        "version",
        "windows",
    )
)
OWN_KEYS = ("table", "severity", "split", "description")


class DataExpectation(Options, frozen=True, kw_only=True):
    """One expectation of a spec.

    `arguments` are Great Expectations' own, by its names; it validates them when the check stage runs.
    """

    expectation: str
    table: Literal["images", "objects"]
    severity: Severity = Severity.ERROR
    split: Literal["train", "val", "test"] | None = None
    description: str | None = None
    arguments: dict[str, Any]


Preset: TypeAlias = DetectionPreset | ClassificationPreset
Check: TypeAlias = Preset | DataExpectation


def parse_check(block: Mapping[str, Any]) -> Check:
    """One block of a spec's `checks`.

    Raises:
        FlywheelError: it is neither a preset nor one known expectation with plain arguments.
    """
    try:
        if "preset" in block:
            preset: Preset = msgspec.convert(block, Preset)
            return preset
        if len(block) != 1:
            raise FlywheelError(f"a check has one key, a preset or an expectation; this one has {len(block)}")
        ((name, written),) = block.items()
        if name not in EXPECTATION_NAMES:
            near = suggestion(name, EXPECTATION_NAMES, plural="expectations")
            raise FlywheelError(f'unknown expectation "{name}"{near}')
        keys = {key: value for key, value in written.items() if key in OWN_KEYS}
        arguments = {key: value for key, value in written.items() if key not in OWN_KEYS}
        _refuse_code(name, arguments)
        return msgspec.convert({**keys, "expectation": name, "arguments": arguments}, DataExpectation)
    except (msgspec.ValidationError, AttributeError) as error:
        raise FlywheelError(f"not a check: {error}", hint="{expect_…: {table: images, column: …}}") from error


def _refuse_code(name: str, arguments: Mapping[str, Any]) -> None:
    for key, value in arguments.items():
        if key in REFUSED_ARGUMENTS:
            hint = "to look at some rows only: split, or mostly" if "condition" in key else None
            raise FlywheelError(f"{name}: {key} cannot be used in a spec", hint=hint)
        if isinstance(value, Mapping) and "$PARAMETER" in value:
            raise FlywheelError(f"{name}: {key}: parameters ($PARAMETER) cannot be used in a spec")


def near_duplicate_distance(blocks: Sequence[Mapping[str, Any]]) -> int:
    """The widest that a preset among a sprint's checks asks for; the default where there is none.

    >>> near_duplicate_distance([{"preset": "detection", "near_duplicate_distance": 2}]), near_duplicate_distance([])
    (2, 4)
    """
    checks = [parse_check(block) for block in blocks]
    presets = [check for check in checks if not isinstance(check, DataExpectation)]
    return max((preset.near_duplicate_distance for preset in presets), default=DEFAULT_DISTANCE)


def least_frame_correlation(blocks: Sequence[Mapping[str, Any]]) -> float | UnsetType:
    """The least that a preset among a sprint's checks asks for; unset where that is the usual one.

    >>> least_frame_correlation([{"preset": "detection", "frame_correlation": 0.8}]), least_frame_correlation([])
    (0.8, UNSET)
    """
    checks = [parse_check(block) for block in blocks]
    told = [
        FRAME_CORRELATION if isinstance(check.frame_correlation, UnsetType) else check.frame_correlation
        for check in checks
        if not isinstance(check, DataExpectation)
    ]
    least = min(told, default=FRAME_CORRELATION)
    return UNSET if least == FRAME_CORRELATION else least


def check_rules(
    checks: Sequence[Check], class_names: Sequence[str], group_by: str | None, task: TaskName
) -> list[Rule]:
    """The rules of all checks, in their order, each with an id of its own."""
    return _told_apart(
        rule
        for check in checks
        for rule in (
            [_rule(check)] if isinstance(check, DataExpectation) else check.rules(class_names, group_by, task)
        )
    )


def rules_of_bias(checks: Sequence[Check]) -> list[Rule]:
    """What the presets among the checks look for of bias, in tables of their own, each with an id of its own."""
    presets = [check for check in checks if not isinstance(check, DataExpectation)]
    return _told_apart(
        rule for preset in presets for rule in bias_rules(str(preset.__struct_config__.tag), preset.bias)
    )


def _told_apart(rules: Iterable[Rule]) -> list[Rule]:
    used: Counter[str] = Counter()
    found = []
    for rule in rules:
        used[rule.id] += 1
        found.append(rule if used[rule.id] == 1 else _renamed(rule, used[rule.id]))
    return found


def _rule(check: DataExpectation) -> Rule:
    column = check.arguments.get("column")
    subject = f"{check.table}.{column}" if isinstance(column, str) else check.table
    details = ", ".join(f"{key}: {_text(value)}" for key, value in check.arguments.items() if key != "column")
    wording = check.expectation.removeprefix("expect_").replace("_", " ")
    where = f" in {check.split}" if check.split else ""
    return Rule(
        id=f"{subject}.{check.expectation}" + (f".{check.split}" if check.split else ""),
        description=check.description
        or f"{subject}{where}: {wording}" + (f" ({details})" if details else ""),
        severity=check.severity,
        fix="correct the data, leave the rows out with data.exclude, or change the expectation in the spec",
        table=check.table,
        expectation=Expectation(name=check.expectation, arguments=check.arguments),
        describe=lambda row: _describe(row, check.arguments),
        split=check.split,
    )


def _renamed(rule: Rule, count: int) -> Rule:
    from dataclasses import replace

    return replace(rule, id=f"{rule.id}-{count}")


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)) and len(value) > 10:
        return f"[{', '.join(str(item) for item in value[:10])}, … {len(value) - 10} more]"
    return str(value)


def _describe(row: Row, arguments: Mapping[str, Any]) -> str:
    named = [arguments.get(key) for key in ("column", "column_A", "column_B")] + list(
        arguments.get("column_list") or ()
    )
    columns = [name for name in named if isinstance(name, str) and name in row]
    values = ", ".join(f"{name} = {'NULL' if row[name] is None else row[name]}" for name in columns)
    return f"{row['path']}: {values}"
