"""`plan --base`: what a proposal changes, what of it needs approval, and what its sprints will do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from runner.adapters.git import commit_trees, repository
from runner.config.load import LoadedSprint, load_project, load_sprint, validate
from runner.config.project import Project
from runner.domain.errors import ConfigurationErrors, FlywheelError
from runner.domain.policy import Finding, SpecChange, Status, distinct
from runner.gates.text import describe
from runner.planning.data_delta import Reference, data_delta, pointer_deltas
from runner.planning.plan import make_plan
from runner.planning.proposal import (
    ConfigProblem,
    PlannedGate,
    PointerDelta,
    Proposal,
    SprintProposal,
    problem_of,
)
from runner.planning.records import Action, Plan
from runner.planning.situation import Situation
from runner.policy.affected import affected
from runner.policy.approvals import approver_names
from runner.policy.code_paths import code_paths, record_findings
from runner.policy.findings import project_findings
from runner.policy.semantic import project_changes, sprint_changes
from runner.policy.snapshot import Snapshot
from runner.policy.terms import judged, terms_of
from runner.pullrequests.proposing import guard
from runner.pullrequests.proposing.index_ahead import index_data
from runner.record.terms import Terms
from runner.workflow.snapshots import compared, proposal_paths

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class IndexCounting:
    """Builds the index of data that is not indexed yet, so that the plan can count it.

    Attributes:
        say: is told what is fetched and built.
        max_bytes: data that its pointer calls larger is left alone; no limit when None.
    """

    say: Say
    max_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """A proposal, and what it is compared with.

    Attributes:
        before: the base's configuration; `after`: the proposal's after the merge.
        changed: the paths that the proposal itself changes; `uncommitted`: those that the head commit holds otherwise.
        here: the head is checked out, so that it can be planned.
    """

    root: Path
    base_commit: str
    head_commit: str
    before: Snapshot
    after: Snapshot
    changed: Sequence[str]
    uncommitted: Sequence[str]
    here: bool


def propose(
    root: Path, base: str, head: str | None = None, *, counting: IndexCounting | None = None
) -> Proposal:
    """What the proposal at `head` changes beside `base`.

    Errors of the proposal's configuration are part of the answer: `problems`. Sprints are planned where the head is
    checked out and nothing of the proposal is refused, and what is not committed yet is part of it then.

    Args:
        base: the branch or commit whose policy judges.
        head: the proposed commit; what is checked out when None.
        counting: builds indexes that are not here, which fetches the data through DVC; none are built when None.

    Raises:
        FlywheelError: git does not know a commit, or they have no history in common here.
    """
    base_commit = commit_trees.commit_of(root, base)
    here = commit_trees.commit_of(root, "HEAD")
    head_commit = commit_trees.commit_of(root, head) if head is not None else here
    elsewhere = head_commit if head_commit != here else None
    changed = proposal_paths(root, base_commit, elsewhere)
    uncommitted = repository.uncommitted(root) if elsewhere is None else []
    empty = Proposal(
        base_commit=base_commit,
        head_commit=head_commit,
        uncommitted=bool(uncommitted),
        code=code_paths([*changed, *commit_trees.changed_outside(root, base_commit, head_commit)]),
    )
    refused = guard.problems(root, base_commit) if elsewhere is None else []
    try:
        before, after = compared(root, base_commit, elsewhere)
    except FlywheelError as error:
        if error.where is None:
            raise
        return replace(empty, refused=refused, problems=[problem_of(error)])
    sides = _Sides(
        root=root,
        base_commit=base_commit,
        head_commit=head_commit,
        before=before,
        after=after,
        changed=changed,
        uncommitted=uncommitted,
        here=elsewhere is None,
    )
    return _proposal(sides, replace(empty, refused=refused), counting)


def _proposal(sides: _Sides, empty: Proposal, counting: IndexCounting | None) -> Proposal:
    statuses = affected(sides.changed, sides.before, sides.after)
    errors = validate(sides.root) if sides.here else sides.after.errors
    problems = [problem_of(error) for error in errors]
    why_not = _why_not(sides, empty.refused, problems)
    sprints = []
    for name, status in statuses.items():
        sprint, failed = _sprint(sides, name, status, why_not, counting)
        sprints.append(sprint)
        problems += [] if failed is None else [problem for problem in failed if problem not in problems]
    findings = _findings(sides, statuses)
    pointers = _pointers(sides)
    dataset = _dataset_pointer(sides)
    moved = next((pointer for pointer in pointers if pointer.path == dataset), None)
    policy = (sides.before if sides.before.project is not None else sides.after).project
    said = {f"{problem.file}: {problem.message}" for problem in problems}
    return replace(
        empty,
        refused=[sentence for sentence in empty.refused if sentence not in said],
        sprints=sprints,
        project_changes=project_changes(sides.before, sides.after),
        data_pointer=[state and state.md5 for state in (moved.before, moved.after)] if moved else [],
        pointers=sorted(pointers, key=lambda pointer: (pointer.path != dataset, pointer.path)),
        findings=findings,
        approvers=approver_names(policy.policy, findings) if policy is not None else {},
        problems=problems,
    )


def _why_not(sides: _Sides, refused: Sequence[str], problems: Sequence[ConfigProblem]) -> str:
    """Why no sprint at all is planned; empty where some may be."""
    if refused:
        return "the proposal holds what is refused"
    if not sides.here:
        return f"{sides.head_commit[:10]} is not checked out (git checkout {sides.head_commit[:10]})"
    if any(problem.file == "flywheel.yaml" for problem in problems):
        return "flywheel.yaml is not valid"
    return ""


# --- one sprint -----------------------------------------------------------------------------------


def _sprint(
    sides: _Sides, name: str, status: Status, why_not: str, counting: IndexCounting | None
) -> tuple[SprintProposal, list[ConfigProblem] | None]:
    """The sprint's part of the proposal, and what is wrong where it cannot be planned."""
    record = SprintProposal(sprint=name, status=status, not_planned=why_not)
    if status == "removed":
        return replace(record, reference=name, not_planned=""), None
    if name not in sides.after.sprints:
        return replace(record, not_planned=why_not or "its configuration is not valid"), None
    try:
        terms = terms_of(sides.before, sides.after, name)
        record = replace(record, reference=terms.reference, changes=_changes(sides, name, terms.reference))
        if why_not:
            return record, None
        situation = _written(sides.root, name, terms)
        project, loaded = situation.project, situation.loaded
        plan = _plan(situation, counting)
        reference = Reference(sprint=terms.reference, commit=sides.base_commit) if terms.reference else None
        data = data_delta(sides.root, project, loaded, plan, reference)
    except ConfigurationErrors as errors:
        return replace(record, not_planned="its configuration is not valid"), [
            problem_of(error) for error in errors.errors
        ]
    except FlywheelError as error:
        return replace(record, not_planned=error.message), [problem_of(error)]
    planned = replace(record, plan=plan, gates=_gates(project, loaded), data=data)
    return replace(planned, data_note=_data_note(planned, plan)), None


