"""Records that are made when a sprint is reported, of its own record and of other sprints' too.

Others' records move on and need not be here. So each says what it rests on (`record/rests_on.py`), and the report shows what was made then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from runner.domain.files import encode_json
from runner.record.catalogue import VARIANTS, WORTH, RecordFile
from runner.record.rests_on import NOT_ALL_READ, lacking
from runner.report.inputs import ReportInputs
from runner.workflow.judging.collect import Sources
from runner.workflow.judging.variants_record import variants_of
from runner.workflow.judging.worth_record import worth_of


@dataclass(frozen=True, kw_only=True)
class Derived:
    """One such record; its type has `rests_on`, other sprints' files → SHA-256, and `unread`, what could not be read of others.

    Attributes:
        make: of a sprint that was reported, and of no other sprints than the named ones (all when None); None where there is
            nothing to say.
    """

    file: RecordFile[Any]
    make: Callable[[Sources, ReportInputs, Collection[str] | None], Any]


DERIVED: tuple[Derived, ...] = (
    Derived(file=WORTH, make=worth_of),
    Derived(file=VARIANTS, make=variants_of),
)
"""In the order in which they are made: each finds those before it among the inputs' `records`."""


def with_derived(
    sources: Sources, inputs: ReportInputs
) -> tuple[ReportInputs, list[tuple[RecordFile[Any], Any]]]:
    """The inputs with these records among them; and each record, None where there is none.

    Raises:
        FlywheelError: a file of the sprint's own record cannot be read.
    """
    made: list[tuple[RecordFile[Any], Any]] = []
    for derived in DERIVED:
        content = derived.make(sources, inputs, None)
        made.append((derived.file, content))
        records = {name: record for name, record in inputs.records.items() if name != derived.file.name}
        if content is not None:
            records[derived.file.name] = msgspec.to_builtins(content)
        inputs = msgspec.structs.replace(inputs, records=records)
    return inputs, made


def write_derived(folder: Path, made: Sequence[tuple[RecordFile[Any], Any]]) -> None:
    """Writes those that there are, and removes what an earlier report had and this one has not."""
    for file, content in made:
        if content is None:
            (folder / file.name).unlink(missing_ok=True)
        else:
            file.write(folder, content)


def derived_again(sources: Sources, inputs: ReportInputs) -> Iterator[tuple[str, bytes | None, str]]:
    """Of each record that is stored: its name, and its bytes made again; None, and why, where what it rests on is not here.

    Raises:
        FlywheelError: a record cannot be read.
    """
    for derived in DERIVED:
        stored = derived.file.read_if_there(sources.folder)
        if stored is None:
            continue
        gone = lacking(stored.rests_on, lambda path: sources.root / path)
        if gone or stored.unread:
            yield derived.file.name, None, f"it rests on {gone[0]}" if gone else NOT_ALL_READ
            continue
        sprints = {PurePosixPath(path).parts[1] for path in stored.rests_on}
        yield derived.file.name, encode_json(derived.make(sources, inputs, sprints)), ""
