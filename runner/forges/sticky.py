"""Comments that are ours, found again by a hidden marker and edited in place."""

from __future__ import annotations

from runner.forges.forge import AnswerLost, Comment, Forge

LOOKS = 3


def put_sticky(forge: Forge, number: int, marker: str, body: str, bot: str) -> Comment:
    """Makes the pull request's comment with our marker say `body`: edits the newest of ours, else posts one.

    A comment is ours when our bot wrote it *and* it begins with the marker: anybody can write the marker, and our bot quotes.
    Further comments of ours are left alone, and nothing is written where the text is the same.

    Args:
        marker: a whole HTML comment, `<!-- flywheel:plan -->`; `body` begins with it.
        bot: the login that our comments are written by.

    Raises:
        ValueError: `body` does not begin with the marker, so that it would not be found again.
        FlywheelError: the forge refuses; `AnswerLost` after looking three times at what became of a lost answer.
    """
    if not body.startswith(marker):
        raise ValueError(f"the comment does not begin with its marker {marker}")
    for look in range(1, LOOKS + 1):
        known = find_sticky(forge, number, marker, bot)
        if known is not None and _same(known.body, body):
            return known
        try:
            return forge.post_comment(number, body) if known is None else forge.edit_comment(known.id, body)
        except AnswerLost:  # it may be there: the next look finds it
            if look == LOOKS:
                raise
    raise AssertionError("unreachable")


def find_sticky(forge: Forge, number: int, marker: str, bot: str) -> Comment | None:
    """Our newest comment with this marker, on whatever page it is."""
    ours = [
        comment
        for comment in forge.comments(number)
        if comment.author == bot and comment.body.startswith(marker)
    ]
    return max(ours, key=lambda comment: comment.id, default=None)


def _same(there: str, wanted: str) -> bool:
    """GitHub may keep line ends as CRLF, and drops blanks at the end."""
    return there.replace("\r\n", "\n").rstrip() == wanted.replace("\r\n", "\n").rstrip()
