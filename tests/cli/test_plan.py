"""`flywheel plan --base` and `flywheel validate --format github`: what is printed, and the exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import planted_proposal
import pytest
from msgspec.structs import replace
from projects import call, commit, flywheel
from proposals import FIRST, PROJECT, SECOND, repository, write

from runner.cli.plan import render
from runner.record.rounds import Round

THIRD = SECOND.replace("min: 0.7", "min: 0.65").replace("freeze: 10", "freeze: 0").replace("second", "third")
BROKEN = SECOND.replace("epochs: 1", "epoch: 1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "project")


def test_a_proposal_is_printed_whole(root: Path) -> None:
    write(root, {"specs/0003-third.yaml": THIRD})
    result = flywheel(root, "plan", "--base", "main")
    assert result.returncode == 0
    assert result.stderr == ""
    text = re.sub(r"\b[0-9a-f]{10}\b", "COMMIT", re.sub(r"-[0-9a-f]{32}\b", "-ID", result.stdout))
    text = re.sub(r"(about|forecast ) [0-9.]+ (s|min)\b", r"\1 TIME", text)
    assert text == (
        "Plan of 0003-third: 1 finding needs approval\n"
        "planned for COMMIT with uncommitted changes against COMMIT\n"
        "\n"
        "needs approval  gate_loosened-ID\n"
        "  specs/0003-third.yaml:6:5: gate recall on dark ≥ 0.70 → ≥ 0.65: looser than what 0002-second must meet; "
        "it judges as before until this is approved\n"
        "  by alice, bob, carol: a comment /flywheel approve gate_loosened-ID\n"
        "\n"
        "changes of 0003-third beside 0002-second (a new sprint)\n"
        '  title "The second" → "The third"\n'
        "  freeze 10 → 0\n"
        "  gate recall on dark ≥ 0.70 → ≥ 0.65 loosened\n"
        "\n"
        "0003-third: The third\n"
        "\n"
        "stages\n"
        "  index      RUN     never run  (about TIME)\n"
        "  select     RUN     never run  (about TIME)\n"
        "  check      RUN     never run  (about TIME)\n"
        "  train      RUN     never run  (about TIME)\n"
        "  export     RUN     never run  (about TIME)\n"
        "  predict    RUN     never run  (about TIME)\n"
        "  evaluate   RUN     never run  (about TIME)\n"
        "  inspect    RUN     never run  (about TIME)\n"
        "  benchmark  RUN     never run  (about TIME)\n"
        "\n"
        "data  (not known before the index is built: no index of this data is in the cache (dvc pull fetches one that "
        "was pushed))\n"
        "  to fetch: all of the dataset, 10 files, 1.0 kB (with --pull): no index of this data is recorded, and the "
        "stage index reads every image once\n"
        "\n"
        "forecast  TIME, 0.00 EUR  (no run to go by; 5 images, counted by their files; 70 % of them taken to be for "
        "training; by a table of 2 CPU cores (AMD EPYC): may be several times off, and much too long for a GPU)\n"
        "\n"
        "gates\n"
        "  recall ≥ 0.65 on slice dark\n"
        "  size_mb ≤ 100\n"
        "  recall ≥ 0.70 on slice dark (the base's, until gate_loosened-ID is approved)\n"
        "  champion: none yet\n"
    )


def test_as_json_and_markdown_it_is_plan_json_and_the_comment(root: Path) -> None:
    write(root, {"specs/0003-third.yaml": THIRD})
    proposal = json.loads(flywheel(root, "plan", "--base", "main", "--format", "json", check=True).stdout)
    assert proposal["schema_version"] == 1
    assert [sprint["sprint"] for sprint in proposal["sprints"]] == ["0003-third"]
    (finding,) = proposal["findings"]
    assert finding["id"] == proposal["sprints"][0]["gates"][-1]["finding"]
    assert proposal["uncommitted"] is True
    comment = flywheel(root, "plan", "--base", "main", "--format", "markdown", check=True).stdout
    assert comment.startswith("## ⚠ Plan of 0003-third: 1 finding needs approval\n")
    assert "`/flywheel approve gate_loosened-" in comment


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_problems_are_printed_and_the_exit_code_is_2(root: Path, form: str) -> None:
    write(root, {"specs/0003-third.yaml": BROKEN, "specs/0004-fourth.yaml": FIRST})
    result = flywheel(root, "plan", "--base", "main", "--format", form)
    assert result.returncode == 2
    assert "train.epoch: unknown key" in result.stdout
    assert "0004-fourth" in result.stdout


def test_a_sprint_that_is_not_valid_is_not_called_the_first(root: Path) -> None:
    write(root, {"specs/0003-third.yaml": BROKEN})
    broken_spec = flywheel(root, "plan", "--base", "main").stdout
    assert broken_spec.endswith("0003-third\n  not planned: its configuration is not valid\n")
    write(root, {"specs/0003-third.yaml": SECOND, "flywheel.yaml": PROJECT.replace("detect", "detcet")})
    broken_project = flywheel(root, "plan", "--base", "main").stdout
    assert broken_project.endswith("0003-third\n  not planned: flywheel.yaml is not valid\n")


def test_a_projects_first_sprint_has_nothing_beside_it(tmp_path: Path) -> None:
    root = repository(tmp_path / "new")
    call(root, "git", "checkout", "-q", "--orphan", "first")
    call(root, "git", "rm", "-q", "-r", "--cached", "specs")
    for name in ("0001-first", "0002-second"):
        (root / f"specs/{name}.yaml").unlink()
    commit(root, "No sprint yet")
    write(root, {"specs/0001-start.yaml": FIRST})
    text = flywheel(root, "plan", "--base", "first", check=True).stdout
    assert "changes of 0001-start: no valid sprint is on the base to compare it with\n" in text


def test_a_plan_without_sprints_says_why(root: Path) -> None:
    write(root, {"notes.md": "text"})
    commit(root, "Notes")
    text = flywheel(root, "plan", "--base", "main", check=True).stdout
    assert re.sub(r"\b\w{10}\b", "COMMIT", text) == (
        "Plan without sprints\n"
        "planned for COMMIT against COMMIT\n"
        "\n"
        "No spec, no option of flywheel.yaml and no data changes: nothing is run.\n"
    )


def test_what_is_refused_is_exit_code_2(root: Path) -> None:
    write(root, {".dvc/config": "[core]\n    remote = evil\n"})
    commit(root, "Another remote")
    result = flywheel(root, "plan", "--base", "main")
    assert result.returncode == 2
    assert re.match(
        r"Not planned: 1 thing refused\nplanned for \w{10} against \w{10}\n\nrefused  \.dvc/config: ",
        result.stdout,
    )


def test_hostile_text_reaches_no_terminal(root: Path) -> None:
    title = SECOND.replace("title: The second", 'title: "x\\e[31mred\\u202e"')
    write(root, {"specs/0003-third.yaml": title})
    out = flywheel(root, "plan", "--base", "main").stdout
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_options_that_do_not_go_together_are_told(root: Path) -> None:
    for arguments, told in (
        (("plan", "0001-first", "--base", "main"), "so none is named"),
        (("plan", "--count"), "--count is of proposals: it needs --base"),
        (("plan", "--format", "markdown"), "--format markdown is of proposals: it needs --base"),
    ):
        result = flywheel(root, *arguments)
        assert result.returncode == 2
        assert told in result.stderr


def test_without_base_it_plans_one_sprint_as_ever(root: Path) -> None:
    assert flywheel(root, "plan", check=True).stdout.startswith("0002-second: The second\n\nstages\n")


def test_stages_that_are_planned_without_the_labels_to_come_are_said_to_be_so() -> None:
    labels = Round(state="proposed", images=48, labelled=0, into="train")
    text = render(replace(planted_proposal.PLAN, round=labels))
    assert "\nstages  (as the data is now: the batch's labels are still to come)\n" in text
    assert "\nstages\n" in render(replace(planted_proposal.PLAN, round=replace(labels, state="labelled")))


# --- validate -------------------------------------------------------------------------------------


def test_errors_are_annotated_at_their_lines_and_can_be_read(root: Path) -> None:
    write(root, {"specs/0003-third.yaml": BROKEN})
    result = flywheel(root, "validate", "--format", "github")
    assert result.returncode == 2
    assert re.sub(r"[0-9a-f]{32}", "TOKEN", result.stdout) == (
        "::stop-commands::TOKEN\n"
        'error: specs/0003-third.yaml:4:54: train.epoch: unknown key; did you mean "epochs"?\n'
        "\n"
        "::TOKEN::\n"
        "::error file=specs/0003-third.yaml,line=4,col=54,title=flywheel%3A not valid::"
        'train.epoch: unknown key; did you mean "epochs"?\n'
    )


def test_places_are_counted_from_the_repositorys_top(tmp_path: Path) -> None:
    top = tmp_path / "mono"
    repository(top)
    inner = top / "vision"
    for name in ("flywheel.yaml", "specs", "data.dvc"):
        inner.mkdir(exist_ok=True)
        (top / name).rename(inner / name)
    write(inner, {"specs/0003-third.yaml": BROKEN})
    assert (
        "::error file=vision/specs/0003-third.yaml,line=4,"
        in flywheel(inner, "validate", "--format", "github").stdout
    )


def test_specs_that_share_a_number_are_a_warning(root: Path) -> None:
    write(root, {"specs/0001-other.yaml": FIRST})
    said = "specs/0001-other.yaml: has the number of 0001-first: the number alone names neither"
    result = flywheel(root, "validate", check=True)
    assert result.stdout == "valid: flywheel.yaml and 3 specs\n"
    assert result.stderr == f"warning: {said}\n  hint: if it has not run yet, give it the next number\n"
    data = json.loads(flywheel(root, "validate", "--format", "json", check=True).stdout)
    assert (data["valid"], data["errors"], len(data["warnings"])) == (True, [], 1)
    annotated = flywheel(root, "validate", "--format", "github", check=True).stdout
    assert "\n::warning file=specs/0001-other.yaml,title=flywheel::has the number of 0001-first" in annotated
    assert annotated.endswith("valid: flywheel.yaml and 3 specs\n")


def test_an_error_that_an_extension_makes_is_annotated_in_its_own_file(root: Path) -> None:
    heir = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: An heir\nextends: 0002-second\nexport: [{format: onnx}]\n"
    gate = "  - {metric: recall, min: 0.1, target: onnx-fp32}\n"
    base = SECOND.replace("gates:\n", "export: [{format: onnx}]\ngates:\n") + gate
    write(
        root,
        {"specs/0002-second.yaml": base, "specs/0003-third.yaml": heir.replace("[{format: onnx}]", "[]")},
    )
    result = flywheel(root, "validate", "--format", "github")
    assert (
        "::error file=specs/0003-third.yaml,line=4,col=10,title=flywheel%3A not valid::extends: gates[2].target "
        '(specs/0002-second.yaml:9:40): unknown export target "onnx-fp32"'
    ) in result.stdout
    assert result.stdout.count("::error ") == 1


def test_what_is_valid_is_said(root: Path) -> None:
    result = flywheel(root, "validate", "--format", "github", check=True)
    assert result.stdout == "valid: flywheel.yaml and 2 specs\n"


def test_gates_that_are_no_longer_inherited_are_named_with_file_and_line(root: Path) -> None:
    heir = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0001-first\n"
    write(root, {"specs/0003-heir.yaml": f"{heir}gates: [{{metric: size_mb, max: 50}}]\n"})
    lost = (
        "specs/0003-heir.yaml:5:1: `gates` takes the place of the list of 0001-first: 1 of the 2 is no longer there: "
        "recall ≥ 0.70 on slice dark (specs/0001-first.yaml:6:5)"
    )
    assert "no longer inherited  " in flywheel(root, "plan", "0003", check=True).stdout
    assert f"\n  {lost}\n" in flywheel(root, "plan", "0003", check=True).stdout + "\n"
    told = flywheel(root, "validate", "0003", check=True)
    assert told.stderr.startswith(
        f"warning: {lost}\n  hint: to keep them, write what is new under `add: {{gates: […]}}`"
    )
    warnings = json.loads(flywheel(root, "validate", "--format", "json", check=True).stdout)["warnings"]
    assert [(each["file"], each["line"]) for each in warnings] == [("specs/0003-heir.yaml", 5)]
    write(root, {"specs/0003-heir.yaml": f"{heir}add: {{gates: [{{metric: map50, min: 0.5}}]}}\n"})
    planned = flywheel(root, "plan", "0003", check=True).stdout
    assert "no longer inherited" not in planned
    assert "  size_mb ≤ 100\n  map50 ≥ 0.50\n" in planned
    comment = flywheel(root, "plan", "--base", "main", "--format", "markdown", check=True).stdout
    assert "map50" in comment
