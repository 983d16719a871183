"""What the report says and draws of bias."""

from __future__ import annotations

from msgspec.structs import replace

from runner.domain.bias import ClassShare, DataBias, NewValue, Shift, Shortcut, SliceShare
from runner.domain.records import Checks
from runner.record.report import SprintReport
from runner.report import markdown
from runner.report.sections.bias import BIAS

SHORTCUT = Shortcut(
    column="camera",
    class_name="cat",
    score=0.9,
    excess=0.7,
    values="east, west and 2 more",
    inside=40,
    holding=39,
    outside=60,
    missed=1,
)


def bias(**changes: object) -> DataBias:
    return DataBias(
        shortcuts=[SHORTCUT],
        shifts=[
            Shift(of="test", column="brightness", distance=0.4, chance=0.2, shift=0.4, words="mean 0.2 instead of 0.4"),
            Shift(of="val", column="brightness", distance=0.1, chance=0.2, shift=0.0, words="as before"),
            Shift(of="val", column="camera", distance=0.3, chance=0.1, shift=0.3, words="roof 60% instead of 0%"),
            Shift(of="val", column="width", distance=0.0, chance=0.0, shift=0.0, words=""),
        ],
        classes=[
            ClassShare(class_name="cat", train=300, val=20, test=30),
            ClassShare(class_name="dog", train=3, val=0, test=1),
        ],
        slices=[SliceShare(slice="dark", train=0, val=1, test=10), SliceShare(slice="small", train=9, val=9, test=9, objects=True)],
        new_values=[
            NewValue(column="weather", value="fog", images={"test": 4, "pool": 9}, path="a.jpg"),
        ],
        max_shortcut=0.5,
        max_shift=0.2,
        classes_counted="objects",
        effective_classes=1.06,
    )  # fmt: skip


def with_bias(report: SprintReport, found: DataBias) -> SprintReport:
    assert report.checks is not None
    return replace(report, checks=Checks(results=report.checks.results, bias=found))


def test_each_kind_has_its_sentence_and_its_rows(passing: SprintReport) -> None:
    text = markdown.render(with_bias(passing, bias()), plots="plots")
    section = text[text.index("### Bias and balance") :]
    lines = [line for line in section.splitlines() if line.startswith("- ")][:4]
    assert lines == [
        "- Train's labels are spread as evenly as over 1.1 equally frequent classes of 2: cat has 300, dog 3.",
        "- camera alone tells which training images hold a class: a model may learn that in its place.",
        "- More than chance explains differ val beside train in camera; test beside train in brightness.",
        "- Never seen before: 1 value of metadata in no training image.",
    ]
    assert "| `camera` | cat | 0.90 | 0.70 | east, west and 2 more | 39 of 40 | 1 of 60 |" in section
    assert "| val | `camera` | 0.30 | 0.10 | roof 60% instead of 0% |" in section
    for plot in BIAS.plots:
        assert f"](plots/{plot.name}.svg)" in section


def test_every_picture_is_drawn_from_the_record_alone(passing: SprintReport) -> None:
    report = with_bias(passing, bias())
    drawn = {plot.name: plot.draw(report).png for plot in BIAS.plots if plot.there(report)}
    assert list(drawn) == [
        f"bias_{kind}" for kind in ("shortcuts", "shifts", "classes", "slices", "new_values")
    ]
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())
    assert len(set(drawn.values())) == 5


def test_nothing_to_say_is_no_section(passing: SprintReport) -> None:
    assert "Bias and balance" not in markdown.render(passing)
    assert not any(plot.there(passing) for plot in BIAS.plots)


def test_a_clean_sprint_says_so(passing: SprintReport) -> None:
    clean = replace(bias(), shortcuts=[], shifts=[], new_values=[])
    text = markdown.render(with_bias(passing, clean))
    assert "No single column tells which training images hold a class." in text
    assert "Val and test look as train does." in text


def test_a_column_counts_once_and_all_columns_count(passing: SprintReport) -> None:
    both = [
        Shift(of=of, column=f"c{number}", distance=0.4, chance=0.2, shift=0.4, words="more")
        for number in range(15)
        for of in ("val", "test")
    ]
    shortcut = bias().shortcuts[0]
    many = [replace(shortcut, column=f"c{number}") for number in range(25)]
    text = markdown.render(with_bias(passing, replace(bias(), shifts=both, shortcuts=many)))
    assert "15 columns that differ more than by chance" in text
    assert "25 columns and classes that go together" in text
