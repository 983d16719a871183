"""What of a proposal is code, and which records it may not touch."""

from __future__ import annotations

import json

import pytest

from runner.domain.policy import Finding
from runner.policy.code_paths import code_paths, record_findings

USE = {
    "split_digest": "t1",
    "evaluation_digest": "e1",
    "significance": 0.025,
    "uses_before": 0,
    "spent_before": 0.0,
}


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/sprint.yml",
        ".GitHub/workflows/sprint.yml",
        ".github",
        "runner/gates/judge.py",
        "runner/scaffold/templates/plan.yml",
        "runner",
        "pyproject.toml",
        "constraints.txt",
        "Makefile",
        ".ci/run",
        ".dvc/config",
        ".dvc/config.local",
        ".dvcignore",
        ".gitattributes",
        "sitecustomize.py",
        "reports/0002-night/numpy.py",
        "reports/0002-night/torch/__init__.PY",
        "specs/yaml.so",
        "data/x.pth",
        ".numba_config.yaml",
        "specs/matplotlibrc",
        "reports/0002-night/gx/great_expectations.yml",
        "pytest.ini",
        "uv.toml",
        "PIP.conf",
        ".env",
        ".duckdbrc",
    ],
)
def test_code(path: str) -> None:
    assert code_paths([path]) == [path]


@pytest.mark.parametrize(
    "path",
    [
        "specs/0002-night.yaml",
        "flywheel.yaml",
        "data.dvc",
        "weights/start.pt.dvc",
        "reports/0002-night/report.md",
        "docs/guidelines.md",
        "runners/readme.md",
        "README.md",
    ],
)
def test_no_code(path: str) -> None:
    assert code_paths([path]) == []


def _findings(changed: list[str], before: dict[str, object], after: dict[str, object]) -> list[Finding]:
    def read(files: dict[str, object], path: str) -> bytes | None:
        return json.dumps(files[path]).encode() if path in files else None

    return record_findings(
        changed, {"0002-night"}, lambda path: read(before, path), lambda path: read(after, path)
    )


def _messages(changed: list[str], before: dict[str, object], after: dict[str, object]) -> list[str]:
    return [finding.message for finding in _findings(changed, before, after)]


OWN, OTHER = "reports/0002-night/uses.json", "reports/0001-first/metrics.json"
WRITTEN = "; records are written by the job that verifies them"


def test_a_record_of_another_sprint_is_not_to_be_edited_removed_or_added() -> None:
    edited = f"reports/0001-first/: metrics.json was changed: the record of a sprint that this proposal does not run{WRITTEN}"
    assert _messages([OTHER], {OTHER: {}}, {OTHER: {"map50": 1}}) == [edited]
    assert _messages([OTHER], {OTHER: {}}, {}) == [edited.replace("changed", "removed")]
    assert _messages([OTHER], {}, {OTHER: {}}) == [edited.replace("changed", "added")]


def test_a_record_that_is_edited_in_many_files_is_one_finding() -> None:
    files = {f"reports/0001-first/{name}.json": {} for name in "abcdef"}
    more = "reports/0003-third/x.json"
    after = {**files, "reports/0001-first/a.json": 1}
    for gone in "bcdef":
        del after[f"reports/0001-first/{gone}.json"]
    first, third = _findings([*files, more], files, {**after, more: 1})
    assert first.subject == "reports/0001-first/"
    assert first.where == "reports/0001-first/a.json"
    assert first.message == (
        "reports/0001-first/: a.json was changed, 5 files were removed (b.json, c.json, d.json and 2 more): "
        f"the record of a sprint that this proposal does not run{WRITTEN}"
    )
    assert third.message.startswith("reports/0003-third/: x.json was added: ")


def test_an_approval_of_an_edited_record_is_of_all_its_contents() -> None:
    paths = [f"reports/0001-first/{name}.json" for name in "ab"]
    before: dict[str, object] = dict.fromkeys(paths, 0)
    edits: list[dict[str, object]] = [
        {},
        {paths[0]: 1},
        {paths[1]: 1},
        {paths[0]: 1, paths[1]: 1},
        {paths[0]: 1, paths[1]: 2},
    ]
    ids = [_findings(paths, before, after)[0].id for after in edits]
    assert len(set(ids)) == len(edits)
    assert _findings(paths, before, edits[0])[0].after is None
    assert _findings(paths[:1], before, {})[0].id not in ids


def test_the_sprints_own_record_may_change() -> None:
    assert _messages(["reports/0002-night/metrics.json", "specs/0002-night.yaml"], {}, {}) == []
    assert _messages([OWN], {OWN: [USE]}, {OWN: [USE, {**USE, "evaluation_digest": "e2"}]}) == []
    assert _messages([OWN], {}, {OWN: [USE]}) == []


@pytest.mark.parametrize("after", [[], [{**USE, "significance": 0.001}], "nonsense", None])
def test_its_uses_of_the_test_split_are_not_forgotten(after: object) -> None:
    later = {} if after is None else {OWN: after}
    assert _messages([OWN], {OWN: [USE]}, later) == [
        f"{OWN} forgets uses of the test split: it would seem less worn than it is{WRITTEN}"
    ]
