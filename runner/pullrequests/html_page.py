"""A sprint's report as one HTML file, with the pictures of its folder inside."""

from __future__ import annotations

from pathlib import Path

from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_text
from runner.record.catalogue import GALLERY_FOLDER, LABEL_NEXT_SHEET
from runner.record.report import SprintReport


def page(report: SprintReport, folder: Path) -> str:
    """The HTML file's text.

    Args:
        report: the sprint's.
        folder: the sprint's, where the gallery's pictures lie; those that are not there are named in the text.
    """
    from runner.report import html, plots

    pictures = sorted((folder / GALLERY_FOLDER.name).glob("*.jpg"))
    gallery = {
        f"{GALLERY_FOLDER.name}/{path.name}": path.read_bytes() for path in pictures if not path.is_symlink()
    }
    sheet = folder / LABEL_NEXT_SHEET.name
    if sheet.is_file() and not sheet.is_symlink():
        gallery[sheet.name] = sheet.read_bytes()
    return html.render(report, plots.render(report), gallery)


def write_page(path: Path, text: str) -> None:
    """Writes the page, over an older one at most.

    Raises:
        FlywheelError: another file is there, or it cannot be written.
    """
    from runner.report.html import GENERATOR

    if path.exists() and (not path.is_file() or GENERATOR.encode() not in path.read_bytes()[:4096]):
        raise FlywheelError(
            "is there already, and is no report of ours",
            where=Where(str(path)),
            hint="name another file with --output, or remove this one",
        )
    write_text(path, text)
