"""Every fault on every operation of the loop, with what must be true afterwards. Tests and benchmarks/forge_faults.py use it."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from forges.emulator import HEAD_SHA, Emulator, Fault

from runner.adapters.web.retries import Patience
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import Annotation, AnswerLost, CheckRun
from runner.forges.github import GitHub, session
from runner.forges.sticky import put_sticky

BOT = "github-actions[bot]"
MARKER = "<!-- flywheel:report:0003-low-light -->"
CHECK = CheckRun(
    name="flywheel / 0003-low-light",
    head_sha=HEAD_SHA,
    conclusion="failure",
    title="FAIL",
    summary="recall on dark is too low",
    external_id="100",
    annotations=[
        Annotation(
            path="specs/0003-low-light.yaml", line=line, level="failure", title="gate", message="too low"
        )
        for line in range(1, 61)
    ],
)

Outcome = Literal["done", "refused", "lost"]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something that a job asks for.

    Attributes:
        method, path: of the request that the fault is put on.
        run: asks for it.
        prepare: what must be there before.
        effects: how often it was done, counted on the server; None for what only reads.
        repeats: whether a lost answer is looked into or asked for again (starting a workflow is not).
    """

    name: str
    method: str
    path: str
    run: Callable[[GitHub], object]
    prepare: Callable[[Emulator, GitHub], None] = lambda github, forge: None
    effects: Callable[[Emulator], int] | None = None
    repeats: bool = True


def _download(forge: GitHub) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = forge.download(1, Path(folder) / "bundle.zip", max_bytes=1000).read_bytes()
    assert content[:2] == b"PK"


def _store(github: Emulator, forge: GitHub) -> None:
    archive = Path(tempfile.mkdtemp()) / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("manifest.json", "{}")
    github.add_artifact(100, "flywheel-bundle", archive)


def _sticky(text: str) -> Callable[[GitHub], object]:
    return lambda forge: put_sticky(forge, 7, MARKER, f"{MARKER}\n{text}", BOT)


def _said(text: str) -> Callable[[Emulator], int]:
    """How many comments of ours say it; other comments of ours must not be there."""

    def count(github: Emulator) -> int:
        ours = [body for author, body in github.bodies() if author == BOT]
        assert len(ours) <= 1
        return sum(body == f"{MARKER}\n{text}" for body in ours)

    return count


def _checks(conclusion: str) -> Callable[[Emulator], int]:
    def count(github: Emulator) -> int:
        query = {"filter": "all"}  # an older one of the same name would be hidden otherwise
        every = github.api("GET", f"commits/{HEAD_SHA}/check-runs", params=query)["check_runs"]
        made = [check for check in every if check["conclusion"] == conclusion]
        if made:
            lines = [each["start_line"] for each in github.annotations(made[0]["id"])]
            assert len(lines) == len(set(lines))
        assert len(every) == len(made)
        return len(made)

    return count


OPERATIONS = [
    Operation(
        name="read a pull request", method="GET", path="/pulls/7$", run=lambda forge: forge.pull_request(7)
    ),
    Operation(name="list comments", method="GET", path="/comments$", run=lambda forge: forge.comments(7)),
    Operation(
        name="list runs", method="GET", path="/runs$", run=lambda forge: forge.workflow_runs("sprint.yml")
    ),
    Operation(name="download a bundle", method="GET", path="/zip$", run=_download, prepare=_store),
    Operation(
        name="post the comment",
        method="POST",
        path="/issues/7/comments$",
        run=_sticky("FAIL"),
        effects=_said("FAIL"),
    ),
    Operation(
        name="update the comment",
        method="PATCH",
        path="/issues/comments/",
        run=_sticky("PASS"),
        prepare=lambda github, forge: (_sticky("FAIL")(forge), None)[1],
        effects=_said("PASS"),
    ),
    Operation(
        name="make the check",
        method="POST",
        path="/check-runs$",
        run=lambda forge: forge.put_check_run(CHECK),
        effects=_checks("failure"),
    ),
    Operation(
        name="add to the check",
        method="PATCH",
        path="/check-runs/",
        run=lambda forge: forge.put_check_run(CHECK),
        effects=lambda github: sum(len(github.annotations(each["id"])) == 60 for each in github.check_runs()),
    ),
    Operation(
        name="react to a comment",
        method="POST",
        path="/reactions$",
        run=lambda forge: forge.react(1, "eyes"),
        prepare=lambda github, forge: (github.comment(7, "bob", "/flywheel plan"), None)[1],
        effects=lambda github: len(github.reactions(1)),
    ),
    Operation(
        name="start a workflow",
        method="POST",
        path="/dispatches$",
        run=lambda forge: forge.dispatch("sprint.yml", "main", {"pr": "7", "sha": HEAD_SHA}),
        effects=lambda github: len(github.dispatched()),
        repeats=False,
    ),
]

REFUSALS: list[Fault] = ["401", "403", "404", "422"]
WAITS: list[Fault] = ["403-retry-after", "429-retry-after"]
LOST: list[Fault] = ["502", "reset"]
APPLIED: list[Fault] = ["applied-then-502", "applied-then-reset"]
FAULTS = [*REFUSALS, *WAITS, *LOST, *APPLIED]


@dataclass(kw_only=True)
class Result:
    """What became of an operation under a fault."""

    outcome: Outcome
    effects: int | None
    waited_s: float
    message: str = ""
    hint: str = ""
    slept: list[float] = field(default_factory=list)


def expected(operation: Operation, fault: Fault) -> tuple[Outcome, int | None]:
    """What must be true: the outcome, and how often it was done."""
    if fault in REFUSALS:
        return "refused", None if operation.effects is None else 0
    once = None if operation.effects is None else 1
    if fault in WAITS or operation.repeats:
        return "done", once
    return "lost", 1 if fault in APPLIED else 0


def happen(
    github: Emulator, operation: Operation, fault: Fault, *, times: int = 1, retry_after: int = 1
) -> Result:
    """Runs an operation under a fault, on a fresh repository, without real waiting."""
    github.seed()
    slept: list[float] = []
    environment = github.environment()
    patience = Patience(attempts=3, sleep=slept.append, jitter=lambda: 0.0)
    forge = GitHub(environment, session(environment, patience))
    operation.prepare(github, forge)
    github.fault(fault, method=operation.method, path=operation.path, times=times, retry_after=retry_after)
    outcome: Outcome = "done"
    message = hint = ""
    exit_code = ExitCode.PUBLISH_FAILED
    try:
        operation.run(forge)
    except FlywheelError as error:
        outcome = "lost" if isinstance(error, AnswerLost) else "refused"
        message, hint = error.message, error.hint or ""
        exit_code = error.exit_code
    assert exit_code is ExitCode.PUBLISH_FAILED
    github.fault_free()
    effects = None if operation.effects is None else operation.effects(github)
    return Result(
        outcome=outcome, effects=effects, waited_s=sum(slept), message=message, hint=hint, slept=slept
    )
