"""What was it trained and judged on?"""

from __future__ import annotations

from runner.domain.records import Selection
from runner.record.report import LabelWork, SprintReport
from runner.report.escape import code, markdown
from runner.report.sections.checks import FOLD
from runner.report.sections.label_faults import label_fault_parts
from runner.report.sections.part import Part, table_head, table_row
from runner.report.sections.section import Section, Shown
from runner.report.wording import NOT_MEASURED, count, money

_UNFOLDED_CLASSES = 8


def _splits(report: SprintReport, _: Shown) -> list[Part]:
    """What was selected for each split, how it was labelled, and what became of wrong labels."""
    lines = ["### Data", ""]
    rows: list[str] = []
    if report.selection is None:
        lines.append(NOT_MEASURED)
    else:
        lines.append(table_head(["Split", "Images", "Objects", "Objects per class"], numbers=(1, 2)))
        rows = _split_rows(report.selection)
    tail = [*_dropped(report.selection), *_labels(report.annotation, report.cost.currency)]
    text = "\n".join(lines)
    data = Part(title="data", head=text, rows=tuple(rows), tail="\n\n".join(tail))
    return [data, *label_fault_parts(report)]


def _split_rows(selection: Selection) -> list[str]:
    rows = []
    for name, counts in selection.splits.items():
        per_class = sorted(counts.per_class.items(), key=lambda item: (item[1], item[0]))
        listed = ", ".join(f"{markdown(cls, 40)} {n:,}" for cls, n in per_class[:_UNFOLDED_CLASSES])
        if len(per_class) > _UNFOLDED_CLASSES:
            listed = f"rarest: {listed}, … ({len(per_class)} classes)"
        rows.append(table_row([code(name, 40), f"{counts.images:,}", f"{counts.objects:,}", listed or "–"]))
    return rows


def _dropped(selection: Selection | None) -> list[str]:
    steps = [step for step in selection.dropped if step.dropped] if selection else []
    if not steps:
        return []
    lines = [
        f"- {count(step.dropped, 'image')} of {code(step.split, 40)}: {markdown(step.reason, 200)}"
        for step in steps
    ]
    return ["Left out on purpose:\n" + "\n".join(lines)]


def _labels(annotation: LabelWork | None, currency: str) -> list[str]:
    if annotation is None:
        return []
    text = f"Labels: {markdown(annotation.strategy, 40)}"
    if annotation.guidelines is not None:
        digest = code(annotation.guidelines.sha256[:12])
        text += f", by {code(annotation.guidelines.path, 160)} (SHA-256 {digest})"
    elif annotation.guidelines_path is not None:
        text += f", by {code(annotation.guidelines_path, 160)}, **which is not in the repository**"
    if annotation.budget is not None:
        text += f", budget {money(annotation.budget, markdown(currency, 3))}"
    return [f"{text}."]


DATA = Section(parts=_splits, fold=FOLD, chapter="Data")
