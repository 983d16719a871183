"""A proposal: everything that a pull request changes, as `plan --base` and the plan comment show it."""

from __future__ import annotations

from typing import Literal

from runner.domain.errors import FlywheelError, Where
from runner.domain.policy import Finding, SpecChange, Status
from runner.domain.records import Record
from runner.planning.records import Plan


class ConfigProblem(Record, frozen=True, kw_only=True):
    """An error of the configuration, at its place."""

    file: str
    line: int | None = None
    column: int | None = None
    message: str
    hint: str | None = None


def problem_of(error: FlywheelError) -> ConfigProblem:
    """An error of the configuration as a record."""
    where = error.where or Where("flywheel.yaml")
    return ConfigProblem(
        file=where.file, line=where.line, column=where.column, message=error.message, hint=error.hint
    )


class CountDelta(Record, frozen=True, kw_only=True):
    """A count before (the reference's, None when unknown) and after (None when not known yet)."""

    name: str
    before: int | None
    after: int | None


class SplitDelta(Record, frozen=True, kw_only=True):
    """What changes in one split: images, objects, objects per class, images per slice.

    How many images of a slice the reference has is on record of its test split, and elsewhere where its data is at hand.
    """

    split: str
    images: CountDelta
    objects: CountDelta
    classes: list[CountDelta] = []
    slices: list[CountDelta] = []


class PlannedGate(Record, frozen=True, kw_only=True):
    """A gate that will judge.

    Attributes:
        text: the gate as one phrase: "recall ≥ 0.70 on slice dark".
        origin: whose it is: the spec's, the project's policy's, or the reference's.
        finding: the id of the finding whose approval ends it; of a gate of the reference alone.
    """

    text: str
    origin: Literal["sprint", "policy", "reference"] = "sprint"
    finding: str = ""


class PointerState(Record, frozen=True, kw_only=True):
    """What a `.dvc` file says of what it points to; `files` is None for a single file."""

    md5: str
    files: int | None = None
    bytes: int | None = None


class PointerDelta(Record, frozen=True, kw_only=True):
    """A `.dvc` file that changed; None where there is none."""

    path: str
    before: PointerState | None
    after: PointerState | None


class SprintProposal(Record, frozen=True, kw_only=True):
    """What one sprint of the proposal will do, beside its reference.

    Attributes:
        status: `added`, `changed` (its spec), `affected` (only flywheel.yaml or the data changed), `removed`.
        reference: the sprint on the base that it is compared with; None for a project's first.
        changes: the semantic difference of the resolved specs; empty when only the order of keys or comments differ.
        plan: None when the sprint was removed or is not planned; `not_planned` says why.
        gates: those that will judge: the spec's, the base's policy's, and those that the base keeps.
        data: one entry per split; `data_note` says what the counts rest on, or why there are none.
    """

    sprint: str
    status: Status
    reference: str | None = None
    changes: list[SpecChange] = []
    plan: Plan | None = None
    not_planned: str = ""
    gates: list[PlannedGate] = []
    data: list[SplitDelta] = []
    data_note: str = ""


class Proposal(Record, frozen=True, kw_only=True):
    """plan.json: what a pull request proposes.

    Attributes:
        base_commit, head_commit: full SHAs.
        uncommitted: the working tree holds changes beside `head_commit`, and they are planned as well.
        project_changes: the semantic difference of flywheel.yaml.
        data_pointer: `[before, after]` of the dataset's md5 in data.dvc, where it changed.
        pointers: all `.dvc` files that changed, the dataset's first.
        findings: of all sprints and of the project; each needs the approval that the base's policy names.
        approvers: finding kind → who may approve, by the base's policy (empty: maintainers and admins).
        problems: errors of the configuration; sprints that have some are not planned.
        refused: what the proposal may not contain at all: symbolic links, another DVC configuration, a dvc.yaml with
            commands, a record of another sprint that was edited; each a sentence with the file.
        code: paths of the runner, the workflows or the build that it changes: then no sprint is run for it.
    """

    schema_version: Literal[1] = 1
    base_commit: str
    head_commit: str
    uncommitted: bool = False
    sprints: list[SprintProposal] = []
    project_changes: list[SpecChange] = []
    data_pointer: list[str | None] = []
    pointers: list[PointerDelta] = []
    findings: list[Finding] = []
    approvers: dict[str, list[str]] = {}
    problems: list[ConfigProblem] = []
    refused: list[str] = []
    code: list[str] = []
