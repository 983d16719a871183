"""The catalogue of sections: the one list of them, from which every rendering takes its order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.record.report import SprintReport
from runner.report import markdown, terminal
from runner.report.sections import catalogue, targets
from runner.report.sections.part import Part, without_heading
from runner.report.sections.section import Fold, Section, Shown

NEW = Section(
    parts=lambda report, shown: [Part(title="new", head="### New\n\nnothing like it", rows=("- 1", "- 2"))],
    fold=Fold(line=lambda report: "New"),
    terminal=lambda report: ["New: nothing like it"],
)


@pytest.fixture
def with_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A section after the export targets, that is in no other list."""
    at = catalogue.SECTIONS.index(targets.TARGETS) + 1
    sections = (*catalogue.SECTIONS[:at], NEW, *catalogue.SECTIONS[at:])
    monkeypatch.setattr(catalogue, "SECTIONS", sections)


def test_no_order_names_what_is_no_section() -> None:
    kept = [entry for line in catalogue.KEPT for entry in line]
    assert len(kept) == len(set(kept))
    named = [entry if isinstance(entry, Section) else entry[0] for entry in kept]
    assert set(named) == set(catalogue.SECTIONS)
    used = {section.fold for section in catalogue.SECTIONS} - {None}
    assert [fold for fold in used if fold not in catalogue.FOLDS] == []


def test_plots_have_names_of_their_own() -> None:
    names = [plot.name for section in catalogue.SECTIONS for plot in section.plots]
    assert len(set(names)) == len(names) == 17


def test_what_is_left_out_first_is_what_no_line_names(failing: SprintReport) -> None:
    assert catalogue.place(NEW) == len(catalogue.KEPT)
    assert catalogue.place(NEW, more=True) == len(catalogue.KEPT)
    assert catalogue.place(targets.TARGETS, more=True) == catalogue.place(targets.TARGETS)


@pytest.mark.usefixtures("with_new")
def test_a_section_that_only_the_list_names_is_shown_everywhere(failing: SprintReport) -> None:
    text = markdown.render(failing, max_bytes=None)
    assert text.index("### Export targets") < text.index("### New") < text.index("### Data")
    folds = [
        fold.line(failing) if fold.line else ""
        for fold, _ in catalogue.folds(failing, Shown(in_comment=True))
    ]
    assert folds[folds.index("New") - 1] == "Export targets: quality, latency, size"
    assert "\n\nNew: nothing like it\n\n" in terminal.render(failing, color=False)
    short = markdown.render(failing, max_bytes=len(text.encode()) - 1)
    assert "nothing like it" not in short
    assert short.endswith("*Left out to fit: new. Everything is in report.json, in the sprint's folder.*\n")


def test_a_stopped_sprint_shows_its_checks_first(failing: SprintReport, stopped: SprintReport) -> None:
    def headings(report: SprintReport) -> list[str]:
        parts = catalogue.document(report, Shown())
        return [part.head.partition("\n")[0] for part in parts if part.head.startswith("### ")]

    assert headings(stopped)[:3] == ["### Stage check failed", "### Checks", "### Gates"]
    later = headings(replace(failing, checks=stopped.checks))
    assert later.index("### Checks") == later.index("### Data") + 1


def test_a_heading_that_the_fold_says_is_said_once() -> None:
    parts = [Part(title="x", head="### Export targets\n\ntext"), Part(title="y", head="### More\n\ntext")]
    assert [part.head for part in without_heading(parts, "Export targets: quality")] == [
        "text",
        "### More\n\ntext",
    ]
    assert without_heading(parts, "Export targets and more") == tuple(parts)
    assert without_heading([], "Export targets") == ()
