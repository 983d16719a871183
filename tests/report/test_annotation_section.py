"""What the report says of the labels of a sprint's batch."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace
from planted_report import sprint_inputs

from runner.config.annotation import AgreementLimit, Annotation, QualityOptions
from runner.domain.annotation_quality import (
    Acceptance,
    AnnotationQuality,
    AnnotatorQuality,
    ClassQuality,
    LabelCeiling,
    Measured,
    ToReview,
)
from runner.record.catalogue import QUALITY
from runner.record.report import SprintReport
from runner.report import markdown, terminal
from runner.report.build import build
from runner.report.sections.annotation import ANNOTATION
from runner.report.sections.catalogue import plots

GOOD = Measured(value=0.914, low=0.87, high=0.95, of=212)
WORSE = Measured(value=0.71, low=0.55, high=0.83, of=40)
FOUND = AnnotationQuality(
    sprint="0001-first-model",
    task="detect",
    images=50,
    answered=48,
    answers=53,
    skipped=1,
    objects=230,
    double=5,
    gold=3,
    iou=GOOD,
    matched_iou=Measured(value=0.95, low=0.93, high=0.97, of=200),
    found_by_both=Measured(value=0.96, low=0.9, high=0.98, of=212),
    class_agreement=Measured(value=0.99, low=0.94, high=1.0, of=200),
    alpha=Measured(value=0.88, low=0.8, high=0.94, of=212),
    gold_recall=Measured(value=0.9, low=0.7, high=0.97, of=20),
    gold_precision=Measured(value=1.0, of=18),
    acceptance=Acceptance(accepted=60, moved=20, relabelled=5, deleted=15, added=145),
    seconds=1830.0,
    seconds_per_label=7.4,
    cost=9.2,
    annotators=[
        AnnotatorQuality(annotator="anna", images=30, objects=140, iou=GOOD, seconds_per_label=6.0, cost=5.0),
        AnnotatorQuality(annotator="<b>|bob", images=23, skipped=1, objects=90),
    ],
    classes=[
        ClassQuality(class_name="zero", objects=130, iou=GOOD),
        ClassQuality(class_name="two", objects=100, iou=WORSE, confused_with="three"),
    ],
    ceilings=[
        LabelCeiling(
            metric="map50_95",
            against="gold",
            images=3,
            measured=GOOD,
            ceiling=GOOD,
            limited_by="two",
            limited_value=WORSE,
            without_limit=0.95,
        )
    ],
    review=[ToReview(path="images/pool/a.jpg", image_id="a", annotators=["anna"], why=["two: anna says two, bob says three"])],
    review_images=1,
)  # fmt: skip
WHY = "mean overlap of what two annotators drew is 0.914 (0.87 to 0.95) on 5 images, below 0.95"


def report(found: AnnotationQuality | None, least: float | None = None) -> SprintReport:
    """With the limit that the spec has now."""
    inputs = sprint_inputs(records={} if found is None else {QUALITY.name: msgspec.to_builtins(found)})
    limit = None if least is None else AgreementLimit(metric="iou", min=least)
    annotation = Annotation(strategy="boxes", quality=QualityOptions(agreement=limit))
    return build(replace(inputs, sprint=replace(inputs.sprint, annotation=annotation)))


def section(found: AnnotationQuality) -> str:
    text = markdown.render(report(found), plots="plots")
    return text[text.index("### Annotation") : text.index("### Data")]


def test_without_a_record_nothing_is_said() -> None:
    silent = report(None)
    assert "Annotation" not in markdown.render(silent, plots="plots")
    assert [plot.name for plot in plots(silent) if plot.name == "annotation"] == []
    assert ANNOTATION.foot(silent) == ""
    assert list(ANNOTATION.terminal(silent)) == []


def test_what_was_labelled_and_how_good_it_is() -> None:
    text = section(FOUND)
    assert (
        "48 of 50 images labelled by 2 annotators: 230 objects (30 min 30 s, 7.4 s per label, 9.20 EUR); 1 answer skipped."
        in text
    )
    assert "Two annotators labelled 5 images: their objects overlap by 0.91 (0.87 to 0.95) on average" in text
    assert "Krippendorff's alpha is 0.88 (0.80 to 0.94)." in text
    assert (
        "On 3 images whose labels are known, 0.90 (0.70 to 0.97) of the objects were found with their class"
        in text
    )
    assert "Of 100 pre-annotations, 60 (60 %) were accepted, 20 (20 %) moved, 5 (5 %) relabelled and 15 (15 %) deleted; 145 objects were added." in text  # fmt: skip
    assert "![Agreement of annotators by class, with intervals](plots/annotation.svg)" in text


def test_the_ceiling_names_the_class_that_holds_it_down() -> None:
    assert (
        "**Ceiling: mAP50-95 0.91 (0.87 to 0.95)** with labels like these (from 3 images whose labels are known). `two` (0.71 (0.55 to 0.83)) "
        "holds it down most: if annotators agreed on that class, it would be 0.950. The model has 0.594."
    ) in section(FOUND)


def test_the_class_with_the_least_agreement_comes_first() -> None:
    rows = [line for line in section(FOUND).splitlines() if line.startswith(("| `two`", "| `zero`"))]
    assert [row.split(" | ")[0] for row in rows] == ["| `two`", "| `zero`"]


def test_names_are_hostile() -> None:
    text = section(FOUND)
    assert "<b>" not in text
    assert "&lt;b&gt;&#124;bob" in text


def test_what_is_below_the_limit_stands_at_the_top() -> None:
    shown = report(FOUND, 0.95)
    text = markdown.render(shown, plots="plots")
    assert text.index("### Annotation") < text.index("### Gates")
    assert f"**✗ {WHY}.** No model is trained on these labels." in text
    printed = terminal.render(shown, color=False)
    assert f"labels below the spec's limit\n  {WHY}\n  review images/pool/a.jpg: two: anna says two, bob says three" in printed  # fmt: skip
    for fine in (report(FOUND, 0.9), report(replace(FOUND, failed=["of a limit that is no more"]))):
        assert "labels below" not in terminal.render(fine, color=False)
        assert (
            "✗" not in markdown.render(fine, plots="plots").partition("### Annotation")[2].partition("###")[0]
        )


def test_the_terminal_has_one_line() -> None:
    assert (
        "labels: 230 objects on 48 images · agreement 0.91 (0.87 to 0.95) · ceiling mAP50-95 0.91 (0.87 to 0.95)"
        in terminal.render(report(FOUND), color=False)
    )


def test_nothing_measured_is_said() -> None:
    bare = AnnotationQuality(sprint="0001-x", task="detect", images=4, answered=2, answers=2, objects=0)
    assert "How far annotators agree is not measured" in section(bare)


def test_the_plot_is_drawn() -> None:
    (plot,) = (plot for plot in plots(report(FOUND)) if plot.name == "annotation")
    picture = plot.draw(report(FOUND))
    assert b"two" in picture.svg
    assert picture.png.startswith(b"\x89PNG")