def _written(root: Path, name: str, terms: Terms) -> Situation:
    """The sprint as a run of the working tree would be judged."""
    project = load_project(root)
    return Situation(root, *judged(project, load_sprint(root, f"{name}.yaml", project), terms))


def _plan(situation: Situation, counting: IndexCounting | None) -> Plan:
    plan = make_plan(situation)
    indexed = any(stage.stage == "index" and stage.action is Action.CACHED for stage in plan.stages)
    if counting is None or indexed:
        return plan
    try:
        index_data(situation, say=counting.say, max_bytes=counting.max_bytes)
    except FlywheelError as error:
        note = f"not known before the run: the data could not be counted here ({error.message})"
        return replace(plan, data_note=note)
    return make_plan(situation.again())


def _changes(sides: _Sides, name: str, reference: str | None) -> list[SpecChange]:
    project = sides.after.project
    if project is None or reference is None:
        return []
    return sprint_changes(sides.before.sprints[reference], sides.after.sprints[name], project)


def _gates(project: Project, loaded: LoadedSprint) -> list[PlannedGate]:
    own = [PlannedGate(text=describe(gate)) for gate in loaded.sprint.gates]
    policy = [PlannedGate(text=describe(gate), origin="policy") for gate in project.policy.gates]
    kept = [
        PlannedGate(text=describe(gate), origin="reference", finding=finding)
        for gate, _, finding in loaded.kept
    ]
    return [*own, *policy, *kept]


def _data_note(sprint: SprintProposal, plan: Plan) -> str:
    if sprint.reference is None or not sprint.data:
        return plan.data_note
    known = any(split.images.before is not None for split in sprint.data)
    before = "its record on the base" if known else "not known, it has no record on the base"
    return f"before: {sprint.reference}, {before}; after: {plan.data_note}"


# --- findings, pointers ---------------------------------------------------------------------------


def _findings(sides: _Sides, sprints: Iterable[str]) -> list[Finding]:
    """Of the project, of each sprint, and of records that are edited; each once."""
    findings = list(project_findings(sides.before, sides.after))
    valid = [name for name in sprints if name in sides.after.sprints and sides.after.project is not None]
    for name in valid:
        findings += terms_of(sides.before, sides.after, name).findings

    def before(path: str) -> bytes | None:
        return repository.read_file(sides.root, sides.base_commit, path)

    def after(path: str) -> bytes | None:
        if path not in sides.uncommitted:
            return repository.read_file(sides.root, sides.head_commit, path)
        file = sides.root / path
        return file.read_bytes() if file.is_file() else None

    return distinct([*findings, *record_findings(sides.changed, list(sprints), before, after)])


def _pointers(sides: _Sides) -> list[PointerDelta]:
    paths = [path for path in sides.changed if path.endswith(".dvc")]
    head = None if sides.here else sides.head_commit
    return pointer_deltas(sides.root, paths, base=sides.base_commit, head=head)


def _dataset_pointer(sides: _Sides) -> str:
    project = sides.after.project or sides.before.project
    return f"{project.dataset.path}.dvc" if project is not None else ""
