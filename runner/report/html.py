"""The whole report as one HTML file that needs nothing else: no network, no script; light and dark."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from runner.domain.verdict import Outcome
from runner.record.report import SprintReport
from runner.report.escape import plain
from runner.report.sections import catalogue, verdict
from runner.report.sections.section import Pictures, Shown
from runner.report.wording import FAILED, ICONS, WORDS

_BADGES = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.INCONCLUSIVE: "open",
    Outcome.NOT_MEASURED: "none",
}
_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
GENERATOR = '<meta name="generator" content="flywheel report">'  # a file that holds it may be written anew
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# What our own Markdown holds. Every other tag would be text of a spec that slipped through, and is shown as text.
_OURS = re.compile(r"(?:</?(?:details|summary|sub|span|code|b)>|<br>|[^<>])*")
_STYLE = """\
:root { color-scheme: light dark; --ink: #1f2328; --page: #ffffff; --quiet: #59636e; --line: #d1d9e0; --row: #f6f8fa;
  --code: #eff1f3; --link: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --page: #0d1117; --quiet: #9198a1; --line: #3d444d;
  --row: #151b23; --code: #262c36; --link: #4493f8; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", "Noto Sans",
  Helvetica, Arial, sans-serif; }
.page { display: grid; grid-template-columns: 13rem minmax(0, 60rem); gap: 2.5rem; justify-content: center;
  padding: 2rem 1.5rem 4rem; }
nav { position: sticky; top: 2rem; align-self: start; font-size: .9rem; max-height: calc(100vh - 4rem); overflow: auto; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .15rem 0; color: var(--quiet); }
nav a:hover { color: var(--link); }
h1 { font-size: 1.6rem; line-height: 1.3; margin: 0 0 1rem; padding-bottom: .4rem; border-bottom: 1px solid var(--line); }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .8rem; scroll-margin-top: 1rem; }
p, ul, pre, details { margin: 0 0 1rem; }
a { color: var(--link); text-decoration: none; }
.wide { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--row); font-weight: 600; }
tbody tr:nth-child(2n) { background: var(--row); }
code { padding: .1em .35em; border-radius: 5px; background: var(--code); font: .88em ui-monospace, Menlo, Consolas,
  "DejaVu Sans Mono", monospace; overflow-wrap: break-word; }
