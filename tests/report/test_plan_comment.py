"""The plan comment: whole texts, hostile text shown and not obeyed, never longer than a comment, never broken."""

from __future__ import annotations

import os
import re
from pathlib import Path

import planted_proposal as planted
import pytest
from msgspec.structs import replace

from runner.domain.labelling import SliceCoverage
from runner.domain.policy import SpecChange
from runner.planning.proposal import CountDelta, Proposal, SplitDelta
from runner.planning.records import Action, PlannedBatch, StagePlan
from runner.policy.gates import Effect
from runner.record.rounds import Round
from runner.report.plan_comment import COMMENT_BYTES, render

STAGES = planted.STAGES
GOLDEN = Path(__file__).parent / "golden"
TEXTS = {
    "plan_weakening": planted.WEAKENING,
    "plan_reordered": planted.REORDERED,
    "plan_first": planted.FIRST,
    "plan_broken": planted.BROKEN,
    "plan_code": planted.CODE,
    "plan_empty": planted.EMPTY,
    "plan_hostile": planted.hostile(planted.WEAKENING),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_whole_text_is_as_agreed(name: str) -> None:
    """FLYWHEEL_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it."""
    text = render(TEXTS[name])
    path = GOLDEN / f"{name}.md"
    if os.environ.get("FLYWHEEL_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_reader_of_the_first_lines_knows_what_happens() -> None:
    top = render(planted.WEAKENING).split("### Needs approval")[0]
    assert len(top.split()) < 130
    for told in (
        "2 findings need approval",
        "RUN select to benchmark",
        "about 12 min, 0.43 EUR",
        "+300 train images (dark +300",
        "freeze 10 → 0",
        "gate recall on dark ≥ 0.70 → ≥ 0.65 **loosened**",
    ):
        assert told in top, told


def test_keys_in_another_order_are_no_change_of_meaning() -> None:
    text = render(planted.REORDERED)
    assert "no change of meaning" in text
    assert "nothing runs: every stage is cached" in text


def test_of_an_affected_sprint_the_spec_is_the_same() -> None:
    (sprint,) = planted.REORDERED.sprints
    text = render(replace(planted.REORDERED, sprints=[replace(sprint, status="affected")]))
    assert "what it extends changes): the spec is the same\n" in text
    assert "no change of meaning" not in text


def flywheel_yaml(*changes: tuple[str, Effect]) -> str:
    """What is said of whose copy counts, without the spans."""
    listed = [
        SpecChange(path=path, before="a", after="b", effect=effect, text=f"{path} a → b")
        for path, effect in changes
    ]
    text = render(replace(planted.PROPOSAL, project_changes=listed))
    return text.split("### flywheel.yaml\n\n")[1].split("\n\n")[1].replace("`", "")


def test_whose_copy_of_flywheel_yaml_counts_is_said_of_each_option() -> None:
    agreed = (
        "The base branch's copy of {} judges this pull request; the proposal's takes effect after the merge."
    )
    at_once = "The proposal's copy of {} counts at once."
    assert flywheel_yaml(("policy.frozen", "changed"), ("policy.teams.leads", "added")) == agreed.format(
        "policy"
    )
    assert flywheel_yaml(("dataset.group_by", "removed")) == at_once.format("dataset.group_by")
    assert flywheel_yaml(("compute.threads", "changed"), ("compute.time_limit", "loosened")) == " ".join(
        [agreed.format("compute.time_limit"), at_once.format("compute.threads")]
    )
    assert flywheel_yaml(("costs.cpu_hour", "changed"), ("name", "changed")) == at_once.format(
        "costs.cpu_hour and name"
    )
    slices = flywheel_yaml(("slices[dark]", "changed"), ("slices[fog]", "added"))
    assert slices.replace("<code>", "").replace("</code>", "") == (
        f"{agreed.format('slices')} New slices are looked at at once."
    )
    assert flywheel_yaml(("slices[fog]", "added")) == "New slices are looked at at once."
    assert flywheel_yaml(*((f"costs.label.{kind}", "changed") for kind in "abcdefghij")).endswith(
        "costs.label.h and 2 more counts at once."
    )


def test_a_plan_of_uncommitted_work_says_so() -> None:
    said = f"<sub>Planned for `{planted.HEAD[:10]}` with uncommitted changes against `{planted.BASE[:10]}`, whose"
    assert said in render(replace(planted.PROPOSAL, uncommitted=True))
    assert "uncommitted" not in render(planted.PROPOSAL)


def test_a_title_stands_in_quotes() -> None:
    title = SpecChange(
        path="title", before="A → b", after="A  b\n", effect="changed", text="title A → b → A b"
    )
    text = render(replace(planted.PROPOSAL, sprints=[replace(planted.PROPOSED, changes=[title], data=[])]))
    assert '(a new sprint): title "A → b" → "A b"\n' in text


def test_every_finding_comes_with_the_comment_that_approves_it() -> None:
    text = render(planted.WEAKENING)
    for finding in planted.WEAKENING.findings:
        assert f"| `/flywheel approve {finding.id}` |" in text
    assert "| ml-leads, alice |" in text
    assert "| maintainers and admins |" in text


def test_a_fork_is_told_who_starts_the_run() -> None:
    command = f"`/flywheel run {planted.HEAD}`"
    assert command in render(planted.WEAKENING, fork=True)
    assert command not in render(planted.WEAKENING)
    for proposal in (planted.BROKEN, planted.CODE, planted.EMPTY):
        assert command not in render(proposal, fork=True)


def test_what_is_not_known_is_never_zero() -> None:
    sprint = replace(
        planted.PROPOSED,
        data=[
            SplitDelta(
                split="test",
                images=CountDelta(name="images", before=120, after=None),
                objects=CountDelta(name="objects", before=None, after=None),
                slices=[CountDelta(name="dark", before=41, after=None)],
            )
        ],
    )
    text = render(replace(planted.PROPOSAL, sprints=[sprint])).replace("\N{NO-BREAK SPACE}", " ")
    assert "| `test` | 120 → not known before the run | not known before the run |" in text
    assert "| `test` | slice | dark | 41 → not known before the run |" in text
    assert "<summary>Classes and slices: 1 count, not known before the run</summary>" in text
    assert "−41" not in text
    assert not re.search(r"\b0\b (images|objects)", text)


def test_counts_that_are_partly_known_say_which_change() -> None:
    slices = [
        CountDelta(name=name, before=before, after=after)
        for name, before, after in (("dark", 41, 40), ("fog", 3, 3), ("gate", 60, None), ("dock", 60, None))
    ]
    split = replace(planted.DATA[2], slices=slices)
    text = render(replace(planted.PROPOSAL, sprints=[replace(planted.PROPOSED, data=[split])]))
    assert (
        "<summary>Classes and slices: 4 counts, 1 change, 2 of them not known before the run</summary>"
        in text
    )


def test_an_empty_slice_is_zero() -> None:
    sprint = replace(
        planted.PROPOSED,
        data=[
            SplitDelta(
                split="test",
                images=CountDelta(name="images", before=120, after=79),
                objects=CountDelta(name="objects", before=840, after=553),
                slices=[CountDelta(name="dark", before=41, after=0)],
            )
        ],
    )
    text = render(replace(planted.PROPOSAL, sprints=[sprint])).replace("\N{NO-BREAK SPACE}", " ")
    assert "41 → 0 (**−41**)" in text
    assert "−41 test images (dark −41)" in text


def test_outputs_that_are_only_not_here_are_no_run() -> None:
    """A hosted machine has none of DVC's cache: every stage would run there, and none has changed."""
    absent = [
        replace(stage, action=Action.RUN, reasons=["output missing"], absent_only=True) for stage in STAGES
    ]
    text = render(with_stages(absent))
    assert (
        "**nothing changes: outputs of 8 stages are fetched, or made again where DVC's remote lacks them**"
        in text
    )
    assert "**Why**" not in text
    changed = [replace(STAGES[3], reasons=["freeze 10 → 0", "select runs"])]
    text = render(with_stages([*absent[:3], *changed, *STAGES[4:]]))
    assert (
        "**RUN train to benchmark (5 of 8 stages); at most about 12 min, 0.43 EUR; outputs of 3 stages are"
        in text
    )
    assert "**Why**: train: freeze 10 → 0\n" in text


def with_stages(stages: list[StagePlan]) -> Proposal:
    plan = replace(planted.PLAN, stages=stages)
    return replace(planted.PROPOSAL, sprints=[replace(planted.PROPOSED, plan=plan)])


# --- hostile text ---------------------------------------------------------------------------------


def test_hostile_text_adds_no_heading_link_comment_mention_or_row() -> None:
    ordinary, text = render(planted.WEAKENING), render(planted.hostile(planted.WEAKENING))
    for forbidden in (
        *(
            "<img",
            "<!--",
            "-->",
            "@all",
            " #1",
            "gh-2",
            "://",
            "WWW.",
            "$x",
            "\x1b",
            "\u202e",
            "**b**",
            "\n```",
        ),
    ):
        assert forbidden not in text, forbidden
    assert text.count("\n## ") == 0
    assert text.count("\n#") == ordinary.count("\n#")
    assert text.count("</details>") == text.count("<details>") == ordinary.count("<details>")
    shapes = [
        {row.count("|") for row in each.splitlines() if row.startswith("|")} for each in (ordinary, text)
    ]
    assert shapes[1] <= shapes[0]
    assert len(text.splitlines()) == len(ordinary.splitlines())


@pytest.mark.parametrize("proposal", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("text", ["x" * 70_000, "|" * 70_000, "$" * 70_000, "é" * 70_000, "a b\n" * 20_000])
def test_70_kilobytes_in_every_text_still_make_a_comment(proposal: Proposal, text: str) -> None:
    rendered = render(planted.hostile(proposal, text))
    assert len(rendered.encode()) <= COMMENT_BYTES
    assert_whole(rendered)
    assert rendered.startswith("## ")


# --- long proposals -------------------------------------------------------------------------------


def long_proposal(sprints: int) -> Proposal:
    many = [replace(planted.PROPOSED, sprint=f"{number:04}-night") for number in range(sprints)]
    findings = [
        replace(finding, subject=f"{finding.subject} {number}")
        for number in range(sprints)
        for finding in planted.WEAKENING.findings
    ]
    problems = [replace(planted.BROKEN.problems[0], line=number) for number in range(sprints)]
    return replace(planted.WEAKENING, sprints=many, findings=findings, problems=problems)


def assert_whole(text: str) -> None:
    """Every fold is closed, and every table has its head."""
    assert text.count("<details>") == text.count("</details>")
    for block in text.split("\n\n"):
        rows = block.splitlines()
        if rows and rows[0].startswith("|"):
            assert re.fullmatch(r"\|( -{3}:? \|)+", rows[1]), block[:200]
            assert len({row.count("|") for row in rows}) == 1, block[:200]


@pytest.mark.parametrize("max_bytes", [300, 1000, 3000, 8000, 20_000, 60_000])
@pytest.mark.parametrize("sprints", [1, 3, 40])
def test_however_long_it_fits_and_is_whole(sprints: int, max_bytes: int) -> None:
    text = render(long_proposal(sprints), max_bytes=max_bytes)
    assert len(text.encode()) <= max_bytes
    assert text.startswith("## ✗ Not planned")
    assert_whole(text)


def test_what_matters_least_is_left_out_first_and_named() -> None:
    text = render(planted.WEAKENING, max_bytes=3500)
    assert "### Needs approval" in text
    assert "+300 train images" in text
    assert "stages: 7 RUN" not in text
    assert text.splitlines()[-1].startswith("*Left out to fit: ")
    assert "stages" in text.splitlines()[-1]


def test_without_a_limit_all_of_it_is_there() -> None:
    proposal = long_proposal(40)
    text = render(proposal, max_bytes=None)
    assert all(f"`{number:04}-night`" in text for number in range(40))
    assert "Left out to fit" not in text


def test_a_sprint_that_waits_for_labels_says_how_far_they_are() -> None:
    labels = Round(state="waiting", images=48, labelled=12, into="train", price=5.76, currency="EUR")
    sprint = replace(planted.PROPOSED, plan=replace(planted.PLAN, round=labels))
    text = render(replace(planted.PROPOSAL, sprints=[sprint]))
    assert (
        "- **Labels**: waiting for labels (12 of 48) (48 images for train, 5.76 EUR: flywheel annotate pull 0003-low-light)"
        in text
    )
    assert "** (as the data is now: the batch's labels are still to come)\n- **Why**" in text
    assert "**Labels**" not in render(planted.PROPOSAL)
    answered = replace(sprint, plan=replace(planted.PLAN, round=replace(labels, state="labelled")))
    assert "as the data is now" not in render(replace(planted.PROPOSAL, sprints=[answered]))


def test_a_drawn_batch_is_shown_before_a_label_is_paid_for() -> None:
    batch = PlannedBatch(
        into="train",
        pool=1200,
        arms={"random": 10, "uncertainty": 38},
        labels=211.6,
        coverage=[SliceCoverage(slice="da|rk", batch=20, pool=60)],
        sheet="reports/../x",
    )
    labels = Round(state="proposed", images=48, labelled=0, into="train", price=5.76, currency="EUR")
    plan = replace(planted.PLAN, round=labels, batch=batch, pool=1250)
    text = render(replace(planted.PROPOSAL, sprints=[replace(planted.PROPOSED, plan=plan)]))
    head = planted.PROPOSAL.head_commit
    assert (
        "- **Batch**: random 10, uncertainty 38, of 1,200 pool images; about 212 labels; slices: da&#124;rk 20 of 60 "
        f"([pictures](../blob/{head}/reports/{plan.sprint}/batch.jpg))\n" in text
    )
    assert "- **Pool**: 1,250 images that nobody labelled\n" in text
    assert "**Pool**" not in render(planted.PROPOSAL)
