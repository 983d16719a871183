"""Text from specs and data shows as it is, and does nothing."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report.escape import code, commands, markdown, paragraphs, plain

ANYTHING = st.text(alphabet=st.characters(), max_size=80)
MARKUP = st.text(alphabet="a1 _*~`|<>[]()!#@$\\&;:/.-w\n", max_size=40)


@given(ANYTHING | MARKUP)
def test_what_a_reader_sees_is_the_text_itself(text: str) -> None:
    shown = html.unescape(markdown(text).replace("<span>$</span>", "$")).replace("\u200b", "")
    assert shown == plain(text)


@given(ANYTHING | MARKUP)
def test_nothing_that_markdown_or_github_acts_on_is_left(text: str) -> None:
    escaped = markdown(text).replace("<span>$</span>", " ")
    assert not re.search(r"[|`<>\[\]*~\\$\n\r]", escaped)
    assert not re.search(r"@(?!&#8203;)|://|www\.|&(?!amp;|lt;|gt;|#\d+;)", escaped, re.IGNORECASE)
    assert not re.search(r"(?<!&)#(?=\w)", escaped)


@given(ANYTHING | MARKUP)
def test_code_is_one_balanced_span(text: str) -> None:
    span = code(text)
    inside = re.fullmatch(r"`([^`|]*)`|<code>([^`|]*)</code>", span)
    assert inside is not None
    assert "-->" not in span
    assert "\n" not in span


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("map50_95 of _x_", "map50_95 of &#95;x&#95;"),
        ("org/repo#12 and C# and a # b", "org/repo#&#8203;12 and C# and a # b"),
        ("gh-7", "gh-&#8203;7"),
        ("me@example.org", "me@&#8203;example.org"),
        ("ftp://x, www.x.org", "ftp:&#8203;//x, www&#8203;.x.org"),
        ("a\r\n\tb\u2028c", "a b c"),
        ("$x$", "<span>$</span>x<span>$</span>"),
    ],
)
def test_links_and_references_are_broken_invisibly(text: str, shown: str) -> None:
    assert markdown(text) == shown


def test_terminal_escapes_and_reordering_marks_become_visible() -> None:
    assert plain("a\x1b]0;title\x07b\u202ec\x9b31m") == "a\ufffd]0;title\ufffdb\ufffdc\ufffd31m"


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert markdown("<" * 400, 10) == "&lt;" * 9 + "…"


def test_lines_stay_apart_and_are_limited() -> None:
    assert paragraphs("a\n\nb|c\nd", lines=2) == "a<br>b&#124;c<br>…"


def test_a_command_that_is_not_ours_is_not_put_into_a_block_to_copy() -> None:
    assert commands(["dvc pull data.dvc"]) == "```sh\ndvc pull data.dvc\n```"
    assert commands(["dvc pull", "```\n<b>"]) == "- `dvc pull`\n- <code>&#96;&#96;&#96; &lt;b&gt;</code>"
