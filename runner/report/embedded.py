"""What `flywheel embed` and `flywheel similar` print."""

from __future__ import annotations

from runner.record.embedded import EmbeddedImages, SimilarImages
from runner.report.escape import plain
from runner.report.wording import aligned, count


def render_embedded(embedded: EmbeddedImages) -> str:
    """How many vectors there are, and how many of them are new: one or two lines."""
    told = f"{count(embedded.images, 'image')}, {count(embedded.contents, 'vector')} of {embedded.numbers} numbers"
    unread = f"\nnot usable: {count(embedded.unreadable, 'file')}" if embedded.unreadable else ""
    return f"{plain(embedded.source, 400)}: {told}, {embedded.new:,} of them new{unread}"


def render_similar(found: SimilarImages) -> str:
    """A line per image, the nearest first, and where the contact sheet lies."""
    rows = [("image", "split", "cosine", "")]
    for each in found.nearest:
        same = "the same file" if each.identical else ""
        rows.append((plain(each.path, 200), plain(each.split or "", 40), f"{each.cosine:.3f}", same))
    head = f"{plain(found.image, 300)}: the nearest by {plain(found.source, 300)}"
    table = "\n".join(line.rstrip() for line in aligned(rows, texts=2))
    return f"{head}\n\n{table}\n\ncontact sheet: {plain(found.sheet, 400)}"
