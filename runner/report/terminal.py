"""The report's essence for a terminal: what `flywheel run` ends with."""

from __future__ import annotations

from runner.record.report import SprintReport
from runner.report import ansi
from runner.report.sections import catalogue


def render(report: SprintReport, *, color: bool) -> str:
    """Verdict, gates, the champion, the weakest slices, the judged artefact: about 25 lines.

    Args:
        report: what to render; no control character of its texts reaches the terminal.
        color: adds ANSI codes (off for NO_COLOR and pipes).
    """
    blocks = [section.terminal(report) for section in catalogue.ordered(report)]
    last = [section.foot(report) for section in sorted(catalogue.SECTIONS, key=catalogue.place)]
    blocks.append([line for line in last if line])
    text = "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"
    if color:
        return text
    for code in (ansi.BOLD, ansi.DIM, ansi.RED, ansi.GREEN, ansi.YELLOW, ansi.END):
        text = text.replace(code, "")  # every text of the report went through plain(): the codes are ours
    return text
