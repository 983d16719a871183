"""The verdicts that a sticky comment has shown before, kept in the comment itself where machines read them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from runner.domain.evaluation import QUALITY_METRICS
from runner.domain.records import Record

KEPT = 20
_WORDS = ("PASS", "FAIL", "INCONCLUSIVE", "NOT_MEASURED", "STAGE_FAILED", "NOT_JUDGED")
_HIDDEN = re.compile(r"^<!-- flywheel:verdicts (?P<rows>[^<>]*) -->$", re.MULTILINE)
_ROW = re.compile(
    rf"(?P<commit>[0-9a-f]{{40}}) (?P<verdict>{'|'.join(_WORDS)}) (?P<metric>[a-z0-9_]{{1,40}}) "
    r"(?P<value>-|[0-9]\.[0-9]{4})"
)


class PastVerdict(Record, frozen=True, kw_only=True):
    """A verdict that was published.

    Attributes:
        commit: the full SHA that was judged.
        verdict: an outcome, `STAGE_FAILED` or `NOT_JUDGED`.
        value: of `metric`, rounded to four decimals; None where it was not measured.
    """

    commit: str
    verdict: str
    metric: str
    value: float | None


def past_verdict(commit: str, verdict: str, metric: str, value: float | None) -> PastVerdict:
    """A record that survives being written and read; a value that no metric has is none.

    >>> past_verdict("0" * 40, "PASS", "recall", 0.61249).value
    0.6125
    """
    known = value is not None and math.isfinite(value) and 0 <= value <= 1
    return PastVerdict(
        commit=commit,
        verdict=verdict if verdict in _WORDS else "NOT_JUDGED",
        metric=metric if metric in QUALITY_METRICS else "map50_95",
        value=round(value, 4) if value is not None and known else None,
    )


def written(verdicts: Sequence[PastVerdict]) -> str:
    """One line of a hidden comment, the newest verdict first."""
    return f"<!-- flywheel:verdicts {'; '.join(_row(past) for past in verdicts[: KEPT + 1])} -->"


def _row(past: PastVerdict) -> str:
    value = "-" if past.value is None else f"{past.value:.4f}"
    return f"{past.commit} {past.verdict} {past.metric} {value}"


def read(body: str) -> list[PastVerdict]:
    """The verdicts of a comment of ours, the newest first; rows that are not as we write them are left out.

    >>> read(written([past_verdict("a" * 40, "FAIL", "recall", None)]) + " planted")
    []
    """
    hidden = _HIDDEN.search(body.replace("\r\n", "\n"))
    rows = hidden["rows"].split("; ")[: KEPT + 1] if hidden else []
    found = [match for row in rows if (match := _ROW.fullmatch(row))]
    return [
        past_verdict(
            match["commit"],
            match["verdict"],
            match["metric"],
            None if match["value"] == "-" else float(match["value"]),
        )
        for match in found
    ]


def with_newest(newest: PastVerdict, before: Sequence[PastVerdict]) -> list[PastVerdict]:
    """All verdicts, each once: publishing the same one again adds nothing."""
    return [newest, *(past for past in before if past != newest)][: KEPT + 1]
