"""A sprint's way from its proposal to the champion: what is shown at each step, and what main and DVC hold at the end."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from projects import call, flywheel
from simulated_forge.loop import NEXT, POLICY_CHECK, Loop
from simulated_forge.repository import clone

from runner.record.catalogue import sprint_folder

GOLDEN = Path(__file__).parent / "golden"
CHECK = f"flywheel / {NEXT}"


def anonymous(text: str, loop: Loop) -> str:
    """Without the commits' names, which are others every time."""
    head, base = loop.hub.pull(7)["head_sha"], loop.hub.pull(7)["base_sha"]
    for sha, name in ((head, "HEAD"), (base, "BASE")):
        text = text.replace(sha, f"<{name}>").replace(sha[:10], f"<{name}>")
    return text


def outline(text: str) -> str:
    """The headings and folds, without figures that were measured."""
    lines = [line for line in text.splitlines() if line.startswith(("#", "<!--", "<details><summary>", "**"))]
    return "".join(
        re.sub(r": (weakest is|10 of|[0-9]).*</summary>", ": …</summary>", f"{line}\n") for line in lines
    )


def compare(name: str, text: str) -> None:
    """FLYWHEEL_UPDATE_GOLDEN=1 writes the file anew; read the difference before committing it."""
    path = GOLDEN / name
    if os.environ.get("FLYWHEEL_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_plan_is_one_comment_and_says_what_will_run_and_why(first: Loop) -> None:
    compare("plan.md", anonymous(first.comment(7, "plan"), first))
    assert first.markers(7) == ["plan", f"report:{NEXT}"]


def test_a_gate_that_is_not_met_is_a_failed_check_with_a_note_at_its_line(first: Loop) -> None:
    assert first.conclusions(7) == {CHECK: "failure", POLICY_CHECK: "success"}
    [note] = first.checks(7)[CHECK].annotations
    assert (note.path, note.line, note.level) == (f"specs/{NEXT}.yaml", 6, "failure")
    assert note.title == "FAIL: size_mb ≤ 0.50 on onnx-fp32"
    assert (
        first.comment(7, f"report:{NEXT}").splitlines()[2]
        == f"## ✗ FAIL — {NEXT}: A smaller model is asked for"
    )


def test_the_report_is_one_comment_with_the_verdict_first(first: Loop) -> None:
    compare("report-outline.txt", outline(anonymous(first.comment(7, f"report:{NEXT}"), first)))


def test_the_pictures_that_the_comment_shows_are_on_their_branch(first: Loop) -> None:
    shown = re.findall(r"\.\./blob/flywheel-reports/([^?]+)\?raw=true", first.comment(7, f"report:{NEXT}"))
    assert len(shown) > 10
    assert set(shown) <= set(first.files("flywheel-reports"))
    count = call(first.bare, "git", "rev-list", "--count", "flywheel-reports").stdout
    assert count == "1\n"


def test_a_second_push_edits_the_same_comments_and_folds_the_older_verdict(first: Loop, judged: Loop) -> None:
    ids = [[each.id for each in loop.hub.comments(7)] for loop in (first, judged)]
    assert ids[0] == ids[1]
    old, new = (loop.hub.pull(7)["head_sha"] for loop in (first, judged))
    report = judged.comment(7, f"report:{NEXT}")
    assert report.splitlines()[1:3] == [
        f"<!-- flywheel:verdicts {new} PASS map50_95 0.0000; {old} FAIL map50_95 0.0000 -->",
        f"## ✓ PASS — {NEXT}: A smaller model is asked for",
    ]
    assert "<details><summary>Older verdicts (1)</summary>" in report
    assert f"| [`{old[:10]}`](https://git.example.org/acme/digits/commit/{old}) | ✗ FAIL |" in report
    assert judged.conclusions(7) == {CHECK: "success", POLICY_CHECK: "success"}
    assert f"`{new[:10]}`" in judged.comment(7, "plan")
    assert {path.split("/")[1] for path in judged.files("flywheel-reports")} == {new}


def test_main_holds_the_record_and_the_bot_says_nothing_of_the_spec(promoted: Loop) -> None:
    assert promoted.subjects[:3] == [
        f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {NEXT} [skip ci]",
        "Merge #7",
    ]
    said = call(promoted.bare, "git", "log", "-2", "--format=%b%an <%ae>", "main").stdout.splitlines()
    assert said == ["github-actions[bot] <github-actions[bot]@users.noreply.git.example.org>"] * 2
    names = {path.rpartition("/")[2] for path in promoted.files(below=f"reports/{NEXT}/")}
    assert names >= {
        *("dvc.lock", "dvc.yaml", "params.yaml", "metrics.json", "verdict.json", "report.json", "report.md"),
        *("terms.json", "digests.json", "uses.json", "model-card.md", "evaluation.json", "selection.json"),
    }
    changed = call(promoted.bare, "git", "diff", "--name-only", promoted.merges[7][1], "main").stdout.split()
    assert {path.split("/")[0] for path in changed} == {"reports", "dvc.yaml"}


def test_a_fresh_clone_pulls_exactly_what_was_judged(promoted: Loop, tmp_path: Path) -> None:
    # beside the store, which the repository names by a relative path
    fresh = clone(promoted.bare, promoted.folder / f"fresh-{tmp_path.name}")
    call(fresh, sys.executable, "-m", "dvc", "pull", "-q", f"reports/{NEXT}/dvc.yaml")
    for part in ("weights", "exports", "predictions"):
        ran = sorted(
            path for path in (sprint_folder(promoted.author, "0001-tiny") / part).rglob("*") if path.is_file()
        )
        got = sorted(path for path in (sprint_folder(fresh, NEXT) / part).rglob("*") if path.is_file())
        assert [path.name for path in got] == [path.name for path in ran] != []
        assert [path.read_bytes() for path in got] == [path.read_bytes() for path in ran]
    assert flywheel(fresh, "verify", NEXT, check=True).stdout.endswith("identical\n")


def test_the_registry_names_the_model_and_dvc_fetches_it(promoted: Loop, tmp_path: Path) -> None:
    assert promoted.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    bin_folder = Path(sys.executable).parent
    shown = call(promoted.clone("trusted"), str(bin_folder / "gto"), "show", "--json").stdout
    assert '"tiny-digits"' in shown
    assert "v1.0.0" in shown
    there = promoted.folder / f"elsewhere-{tmp_path.name}"
    there.mkdir()
    get = ("artifacts", "get", str(promoted.bare), "tiny-digits", "--stage", "prod", "-o", "model")
    store = (
        f"url={promoted.folder / 'store'}"  # a bare repository has no place that a relative path begins at
    )
    call(there, sys.executable, "-m", "dvc", *get, "--remote-config", store)
    judged = sprint_folder(promoted.author, "0001-tiny") / "exports" / "onnx-fp32" / "model.onnx"
    assert (there / "model" / "model.onnx").read_bytes() == judged.read_bytes()


def test_the_model_card_and_the_pull_request_say_what_was_promoted(promoted: Loop) -> None:
    card = promoted.show_file(f"reports/{NEXT}/model-card.md")
    assert "tiny-digits" in card
    assert "v1.0.0" in card
    assert promoted.comment(7, f"promotion:{NEXT}") == (
        f"<!-- flywheel:promotion:{NEXT} -->\n## 🚀 `{NEXT}` was promoted as v1.0.0\n\n"
        f"It holds the stage `prod` of `tiny-digits`. Its record is in `reports/{NEXT}/`, its model card in `reports/{NEXT}/model-card.md`.\n\n"
        "To go back: a comment `/flywheel rollback`.\n"
    )


@pytest.mark.parametrize("way", ["squash", "rebase"])
def test_however_it_is_merged_it_is_recorded_and_promoted(judged: Loop, tmp_path: Path, way: str) -> None:
    loop = judged.copy(tmp_path)
    if way == "squash":
        loop.squash(7, "A smaller model (#7)")
    else:
        loop.rebase(7)
        commits = call(loop.bare, "git", "rev-list", f"{loop.merges[7][0]}..main").stdout.split()
        loop.memory.fake.merged = {commit: [7] for commit in commits}
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
