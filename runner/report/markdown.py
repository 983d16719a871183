"""The report as GitHub-flavoured Markdown: the verdict first, then why, then everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from runner.record.report import SprintReport
from runner.report.fitting import Block, fitting
from runner.report.plots import names
from runner.report.sections import (
    champion,
    data,
    effort,
    errors,
    findings,
    gallery,
    gates,
    near,
    slices,
    targets,
    verdict,
    wear,
)
from runner.report.sections.gallery import Pictures
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
    parts = everything(report, None if plots is None else Pictures(folder=gallery_folder))
    if plots is not None:
        parts = illustrated(report, parts, lambda name, shows: f"![{shows}]({plots}/{name}.svg)")
    texts = fitting([Block(parts=tuple(parts))], max_bytes, _note, _NOTE_BYTES) or [_bare(report)]
    return "\n\n".join(texts) + "\n"


def everything(report: SprintReport, pictures: Pictures | None) -> list[Part]:
    """All parts, in the order in which a reviewer asks for them."""
    checks = data.check_parts(report)
    stopped = report.failure is not None  # then the checks say more than what could not be measured
    return [
        *verdict.parts(report),
        *(checks if stopped else []),
        *gates.parts(report),
        *findings.parts(report),
        *champion.parts(report),
        *slices.parts(report),
        *errors.parts(report),
        *gallery.parts(report, pictures),
        *near.parts(report),
        *wear.parts(report),
        *targets.parts(report),
        *data.split_parts(report),
        *([] if stopped else checks),
        *effort.training_parts(report),
        *effort.cost_parts(report),
        *effort.reproduce_parts(report),
    ]


def illustrated(
    report: SprintReport, parts: Sequence[Part], picture: Callable[[str, str], str]
) -> list[Part]:
    """The parts, each with its plots below it.

    Args:
        picture: Markdown or HTML of a picture, by the plot's name and what it shows.
    """
    available = names(report)
    shown = []
    for part in parts:
        found = [
            picture(name, caption) for name, caption in _PICTURES.get(part.title, ()) if name in available
        ]
        shown.append(replace(part, tail="\n\n".join([*([part.tail] if part.tail else []), *found])))
    return shown


def _note(missing: Sequence[str]) -> str:
    return f"*Left out to fit: {', '.join(missing)}. Everything is in report.json, in the sprint's folder.*"


def _bare(report: SprintReport) -> str:
    """What is left when not even the verdict's part fits."""
    icon, word = verdict.status(report)
    return f"## {icon} {word}"
