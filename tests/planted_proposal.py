"""A proposal written by hand: one sprint that extends another, loosens a gate and brings dark images."""

from __future__ import annotations

import msgspec

from runner.domain.policy import Finding, FindingKind, SpecChange
from runner.domain.verdict import Wear
from runner.planning.proposal import (
    ConfigProblem,
    CountDelta,
    PlannedGate,
    PointerDelta,
    PointerState,
    Proposal,
    SplitDelta,
    SprintProposal,
)
from runner.planning.records import Action, Forecast, Plan, SplitPlan, StagePlan

SPRINT = "0003-low-light"
SPEC = f"specs/{SPRINT}.yaml"
BASE, HEAD = "ba5e" * 10, "4ead" * 10


def count(name: str, before: int | None, after: int | None) -> CountDelta:
    return CountDelta(name=name, before=before, after=after)


LOOSENED = Finding(
    kind=FindingKind.GATE_LOOSENED,
    sprint=SPRINT,
    subject="gate recall on dark",
    before="recall ≥ 0.70 on slice dark",
    after="recall ≥ 0.65 on slice dark",
    message="The gate recall on dark asks for 0.65 instead of 0.70.",
    where=f"{SPEC}:41:5",
    kept=True,
)
RAISED = Finding(
    kind=FindingKind.LIMIT_RAISED,
    subject="compute.cost_limit",
    before="20",
    after="50",
    message="A run may cost 50 EUR instead of 20.",
    where="flywheel.yaml:60:3",
)
CHANGES = [
    SpecChange(
        path="train.freeze",
        before="10",
        after="0",
        effect="changed",
        text="freeze 10 → 0",
        where=f"{SPEC}:23:3",
    ),
    SpecChange(
        path="data.train.where",
        before="lighting = 'day'",
        after=None,
        effect="removed",
        text="data.train.where lighting = 'day' → unset",
    ),
    SpecChange(
        path="gates[recall on dark]",
        before="≥ 0.70",
        after="≥ 0.65",
        effect="loosened",
        text="gate recall on dark ≥ 0.70 → ≥ 0.65 loosened",
        where=f"{SPEC}:41:5",
    ),
    SpecChange(
        path="gates[latency_p95_ms]",
        before="≤ 14",
        after="≤ 12",
        effect="tightened",
        text="gate latency_p95_ms ≤ 14 → ≤ 12 tightened",
        where=f"{SPEC}:42:5",
    ),
]
DATA = [
    SplitDelta(
        split="train",
        images=count("images", 412, 712),
        objects=count("objects", 2881, 4979),
        classes=[
            count("zero", 801, 1301),
            count("one", 640, 1240),
            count("two", 720, 1720),
            count("three", 720, 718),
        ],
        slices=[count("dark", 12, 312), count("camera=dock-a", 200, 200), count("camera=gate", 212, 512)],
    ),
    SplitDelta(split="val", images=count("images", 80, 80), objects=count("objects", 561, 561)),
    SplitDelta(
        split="test",
        images=count("images", 120, 120),
        objects=count("objects", 840, 840),
        slices=[count("dark", 41, 41), count("camera=dock-a", 60, 60), count("camera=gate", 60, 60)],
    ),
]
STAGES = [
    StagePlan(stage="index", action=Action.CACHED, reasons=["unchanged"]),
    StagePlan(
        stage="select",
        action=Action.RUN,
        reasons=["data.train.where lighting = 'day' → (unset)"],
        forecast_s=0.8,
    ),
    StagePlan(stage="check", action=Action.RUN, reasons=["select runs"], forecast_s=8.2),
    StagePlan(stage="train", action=Action.RUN, reasons=["freeze 10 → 0", "select runs"], forecast_s=640.0),
    StagePlan(stage="export", action=Action.RUN, reasons=["train runs"], forecast_s=31.0),
    StagePlan(stage="predict", action=Action.RUN, reasons=["export runs"], forecast_s=12.6),
    StagePlan(stage="evaluate", action=Action.RUN, reasons=["predict runs"], forecast_s=2.2),
    StagePlan(stage="benchmark", action=Action.RUN, reasons=["export runs"], forecast_s=8.1),
]
PLAN = Plan(
    sprint=SPRINT,
    title="More of the night shift",
    stages=STAGES,
    splits=[SplitPlan(split="train", images=712, objects=4979)],
    data_note="counted on the cached index",
    forecast=Forecast(seconds=702.9, cost=0.4295, currency="EUR", basis="timings of earlier runs"),
    gates=["recall ≥ 0.65 on slice dark"],
    champion="0002-night",
    wear=Wear(split="test", uses=3, spent=0.075, budget=0.25, left=0.175),
)
PROPOSED = SprintProposal(
    sprint=SPRINT,
    status="added",
    reference="0002-night",
    changes=CHANGES,
    plan=PLAN,
    gates=[
        PlannedGate(text="recall ≥ 0.65 on slice dark"),
        PlannedGate(text="latency_p95_ms ≤ 12"),
        PlannedGate(text="map50_95 drop ≤ 0.02 vs champion", origin="policy"),
        PlannedGate(text="recall ≥ 0.70 on slice dark", origin="reference", finding=LOOSENED.id),
    ],
    data=DATA,
    data_note="before: the record of 0002-night on the base; after: counted on the cached index",
)
PROPOSAL = Proposal(base_commit=BASE, head_commit=HEAD, sprints=[PROPOSED])
WEAKENING = msgspec.structs.replace(
    PROPOSAL,
    findings=[LOOSENED, RAISED],
    approvers={"gate_loosened": ["ml-leads", "alice"]},
    project_changes=[
        SpecChange(
            path="compute.cost_limit",
            before="20",
            after="50",
            effect="loosened",
            text="compute.cost_limit 20 → 50 loosened",
            where="flywheel.yaml:60:3",
        )
    ],
    data_pointer=["0c" * 16 + ".dir", "1d" * 16 + ".dir"],
    pointers=[
        PointerDelta(
            path="data.dvc",
            before=PointerState(md5="0c" * 16 + ".dir", files=1226, bytes=12_345_678),
            after=PointerState(md5="1d" * 16 + ".dir", files=1826, bytes=18_111_222),
        )
    ],
)
REORDERED = msgspec.structs.replace(
    PROPOSAL,
    sprints=[
        msgspec.structs.replace(
            PROPOSED,
            status="changed",
            reference=SPRINT,
            changes=[],
            gates=PROPOSED.gates[:3],
            data=[],
            data_note="",
            plan=msgspec.structs.replace(
                PLAN,
                stages=[
                    StagePlan(stage=stage.stage, action=Action.CACHED, reasons=["unchanged"])
                    for stage in STAGES
                ],
                forecast=Forecast(seconds=0.0, cost=0.0, currency="EUR", basis="nothing will run"),
                wear=None,
                champion=None,
            ),
        )
    ],
)
FIRST = msgspec.structs.replace(
    PROPOSAL,
    sprints=[
        msgspec.structs.replace(
            PROPOSED,
            reference=None,
            changes=[],
            gates=[],
            data=[],
            data_note="not known before the run: no index of this data is in the cache",
            plan=msgspec.structs.replace(
                PLAN,
                stages=[
                    StagePlan(stage=stage.stage, action=Action.RUN, reasons=["never run"]) for stage in STAGES
                ],
                forecast=Forecast(seconds=None, cost=None, currency="EUR", basis="no history"),
                wear=None,
                champion=None,
            ),
        )
    ],
)
BROKEN = msgspec.structs.replace(
    PROPOSAL,
    sprints=[
        SprintProposal(
            sprint=SPRINT, status="added", not_planned="its configuration is not valid: see the problems"
        ),
        SprintProposal(sprint="0001-first-model", status="removed"),
    ],
    problems=[
        ConfigProblem(
            file=SPEC,
            line=12,
            column=3,
            message='train: unknown option "epoch"',
            hint='did you mean "epochs"?',
        ),
        ConfigProblem(file="specs/night.yaml", message="not a spec's name"),
    ],
    refused=[".dvc/config: says where DVC stores and reads data; a pull request may not change it"],
)
CODE = msgspec.structs.replace(PROPOSAL, code=["runner/cli/main.py", ".github/workflows/sprint.yml"])
EMPTY = Proposal(base_commit=BASE, head_commit=HEAD)

HOSTILE = (
    "a|b `c` <img> <!--x--> --> @all #1 gh-2 https://x.io WWW.x.io [l](u) **b** ~~s~~ $x$ \\| _e_\n\n"
    "## ✓ PASS\n```\n</details>\x1b[31m\u202e ::error::x ##[error]y"
)
_CLOSED = {"kind", "status", "effect", "origin", "action", "split", "refresh", "schema_version"}


def hostile(proposal: Proposal, text: str = HOSTILE) -> Proposal:
    """The proposal with hostile text in place of every text that is free."""

    def poison(value: object, key: str) -> object:
        match value:
            case dict():
                return {name: poison(part, name) for name, part in value.items()}
            case list():
                return [poison(part, key) for part in value]
            case str() if key not in _CLOSED and key != "stage":
                return text
            case _:
                return value

    return msgspec.convert(poison(msgspec.to_builtins(proposal), ""), Proposal)
