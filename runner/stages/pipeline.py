"""The order of stages. Importing it imports nothing heavy."""

from __future__ import annotations

from runner.stages import (
    benchmark,
    champion,
    check,
    evaluate,
    export,
    index,
    inspect,
    predict,
    select,
    train,
)
from runner.stages.stage import Stage

STAGES: tuple[Stage, ...] = (
    index.STAGE,
    select.STAGE,
    check.STAGE,
    train.STAGE,
    export.STAGE,
    predict.STAGE,
    champion.STAGE,
    evaluate.STAGE,
    inspect.STAGE,
    benchmark.STAGE,
)


def stage_named(name: str) -> Stage:
    """The stage called `name`.

    Raises:
        KeyError: there is no such stage.
    """
    return next(stage for stage in STAGES if stage.name == name)