pre { padding: 1rem; border-radius: 6px; background: var(--row); overflow-x: auto; }
pre code { padding: 0; background: none; }
blockquote { margin: 0 0 1rem; padding-left: 1rem; border-left: 3px solid var(--line); }
summary { cursor: pointer; color: var(--link); margin-bottom: .5rem; }
sub { font-size: .8em; line-height: 1.4; vertical-align: baseline; color: var(--quiet); }
img { max-width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
td img { max-width: 20rem; }
.badge { display: inline-block; padding: .05em .55em; border-radius: 5px; color: #ffffff; font-weight: 600; white-space: nowrap; }
.badge.pass { background: #1a7f37; } .badge.fail { background: #cf222e; } .badge.open { background: #9a6700; }
.badge.none { background: #59636e; }
@media (max-width: 76rem) { .page { display: block; max-width: 63rem; margin: 0 auto; }
  nav { position: static; margin-bottom: 1.5rem; } nav li { display: inline-block; margin-right: 1rem; } }
@media print { nav { display: none; } .page { display: block; padding: 0; } }
"""


def render(report: SprintReport, plots: Sequence[tuple[str, bytes]], gallery: Mapping[str, bytes]) -> str:
    """The report as HTML; the same text for the same arguments on any machine.

    Args:
        report: what to render; every text in it is escaped.
        plots: file names and contents, as `plots.render` gives them; the SVGs are shown.
        gallery: path of a picture in the sprint's folder (`gallery/01.jpg`) → its bytes; those that are absent are named.
    """
    files = {f"plots/{name}": content for name, content in plots} | dict(gallery)
    shown = Shown(
        pictures=Pictures(published=bool(gallery)),
        plot=lambda name, shows: f"![{shows}](plots/{name}.svg)",
    )
    texts = [part.text() for part in catalogue.document(report, shown)]
    parser = _parser()
    tokens = parser.parse("\n\n".join(texts) + "\n")
    contents = _anchored(tokens)
    _inline(tokens, files)
    body = _badged(parser.renderer.render(tokens, parser.options, {}))
    _, word = verdict.status(report)
    return _page(f"{word}: {report.sprint}", contents, body)


def _parser() -> MarkdownIt:
    """GitHub's dialect as far as our Markdown uses it."""
    parser = MarkdownIt("commonmark", {"html": True, "xhtmlOut": False}).enable("table")
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    parser.add_render_rule("html_block", _own_html)
    parser.add_render_rule("html_inline", _own_html)
    parser.add_render_rule("image", _image)
    return parser


def _table_open(self: object, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    return '<div class="wide"><table>\n'


def _table_close(self: object, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    return "</table></div>\n"


def _own_html(self: object, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    content = tokens[at].content
    return content if _OURS.fullmatch(content) else html.escape(content)


def _image(self: object, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    """A picture that was put in, or its description where there is none."""
    source, shows = str(tokens[at].attrs["src"]), html.escape(tokens[at].content)
    if not source.startswith("data:"):
        return f"<em>{shows}: not in this file</em>"
    return f'<img src="{source}" alt="{shows}">'


def _inline(tokens: Sequence[Token], files: Mapping[str, bytes]) -> None:
    """Puts the files into the pictures' addresses."""
    for token in tokens:
        for child in token.children or []:
            if child.type == "image":
                path = unquote(str(child.attrs["src"]))
                kind = _TYPES.get(PurePosixPath(path).suffix)
                if path in files and kind is not None:
                    child.attrs["src"] = f"data:{kind};base64,{base64.b64encode(files[path]).decode()}"


def _anchored(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Makes the headings one step larger, gives each an anchor, and returns anchors and titles (HTML)."""
    contents: list[tuple[str, str]] = []
    for opening, inline, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type != "heading_open":
            continue
        level = "h1" if opening.tag == "h2" else "h2"
        opening.tag = closing.tag = level
        if level == "h2":
            anchor = re.sub(r"[^a-z0-9]+", "-", inline.content.lower()).strip("-") or "part"
            anchor = anchor if anchor not in dict(contents) else f"{anchor}-{len(contents)}"
            opening.attrSet("id", anchor)
            contents.append((anchor, html.escape(inline.content)))
    return contents


def _badged(body: str) -> str:
    """Outcomes as coloured labels, in the headline and at the start of a table's row: no font has to know a sign for them."""
    kinds = {f"{ICONS[outcome]} {WORDS[outcome]}": kind for outcome, kind in _BADGES.items()}
    kinds[f"{FAILED} STAGE FAILED"] = "fail"

    def badge(match: re.Match[str]) -> str:
        text = match["text"].replace("\N{NO-BREAK SPACE}", " ")
        return f'{match["before"]}<span class="badge {kinds[text]}">{match["text"]}</span>'

    texts = "|".join(re.escape(text).replace(r"\ ", "[ \N{NO-BREAK SPACE}]") for text in kinds)
    return re.sub(rf"(?P<before><h1>|<tr>\n<td[^>]*>)(?P<text>{texts})(?![A-Z])", badge, body)


def _page(title: str, contents: Sequence[tuple[str, str]], body: str) -> str:
    links = "\n".join(f'<li><a href="#{anchor}">{heading}</a></li>' for anchor, heading in contents)
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
{GENERATOR}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(plain(title, 160))}</title>
<style>
{_STYLE}</style>
</head>
<body>
<div class="page">
<nav aria-label="Contents"><ol>
{links}
</ol></nav>
<main>
{body}</main>
</div>
</body>
</html>
"""
