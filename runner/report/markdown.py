"""The report as GitHub-flavoured Markdown: the verdict first, then why, then everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runner.report.plots import names
from runner.report.record import SprintReport
from runner.report.sections import (
    champion,
    data,
    effort,
    errors,
    gallery,
    gates,
    slices,
    targets,
    verdict,
    wear,
)
from runner.report.sections.part import Part

COMMENT_BYTES = (
    60_000  # GitHub cuts a comment at 65,536 characters; this leaves room for the forge's own lines
)
_NOTE_BYTES = 500
_PICTURES = {  # part → plots below it, each with what it shows
    "differences": (("champion", "Differences to the champion, with intervals"),),
    "training seeds": (("seeds", "The optimizing metric per training seed"),),
    "slices": (("slices", "Slices, weakest first, with intervals"),),
    "confusion": (("confusion", "Confusion matrix"),),
    "operating point": (
        ("f1_confidence", "F1 over confidence"),
        ("precision_recall", "Precision over recall"),
    ),
    "calibration": (("calibration", "Reliability: how often each confidence is right"),),
    "export targets": (("targets", "Latency and quality of each artefact"),),
    "training": (("training", "Losses and validation metric per epoch"),),
}


def render(
    report: SprintReport,
    *,
    max_bytes: int | None = COMMENT_BYTES,
    plots: str | None = None,
    gallery_folder: str = "",
) -> str:
    """As much of the report as fits; all of it when `max_bytes` is None.

    Args:
        report: what to render; every text in it is escaped.
        max_bytes: the most UTF-8 bytes; what matters least is left out, and named at the end. Below a few
            thousand only the verdict's word remains.
        plots: address of the folder that holds `plots.render`'s files, to show them and the gallery in the text.
        gallery_folder: with `plots`, what goes before the gallery's paths, which are relative to the sprint's folder.
    """
    checks = data.check_parts(report)
    stopped = report.failure is not None  # then the checks say more than what could not be measured
    parts = [
        *verdict.parts(report),
        *(checks if stopped else []),
        *gates.parts(report),
        *champion.parts(report),
        *slices.parts(report),
        *errors.parts(report),
        *gallery.parts(report, None if plots is None else gallery_folder),
        *wear.parts(report),
        *targets.parts(report),
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
    """The part with its plots below it."""
    pictures = [
        f"![{caption}]({folder}/{name}.svg)"
        for name, caption in _PICTURES.get(part.title, ())
        if name in available
    ]
    return (
        replace(part, tail="\n\n".join([part.tail, *pictures] if part.tail else pictures))
        if pictures
        else part
    )


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
    return f"*Left out to fit: {', '.join(missing)}. Everything is in report.json, in the sprint's folder.*"


def _bare(report: SprintReport) -> str:
    """What is left when not even the verdict's part fits."""
    icon, word = verdict.status(report)
    return f"## {icon} {word}"


def _bytes(texts: Sequence[str]) -> int:
    return len("\n\n".join(texts).encode()) + 1
