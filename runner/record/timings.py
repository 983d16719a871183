"""timings.json: how long each stage of a sprint took when it last really ran."""

from __future__ import annotations

from runner.domain.records import Record, StageTiming


class Timings(Record, frozen=True, kw_only=True):
    """The last real run of each stage of one sprint."""

    stages: list[StageTiming] = []
