"""The report as one HTML file: whole, self-contained, and with nothing in it that a spec wrote as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from projects import flywheel

from runner.domain.verdict import Outcome
from runner.record.report import SprintReport
from runner.report import html, plots
from runner.report.wording import ICONS

JPEG = b"\xff\xd8\xff\xe0 not really"
VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Every tag is closed where it should be; texts and attributes are collected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


def page(report: SprintReport, gallery: dict[str, bytes] | None = None) -> Page:
    return Page(html.render(report, [("slices.svg", b"<svg/>"), ("champion.svg", b"<svg/>")], gallery or {}))


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile", "classifying"])
def test_it_is_well_formed_and_needs_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    found = page(request.getfixturevalue(name))
    assert found.open == []
    assert not found.tags & {"script", "iframe", "object", "embed", "link", "form", "svg", "base"}
    assert all(source.startswith("data:image/") for source in found.values("img", "src"))
    assert all(address.startswith("#") for address in found.values("a", "href"))
    assert not any(attribute.startswith("on") for _, attribute, _ in found.attributes)


def test_the_policy_forbids_the_network_and_scripts(passing: SprintReport) -> None:
    policy = page(passing).values("meta", "content")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in policy


def test_hostile_text_is_shown_and_never_markup(hostile: SprintReport) -> None:
    found = page(hostile)
    own = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "nav",
        "ol",
        "li",
        "a",
        "main",
        "h1",
        "h2",
    }
    own |= {
        "p",
        "strong",
        "em",
        "ul",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "blockquote",
    }
    own |= {"details", "summary", "sub", "span", "br", "img"}
    assert found.tags <= own
    assert "<img>" in "".join(found.text)
    assert "<!--x-->" in "".join(found.text)


def test_html_that_slipped_through_is_shown_as_text() -> None:
    parser = html._parser()
    text = parser.render(
        "a <img src=x onerror=alert(1)> b\n\n<script>alert(1)</script>\n\n<details open ontoggle=x>\n"
    )
    assert "<img" not in text
    assert "<script" not in text
    assert "<details" not in text
    assert "&lt;script&gt;" in text


def test_contents_lead_to_the_headings(failing: SprintReport) -> None:
    found = page(failing)
    anchors = found.values("h2", "id")
    assert anchors[:3] == ["gates", "what-would-decide-the-open-gates", "against-the-champion"]
    assert [address[1:] for address in found.values("a", "href")] == anchors
    assert len(set(anchors)) == len(anchors)


def test_plots_and_pictures_are_inside(failing: SprintReport) -> None:
    without = page(failing)
    assert "truth and prediction: not in this file" in "".join(without.text)
    assert sum(source.startswith("data:image/svg+xml") for source in without.values("img", "src")) == 2
    found = page(failing, {"gallery/01-000412.jpg": JPEG})
    assert sum(source.startswith("data:image/jpeg;base64,") for source in found.values("img", "src")) == 2
    assert "dvc pull brings them" not in "".join(found.text)


def test_the_same_report_is_the_same_file(failing: SprintReport) -> None:
    drawn = plots.render(failing)
    assert html.render(failing, drawn, {}) == html.render(failing, drawn, {})


def test_light_and_dark_follow_the_reader(passing: SprintReport) -> None:
    text = html.render(passing, [], {})
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"https?://|@import|url\(", text)


def test_the_command_writes_a_page_over_an_older_one_only(project: Path) -> None:
    done = flywheel(project, "report", "--format", "html", "--output", "page.html")
    assert (done.returncode, done.stdout) == (0, "report: page.html\n")
    first = (project / "page.html").read_text()
    assert "data:image/jpeg;base64," in first
    assert "data:image/svg+xml;base64," in first
    assert flywheel(project, "report", "--format", "html", "--output", "page.html").returncode == 0
    refused = flywheel(project, "report", "--format", "html", "--output", "flywheel.yaml")
    assert refused.returncode == 2
    assert refused.stderr == (
        "error: flywheel.yaml: is there already, and is no report of ours\n"
        "  hint: name another file with --output, or remove this one\n"
    )
    misplaced = flywheel(project, "report", "--output", "x.html")
    assert (misplaced.returncode, misplaced.stdout) == (2, "")


def test_outcomes_are_labels_that_need_no_font(failing: SprintReport, hostile: SprintReport) -> None:
    text = html.render(failing, [], {})
    word = f"{ICONS[Outcome.FAIL]} FAIL"
    assert f'<h1><span class="badge fail">{word}</span> — 0003-low-light' in text
    assert text.count('<span class="badge ') == 1 + len(failing.verdict.gates if failing.verdict else [])
    # a text of a spec that says PASS is no outcome
    assert 'class="badge pass">' not in html.render(hostile, [], {}).partition("<h2")[0]
