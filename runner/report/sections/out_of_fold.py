"""How well does the recipe do on training images that were held out, and which labels do those models doubt?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.cross_validation import CrossValidation
from runner.domain.label_issues import ISSUE_KINDS, IssueKind, LabelIssue, LabelIssues
from runner.record.catalogue import (
    CROSS_VALIDATION,
    FOLDS,
    LABEL_ISSUES,
    LABEL_ISSUES_SHEET,
    LABEL_ISSUES_SUMMARY,
)
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.gallery import picture_of
from runner.report.sections.part import Part, folded, table_head, table_row
from runner.report.sections.section import Fold, Section, Shown
from runner.report.wording import count, label, number, quality

_METRICS = ("map50_95", "map50", "top1", "precision", "recall", "f1")
_AIMS = 4
WORDS: dict[IssueKind, str] = {
    "wrong_class": "another class",
    "missed": "an object without a label",
    "badly_placed": "badly placed",
    "spurious": "a label of nothing",
}


def _cross_validation(report: SprintReport, _: Shown) -> list[Part]:
    found, dealt = report.record(CROSS_VALIDATION), report.record(FOLDS)
    if found is None or not found.folds:
        return []
    metrics = [name for name in _METRICS if quality(found.pooled, name) is not None or name == found.metric]
    metrics.sort(key=lambda name: name != found.metric)
    head = table_head(
        ["Held out", "Images", *(label(name) for name in metrics)], numbers=range(1, len(metrics) + 2)
    )
    rows = [
        table_row(
            [
                f"fold {one.fold + 1}",
                f"{one.images:,}",
                *(number(quality(one.overall, name)) for name in metrics),
            ]
        )
        for one in found.folds
    ]
    together = [number(quality(found.pooled, name)) for name in metrics]
    rows.append(table_row(["all, ranked together", f"{found.pooled.images:,}", *together]))
    unit = (
        f" Images of one {markdown(dealt.unit, 60)} are in one fold."
        if dealt and dealt.unit != "image"
        else ""
    )
    lead = (
        f"The recipe, trained {count(len(found.folds), 'time')}, each time without one part of the train split, and "
        f"measured on that part: {_in_words(found)}.{unit}"
    )
    return [
        Part(
            title="cross-validation",
            head=f"### Cross-validation\n\n{lead}\n\n{head}",
            rows=tuple(rows),
            tail=_caution(found),
        )
    ]


def _in_words(found: CrossValidation) -> str:
    """The mean and the spread of the metric that is pushed; Markdown."""
    name = label(found.metric)
    if found.mean is None or found.spread is None:
        return f"{name} could not be measured on two folds"
    beside = f"; {number(found.test)} on the test split" if found.test is not None else ""
    return f"{name} **{number(found.mean)} ± {number(found.spread)}** (the folds' standard deviation){beside}"


def _caution(found: CrossValidation) -> str:
    said = (
        "Each of these models has learned from fewer images than the sprint's own, and the val split chose its epoch. Folds share "
        "training images, so their spread is no interval of the model that ships: gates judge that one, on the test split."
    )
    if found.lacking:
        names = ", ".join(code(name, 60) for name in found.lacking[:8])
        said += f" Some fold holds no object of {names}: its number is a mean over fewer classes."
    return f"<sub>{said}</sub>"


def _issues(report: SprintReport, shown: Shown) -> list[Part]:
    found = report.record(LABEL_ISSUES_SUMMARY)
    if found is None:
        return []
    heading = "### Suspected labels"
    total = sum(found.kinds.values())
    if not total:
        text = f"{heading}\n\nOf {count(found.labels, 'label')} of train, none is doubted by a model that never saw its image."
        return [Part(title="suspected labels", head=text)]
    texts = [heading, _lead(found), _kinds(found)]
    if picture := picture_of(
        LABEL_ISSUES_SHEET.name,
        shown.pictures,
        "the labels that are worth most: as they are dashed, as seen solid",
    ):
        texts.append(picture)
    texts.append(f"`$` {code(f'flywheel clean {report.sprint}', 120)}")
    head = table_head(["Issue", "Image", "Kind", "Label", "Seen", "Likely", "Worth", "Why"], numbers=[5, 6])
    rows = [_row(one) for one in found.first]
    summary = f"The first {len(rows)} of {total:,} in {LABEL_ISSUES.name}"
    return [
        Part(title="suspected labels", head="\n\n".join(texts)),
        folded("suspected labels", summary, head, rows),
    ]


def _lead(found: LabelIssues) -> str:
    wrong = round(sum(found.expected.values()))
    named = ", ".join(markdown(aim, 120) for aim in found.aims[:_AIMS])
    others = f" and {len(found.aims) - _AIMS} more" if len(found.aims) > _AIMS else ""
    by = f"by what mending them is worth to {'the open gates ' if found.gates else ''}{named}{others}"
    both = (
        f" Of {count(found.both_wrong, 'row')} neither the label nor what is seen is believed."
        if found.both_wrong
        else ""
    )
    return (
        f"Of {count(found.labels, 'label')} of train, about **{wrong:,}** are wrong or lacking, as models see it that never saw their "
        f"images. First {by}.{both} The worth orders them; it is no promise."
    )


def _kinds(found: LabelIssues) -> str:
    head = table_head(["Kind", "Suspected", "About so many are"], numbers=[1, 2])
    rows = [
        table_row([WORDS[kind], f"{found.kinds[kind]:,}", f"{found.expected.get(kind, 0.0):.0f}"])
        for kind in ISSUE_KINDS
        if kind in found.kinds
    ]
    return "\n".join([head, *rows])


def _row(one: LabelIssue) -> str:
    seen = "neither is believed" if one.both_wrong else code(one.suggested, 40) if one.suggested else ""
    return table_row(
        [
            code(one.issue, 20),
            code(one.path, 120),
            WORDS[one.kind],
            code(one.label, 40) if one.label else "",
            seen,
            f"{one.suspicion:.0%}",
            f"{one.effect:.2g}" if one.effect else "0",
            markdown(one.reason, 200),
        ]
    )


def _short(report: SprintReport) -> str:
    found = report.record(LABEL_ISSUES_SUMMARY)
    return (
        f"About {count(round(sum(found.expected.values())), 'label')} wrong" if found is not None else "Folds"
    )


def _terminal(report: SprintReport) -> Sequence[str]:
    crossed, issues = report.record(CROSS_VALIDATION), report.record(LABEL_ISSUES_SUMMARY)
    lines = []
    if crossed is not None and crossed.mean is not None and crossed.spread is not None:
        lines.append(
            f"cross-validated: {plain(label(crossed.metric), 40)} {number(crossed.mean)} ± {number(crossed.spread)} over "
            f"{len(crossed.folds)} folds"
        )
    if issues is not None and issues.kinds:
        wrong = f"{round(sum(issues.expected.values())):,}"
        lines.append(
            f"labels: about {wrong} wrong of {issues.labels:,}  (flywheel clean {plain(report.sprint, 80)})"
        )
    return lines


FOLD = Fold(line=_short)
CROSS_VALIDATED = Section(parts=_cross_validation, fold=FOLD, terminal=_terminal)
SUSPECTED_LABELS = Section(parts=_issues, fold=FOLD)
