"""Which images would be labelled next, and what does that?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.labelling import Batch
from runner.record.catalogue import LABEL_NEXT, LABEL_NEXT_SHEET
from runner.record.label_next import LabelNext, NextBatch
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.gallery import picture_of
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import count, money

_GATES = 4  # named of those that a batch would decide


def _parts(report: SprintReport, shown: Shown) -> list[Part]:
    found = report.record(LABEL_NEXT)
    if found is None:
        return []
    texts = ["### Label these next", _lead(report.sprint, found)]
    if found.drawn and (picture := picture_of(LABEL_NEXT_SHEET.name, shown.pictures, "the first images")):
        texts.append(picture)
    texts += [_batch(batch) for batch in found.batches]
    first = Part(title="label these next", head="\n\n".join(texts))
    return [first, *(_images(batch) for batch in found.drawn)]


def _lead(sprint: str, found: LabelNext) -> str:
    if found.trouble:
        then = (
            f"`$` {code(found.hint, 200)}, then {code(f'flywheel report {sprint}', 120)}"
            if found.hint
            else ""
        )
        return f"Not drawn: {markdown(found.trouble, 400)}. {then}".strip()
    holder = f"{code(found.champion, 80)} ({code(found.tag, 80)}), which holds the stage"
    own = (
        ""
        if found.champion == sprint
        else f" Once {code(sprint, 80)} is promoted, its own predictions choose."
    )
    return f"As {holder}, sees the pool; nothing is asked for yet.{own}"


def _batch(found: NextBatch) -> str:
    lines = [f"**{markdown(_title(found), 300)}**{':' * (not found.gates)}"]
    if found.gates:
        others = len(found.gates) - _GATES
        named = ", ".join(markdown(gate, 120) for gate in found.gates[:_GATES])
        lines.append(f"to decide {named}{f' and {others} more' if others > 0 else ''}.")
    if found.batch is not None:
        lines.append(f"{_contents(found.batch)}.")
    if found.trouble:
        lines.append(f"not drawn: {markdown(found.trouble, 300)}.")
    if found.note:
        lines.append(f"<sub>{markdown(found.note, 300)}</sub>")
    text = " ".join(lines)
    if found.command:
        return f"{text}\n\n`$` {code(found.command, 200)}"
    return f"{text}\n\nIn a spec: {code(found.spec, 600)}" if found.spec else text


def _title(found: NextBatch) -> str:
    """What would be asked for, in a few words; its slice's name is text of the project."""
    images = count(_size(found), "image" if found.into == "train" else "test image")
    place = f" of slice {found.slice}" if found.slice else ""
    return f"{images}{place}{'' if found.into == 'train' else ', at random'}"


def _size(found: NextBatch) -> int:
    return sum(found.batch.arms.values()) if found.batch is not None else found.size


def _contents(batch: Batch) -> str:
    arms = ", ".join(f"{markdown(arm, 40)} {images}" for arm, images in batch.arms.items())
    text = f"{arms} of {count(batch.pool_images, 'pool image')}"
    if batch.labels is not None:
        text += f"; about {count(round(batch.labels), 'label')}"
        text += f", {money(batch.price, markdown(batch.currency, 3))}" if batch.price is not None else ""
    covered = [part for part in batch.coverage if part.batch]
    if covered:
        text += "; " + ", ".join(
            f"{markdown(part.slice, 60)} {part.batch} of {part.pool}" for part in covered[:8]
        )
    return text


def _images(found: NextBatch) -> Part:
    head = table_head(["Image", "Arm", "Why"])
    rows = [
        table_row([code(image.path, 160), markdown(image.arm, 40), markdown(image.reason, 200)])
        for image in found.images
    ]
    summary = f"The first {len(rows)} of {markdown(_title(found), 120)}"
    return folded("images to label next", summary, head, rows)


def said(found: LabelNext) -> str:
    """In a few plain words: `48 images of slice dark, 37 test images, at random`; or that nothing was drawn."""
    return "; ".join(_title(batch) for batch in found.drawn) or "not drawn"


def _terminal(report: SprintReport) -> Sequence[str]:
    found = report.record(LABEL_NEXT)
    if found is None:
        return ()
    if found.trouble:
        return (f"label next: {plain(found.trouble, 200)} ({plain(found.hint, 100)})",)
    lines = []
    for batch in found.batches:
        line = f"label next: {plain(_title(batch), 120)}"
        if batch.batch is None:
            lines.append(f"{line}: {plain(batch.trouble, 160)}")
            continue
        price = f", {money(batch.batch.price, batch.batch.currency)}" if batch.batch.price is not None else ""
        lines.append(f"{line}{price}" + (f"  ({batch.command})" if batch.command else ""))
    return lines


FOLD = Fold(line=lambda report: f"Label these next{_short(report)}")


def _short(report: SprintReport) -> str:
    found = report.record(LABEL_NEXT)
    return f": {markdown(said(found), 160)}" if found is not None else ""


LABEL_THESE_NEXT = Section(parts=_parts, fold=FOLD, terminal=_terminal)
