"""How good are the labels of this sprint's batch, and what can a model reach with labels like these?"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UnsetType

from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting_intervals import Estimate, values
from runner.domain.annotation_quality import (
    Acceptance,
    AnnotationQuality,
    AnnotatorQuality,
    ClassQuality,
    LabelCeiling,
    Measured,
    ToReview,
    failures,
)
from runner.record.catalogue import QUALITY
from runner.record.report import SprintReport
from runner.report.ansi import END, RED
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import PLOT_ROWS, Part, folded, table_head, table_row, unbroken
from runner.report.sections.section import Fold, Plot, Section, Shown
from runner.report.tables import judged
from runner.report.wording import count, duration, label, money, number, quality

_ROWS = 20
_REVIEWED = 40
_IN_TERMINAL = 5
_NOTHING = "–"


def _record(report: SprintReport) -> AnnotationQuality | None:
    return report.record(QUALITY)


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    """What was labelled, how far annotators agree, what that limits, and what to look at again."""
    found = _record(report)
    if found is None:
        return []
    text = [
        "### Annotation",
        *(f"**✗ {markdown(why)}.** No model is trained on these labels." for why in _below(report)),
        _work(found),
        _agreement(found),
        *(_ceiling(report, ceiling) for ceiling in found.ceilings[:2] if ceiling.metric == _metric(found)),
    ]
    parts = [Part(title="annotation", head="\n\n".join(line for line in text if line))]
    if found.annotators:
        parts.append(_annotators(found))
    if found.classes:
        parts.append(_classes(found.classes))
    return [*parts, *_review(found)]


def _metric(found: AnnotationQuality) -> str:
    """The one that is shown; annotation.json has others."""
    return found.ceilings[0].metric


def _work(found: AnnotationQuality) -> str:
    """How much was labelled, how long it took, what it cost."""
    people = count(len(found.annotators), "annotator")
    said = f"{found.answered:,} of {count(found.images, 'image')} labelled by {people}: {count(found.objects, 'object')}"
    took = []
    if found.seconds is not None:
        each = f", {number(found.seconds_per_label, 1, ' s')} per label" if found.seconds_per_label else ""
        took.append(f"{duration(found.seconds)}{each}")
    if found.cost is not None:
        took.append(money(found.cost, markdown(found.currency, 3)))
    skipped = f"; {count(found.skipped, 'answer')} skipped" if found.skipped else ""
    effort = f" ({', '.join(took)})" if took else ""
    return f"{said}{effort}{skipped}."


def _agreement(found: AnnotationQuality) -> str:
    lines = []
    if found.double:
        lines.append(
            f"Two annotators labelled {count(found.double, 'image')}: their objects overlap by {_with_ends(found.iou)} on average, one that a "
            f"single annotator drew counting 0. Both drew {_with_ends(found.found_by_both)} of the objects; these overlap by "
            f"{_with_ends(found.matched_iou)}, and {_with_ends(found.class_agreement)} of them have the same class. Krippendorff's alpha is "
            f"{_with_ends(found.alpha)}."
        )
    if found.gold:
        lines.append(
            f"On {count(found.gold, 'image')} whose labels are known, {_with_ends(found.gold_recall)} of the objects were found with their class, "
            f"and {_with_ends(found.gold_precision)} of what was drawn is one of them."
        )
    if found.acceptance.shown:
        lines.append(_accepted(found.acceptance))
    if not found.double and not found.gold:
        lines.append(
            "How far annotators agree is not measured: no image was labelled twice, and none was known."
        )
    return " ".join(lines)


def _accepted(acceptance: Acceptance) -> str:
    def share(part: int) -> str:
        return f"{part:,} ({100 * part / acceptance.shown:.0f} %)"

    return (
        f"Of {count(acceptance.shown, 'pre-annotation')}, {share(acceptance.accepted)} were accepted, {share(acceptance.moved)} moved, "
        f"{share(acceptance.relabelled)} relabelled and {share(acceptance.deleted)} deleted; {acceptance.added:,} objects were added."
    )


def _ceiling(report: SprintReport, ceiling: LabelCeiling) -> str:
    """What no further label of this kind can pass, and the class that holds it down."""
    name = label(ceiling.metric)
    basis = (
        f"from {count(ceiling.images, 'image')} whose labels are known"
        if ceiling.against == "gold"
        else f"from {count(ceiling.images, 'image')} that two annotators labelled: one's labels score {_with_ends(ceiling.measured)} "
        "against the other's, and this is what one of them alone would leave"
    )
    line = f"**Ceiling: {name} {_with_ends(ceiling.ceiling)}** with labels like these ({basis})."
    if ceiling.limited_by is not None and ceiling.without_limit is not None:
        line += (
            f" {code(ceiling.limited_by, 60)} ({_with_ends(ceiling.limited_value)}) holds it down most: if annotators agreed on that class, "
            f"it would be {number(ceiling.without_limit)}."
        )
    reached = judged(report)
    value = quality(reached.overall, ceiling.metric) if reached is not None else None
    return f"{line} The model has {number(value)}." if value is not None else line


def _annotators(found: AnnotationQuality) -> Part:
    columns = [
        "Annotator",
        "Images",
        "Objects",
        "Overlap with others",
        "Same class",
        "Known found",
        "Known of drawn",
        "Per label",
        "Cost",
    ]
    currency = markdown(found.currency, 3)
    head = f"#### Annotators\n\n{table_head(columns, numbers=range(1, len(columns)))}"
    rows = tuple(_annotator_row(one, currency) for one in found.annotators[:_ROWS])
    return Part(title="annotators", head=head, rows=rows)


def _annotator_row(one: AnnotatorQuality, currency: str) -> str:
    return table_row(
        [
            code(one.annotator, 40),
            f"{one.images:,}" + (f" ({one.skipped:,} skipped)" if one.skipped else ""),
            f"{one.objects:,}",
            *(
                unbroken(_cell(value))
                for value in (one.iou, one.class_agreement, one.gold_recall, one.gold_precision)
            ),
            _NOTHING if one.seconds_per_label is None else number(one.seconds_per_label, 1, " s"),
            _NOTHING if one.cost is None else money(one.cost, currency),
        ]
    )


def _classes(classes: Sequence[ClassQuality]) -> Part:
    """The classes that annotators agree on least come first."""
    columns = [
        "Class",
        "Objects",
        "Overlap",
        "Same class",
        "Often called",
        "Known found",
        "Accepted",
        "Moved",
        "Relabelled",
        "Deleted",
        "Added",
    ]
    ordered = sorted(
        classes, key=lambda one: (_or_one(one.iou), _or_one(one.class_agreement), one.class_name)
    )
    rows = tuple(_class_row(one) for one in ordered[:_ROWS])
    head = table_head(columns, numbers=[1, 2, 3, *range(5, len(columns))])
    return folded("classes of labels", f"Labels of {count(len(classes), 'class', 'classes')}", head, rows)


def _class_row(one: ClassQuality) -> str:
    became = one.acceptance
    return table_row(
        [
            code(one.class_name, 60),
            f"{one.objects:,}",
            unbroken(_cell(one.iou)),
            unbroken(_cell(one.class_agreement)),
            code(one.confused_with, 60) if one.confused_with else _NOTHING,
            unbroken(_cell(one.gold_recall)),
            *(
                f"{number_of:,}"
                for number_of in (
                    became.accepted,
                    became.moved,
                    became.relabelled,
                    became.deleted,
                    became.added,
                )
            ),
        ]
    )


def _review(found: AnnotationQuality) -> list[Part]:
    if not found.review:
        return []
    shown = found.review[:_REVIEWED]
    more = (
        f", the first {len(shown)} here and {len(found.review)} in annotation.json"
        if found.review_images > len(shown)
        else ""
    )
    summary = f"To review: {count(found.review_images, 'image')} on which annotators differ{more}"
    return [folded("images to review", summary, "", [f"- {_reviewed(one)}" for one in shown])]


def _reviewed(one: ToReview) -> str:
    return f"{code(one.path, 200)}: {markdown('; '.join(one.why), 500)}"


def _or_one(shown: Measured) -> float:
    return 1.0 if shown.value is None else shown.value


def _with_ends(shown: Measured) -> str:
    if shown.value is None or shown.low is None or shown.high is None:
        return number(shown.value, 2)
    return f"{shown.value:.2f} ({shown.low:.2f} to {shown.high:.2f})"


def _cell(shown: Measured) -> str:
    return _NOTHING if shown.value is None else _with_ends(shown)


def _line(report: SprintReport) -> str:
    found = _record(report)
    if found is None:
        return "Annotation"
    agreed = f", agreement {found.iou.value:.2f}" if found.iou.value is not None else ""
    return f"Annotation: {count(found.objects, 'object')} on {count(found.answered, 'image')}{agreed}"


def _below(report: SprintReport) -> list[str]:
    """What is below the limit that the spec has now; annotation.json knows that of the day it was pulled."""
    found, work = _record(report), report.annotation
    if found is None or work is None or isinstance(work.agreement, UnsetType):
        return []
    return failures(found, work.agreement)


def _failed(report: SprintReport) -> bool:
    return bool(_below(report))


def _terminal(report: SprintReport) -> list[str]:
    """What is below the spec's limit, and what to look at first."""
    found, failed = _record(report), _below(report)
    if found is None or not failed:
        return []
    lines = [f"{RED}labels below the spec's limit{END}", *(f"  {plain(why, 160)}" for why in failed)]
    lines += [
        f"  review {plain(one.path, 80)}: {plain('; '.join(one.why), 120)}"
        for one in found.review[:_IN_TERMINAL]
    ]
    left = found.review_images - min(_IN_TERMINAL, len(found.review))
    return [*lines, f"  … and {left:,} more in annotation.json"] if left > 0 else lines


