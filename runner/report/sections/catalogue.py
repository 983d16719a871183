"""The sections of a report, and the order in which each rendering shows and keeps them: the only list of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from runner.record.report import SprintReport
from runner.report.sections import (
    annotation,
    bias,
    champion,
    checks,
    cost,
    data,
    drift,
    errors,
    findings,
    gallery,
    gates,
    holdout,
    label_next,
    leakage,
    learning_curve,
    near_duplicates,
    out_of_fold,
    recommendation,
    reproduce,
    slices,
    targets,
    training,
    variants,
    verdict,
    worth,
)
from runner.report.sections.part import Part
from runner.report.sections.section import ASKED, DECIDED, OLDER, TOP, UNSURE, Fold, Plot, Section, Shown

SECTIONS: tuple[Section, ...] = (  # in the order in which a reviewer asks for them
    verdict.HEADLINE,
    verdict.FAILURE,
    gates.GATES,
    gates.FURTHER,
    gates.DECIDING,
    gates.INTERVALS,
    findings.FINDINGS,
    findings.UNDECIDED,
    champion.DIFFERENCES,
    champion.SEEDS,
    variants.VARIANTS,
    worth.WORTH,
    learning_curve.CURVE,
    learning_curve.FALLS,
    slices.SLICES,
    slices.REGIONS,
    slices.CLASSES,
    errors.ERRORS,
    errors.CONFUSION,
    errors.OPERATING,
    errors.CALIBRATION,
    gallery.WORST,
    gallery.GALLERY,
    leakage.LEAKAGE,
    near_duplicates.NEAR_DUPLICATES,
    holdout.HOLDOUT,
    targets.TARGETS,
    annotation.ANNOTATION,
    out_of_fold.CROSS_VALIDATED,
    out_of_fold.SUSPECTED_LABELS,
    data.DATA,
    checks.CHECKS,
    bias.BIAS,
    drift.SECTION,
    checks.PASSED_CHECKS,
    training.TRAINING,
    training.EPOCHS,
    cost.COST,
    recommendation.RECOMMENDED,
    label_next.LABEL_THESE_NEXT,
    reproduce.REPRODUCE,
)
# What stays longest when a text must fit: the first lines; what shares a line, by its order in the text. A section that
# is not named goes first; its further rows go with it unless they have a place of their own.
KEPT: tuple[tuple[Section | tuple[Section, bool], ...], ...] = (
    (verdict.HEADLINE,),
    (verdict.FAILURE,),
    (gates.GATES, findings.FINDINGS, findings.UNDECIDED),
    (gates.DECIDING, gates.INTERVALS),
    (recommendation.RECOMMENDED,),
    (champion.DIFFERENCES, champion.SEEDS),
    (variants.VARIANTS,),
    (worth.WORTH, learning_curve.FALLS),
    (checks.CHECKS,),
    (annotation.ANNOTATION,),
    (slices.SLICES,),
    (slices.REGIONS, gallery.GALLERY),
    (leakage.LEAKAGE, near_duplicates.NEAR_DUPLICATES, holdout.HOLDOUT),
    (learning_curve.CURVE,),
    (targets.TARGETS,),
    (errors.ERRORS,),
    (reproduce.REPRODUCE,),
    (data.DATA,),
    (bias.BIAS,),
    (drift.SECTION,),
    (training.TRAINING,),
    (cost.COST,),
    (out_of_fold.CROSS_VALIDATED, out_of_fold.SUSPECTED_LABELS),
    (label_next.LABEL_THESE_NEXT,),
    (slices.CLASSES,),
    (errors.CONFUSION,),
    (errors.OPERATING,),
    (errors.CALIBRATION,),
    (gallery.WORST, gallery.GALLERY.more),
    (gates.FURTHER, findings.FINDINGS.more, findings.UNDECIDED.more),
    (label_next.LABEL_THESE_NEXT.more, out_of_fold.SUSPECTED_LABELS.more),
    (checks.CHECKS.more, annotation.ANNOTATION.more, bias.BIAS.more, drift.SECTION.more),
    (champion.DIFFERENCES.more, variants.VARIANTS.more, learning_curve.CURVE.more),
    (slices.SLICES.more, slices.REGIONS.more),
    (slices.CLASSES.more,),
    (errors.OPERATING.more,),
    (checks.PASSED_CHECKS,),
    (training.EPOCHS,),
)
# In a comment; a fold that is not named follows that of the section before.
FOLDS: tuple[Fold, ...] = (
    TOP,
    ASKED,
    DECIDED,
    gallery.IN_SIGHT,
    UNSURE,
    champion.FOLD,
    variants.FOLD,
    worth.FOLD,
    slices.FOLD,
    gallery.FOLD,
    errors.FOLD,
    targets.FOLD,
    annotation.FOLD,
    out_of_fold.FOLD,
    checks.FOLD,
    cost.FOLD,
    recommendation.FOLD,
    label_next.FOLD,
    reproduce.FOLD,
    OLDER,
)


def ordered(report: SprintReport) -> list[Section]:
    """The sections in the order of the report: first those that lead."""
    return sorted(SECTIONS, key=lambda section: not section.leads(report))


def document(report: SprintReport, shown: Shown) -> list[Part]:
    """All parts of the report."""
    return [part for section in ordered(report) for part in parts_of(section, report, shown)]


def parts_of(section: Section, report: SprintReport, shown: Shown) -> list[Part]:
    """The section's parts, its plots below the first of them."""
    parts = [replace(part, priority=place(section, more=part.more)) for part in section.parts(report, shown)]
    if parts and shown.plot is not None:
        plots = [shown.plot(plot.name, plot.shows) for plot in section.plots if plot.there(report)]
        parts[0] = replace(parts[0], tail="\n\n".join(text for text in (parts[0].tail, *plots) if text))
    return parts


def place(section: Section, *, more: bool = False) -> int:
    """Its line in `KEPT`, from 0."""
    lines = {entry: line for line, entries in enumerate(KEPT) for entry in entries}
    own = lines.get(section, len(KEPT))
    return lines.get(section.more, own) if more else own


def folds(report: SprintReport, shown: Shown) -> Iterator[tuple[Fold, list[Part]]]:
    """The folds of a comment in their order, each with the parts of its sections."""
    order = list(FOLDS)
    for before, section in pairwise(SECTIONS):
        if section.fold is not None and section.fold not in order:
            order.insert(order.index(before.fold) + 1 if before.fold in order else len(order), section.fold)
    within = {section: TOP if section.in_sight(report) else section.fold for section in SECTIONS}
    for fold in order:
        sections = [section for section in SECTIONS if within[section] is fold]
        yield fold, [part for section in sections for part in parts_of(section, report, shown)]


def plots(report: SprintReport) -> list[Plot]:
    """The plots that there is data for; draws nothing."""
    return [plot for section in SECTIONS for plot in section.plots if plot.there(report)]
