"""The report as GitHub-flavoured Markdown: the verdict first, then why, then everything else."""

from __future__ import annotations

from collections.abc import Sequence

from runner.record.report import SprintReport
from runner.report.fitting import Block, fitting
from runner.report.sections import catalogue, verdict
from runner.report.sections.section import Pictures, Shown

COMMENT_BYTES = (
    60_000  # GitHub cuts a comment at 65,536 characters; this leaves room for the forge's own lines
)
_NOTE_BYTES = 500


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
    shown = Shown()
    if plots is not None:
        shown = Shown(
            pictures=Pictures(folder=gallery_folder),
            plot=lambda name, shows: f"![{shows}]({plots}/{name}.svg)",
        )
    parts = catalogue.document(report, shown)
    texts = fitting([Block(parts=tuple(parts))], max_bytes, _note, _NOTE_BYTES) or [_bare(report)]
    return "\n\n".join(texts) + "\n"


def _note(missing: Sequence[str]) -> str:
    return f"*Left out to fit: {', '.join(missing)}. Everything is in report.json, in the sprint's folder.*"


def _bare(report: SprintReport) -> str:
    """What is left when not even the verdict's part fits."""
    icon, word = verdict.status(report)
    return f"## {icon} {word}"
