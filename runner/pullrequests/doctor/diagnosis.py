"""What `doctor` finds, one record per rule of the set-up."""

from __future__ import annotations

from typing import Literal

from runner.domain.records import Record

State = Literal["ok", "problem", "warning", "unknown"]


class Diagnosis(Record, frozen=True, kw_only=True):
    """One rule of the set-up, and how this repository stands to it.

    Attributes:
        id: names the rule; docs/ci.md has an anchor of this name.
        state: a `problem` keeps the loop from working or from being safe, a `warning` is worth a thought, `unknown`
            could not be asked (no network, or the token may not read it).
        detail: what was found, in one sentence.
        fix: what to do about it, where there is something to do.
    """

    id: str
    title: str
    state: State
    detail: str
    fix: str = ""
