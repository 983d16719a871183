"""The report's pictures, as SVG and PNG."""

from __future__ import annotations

from runner.record.report import SprintReport
from runner.report.sections import catalogue


def render(report: SprintReport) -> list[tuple[str, bytes]]:
    """File names and contents of the plots that there is data for, the same bytes for the same report."""
    files = []
    for plot in catalogue.plots(report):
        picture = plot.draw(report)
        files += [(f"{plot.name}.svg", picture.svg), (f"{plot.name}.png", picture.png)]
    return files
