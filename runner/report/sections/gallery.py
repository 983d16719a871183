"""The worst test images, to look at."""

from __future__ import annotations

from urllib.parse import quote

from runner.domain.error_analysis import Gallery, GalleryImage
from runner.record.report import SprintReport
from runner.report.escape import code, markdown
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.sections.section import Fold, Pictures, Section, Shown
from runner.report.wording import count, number

_SHOWN = 12
_OPEN = 3  # in plain sight


def _worst(report: SprintReport, shown: Shown) -> list[Part]:
    """The worst in plain sight: a reviewer sees in a second what a table cannot tell."""
    if report.gallery is None or not report.gallery.images or (shown.in_comment and shown.pictures is None):
        return []
    texts = ["### Worst images", _caption(report.gallery, shown.pictures)]
    if shown.pictures is not None:
        texts.append(_foremost(report.gallery, shown.pictures))
    title = "the worst images" if shown.in_comment else "gallery"
    return [Part(title=title, head="\n\n".join(texts))]


def _all(report: SprintReport, shown: Shown) -> list[Part]:
    """The gallery behind a click; a comment keeps it longer than a file."""
    if report.gallery is None or not report.gallery.images:
        return []
    head, rows = _table(report.gallery, shown.pictures)
    if not shown.in_comment:
        return [folded("gallery", _summary(report), head, rows)]
    caption = _caption(report.gallery, shown.pictures)
    return [Part(title="worst images", head=f"{caption}\n\n{head}", rows=tuple(rows))]


def _foremost(gallery: Gallery, pictures: Pictures) -> str:
    """The first pictures side by side, each below what is wrong with it: a table of one row."""
    images = gallery.images[:_OPEN]
    head = table_head([markdown(image.caption, 120) for image in images])
    return f"{head}\n{table_row([_picture(image.picture, pictures, 'truth and prediction') for image in images])}"


def _table(gallery: Gallery, pictures: Pictures | None) -> tuple[str, list[str]]:
    """The table's head and its rows, the worst image first."""
    images = gallery.images[:_SHOWN]
    cams = pictures is not None and any(image.cam for image in images)
    columns = ["Truth and prediction", *(["Where torch looked"] if cams else [])] if pictures else []
    head = table_head([*columns, "What is wrong"])
    return head, [_row(image, pictures, cams=cams) for image in images]


def _summary(report: SprintReport) -> str:
    """How many pictures there are, in words; plain text, empty where there is none."""
    if report.gallery is None or not report.gallery.images:
        return ""
    shown = min(len(report.gallery.images), _SHOWN)
    cut = len(report.gallery.images) - shown
    text = f"The {count(shown, 'worst test image')}" if shown > 1 else "The worst test image"
    return f"{text} ({cut:,} more in gallery.json)" if cut else text


def _caption(gallery: Gallery, pictures: Pictures | None) -> str:
    """What the pictures show, and where they are; Markdown."""
    at = (
        f", at confidence ≥ {number(gallery.confidence, 2)} where F1 is highest"
        if gallery.confidence is not None
        else ""
    )
    text = f"{code(gallery.target, 80)} on test images{at}, those with the highest loss first."
    if pictures is not None and pictures.published:
        return text
    return f"{text} The pictures are kept in DVC: {code('dvc pull')} brings them."


def _row(image: GalleryImage, found: Pictures | None, *, cams: bool) -> str:
    what = "<br>".join(
        part
        for part in (
            markdown(image.caption, 300),
            f"loss {number(image.loss, 2)}",
            code(image.image, 200),
        )
        if part
    )
    if found is None:
        return table_row([what])
    cells = [_picture(image.picture, found, "truth and prediction")]
    if cams:
        cells.append(_picture(image.cam, found, "class activation map") if image.cam else "–")
    return table_row([*cells, what])


def _picture(path: str, found: Pictures, shows: str) -> str:
    """A picture by its path in the sprint's folder; a dash for a path that would lead out of it."""
    if any(part in ("", ".", "..") for part in path.split("/")) or ":" in path:
        return "–"
    address = f"{found.folder}{quote(path)}{found.query}"
    if found.width is None:
        return f"![{shows}]({address})"
    return f'<img src="{address}" width="{found.width}" alt="{shows}">'


def picture_of(path: str, found: Pictures | None, shows: str) -> str:
    """One picture of the gallery's folder; empty where a rendering shows none."""
    return "" if found is None else _picture(path, found, shows)


IN_SIGHT = Fold()
FOLD = Fold(line=_summary)
WORST = Section(parts=_worst, fold=IN_SIGHT)
GALLERY = Section(parts=_all, fold=FOLD)
