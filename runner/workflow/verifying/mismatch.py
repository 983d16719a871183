"""What `verify` says of one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from msgspec import inspect

from runner.domain.records import Record
from runner.record.catalogue import RecordFile
from runner.record.differences import record_differences

Problem: TypeAlias = Literal["changed", "missing", "extra", "does not follow", "rendered otherwise"]


class Mismatch(Record, frozen=True, kw_only=True):
    """One file that is not what it must be.

    `changed`, `missing` and `extra` are by digests.json and dvc.lock; what `does not follow` was made again from what it rests on
    and came out otherwise. `rendered otherwise` is no finding: another version of flywheel wrote it, and says the same numbers,
    counts and outcomes in other words, or with other fields besides.
    """

    file: str
    problem: Problem
    detail: str = ""


def mismatches(
    file: str, record: RecordFile[Any], stored: Any, rebuilt: Any, *, resampled_otherwise: bool = False
) -> Iterator[Mismatch]:
    """The first difference that decides; where none does, the first of the others, or how it is written."""
    kind = inspect.type_info(record.type)
    differences = list(record_differences(stored, rebuilt, kind, resampled_otherwise=resampled_otherwise))
    deciding = [difference for difference in differences if not difference.rendered]
    for difference in (deciding or differences)[:1]:
        problem: Problem = "rendered otherwise" if difference.rendered else "does not follow"
        yield Mismatch(file=file, problem=problem, detail=difference.detail)
    if not differences:
        yield Mismatch(file=file, problem="does not follow", detail="written differently")
