"""Text of specs and data, made harmless: for Markdown on GitHub, and for a terminal.

Reports are rendered from files that a pull request may have written, so every string is treated as hostile.
"""

from __future__ import annotations

import re

ZERO_WIDTH = "&#8203;"  # breaks what GitHub would link, without a visible change
_ENTITIES = {  # and no backslashes: GitHub reads no Markdown in a <summary>
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "|": "&#124;",
    "`": "&#96;",
    "\\": "&#92;",
    "*": "&#42;",
    "~": "&#126;",
    "[": "&#91;",
    "]": "&#93;",
    "@": f"@{ZERO_WIDTH}",
    # A span keeps a dollar sign from opening a formula.
    # Source: GitHub docs, "Writing mathematical expressions".
    "$": "<span>$</span>",
}
_SPECIAL = re.compile("[" + re.escape("".join(_ENTITIES)) + "]")
# An underscore inside a word never opens or closes emphasis in GitHub's Markdown: map50_95 stays readable.
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_REFERENCE = re.compile(r"#(?=\w)|(?<=\bgh-)(?=\d)", re.IGNORECASE)
_SCHEME = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
# Control characters (terminal escapes among them), and marks that reorder or hide the text around them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_HARMLESS_CODE = re.compile(r"(?!.*(?:-->|<[A-Za-z/]|://))[\w .,:/+=%'\"()<>≥≤×*−-]+", re.ASCII)
_HARMLESS_COMMAND = re.compile(r"[\w .,:/+=%'\"()$-]+", re.ASCII)


def plain(text: str, limit: int = 300) -> str:
    """One line of visible text, at most `limit` characters: for terminals and plots.

    >>> plain("a\\x1b[31m\\nb")
    'a\ufffd[31m b'
    """
    line = " ".join(_UNSAFE.sub("\ufffd", part) for part in text.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def markdown(text: str, limit: int = 300) -> str:
    """`text` as Markdown that shows exactly it, in a paragraph, a table cell or an HTML element.

    >>> markdown("a|b <i> @x #1 https://y")
    'a&#124;b &lt;i&gt; @&#8203;x #&#8203;1 https:&#8203;//y'
    """
    # References first, while there is no `&#…;` of our own; the marker is a character that plain() removed.
    marked = _SCHEME.sub("\x00", _REFERENCE.sub(r"\g<0>" "\x00", plain(text, limit)))
    escaped = _SPECIAL.sub(lambda match: _ENTITIES[match[0]], marked)
    return _EDGE_UNDERSCORE.sub("&#95;", escaped).replace("\x00", ZERO_WIDTH)


def code(text: str, limit: int = 300) -> str:
    """`text` in a code span; as HTML where backticks would not hold it.

    >>> code("brightness < 0.25"), code("a|b")
    ('`brightness < 0.25`', '<code>a&#124;b</code>')
    """
    line = plain(text, limit)
    return f"`{line}`" if _HARMLESS_CODE.fullmatch(line) else f"<code>{markdown(line, limit)}</code>"


def paragraphs(text: str, limit: int = 2000, lines: int = 12) -> str:
    """Several lines of text, kept apart."""
    kept = [line for line in text.splitlines() if line.strip()]
    shown = [markdown(line, limit // max(1, min(len(kept), lines))) for line in kept[:lines]]
    return "<br>".join([*shown, "…"] if len(kept) > lines else shown)


def commands(lines: list[str]) -> str:
    """Commands to copy: fenced, or as a list where a line may be no command of ours."""
    if all(_HARMLESS_COMMAND.fullmatch(line) for line in lines):
        return "\n".join(["```sh", *lines, "```"])
    return "\n".join(f"- {code(line)}" for line in lines)
