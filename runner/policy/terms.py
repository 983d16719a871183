"""The terms that a sprint is judged under: the base branch's policy, slices and gates, not the proposal's copy of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.sprint import SliceSpec
from runner.domain.errors import FlywheelError, Where
from runner.domain.policy import distinct
from runner.policy.findings import (
    approving_policy,
    carried_findings,
    comparisons,
    project_findings,
    sprint_findings,
)
from runner.policy.reference import OrderUnknownError, recorded_references, references
from runner.policy.semantic import policy_gates
from runner.policy.slices import slice_key
from runner.policy.snapshot import Snapshot
from runner.policy.sprint_rules import Comparison, weaker_gates, weaker_slices
from runner.record.terms import KeptGate, RecordAt, Terms


def terms_of(base: Snapshot, head: Snapshot, sprint: str) -> Terms:
    """The terms of one sprint of a proposal.

    Where the base has no (valid) project, the proposal's own policy judges; in the second case a finding says so.

    Raises:
        FlywheelError: flywheel.yaml or the sprint's spec is not valid in the proposal.
    """
    project, loaded = head.project, head.sprints.get(sprint)
    if project is None or loaded is None:
        raise FlywheelError(
            f"{sprint} is not valid at {head.commit[:10]}, so nothing can judge it",
            where=Where(f"specs/{sprint}.yaml"),
            hint="flywheel validate",
        )
    judge = base if base.project is not None else head
    records = recorded_references(base, head, sprint)
    agreed = base.project or project
    if base.unknown:
        raise OrderUnknownError(
            base.unknown, hint="git fetch --unshallow (in CI: check out with fetch-depth: 0)"
        )
    pairs = comparisons(base, head, sprint)
    pairs += [pair for state in base.bindings for pair in comparisons(state, head, sprint)]
    carried = carried_findings(base, head, sprint)
    kept = _kept_gates(base, pairs)
    kept_slices = [found.before for pair in pairs for found in weaker_slices(pair) if found.before]
    own_slices = _first_of_each([*kept_slices, *loaded.sprint.evaluate.slices])
    slices = _first_of_each([*agreed.slices, *_others(project.slices, kept_slices)])
    return Terms(
        base_commit=base.commit,
        reference=next(iter(references(base, head, sprint)), None) if base.project else None,
        recorded_reference=next(iter(records), None),
        records=[
            *(RecordAt(sprint=name, commit=base.gone.get(name, base.commit)) for name in records),
            *(RecordAt(sprint=name, commit=commit) for name, commit in base.bound_records),
        ],
        policy=approving_policy(base) or agreed.policy,
        policy_sources=list(policy_gates(judge).sources),
        compute=agreed.compute,
        slices=slices,
        sprint_slices=_others(own_slices, slices),
        kept_gates=kept,
        findings=distinct([*project_findings(base, head), *sprint_findings(base, head, sprint), *carried]),
    )


def _kept_gates(base: Snapshot, pairs: Sequence[Comparison]) -> list[KeptGate]:
    """What the references demand and the proposal does not, but what was given up with approval."""
    found = {
        finding.content: KeptGate(gate=gates.before, source=gates.source_before, finding=finding.id)
        for pair in pairs
        for finding, gates in weaker_gates(pair)
        if gates.before is not None
        and finding.weakness not in (pair.settled if pair.base is base else base.approved)
    }
    return list(found.values())


def judged(project: Project, loaded: LoadedSprint, terms: Terms) -> tuple[Project, LoadedSprint]:
    """The configuration with the terms in place of the proposal's own copies.

    Gates that are kept are in `LoadedSprint.kept`: they judge beside the sprint's own.
    """
    replace = msgspec.structs.replace
    limits = replace(
        project.compute, time_limit=terms.compute.time_limit, cost_limit=terms.compute.cost_limit
    )
    evaluate = replace(loaded.sprint.evaluate, slices=terms.sprint_slices)
    return (
        replace(project, policy=terms.policy, slices=terms.slices, compute=limits),
        dataclasses.replace(
            loaded,
            sprint=replace(loaded.sprint, evaluate=evaluate),
            policy_sources=terms.policy_sources,
            kept=[(kept.gate, kept.source, kept.finding) for kept in terms.kept_gates],
        ),
    )


def with_full_ids(terms: Terms) -> Terms:
    """The terms with the ids that findings have today where an older version wrote short ones."""
    ids = {finding.short_id: finding.id for finding in terms.findings}
    kept = [
        msgspec.structs.replace(each, finding=ids.get(each.finding, each.finding))
        for each in terms.kept_gates
    ]
    return msgspec.structs.replace(terms, kept_gates=kept)


def same_terms(one: Terms, other: Terms) -> bool:
    """Whether both judge alike: whatever commit they are from, wherever their gates are written there.

    What the data showed is left out: it is known only after a run.
    """
    return _essence(with_full_ids(one)) == _essence(with_full_ids(other))


def _essence(terms: Terms) -> object:
    return (
        terms.policy,
        terms.compute,
        terms.slices,
        terms.sprint_slices,
        sorted((kept.finding, repr(kept.gate)) for kept in terms.kept_gates),
        sorted(finding.id for finding in terms.findings),
    )


def _first_of_each(specs: Sequence[SliceSpec]) -> list[SliceSpec]:
    first: dict[tuple[str, ...], SliceSpec] = {}
    for spec in specs:
        first.setdefault(slice_key(spec), spec)
    return list(first.values())


def _others(specs: Sequence[SliceSpec], known: Sequence[SliceSpec]) -> list[SliceSpec]:
    """Those of `specs` that are not among `known`."""
    keys = {slice_key(spec) for spec in known}
    return [spec for spec in specs if slice_key(spec) not in keys]