def _foot(report: SprintReport) -> str:
    found = _record(report)
    if found is None:
        return ""
    parts = [f"labels: {count(found.objects, 'object')} on {count(found.answered, 'image')}"]
    if found.iou.value is not None:
        parts.append(f"agreement {_with_ends(found.iou)}")
    if found.ceilings:
        parts.append(f"ceiling {label(found.ceilings[0].metric)} {_with_ends(found.ceilings[0].ceiling)}")
    return " · ".join(parts)


def _agreed_classes(report: SprintReport) -> list[ClassQuality]:
    found = _record(report)
    return [one for one in found.classes if one.iou.value is not None] if found is not None else []


def _draw(report: SprintReport) -> Picture:
    found = _record(report)
    rows = sorted(_agreed_classes(report), key=lambda one: (one.iou.value or 0.0, one.class_name))[:PLOT_ROWS]
    overall = None
    if found is not None and found.iou.value is not None:
        overall = Estimate(label="all classes", value=found.iou.value, low=found.iou.low, high=found.iou.high)
    estimates = [
        Estimate(
            label=plain(one.class_name, 32),
            value=one.iou.value or 0.0,
            low=one.iou.low,
            high=one.iou.high,
            reference=one.class_agreement.value,
        )
        for one in rows
    ]
    return values(
        "Overlap of what two annotators drew, by class",
        estimates,
        overall=overall,
        reference_label="same class, of what both drew",
    )


FOLD = Fold(line=_line)
ANNOTATION = Section(
    parts=_parts,
    leads=_failed,
    fold=FOLD,
    in_sight=_failed,
    plots=(
        Plot(
            name="annotation",
            shows="Agreement of annotators by class, with intervals",
            there=lambda report: bool(_agreed_classes(report)),
            draw=_draw,
        ),
    ),
    chapter="Data",
    terminal=_terminal,
    foot=_foot,
)
