"""What became of wrong labels, as a report shows it."""

from __future__ import annotations

from msgspec.structs import replace
from planted_report import SELECTION, sprint_inputs

from runner.domain.files import decode_json, encode_json
from runner.domain.records import LabelFaultCount, LabelFaults, Selection
from runner.planning.selection import treated_labels
from runner.report import markdown
from runner.report.build import build

COUNTS = [
    LabelFaultCount(
        kind="outside",
        treatment="clip",
        labels=1204,
        splits={"train": 1000, "val": 3, "test": 200},
        examples=["labels/train/a|b.txt:3: it reaches 7.5 px out of the image"],
    ),
    LabelFaultCount(
        kind="duplicate",
        treatment="drop",
        labels=1,
        splits={"train": 0, "val": 0, "test": 1},
        examples=["labels/test/c.txt:2: the same cat as labels/test/c.txt:1"],
    ),
]


def selection(*kinds: LabelFaultCount, emptied: int = 0) -> Selection:
    faults = LabelFaults(kinds=list(kinds), emptied={"train": 0, "val": 0, "test": emptied})
    return replace(SELECTION, label_faults=faults)


def shown(chosen: Selection) -> str:
    """The part of report.md that is about wrong labels; empty where there is none."""
    report = markdown.render(build(replace(sprint_inputs(), selection=chosen)))
    return report[at:].partition("\n\n### ")[0] if (at := report.find("#### Wrong labels")) >= 0 else ""


def test_each_kind_is_counted_by_split_with_its_first_label() -> None:
    assert shown(selection(*COUNTS, emptied=2)).startswith(
        "#### Wrong labels\n\n"
        "| Kind | What became of it | Labels | train | val | test | The first |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
        "| `outside` | clipped | 1,204 | 1,000 | 3 | 200 | labels/train/a&#124;b.txt:3: it reaches 7.5 px out of the image |\n"
        "| `duplicate` | dropped | 1 | 0 | 0 | 1 | labels/test/c.txt:2: the same cat as labels/test/c.txt:1 |\n\n"
        "No object is left in 2 images of `test`: they count as images without any."
    )


def test_nothing_is_shown_where_flywheel_yaml_says_nothing_and_that_nothing_was_found_where_it_does() -> None:
    assert shown(SELECTION) == ""
    assert b"label_faults" not in encode_json(SELECTION)
    assert "None of the kinds" in shown(selection())
    assert decode_json(encode_json(selection(*COUNTS)), Selection) == selection(*COUNTS)


def test_the_plan_counts_them_in_a_few_words() -> None:
    assert treated_labels(None) == treated_labels(SELECTION) == []
    assert treated_labels(selection()) == ["wrong labels: none"]
    assert treated_labels(selection(*COUNTS)) == ["wrong labels: 1 dropped, 1,204 clipped"]
