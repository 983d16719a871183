"""Uses of a held-out split are counted once each, over all sprints, and never forgotten by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from projects import call, named

from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.domain.files import write_json
from runner.domain.image_set import packed
from runner.domain.records import Selection
from runner.domain.verdict import SplitUse
from runner.gates import Gate
from runner.planning.holdout import (
    NOTHING_SAID,
    HoldoutQuestion,
    asked,
    evaluation_digest,
    recorded_uses,
    spent,
    wear_of_verdict,
    wear_so_far,
    with_use,
)
from runner.planning.holdout_uses import uses_on_branches
from runner.planning.resolve import ResolvedStage
from runner.record.catalogue import sprint_folder


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


def judge(
    root: Path,
    sprint: str,
    split: str,
    evaluation: str,
    level: float = 0.95,
    what: HoldoutQuestion = NOTHING_SAID,
) -> list[SplitUse]:
    """What a report does."""
    uses = with_use(recorded_uses(root), sprint, split, evaluation, level, what, uses_on_branches(root)[0])
    (sprint_folder(root, sprint)).mkdir(parents=True, exist_ok=True)
    write_json(sprint_folder(root, sprint) / "uses.json", uses)
    return uses


def of(*images: str | int, comparison: str = "", by_point: bool = False) -> HoldoutQuestion:
    return HoldoutQuestion(images=packed(map(str, images)), comparison=comparison, by_point=by_point)


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
    written = (sprint_folder(tmp_path, "0001-a") / "uses.json").read_bytes()
    judge(tmp_path, "0001-a", "s", "e1")
    assert (sprint_folder(tmp_path, "0001-a") / "uses.json").read_bytes() == written
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
    assert so_far(tmp_path) == (2, 0.075)


def test_a_level_above_the_usual_one_makes_no_use_cheaper(tmp_path: Path) -> None:
    """Else a hundred models could be looked at for the price of two, and the best of them be judged by the usual level."""
    for number in range(10):
        judge(tmp_path, f"000{number}-a", "s", f"e{number}", level=0.999)
    assert so_far(tmp_path) == (10, 0.25)


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
    folder = sprint_folder(tmp_path, "0001-a")
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text("{}")
    judge(tmp_path, "0001-a", "s", evaluation_digest(folder))
    full = project({"significance": 0.025})
    assert not wear_so_far(tmp_path, full, "test", "s", 0.95, judged="0001-a").exhausted
    assert wear_so_far(tmp_path, full, "test", "s", 0.95, judged=None).exhausted


# --- images that two splits share -----------------------------------------------------------------


def test_one_more_image_forgets_no_use(tmp_path: Path) -> None:
    for number in range(4):
        grown = of(*range(100 + number))
        uses = judge(tmp_path, f"000{number}-a", f"of {100 + number} images", f"e{number}", what=grown)
        assert (uses[-1].uses_before, uses[-1].spent_before) == (number, round(0.025 * number, 12))


def test_a_split_of_other_images_starts_at_zero_and_one_that_shares_an_image_does_not(tmp_path: Path) -> None:
    judge(tmp_path, "0001-a", "old", "e1", what=of("a", "b", "c"))
    assert judge(tmp_path, "0002-b", "renewed", "e2", what=of("d", "e"))[0].uses_before == 0
    assert judge(tmp_path, "0003-c", "in part", "e3", what=of("c", "f"))[0].uses_before == 1
    assert judge(tmp_path, "0004-d", "relabelled", "e4", what=of("a", "b", "c"))[0].uses_before == 2


def test_what_only_older_images_were_used_for_does_not_follow_the_newer_ones(tmp_path: Path) -> None:
    for number in range(5):
        judge(tmp_path, f"000{number}-a", "a and b", f"e{number}", what=of("a", "b"))
    assert judge(tmp_path, "0006-b", "b and c", "e6", what=of("b", "c"))[0].uses_before == 5
    assert judge(tmp_path, "0007-c", "c and d", "e7", what=of("c", "d"))[0].uses_before == 1


def test_what_is_deleted_is_remembered_of_a_split_that_has_grown_since() -> None:
    """Sprints that are gone are told of by the one that is left."""
    images = of("a", "b").images
    left = msgspec.structs.replace(use("s", "e4", 3), images=images)
    assert spent([left], "grown", of("a", "b", "c").images) == (4, 0.1)


def test_uses_of_earlier_versions_are_read_and_count_on_their_own_split(tmp_path: Path) -> None:
    folder = sprint_folder(tmp_path, "0001-a")
    folder.mkdir(parents=True)
    (folder / "uses.json").write_text(
        '[{"split_digest": "s", "evaluation_digest": "e1", "significance": 0.025, "uses_before": 2, "spent_before": 0.05}]'
    )
    uses = judge(tmp_path, "0002-b", "s", "e2", what=of("a", comparison="c"))
    assert (uses[0].uses_before, uses[0].look) == (3, 1)
    # and once a later use says which images the split has, they count on all that share some
    assert judge(tmp_path, "0003-c", "grown", "e3", what=of("a", "b"))[0].uses_before == 4


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"images": "?"}, "no Base64"), ({"images": "AAAA"}, "cut off"), ({"look": 0}, "out of range")],
)
def test_a_file_that_holds_no_uses_is_named(tmp_path: Path, changed: dict[str, Any], what: str) -> None:
    folder = sprint_folder(tmp_path, "0001-a")
    folder.mkdir(parents=True)
    write_json(folder / "uses.json", [msgspec.structs.replace(use("s", "e", 0), **changed)])
    with pytest.raises(FlywheelError, match=what) as refused:
        recorded_uses(tmp_path)
    assert str(refused.value.where) == "reports/0001-a/uses.json"


# --- looks at one question ------------------------------------------------------------------------


def test_each_look_at_one_question_spends_half_of_the_one_before(tmp_path: Path) -> None:
    for number in range(4):
        what = of(*range(100 * (number + 1)), comparison="this recipe beside that champion")
        uses = judge(tmp_path, "0002-a", f"split {number}", f"e{number}", what=what)
    assert [use.look for use in uses] == [1, 2, 3, 4]
    assert sum(use.significance for use in uses) == 0.025 + 0.0125 + 0.00625 + 0.003125


def test_another_question_is_a_first_look_and_renewed_images_are_one_too(tmp_path: Path) -> None:
    judge(tmp_path, "0002-a", "s", "e1", what=of("a", comparison="c"))
    assert judge(tmp_path, "0003-b", "s", "e2", what=of("a", comparison="another recipe"))[0].look == 1
    assert judge(tmp_path, "0004-the-same", "s", "e3", what=of("a", comparison="c"))[0].look == 2
    assert judge(tmp_path, "0005-renewed", "t", "e4", what=of("b", comparison="c"))[0].look == 1


def test_a_later_look_is_no_cheaper_where_the_point_decides(tmp_path: Path) -> None:
    point = Gate(metric="map50", max_drop=0.02, against="champion", decide="point")
    what = asked(SELECTED, [], None, [point])
    assert what.by_point
    assert not asked(SELECTED, [], None, [msgspec.structs.replace(point, decide="interval")]).by_point
    for evaluation in ("e1", "e2"):
        uses = judge(tmp_path, "0002-a", "s", evaluation, what=what)
    assert [(use.look, use.significance) for use in uses] == [(1, 0.025), (2, 0.025)]


SELECTED = Selection(
    splits={},
    dropped=[],
    digest="d",
    split_digests={"train": "t", "val": "v", "test": "s"},
    test_images=of("a").images,
)
CHAMPION = ResolvedChampion(
    sprint="0001-a", tag="m#prod#1", commit="c", target="torch", path="weights/seed-0.safetensors", digest="d"
)


def stage(name: str, **params: Any) -> ResolvedStage:
    return ResolvedStage(name=name, cmd="", params=params, deps=[], outs=[], records=[], metrics=[])


def test_the_question_is_which_recipe_on_which_data_beside_which_champion() -> None:
    def comparison(
        selection: Selection = SELECTED, champion: ResolvedChampion | None = CHAMPION, **trainer: Any
    ) -> str:
        stages = [
            stage("train", device="cpu", trainer={"epochs": 3, **trainer}),
            stage("evaluate", operating_confidence=0.2),
        ]
        return asked(selection, stages, champion, []).comparison

    def with_digests(**digests: str) -> Selection:
        return msgspec.structs.replace(SELECTED, split_digests={**SELECTED.split_digests, **digests})

    same = comparison()
    assert comparison(with_digests(test="a larger one")) == same
    different = [
        comparison(with_digests(train="other labels")),
        comparison(champion=None),
        comparison(champion=msgspec.structs.replace(CHAMPION, digest="another model")),
        comparison(epochs=4),
    ]
    assert same not in different
    assert len(set(different)) == 4


# --- looks that were never merged -----------------------------------------------------------------


def repository(root: Path) -> None:
    call(root, "git", "init", "-q", "-b", "main")
    named(root)
    call(root, "git", "commit", "-q", "--allow-empty", "-m", "x")


def on_branch(root: Path, branch: str, uses: list[SplitUse] | bytes, folder: str = "") -> None:
    """Commits a record on a branch of its own, and goes back."""
    call(root, "git", "checkout", "-q", "-b", branch)
    path = sprint_folder(root / folder, "0002-tried") / "uses.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(uses if isinstance(uses, bytes) else msgspec.json.encode(uses))
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-q", "-m", "tried")
    call(root, "git", "checkout", "-q", "main")


@pytest.mark.parametrize("folder", ["", "a folder"])
def test_looks_on_branches_that_were_never_merged_count(tmp_path: Path, folder: str) -> None:
    repository(tmp_path)
    on_branch(tmp_path, "closed", [use("s", "e1", 0)], folder)
    on_branch(tmp_path, "another", [use("s", "e2", 0)], folder)
    call(tmp_path, "git", "update-ref", "refs/remotes/origin/closed", "closed")
    call(tmp_path, "git", "branch", "-q", "-D", "closed")
    root = tmp_path / folder
    root.mkdir(exist_ok=True)
    assert judge(root, "0003-now", "s", "e3")[0].uses_before == 2


def test_no_branch_makes_a_use_cheaper_or_hides_one(tmp_path: Path) -> None:
    repository(tmp_path)
    judge(tmp_path, "0001-a", "s", "e1")
    free = msgspec.structs.replace(use("s", "e1", 0), significance=0.0)
    elsewhere = msgspec.structs.replace(free, split_digest="of other images", images=of("z").images)
    on_branch(tmp_path, "lies", [free, elsewhere])
    (use_,) = judge(tmp_path, "0002-b", "s", "e2", what=of("a"))
    assert (use_.uses_before, use_.spent_before) == (1, 0.025)


def test_what_a_branch_holds_instead_of_uses_is_told_and_stops_nobody(tmp_path: Path) -> None:
    repository(tmp_path)
    on_branch(tmp_path, "broken", b"\xff\xfe")
    uses, trouble = uses_on_branches(tmp_path)
    assert uses == []
    assert [line.partition(" holds")[0] for line in trouble] == ["heads/broken: reports/0002-tried/uses.json"]


def test_a_repository_that_git_refuses_is_not_one_without_branches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(FlywheelError, match="git refuses this folder, which belongs to another user"):
        uses_on_branches(tmp_path)
