"""Uses of a held-out split are counted once each, over all sprints, and never forgotten by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.config.project import Project
from runner.domain.files import write_json
from runner.domain.verdict import SplitUse
from runner.gates import Gate
from runner.planning.wear import charged_level, recorded_uses, spent, wear_of_verdict, wear_so_far, with_use


def project(holdout: dict[str, Any] | None = None) -> Project:
    content = {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "p",
        "task": "detect",
        "classes": ["a"],
        "dataset": {"path": "data", "layout": "yolo"},
        "policy": {"holdout": holdout} if holdout else {},
    }
    return msgspec.convert(content, Project)


def use(split: str, evaluation: str, before: int, level: float = 0.95) -> SplitUse:
    each = (1 - level) / 2
    return SplitUse(
        split_digest=split,
        evaluation_digest=evaluation,
        significance=each,
        uses_before=before,
        spent_before=before * each,
    )


def judge(root: Path, sprint: str, split: str, evaluation: str, level: float = 0.95) -> list[SplitUse]:
    """What a report does."""
    uses = with_use(recorded_uses(root), sprint, split, evaluation, level)
    (root / "reports" / sprint).mkdir(parents=True, exist_ok=True)
    write_json(root / "reports" / sprint / "uses.json", uses)
    return uses


def so_far(root: Path, split: str = "s", **holdout: Any) -> tuple[int, float]:
    wear = wear_so_far(root, project(holdout), "test", split, 0.95, judged=None)
    return wear.uses, wear.spent


def test_every_judged_evaluation_is_one_use_of_its_split(tmp_path: Path) -> None:
    judge(tmp_path, "0001-a", "s", "e1")
    judge(tmp_path, "0002-b", "s", "e2")
    judge(tmp_path, "0002-b", "s", "e3")
    assert so_far(tmp_path) == (3, 0.075)
    assert [(u.uses_before, u.spent_before) for u in recorded_uses(tmp_path)["0002-b"]] == [
        (1, 0.025),
        (2, 0.05),
    ]


def test_judging_the_same_evaluation_again_is_the_same_use(tmp_path: Path) -> None:
    first = judge(tmp_path, "0001-a", "s", "e1")
    written = (tmp_path / "reports" / "0001-a" / "uses.json").read_bytes()
    judge(tmp_path, "0001-a", "s", "e1")
    assert (tmp_path / "reports" / "0001-a" / "uses.json").read_bytes() == written
    judge(tmp_path, "0002-b", "s", "e2")
    assert judge(tmp_path, "0001-a", "s", "e1") == first
    assert judge(tmp_path, "0003-the-same-result", "s", "e2")[0].uses_before == 1
    assert so_far(tmp_path) == (2, 0.05)


def test_a_renewed_split_starts_at_zero(tmp_path: Path) -> None:
    judge(tmp_path, "0001-a", "s", "e1")
    assert so_far(tmp_path, "renewed") == (0, 0.0)
    assert judge(tmp_path, "0002-b", "renewed", "e2")[0].uses_before == 0


def test_a_deleted_sprint_is_remembered_by_those_after_it() -> None:
    assert spent([use("s", "e4", 3)], "s") == (4, 0.1)


def test_sprints_that_ran_side_by_side_all_count() -> None:
    assert spent([use("s", "e1", 0), use("s", "e2", 1), use("s", "e3", 1)], "s") == (3, 0.075)


def test_a_use_spends_one_side_of_its_own_level(tmp_path: Path) -> None:
    judge(tmp_path, "0001-a", "s", "e1", level=0.9)
    judge(tmp_path, "0002-b", "s", "e2", level=0.99)
    assert so_far(tmp_path) == (2, 0.055)


@pytest.mark.parametrize(
    ("gate", "level", "charged"),
    [
        (Gate(metric="map50", max_drop=0.02, against="champion", decide="point"), 0.999, 0.95),
        (Gate(metric="map50", max_drop=0.02, against="champion", decide="point"), 0.9, 0.9),
        (Gate(metric="map50", max_drop=0.02, against="champion"), 0.999, 0.999),
        (Gate(metric="map50", min=0.5, decide="point"), 0.999, 0.999),
        (Gate(metric="latency_p95_ms", max_drop=2, against="champion", decide="point"), 0.999, 0.999),
    ],
)
def test_a_high_level_is_no_cheaper_where_the_point_decides_over_the_champion(
    gate: Gate, level: float, charged: float
) -> None:
    assert charged_level(level, [Gate(metric="size_mb", max=9), gate]) == charged


def test_without_a_budget_uses_are_only_counted(tmp_path: Path) -> None:
    judge(tmp_path, "0001-a", "s", "e1")
    wear = wear_so_far(tmp_path, project(), "test", "s", 0.95, judged=None)
    assert (wear.uses, wear.budget, wear.left, wear.exhausted) == (1, None, None, False)


@pytest.mark.parametrize(
    ("before", "exhausted", "left"), [(8, False, 0.025), (9, False, 0.0), (10, True, 0.0)]
)
def test_a_verdict_is_beyond_the_budget_when_its_own_use_is(
    before: int, exhausted: bool, left: float
) -> None:
    holdout = {"significance": 0.25, "refresh": "required"}
    wear = wear_of_verdict(project(holdout), "test", [use("s", "old", 0), use("s", "e", before)], "e")
    assert wear is not None
    assert (wear.uses, wear.exhausted, wear.left, wear.refresh) == (before + 1, exhausted, left, "required")


def test_a_plan_says_when_the_budget_does_not_cover_the_next_decision(tmp_path: Path) -> None:
    for number in range(10):
        judge(tmp_path, f"000{number}-a", "s", f"e{number}")
    wear = wear_so_far(tmp_path, project({"significance": 0.25}), "test", "s", 0.95, judged=None)
    assert (wear.uses, wear.left, wear.exhausted) == (10, 0.0, True)


def test_a_finished_sprint_needs_no_more_of_the_budget(tmp_path: Path) -> None:
    from runner.planning.wear import evaluation_digest

    folder = tmp_path / "reports" / "0001-a"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text("{}")
    judge(tmp_path, "0001-a", "s", evaluation_digest(folder))
    full = project({"significance": 0.025})
    assert not wear_so_far(tmp_path, full, "test", "s", 0.95, judged="0001-a").exhausted
    assert wear_so_far(tmp_path, full, "test", "s", 0.95, judged=None).exhausted
