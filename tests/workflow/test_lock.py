"""Whether a dvc.lock is of one piece."""

from __future__ import annotations

from typing import Any

import pytest

from runner.adapters.dvc.metafiles import LockedStage
from runner.record.lock import broken_links

PIPELINE: dict[str, Any] = {
    "train": {"deps": ["../../data"], "outs": ["weights", {"training.json": {"cache": False}}]},
    "export": {"deps": ["weights"], "outs": ["exports"]},
    "predict": {"deps": ["exports", "weights"], "outs": ["predictions"]},
    "evaluate": {"deps": ["predictions"], "metrics": [{"metrics.json": {"cache": False}}]},
}
LOCK: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "train": ({"../../data": "d"}, {"weights": "w", "training.json": "t"}),
    "export": ({"weights": "w"}, {"exports": "e"}),
    "predict": ({"exports": "e", "weights": "w"}, {"predictions": "p"}),
    "evaluate": ({"predictions": "p"}, {"metrics.json": "m"}),
}


def broken(**changed: tuple[dict[str, str], dict[str, str]] | None) -> list[str]:
    stages = {name: each for name, each in {**LOCK, **changed}.items() if each is not None}
    lock = {
        name: LockedStage(cmd="", deps=deps, params={}, outs=outs) for name, (deps, outs) in stages.items()
    }
    return list(broken_links(PIPELINE, lock))


def test_a_lock_in_which_each_stage_read_what_was_written_is_whole() -> None:
    assert broken() == []


def test_a_stage_that_the_pipeline_has_no_more_is_not_looked_at() -> None:
    assert broken(champion=({"weights": "old"}, {"champion": "c"})) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"export": ({"weights": "w"}, {"exports": "E"})},
            ["predict read another exports than export wrote"],
        ),
        (
            {"train": ({"../../data": "d"}, {"weights": "W", "training.json": "t"})},
            ["export read another weights than train wrote", "predict read another weights than train wrote"],
        ),
        ({"export": None}, ["the stage export is not in it"]),
        (
            {"predict": ({"weights": "w"}, {"predictions": "p"})},
            ["it does not say of the stage predict what exports was"],
        ),
        (
            {"evaluate": ({"predictions": "p"}, {})},
            ["it does not say of the stage evaluate what metrics.json was"],
        ),
    ],
)
def test_a_lock_that_contradicts_itself_is_told(
    changed: dict[str, tuple[dict[str, str], dict[str, str]] | None], said: list[str]
) -> None:
    assert broken(**changed) == said
