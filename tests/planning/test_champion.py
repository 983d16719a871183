"""Whom a sprint is compared with, and which stored model that is: from git alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from planted_registry import PROJECT, name_model, record
from projects import call, commit, make_tag

from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.planning.champion import Champion, resolve_champion, scorer
from runner.planning.registry import Registry
from runner.record.catalogue import sprint_folder


def promote(root: Path, number: int) -> None:
    make_tag(root, f"digits#prod#{number}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sprints, promoted one after the other, and a third that was not."""
    call(tmp_path, "git", "init", "-q", "-b", "main")
    record(tmp_path, "0001-first", "onnx-fp32", "openvino-int8")
    promote(tmp_path, 1)
    record(tmp_path, "0002-second")
    promote(tmp_path, 2)
    record(tmp_path, "0003-third", "onnx-fp16")
    return tmp_path


def unchanged(commit: str) -> bool:
    """The sprint still makes what it was promoted with."""
    return True


def rival(root: Path, sprint: str, same_model: Callable[[str], bool] = unchanged) -> str | None:
    found = Registry(root, PROJECT).incumbent(sprint, same_model)
    return found.tag if found else None


def test_the_newest_assignment_is_the_champion(root: Path) -> None:
    champion = Registry(root, PROJECT).champion()
    assert champion is not None
    assert (champion.sprint, champion.tag) == ("0002-second", "digits#prod#2")


def test_a_new_sprint_is_compared_with_the_champion(root: Path) -> None:
    assert rival(root, "0004-not-run-yet") == rival(root, "0003-third") == "digits#prod#2"


def test_a_promoted_sprint_stays_compared_with_the_one_it_replaced(root: Path) -> None:
    assert rival(root, "0002-second") == "digits#prod#1"
    assert rival(root, "0001-first") is None


def test_a_promoted_sprint_that_makes_another_model_is_compared_with_the_champion_of_today(
    root: Path,
) -> None:
    assert rival(root, "0002-second", lambda commit: False) == "digits#prod#2"
    assert rival(root, "0001-first", lambda commit: False) == "digits#prod#2"


def test_a_sprint_that_was_promoted_twice_is_compared_with_what_its_present_model_replaced(
    root: Path,
) -> None:
    record(root, "0002-second", "onnx-fp32")
    promote(root, 3)
    newest = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    assert rival(root, "0002-second", lambda commit: commit == newest) == "digits#prod#2"
    assert rival(root, "0002-second", lambda commit: commit != newest) == "digits#prod#1"


def test_going_back_to_an_older_model_changes_no_promoted_sprints_record(root: Path) -> None:
    make_tag(root, "digits#prod#3", "digits#prod#1^{commit}")
    champion = Registry(root, PROJECT).champion()
    assert champion is not None
    assert champion.sprint == "0001-first"
    assert [rival(root, name) for name in ("0001-first", "0002-second", "0003-third")] == [
        None,
        "digits#prod#1",
        "digits#prod#3",
    ]


def test_an_assignment_is_of_the_sprint_that_dvc_yaml_names_at_its_commit(root: Path) -> None:
    name_model(root, "reports/0001-first/exports/onnx-fp32")  # though 0003's metrics are the newest
    promote(root, 3)
    champion = Registry(root, PROJECT).champion()
    assert champion is not None
    assert (champion.sprint, champion.tag) == ("0001-first", "digits#prod#3")
    assert [holder.sprint for holder in Registry(root, PROJECT).holders()] == [
        "0001-first",
        "0002-second",
        "0001-first",
    ]


@pytest.mark.parametrize(
    "content", ["artifacts: [", "artifacts: {}", "artifacts: {digits: {path: models/best.onnx}}", "a: 1"]
)
def test_where_dvc_yaml_names_no_sprint_the_newest_metrics_tell(root: Path, content: str) -> None:
    (root / "dvc.yaml").write_text(content)
    commit(root, "other")
    promote(root, 3)
    champion = Registry(root, PROJECT).champion()
    assert champion is not None
    assert champion.sprint == "0003-third"


def test_a_model_that_was_assigned_again_is_the_same_to_those_judged_against_it(root: Path) -> None:
    before = resolve_champion(root, Registry(root, PROJECT).incumbent("0003-third", unchanged))
    make_tag(root, "digits#prod#3", "digits#prod#1^{commit}")
    assert resolve_champion(root, Registry(root, PROJECT).incumbent("0003-third", unchanged)) != before
    make_tag(root, "digits#prod#4", "digits#prod#2^{commit}")
    assert rival(root, "0003-third") == "digits#prod#4"
    assert resolve_champion(root, Registry(root, PROJECT).incumbent("0003-third", unchanged)) == before


