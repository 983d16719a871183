"""The worst test images, to look at."""

from __future__ import annotations

from urllib.parse import quote

from runner.domain.evaluation import Gallery, GalleryImage
from runner.report.escape import code, markdown
from runner.report.record import SprintReport
from runner.report.sections.part import Part, Priority, folded, table_head, table_row
from runner.report.wording import count, number

_SHOWN = 12


def parts(report: SprintReport, folder: str | None) -> list[Part]:
    """The gallery behind a click.

    Args:
        report: whose gallery.
        folder: goes before the pictures' paths ("" where they are relative); None shows no pictures.
    """
    if report.gallery is None or not report.gallery.images:
        return []
    images = report.gallery.images[:_SHOWN]
    cut = len(report.gallery.images) - len(images)
    summary = f"The {count(len(images), 'worst test image')}" if len(images) > 1 else "The worst test image"
    if cut:
        summary += f" ({cut:,} more in gallery.json)"
    cams = folder is not None and any(image.cam for image in images)
    columns = (
        ["Truth and prediction", *(["Where torch looked"] if cams else [])] if folder is not None else []
    )
    head = table_head([*columns, "What is wrong"])
    rows = [_row(image, folder, cams=cams) for image in images]
    heading = Part(
        title="gallery", priority=Priority.GALLERY, head=f"### Worst images\n\n{_caption(report.gallery)}"
    )
    return [heading, folded("gallery", Priority.GALLERY, summary, head, rows)]


def _caption(gallery: Gallery) -> str:
    return (
        f"{code(gallery.target, 80)} on test images, those with the highest loss first. The pictures are kept in DVC: "
        f"{code('dvc pull')} brings them."
    )


def _row(image: GalleryImage, folder: str | None, *, cams: bool) -> str:
    what = "<br>".join(
        part
        for part in (
            markdown(image.caption, 300),
            f"loss {number(image.loss, 2)}",
            code(image.image, 200),
        )
        if part
    )
    if folder is None:
        return table_row([what])
    pictures = [_picture(image.picture, folder, "truth and prediction")]
    if cams:
        pictures.append(_picture(image.cam, folder, "class activation map") if image.cam else "–")
    return table_row([*pictures, what])


def _picture(path: str, folder: str, shows: str) -> str:
    """A picture by its path in the sprint's folder; a dash for a path that would lead out of it."""
    if any(part in ("", ".", "..") for part in path.split("/")) or ":" in path:
        return "–"
    return f"![{shows}]({folder}{quote(path)})"
