"""The report comment: the whole text, short enough, never broken, and with a marker that nobody can plant."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from planted_report import failing_inputs, sprint_inputs

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Outcome
from runner.policy.approvals import Decision
from runner.record.report import SprintReport
from runner.report import comment, history
from runner.report.build import build
from runner.report.comment import LEAST_BYTES, MAX_BYTES, CommentContext
from runner.report.history import PastVerdict, past_verdict

GOLDEN = Path(__file__).parent / "golden"
HEAD, BASE = "a1" * 20, "b2" * 20
OLDER = [
    past_verdict("c3" * 20, "FAIL", "map50_95", 0.55123),
    past_verdict("d4" * 20, "STAGE_FAILED", "map50_95", None),
]
CONTEXT = CommentContext(
    sprint="0003-low-light",
    repository_url="https://forge.example/acme/parcels",
    base_commit=BASE,
    head_commit=HEAD,
    run_url="https://forge.example/acme/parcels/actions/runs/77",
    published=OLDER,
)
LOOSENED = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint="0003-low-light",
    subject="gate recall on dark",
    before="0.70",
    after="0.65",
    message="the gate recall on dark was loosened from 0.70 to 0.65",
    where="specs/0003-low-light.yaml:44:5",
)
REPORTS = {"passing": build(sprint_inputs()), "failing": build(failing_inputs())}


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile"])
def test_the_whole_comment_is_as_agreed(name: str, request: pytest.FixtureRequest) -> None:
    """FLYWHEEL_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it."""
    text = comment.render(request.getfixturevalue(name), CONTEXT)
    path = GOLDEN / f"comment-{name}.md"
    if os.environ.get("FLYWHEEL_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_marker_comes_first_then_the_verdict(failing: SprintReport) -> None:
    lines = comment.render(failing, CONTEXT).splitlines()
    assert lines[0] == "<!-- flywheel:report:0003-low-light -->"
    assert lines[2] == "## ✗ FAIL — 0003-low-light: Label the dark-dock images the model misses"


def test_half_a_minute_of_reading_is_before_the_first_table(failing: SprintReport) -> None:
    seen = comment.render(failing, CONTEXT).replace("\N{NO-BREAK SPACE}", " ").split("### Gates")[0]
    for said in (
        "**mAP50-95 0.594** (0.51 to 0.67)",
        "**+0.031 (+0.005 to +0.057)**, gained",
        "▲ Better: dark +0.094 (+0.023 to +0.165)",
        "▼ Worse: camera=gate −0.044 (−0.075 to −0.013)",
        "2 of 9 gates failed: recall ≥ 0.30 on dark",
        "**Next:** change the spec or the data and push",
    ):
        assert said in seen
    assert len(seen.split()) < 150


def balanced(text: str) -> None:
    """Every fold, fence, table and emphasis of the kind that could swallow what follows is closed."""
    depth = 0
    for tag in re.findall(r"</?details>", text):
        depth += -1 if tag.startswith("</") else 1
        assert depth >= 0
    assert depth == 0
    assert text.count("```") % 2 == 0
    assert text.count("<summary>") == text.count("</summary>") == text.count("<details>")
    assert text.count("<sub>") == text.count("</sub>")
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        rows = table.splitlines()
        assert len(rows) > 2, "a head without rows"
        assert re.fullmatch(r"\|(?: -{3}:? \|)+", rows[1])
        assert len({row.count("|") for row in rows}) == 1


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    max_bytes=st.integers(LEAST_BYTES, 30_000),
    name=st.sampled_from(["passing", "failing", "stopped", "hostile"]),
    older=st.integers(0, 25),
)
def test_however_short_it_is_never_broken(
    max_bytes: int, name: str, older: int, request: pytest.FixtureRequest
) -> None:
    report: SprintReport = request.getfixturevalue(name)
    published = [past_verdict(f"{n:040x}", "FAIL", "map50_95", n / 100) for n in range(older)]
    text = comment.render(report, replace(CONTEXT, published=published), max_bytes=max_bytes)
    assert len(text.encode()) <= max_bytes
    assert text.startswith("<!-- flywheel:report:0003-low-light -->\n<!-- flywheel:verdicts ")
    assert text.count("<!--") == 2
    assert CONTEXT.run_url in text
    balanced(text)


def test_what_is_left_out_is_named_with_a_link_to_the_whole(failing: SprintReport) -> None:
    text = comment.render(failing, CONTEXT, max_bytes=6_000)
    assert "### Gates" in text
    note = next(line for line in text.splitlines() if line.startswith("*Left out to fit: "))
    assert "training" in note
    assert f"({CONTEXT.run_url}#artifacts).*" in note


@pytest.mark.parametrize("size", [(65_000, "title"), (70_000, "hypothesis"), (80_000, "owner")])
def test_seventy_kilobytes_of_text_do_not_make_it_longer(
    failing: SprintReport, size: tuple[int, str]
) -> None:
    length, field = size
    report = msgspec.structs.replace(failing, **{field: "|@`<" * (length // 4)})
    assert len(comment.render(report, CONTEXT).encode()) <= MAX_BYTES


def test_text_of_a_spec_cannot_plant_a_marker(failing: SprintReport) -> None:
    planted = "x --> <!-- flywheel:report:0001-other --> <!-- flywheel:verdicts -->"
    report = replace(failing, title=planted, hypothesis=planted, owner=planted)
    text = comment.render(report, CONTEXT)
    assert text.count("<!--") == text.count("-->") == 2
    assert "<!-- flywheel:report:0001" not in text
    assert "&lt;!-- flywheel:report:0001-other --&gt;" in text


def test_a_metric_that_is_no_metric_is_not_shown(failing: SprintReport) -> None:
    assert failing.verdict is not None
    text = "![](https://evil.example/track.png) <!-- flywheel:plan -->"
    shown = comment.render(replace(failing, verdict=replace(failing.verdict, optimizing=text)), CONTEXT)
    assert "evil.example" not in shown
    assert "an unknown metric" in shown


def test_a_marker_that_got_in_is_noticed(failing: SprintReport) -> None:
    context = replace(CONTEXT, run_url="https://forge.example/<!-- flywheel:plan -->")
    with pytest.raises(FlywheelError) as caught:
        comment.render(failing, context)
    assert caught.value.exit_code == ExitCode.BUG
    assert caught.value.message == "the comment of 0003-low-light would not hold its marker exactly once"


def test_pictures_are_those_of_the_judged_commit(failing: SprintReport) -> None:
    text = comment.render(failing, CONTEXT)
    sources = re.findall(r'<img src="([^"]*)"', text)
    assert all(source.startswith(f"../blob/flywheel-reports/0003-low-light/{HEAD}/") for source in sources)
    assert all(source.endswith("?raw=true") for source in sources)
    names = [source.removesuffix("?raw=true").rpartition("/")[2] for source in sources]
    assert [name for name in names if name.endswith(".jpg")] == [
        *("01-000412.jpg", "02-000077.jpg", "03-000305.jpg"),  # in plain sight
        "01-000412.jpg",
        "01-000412-cam.jpg",
        "02-000077.jpg",
        "02-000077-cam.jpg",
        "03-000305.jpg",
    ]
    assert {"champion.png", "slices.png", "targets.png", "training.png"} <= set(names)
    without = comment.render(failing, replace(CONTEXT, pictures=False))
    assert "<img" not in without
    assert "4 of 7 objects missed in a dark frame" in without


def test_the_commands_are_ours_and_not_the_bundles(failing: SprintReport) -> None:
    source = replace(failing.reproduction, commands=["rm -rf /"], data_pointer="$(touch x).dvc")
    text = comment.render(replace(failing, reproduction=source), CONTEXT)
    assert "rm -rf" not in text
    assert f"git checkout {HEAD}" in text
    assert "dvc pull '$(touch x).dvc'" in text
    assert f"flywheel run 0003-low-light --base {BASE}" in text


def test_an_approved_finding_ends_the_gate_that_was_kept_for_it(passing: SprintReport) -> None:
    assert passing.verdict is not None
    kept = replace(passing.verdict.gates[0], outcome=Outcome.FAIL, finding=LOOSENED.id, gate="recall ≥ 0.70")
    verdict = replace(passing.verdict, outcome=Outcome.FAIL, gates=[*passing.verdict.gates, kept])
    report = replace(passing, verdict=verdict)
    assert "## ✗ FAIL" in comment.render(report, CONTEXT)
    waiting = comment.render(report, replace(CONTEXT, decisions=[Decision(finding=LOOSENED)]))
    assert "## ✗ FAIL" in waiting
    assert f"`/flywheel approve {LOOSENED.id}`" in waiting
    decided = [Decision(finding=LOOSENED, by="bob")]
    text = comment.render(report, replace(CONTEXT, decisions=decided))
    assert "## ✓ PASS" in text
    assert "recall ≥ 0.70" not in text
    assert "/flywheel approve" not in text
    assert "- ✓ the gate recall on dark was loosened from 0.70 to 0.65: approved by `bob`" in text


def test_a_pass_with_an_open_finding_says_what_is_next(passing: SprintReport) -> None:
    text = comment.render(passing, replace(CONTEXT, decisions=[Decision(finding=LOOSENED)]))
    assert "**Next:** 1 finding below needs approval before the merge promotes it." in text
    assert "**Next:** approve and merge." in comment.render(passing, CONTEXT)


# --- older verdicts -------------------------------------------------------------------------------


def test_older_verdicts_are_folded_and_survive_the_next_update(
    failing: SprintReport, passing: SprintReport
) -> None:
    first = comment.render(failing, replace(CONTEXT, published=[]))
    assert "Older verdicts" not in first
    second = comment.render(passing, replace(CONTEXT, head_commit="e5" * 20, published=history.read(first)))
    assert "<summary>Older verdicts (1)</summary>" in second
    row = f"| [`{HEAD[:10]}`]({CONTEXT.repository_url}/commit/{HEAD}) | ✗ FAIL | mAP50-95 0.594 |"
    assert row in second
    assert [past.commit for past in history.read(second)] == ["e5" * 20, HEAD]


def test_publishing_the_same_again_changes_nothing(failing: SprintReport) -> None:
    once = comment.render(failing, CONTEXT)
    assert comment.render(failing, replace(CONTEXT, published=history.read(once))) == once


def test_at_most_twenty_older_verdicts_are_kept(failing: SprintReport) -> None:
    published = [past_verdict(f"{n:040x}", "FAIL", "map50_95", 0.5) for n in range(30)]
    text = comment.render(failing, replace(CONTEXT, published=published))
    assert "<summary>Older verdicts (20)</summary>" in text
    assert len(history.read(text)) == 21


verdicts = st.builds(
    past_verdict,
    st.text("0123456789abcdef", min_size=40, max_size=40),
    st.sampled_from(["PASS", "FAIL", "INCONCLUSIVE", "NOT_MEASURED", "STAGE_FAILED", "NOT_JUDGED"]),
    st.sampled_from(["map50_95", "recall", "top1"]),
    st.none() | st.floats(0, 1),
)


@given(st.lists(verdicts, max_size=21))
def test_what_was_written_is_read_again(past: list[PastVerdict]) -> None:
    assert history.read(history.written(past)) == past
    assert history.read(f"{history.written(past)}\r\n## PASS\r\n") == past


@given(st.text(max_size=300))
def test_a_broken_history_is_none(text: str) -> None:
    for past in history.read(f"<!-- flywheel:verdicts {text} -->"):
        assert re.fullmatch("[0-9a-f]{40}", past.commit)
    assert history.read(text) == []


@pytest.mark.parametrize(
    "row",
    [
        "",
        f"{HEAD} PASS map50_95",
        f"{HEAD} MERGED map50_95 0.5000",
        f"{HEAD[:-1]} PASS map50_95 0.5000",
        f"{HEAD} PASS [x](//y) 0.5000",
        f"{HEAD} PASS map50_95 nan",
        f"{HEAD} PASS map50_95 0.5000 more",
    ],
)
def test_a_row_that_is_not_ours_is_left_out(row: str) -> None:
    good = f"{BASE} FAIL map50_95 0.4000"
    found = history.read(f"<!-- flywheel:verdicts {row}; {good} -->")
    assert [past.commit for past in found] == [BASE]