def test_without_a_tag_or_a_model_there_is_no_champion(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    record(tmp_path, "0001-first")
    assert rival(tmp_path, "0002-second") is None
    promote(tmp_path, 1)
    without = msgspec.structs.replace(PROJECT, model=None)
    assert Registry(tmp_path, without).incumbent("0002-second", unchanged) is None


def test_the_first_export_is_what_a_champion_ships(root: Path) -> None:
    found = resolve_champion(root, Registry(root, PROJECT).incumbent("0002-second", unchanged))
    assert found is not None
    assert (found.target, found.path, found.digest) == (
        "onnx-fp32",
        "exports/onnx-fp32",
        "0001-first-exports.dir",
    )


def test_without_exports_a_champion_ships_its_torch_model(root: Path) -> None:
    found = resolve_champion(root, Registry(root, PROJECT).champion())
    assert found is not None
    assert (found.target, found.path, found.digest) == (
        "torch",
        "weights/seed-3.safetensors",
        "0002-second-weights.dir",
    )


@pytest.mark.parametrize(
    ("int8", "metric", "scoring"),
    [
        ("PASS", "map50", "openvino-int8"),  # the fastest, and good
        ("FAIL", "map50", "onnx-fp32"),
        ("INCONCLUSIVE", "map50", "onnx-fp32"),
        ("PASS", "size_mb", "onnx-fp32"),  # nothing says that it is good
    ],
)
def test_the_pool_is_scored_by_the_fastest_artefact_whose_quality_passed(
    root: Path, int8: str, metric: str, scoring: str
) -> None:
    folder = sprint_folder(root, "0001-first")
    speeds = {"torch": 5.0, "onnx-fp32": 10.0, "openvino-int8": 30.0}
    timed = [{"target": target, "throughput_ips": speed} for target, speed in speeds.items()]
    gates = [
        {"metric": "map50", "target": "onnx-fp32", "outcome": "PASS"},
        {"metric": metric, "target": "openvino-int8", "outcome": int8},
        {"metric": "map50", "target": "torch", "outcome": "PASS"},
    ]
    (folder / "benchmark.json").write_text(json.dumps({"device": {}, "targets": timed}))
    (folder / "verdict.json").write_text(json.dumps({"outcome": "PASS", "gates": gates}))
    commit(root, "Judged")
    found = Champion(sprint="0001-first", commit="HEAD", tag="digits#prod#3")
    assert scorer(root, found).target == scoring


def test_a_champion_that_was_not_timed_scores_with_what_it_ships(root: Path) -> None:
    found = Registry(root, PROJECT).incumbent("0002-second", unchanged)
    assert found is not None
    assert scorer(root, found).target == "onnx-fp32"


def test_a_record_is_read_as_it_was_promoted(root: Path) -> None:
    record(root, "0002-second", "onnx-fp32")
    found = resolve_champion(root, Registry(root, PROJECT).champion())
    assert found is not None
    assert found.target == "torch"


def test_a_champion_without_a_stored_model_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    record(tmp_path, "0001-first", "onnx-fp32")
    (sprint_folder(tmp_path, "0001-first") / "dvc.lock").unlink()
    commit(tmp_path, "lost")
    promote(tmp_path, 1)
    champion = Registry(tmp_path, PROJECT).champion()
    assert champion is not None
    with pytest.raises(FlywheelError) as caught:
        resolve_champion(tmp_path, champion)
    assert str(caught.value) == (
        f"reports/0001-first/dvc.lock: the champion 0001-first (digits#prod#1) cannot be run: its record at "
        f"{champion.commit[:10]} names no stored model\n"
        "  hint: run and commit 0001-first again, then tag that commit as the next digits#prod#N"
    )


@pytest.mark.parametrize(
    ("target", "path", "held"),
    [
        ("onnx-fp16", "exports/onnx-fp16", {"onnx-fp16/model.onnx", "onnx-fp16/metadata.json"}),
        ("torch", "weights/seed-1.safetensors", {"seed-1.safetensors", "seed-1.json"}),
    ],
)
def test_only_the_artefacts_own_files_belong_to_it(target: str, path: str, held: set[str]) -> None:
    stored = {"onnx-fp16/model.onnx", "onnx-fp16/metadata.json", "onnx-fp16-b/model.onnx"}
    stored |= {"seed-1.safetensors", "seed-1.json", "seed-10.safetensors", "seed-10.json"}
    champion = ResolvedChampion(sprint="s", tag="t", commit="c", target=target, path=path, digest="d.dir")
    assert {member for member in stored if champion.holds(member)} == held
