"""What became of wrong labels?"""

from __future__ import annotations

from msgspec import UnsetType

from runner.domain.label_faults import TREATED
from runner.domain.records import LabelFaultCount, LabelFaults
from runner.record.report import SprintReport
from runner.report.escape import code, markdown
from runner.report.sections.part import Part, table_head, table_row
from runner.report.wording import count

_SHOWN_EXAMPLE = 160


def label_fault_parts(report: SprintReport) -> list[Part]:
    """A row for each kind of fault and what became of it; nothing where flywheel.yaml says nothing of wrong labels."""
    faults = report.selection.label_faults if report.selection else None
    if faults is None or isinstance(faults, UnsetType):
        return []
    splits = list(faults.emptied)
    lines = ["#### Wrong labels", ""]
    if not faults.kinds:
        lines.append("None of the kinds that `dataset.labels` in flywheel.yaml is about was found.")
        return [Part(title="wrong labels", head="\n".join(lines))]
    head = table_head(
        ["Kind", "What became of it", "Labels", *splits, "The first"], numbers=range(2, 3 + len(splits))
    )
    rows = tuple(_row(found, splits) for found in faults.kinds)
    return [Part(title="wrong labels", head="\n".join([*lines, head]), rows=rows, tail=_emptied(faults))]


def _row(found: LabelFaultCount, splits: list[str]) -> str:
    numbers = [f"{found.splits.get(split, 0):,}" for split in splits]
    example = markdown(found.examples[0], _SHOWN_EXAMPLE) if found.examples else "–"
    treatment = TREATED.get(found.treatment, found.treatment)
    return table_row([code(found.kind, 40), markdown(treatment, 40), f"{found.labels:,}", *numbers, example])


def _emptied(faults: LabelFaults) -> str:
    left = [
        f"{count(number, 'image')} of {code(split, 40)}" for split, number in faults.emptied.items() if number
    ]
    if not left:
        return ""
    return f"No object is left in {', '.join(left)}: they count as images without any."
