"""Suspected labels as one HTML file that needs nothing else: each place enlarged, and what a person decides, saved as review.csv.

No network; the one script is named by its hash, so that no text of a dataset becomes one.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from runner.domain.cleaning import ACCEPT, CLASS, DELETE, KEEP, ReviewRow
from runner.report.escape import plain
from runner.report.review_script import SCRIPT
from runner.report.wording import count

Box = tuple[float, float, float, float]
Kind = Literal["other", "label", "suggestion"]

_KEYS = {ACCEPT: "a", KEEP: "k", DELETE: "d"}
_KINDS = {
    "wrong_class": "wrong class",
    "missed": "missed: an object without a label",
    "badly_placed": "badly placed",
    "spurious": "spurious: a label of nothing",
}
_DOES = {
    "wrong_class": "call it {suggested}",
    "missed": "add {suggested}",
    "badly_placed": "take the suggested shape",
    "spurious": "delete the label",
}
_MOST_CLASSES = 30
_STYLE = """\
:root { color-scheme: light dark; --ink: #1f2328; --page: #ffffff; --quiet: #59636e; --line: #d1d9e0; --row: #f6f8fa; --on: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --page: #0d1117; --quiet: #9198a1; --line: #3d444d; --row: #151b23;
  --on: #4493f8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
header { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: center; padding: .6rem 1.5rem;
  background: var(--row); border-bottom: 1px solid var(--line); }
h1 { font-size: 1.1rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0; }
p { margin: .3rem 0; } .quiet { color: var(--quiet); overflow-wrap: anywhere; }
main { max-width: 66rem; margin: 0 auto; padding: 1rem 1.5rem 60vh; }
section { margin: 0 0 1.2rem; padding: 1rem; border: 1px solid var(--line); border-radius: 8px; scroll-margin-top: 5rem; }
section.now { border-color: var(--on); box-shadow: 0 0 0 2px var(--on); }
section.done { opacity: .55; } section.done.now { opacity: 1; }
.views { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start; margin: .6rem 0; }
svg { background: #808080; border-radius: 4px; max-width: 100%; height: auto; } svg.near { flex: 0 1 36rem; } svg.whole { flex: 0 1 20rem; }
.shape { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke; paint-order: stroke; }
.seam { fill: none; stroke: #000; stroke-opacity: .65; stroke-width: 4.5; vector-effect: non-scaling-stroke; }
.other { stroke: #c8c8c8; stroke-width: 1.5; } .label { stroke: #ffb000; stroke-dasharray: 8 5; } .suggestion { stroke: #3ddbd9; }
.key { display: inline-block; width: 1.6rem; border-top: 3px solid; vertical-align: middle; margin-right: .3rem; }
button, select, input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .7rem; }
button { cursor: pointer; } button.on, select.on { border-color: var(--on); background: var(--on); color: #ffffff; }
button:disabled { opacity: .4; cursor: default; }
"""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One label, or what is suggested; lengths are fractions of the image's size."""

    kind: Kind
    name: str
    box: Box
    polygons: Sequence[Sequence[float]] = ()


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of an image.

    Attributes:
        window: in fractions of the image's size; `size`: of the image, (width, height) in pixels.
        picture: JPEG of the window.
    """

    window: Box
    size: tuple[int, int]
    picture: bytes
    outlines: Sequence[Outline] = ()


@dataclass(frozen=True, kw_only=True)
class ShownIssue:
    """One row with its pictures; `problem`: why there are none."""

    row: ReviewRow
    both_wrong: bool
    views: Sequence[View]
    problem: str = ""


def render(sprint: str, classes: Sequence[str], issues: Sequence[ShownIssue]) -> str:
    """The page; the same text for the same arguments on any machine."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    rows = {"sprint": sprint, "columns": ReviewRow.__struct_fields__, "rows": [issue.row for issue in issues]}
    data = msgspec.json.encode(rows).decode().replace("<", "\\u003c")
    body = "\n".join(_issue(at, issue, classes) for at, issue in enumerate(issues, start=1))
    title = f"{sprint}: {count(len(issues), 'suspected label')}"
    return f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{_text(title)}</title>
<style>
{_STYLE}</style>
<header><h1>{_text(title)}</h1><span id="count"></span>
<label>Reviewer <input id="reviewer" size="12" placeholder="a name, no address"></label>
<button id="save" type="button">Save decisions</button>
<span class="quiet">a accept · k keep · d delete · j and ↓ next · ↑ back · u undo</span></header>
<main>
<p class="quiet"><span class="key label" style="border-color:#ffb000;border-top-style:dashed"></span>the label in question
<span class="key" style="border-color:#3ddbd9"></span>what is suggested <span class="key" style="border-color:#a0a0a0"></span>other labels.
Decisions stay in this browser until they are saved; then: <code>flywheel clean {_text(sprint)} --apply FILE</code></p>
{body or "<p>Nothing is left to review.</p>"}
</main>
<script type="application/json" id="data">{data}</script>
<script>{SCRIPT}</script>
</html>
"""


def _issue(at: int, issue: ShownIssue, classes: Sequence[str]) -> str:
    row = issue.row
    named = " → ".join(_text(name) for name in (row.label, row.suggested) if name)
    suspicion = f"suspicion {row.suspicion:.2f}" + (
        f", effect {row.effect:+.4f}" if row.effect is not None else ""
    )
    both = (
        "<p><b>Both are doubted</b>: the models' own prediction there is not believed either.</p>"
        if issue.both_wrong
        else ""
    )
    views = "".join(
        _view(view, whole=view.window == (0.0, 0.0, 1.0, 1.0) and len(issue.views) > 1)
        for view in issue.views
    )
    problem = f"<p>{_text(issue.problem)}</p>" if issue.problem else ""
    return f"""\
<section data-issue="{_text(row.issue)}" tabindex="-1">
<h2>{at}. {_text(_KINDS[row.kind])}{f": {named}" if named else ""}</h2>
<p class="quiet">{_text(row.path)} · {suspicion}{f" · {_text(row.reason)}" if row.reason else ""}</p>{both}
<div class="views">{views}{problem}</div>
<div>{_buttons(row)} {_select(row, classes)}</div>
</section>"""


def _buttons(row: ReviewRow) -> str:
    accepts = row.kind == "spurious" or row.suggested is not None
    does = _DOES[row.kind].format(suggested=row.suggested or "") if accepts else "nothing is suggested"
    words = {
        ACCEPT: does,
        KEEP: "nothing is missing" if row.kind == "missed" else "the label is right",
        DELETE: "there is nothing",
    }
    off = {ACCEPT: not accepts, DELETE: row.kind == "missed"}
    return " ".join(
        f'<button type="button" data-decision="{word}"{" disabled" if off.get(word) else ""}><b>{_KEYS[word]}</b> '
        f"{word}: {_text(told)}</button>"
        for word, told in words.items()
    )


def _select(row: ReviewRow, classes: Sequence[str]) -> str:
    options = "".join(f'<option value="{CLASS}{_text(name)}">{_text(name)}</option>' for name in classes)
    return f'<select aria-label="it is another class"><option value="">it is a …</option>{options}</select>'


def _view(view: View, *, whole: bool) -> str:
    """A picture with outlines in its own pixels."""
    left, top, right, bottom = view.window
    width, height = (right - left) * view.size[0], (bottom - top) * view.size[1]
    at_x, at_y = left * view.size[0], top * view.size[1]
    image = base64.b64encode(view.picture).decode()
    shapes = "".join(_shape(outline, view.size) for outline in view.outlines)
    shown = 320 if whole else 560
    scale = shown / max(width, height)
    return (
        f'<svg class="{"whole" if whole else "near"}" viewBox="{at_x:.2f} {at_y:.2f} {width:.2f} {height:.2f}" '
        f'width="{width * scale:.0f}" height="{height * scale:.0f}">'
        f'<image href="data:image/jpeg;base64,{image}" x="{at_x:.2f}" y="{at_y:.2f}" width="{width:.2f}" height="{height:.2f}" '
        f'preserveAspectRatio="none"/>{shapes}</svg>'
    )


def _shape(outline: Outline, size: tuple[int, int]) -> str:
    name = f"<title>{_text(outline.kind)}: {_text(outline.name)}</title>"
    if outline.polygons:
        lines = [
            " ".join(
                f"{x * size[0]:.2f},{y * size[1]:.2f}" for x, y in zip(one[::2], one[1::2], strict=False)
            )
            for one in outline.polygons
        ]
        drawn = [f'<polygon class="{{}}" points="{line}">' for line in lines]
        end = "</polygon>"
    else:
        left, top, right, bottom = outline.box
        drawn = [
            f'<rect class="{{}}" x="{left * size[0]:.2f}" y="{top * size[1]:.2f}" width="{(right - left) * size[0]:.2f}" '
            f'height="{(bottom - top) * size[1]:.2f}">'
        ]
        end = "</rect>"
    return "".join(
        (one.format("seam") + end if outline.kind != "other" else "")
        + one.format(f"shape {outline.kind}")
        + name
        + end
        for one in drawn
    )


def _text(text: str) -> str:
    return html.escape(plain(text, 300))
