"""The report as GitHub-flavoured Markdown: the verdict first, then why, then everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.report.plots import names
from runner.report.record import SprintReport
from runner.report.sections import data, effort, results, verdict
from runner.report.sections.part import Part

COMMENT_BYTES = (
    60_000  # GitHub cuts a comment at 65,536 characters; this leaves room for the forge's own lines
)
_NOTE_BYTES = 500
_PICTURES = {  # part → plot, and what it shows
    "slices": ("slices", "Slices, weakest first"),
    "classes": ("precision_recall", "Precision over recall"),
    "export targets": ("targets", "Latency and quality of each artefact"),
    "training": ("training", "Losses and validation mAP per epoch"),
}


def render(report: SprintReport, *, max_bytes: int | None = None, plots: str | None = None) -> str:
    """The whole report, or as much of it as fits.

    Args:
        report: what to render; every text in it is escaped.
        max_bytes: the most UTF-8 bytes; what matters least is left out, and named at the end. Below a few
            thousand only the verdict's word remains.
        plots: address of the folder that holds `plots.render`'s files, to show the SVGs in the text.
    """
    checks = data.check_parts(report)
    stopped = report.failure is not None  # then the checks say more than what could not be measured
    parts = [
        *verdict.parts(report),
        *(checks if stopped else []),
        *verdict.gate_parts(report),
        *results.parts(report),
        *data.split_parts(report),
        *([] if stopped else checks),
        *effort.training_parts(report),
        *effort.cost_parts(report),
        *effort.reproduce_parts(report),
    ]
    if plots is not None:
        available = names(report)
        parts = [_illustrated(part, plots, available) for part in parts]
    texts = [part.text() for part in parts] if max_bytes is None else _fitting(report, parts, max_bytes)
    return "\n\n".join(texts) + "\n"


def _illustrated(part: Part, folder: str, available: Sequence[str]) -> Part:
    """The part with its plot below it."""
    name, caption = _PICTURES.get(part.title, ("", ""))
    if name not in available:
        return part
    picture = f"![{caption}]({folder}/{name}.svg)"
    return replace(part, tail=f"{part.tail}\n\n{picture}" if part.tail else picture)


def _fitting(report: SprintReport, parts: Sequence[Part], max_bytes: int) -> list[str]:
    """The most important parts that fit, in the report's order, and a note about the others."""
    whole = [part.text() for part in parts]
    if _bytes(whole) <= max_bytes:
        return whole
    left = max_bytes - _NOTE_BYTES
    kept: dict[int, str] = {}
    order = sorted(range(len(parts)), key=lambda position: (parts[position].priority, position))
    for done, position in enumerate(order):
        text = _shortened(parts[position], left - 2)
        if text is None:
            missing = dict.fromkeys(parts[rest].title for rest in sorted(order[done:]))
            return [*(kept[i] for i in sorted(kept)), _note(list(missing))] if kept else [_bare(report)]
        kept[position] = text
        left -= _bytes([text]) + 1
    return [kept[position] for position in sorted(kept)]


def _shortened(part: Part, room: int) -> str | None:
    """The part with as many rows as `room` bytes hold; `None` when not even one fits."""
    text = part.text()
    if _bytes([text]) <= room:
        return text
    low, high = 0, len(part.rows)
    while low < high:  # the most rows that fit
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bytes([part.text(middle)]) <= room else (low, middle - 1)
    return part.text(low) if low else None


def _note(missing: Sequence[str]) -> str:
    return f"*Left out to fit: {', '.join(missing)}. The whole report is in the sprint's folder.*"


def _bare(report: SprintReport) -> str:
    """What is left when not even the verdict's part fits."""
    icon, word = verdict.status(report)
    return f"## {icon} {word}"


def _bytes(texts: Sequence[str]) -> int:
    return len("\n\n".join(texts).encode()) + 1
