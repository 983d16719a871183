"""Findings about flywheel.yaml: what all sprints are judged on, and by whom a weakening may be approved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from msgspec import to_builtins
from msgspec.structs import replace

from runner.config.project import Policy, Project
from runner.config.sprint import SliceSpec
from runner.config.yaml_loader import DataPath
from runner.domain.evaluation import COST_METRICS, SPRINT_METRICS
from runner.domain.label_faults import FAULT_KINDS
from runner.domain.policy import PROJECT_KEPT, SPRINT_KEPT, Finding, FindingKind
from runner.gates import Gate
from runner.policy.conditions import same, words
from runner.policy.gates import GatePair, covers, demanded, pair_gates
from runner.policy.semantic import policy_gates, seconds
from runner.policy.slices import SlicePair, min_images, most, pair_slices, same_members, shown
from runner.policy.snapshot import Snapshot
from runner.policy.values import one_line

_OF_THE_MACHINE = frozenset(
    (*SPRINT_METRICS, *(name for name in COST_METRICS if name.startswith(("latency", "throughput", "peak"))))
)
OF_GROUPS = frozenset(("group", "group_fraction"))


def project_rules(base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    """What in flywheel.yaml weakens verdicts; both snapshots have a valid one."""
    old, new = base.project, head.project
    if old is None or new is None:
        return
    yield from _data(old, new, head)
    yield from _task(old, new, head)
    yield from slice_findings(pair_slices(old.slices, new.slices), None, base, head)
    yield from _policy_gates(base, head)
    yield from _holdout(old.policy, new.policy, head)
    yield from _approvals(old.policy, new.policy, head)
    yield from _registry(old, new, head)
    yield from _prices(old, new, base, head)
    yield from _limits(old, new, head)
    yield from _machine(old, new, base, head)


def _changed(
    kind: FindingKind, path: DataPath, values: tuple[object, object], why: str, head: Snapshot
) -> Finding:
    """A finding about one option of flywheel.yaml."""
    before, after = (one_line(value) for value in values)
    name = ".".join(map(str, path))
    return Finding(
        kind=kind,
        subject=name,
        before=before,
        after=after,
        message=f"{name} {before or 'unset'} → {after or 'unset'}: {why}",
        where=str(head.where(path)),
    )


def _data(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    for split in old.policy.frozen_splits:
        was, now = getattr(old.splits, split), getattr(new.splits, split)
        if not same(was, now):
            why = f"other images would be in {split}, which is frozen; results are no longer comparable"
            yield _changed(FindingKind.TEST_CHANGED, ("splits", split), (was, now), why, head)
    why = "the test images come from somewhere else, or are described otherwise"
    for name in ("path", "metadata"):
        was, now = getattr(old.dataset, name), getattr(new.dataset, name)
        if was is not None and (now is None or PurePosixPath(was) != PurePosixPath(now)):
            yield _changed(FindingKind.TEST_CHANGED, ("dataset", name), (was, now), why, head)
    if old.dataset.layout != new.dataset.layout:
        values = (to_builtins(old.dataset.layout), to_builtins(new.dataset.layout))
        yield _changed(FindingKind.TEST_CHANGED, ("dataset", "layout"), values, why, head)
    yield from _labels(old, new, head)
    yield from _groups(old, new, head)


def _labels(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    """What becomes of wrong labels: a check that no longer stops, and other labels that are judged by."""
    was, now = old.dataset.labels.treatments, new.dataset.labels.treatments
    changed = [kind for kind in FAULT_KINDS if was.get(kind) != now.get(kind)]
    before, after = ({kind: side[kind] for kind in changed if kind in side} or None for side in (was, now))
    path: DataPath = ("dataset", "labels")
    kept = [kind for kind in changed if {"drop", "clip"} & {was.get(kind), now.get(kind)}]
    if kept:
        why = f"other labels would be trained on and judged by, where they are wrong ({', '.join(kept)})"
        yield _changed(FindingKind.TEST_CHANGED, path, (before, after), why, head)
    weaker = [
        kind
        for kind in changed
        if (was.get(kind) or FAULT_KINDS[kind].usual) == "refuse"
        and (now.get(kind) or FAULT_KINDS[kind].usual) != "refuse"
    ]
    if weaker:
        why = f"wrong labels would no longer stop a sprint ({', '.join(weaker)})"
        yield _changed(FindingKind.CHECK_WEAKENED, path, (before, after), why, head)


def _groups(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    was, now = old.dataset.group_by, new.dataset.group_by
    if was == now:
        return
    moved = [name for name in old.policy.frozen_splits if words(getattr(new.splits, name)) & OF_GROUPS]
    if moved:
        why = f"other images would be in {' and '.join(moved)}, which is frozen: its condition asks for the group"
        yield _changed(FindingKind.TEST_CHANGED, ("dataset", "group_by"), (was, now), why, head)
    if was is not None:
        why = "intervals rest on groups of images; other groups make other, often narrower intervals"
        yield _changed(FindingKind.GROUPING_CHANGED, ("dataset", "group_by"), (was, now), why, head)


def _task(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    if old.task != new.task:
        why = "another task is measured otherwise"
        yield _changed(FindingKind.TASK_CHANGED, ("task",), (old.task, new.task), why, head)
    points = [
        (project.keypoints.names, project.keypoints.sigmas) if project.keypoints else None
        for project in (old, new)
    ]
    if points[0] != points[1]:
        why = "the skeleton and its tolerances decide what counts as found"
        yield _changed(FindingKind.TASK_CHANGED, ("keypoints",), (points[0], points[1]), why, head)
    if old.classes != new.classes:
        why = _class_change(old.classes, new.classes)
        values = (old.classes, new.classes)
        yield _changed(FindingKind.CLASS_MAP_CHANGED, ("classes",), values, why, head)


def _class_change(old: Sequence[str], new: Sequence[str]) -> str:
    gone = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    if not gone and not added:
        return "the order of classes is what label files go by: every label would mean another class"
    parts = [f"{', '.join(gone[:5])} would no longer be measured"] if gone else []
    parts += [f"{', '.join(added[:5])} would be measured too"] if added else []
    return "; ".join(parts) + "; averages over classes are no longer comparable"


def slice_findings(
    pairs: Sequence[SlicePair], sprint: str | None, base: Snapshot, head: Snapshot
) -> Iterator[Finding]:
    """What became of slices: gone, with other members, or smaller ones no longer looked at.

    Args:
        sprint: whose slices they are; None for the project's.
    """
    for pair in pairs:
        old, new = pair.before, pair.after
        if old is None:
            continue
        weaker = _weaker_slice(pair.subject, old, new)
        if weaker is not None:
            known = base if new is None else head
            yield Finding(
                kind=weaker[0],
                sprint=sprint,
                subject=pair.subject,
                before=shown(old),
                after=shown(new) if new is not None else None,
                message=weaker[1],
                where="" if sprint is not None else str(known.where(("slices", pair.position))),
                kept=True,
            )


def _weaker_slice(subject: str, old: SliceSpec, new: SliceSpec | None) -> tuple[FindingKind, str] | None:
    """What of a slice shows less than before, in words; None where nothing does."""
    if new is None:
        return FindingKind.SLICE_REMOVED, f"{subject} ({shown(old)}) would no longer be looked at"
    if not same_members(old, new):
        change = f"{subject} {shown(old)} → {shown(new)}"
        why = "other images or objects belong to it, under the same name"
        return FindingKind.SLICE_CHANGED, f"{change}: {why}"
    if old.auto and min_images(new) > min_images(old):
        why = f"regions of fewer than {min_images(new)} images would no longer be looked at"
        return FindingKind.MIN_SIZE_RAISED, f"{subject}: {why} ({min_images(old)} before)"
    if (old.auto or old.columns) and most(new) < most(old):
        why = f"at most {most(new)} would be looked at, not {most(old)}"
        return FindingKind.SLICE_REMOVED, f"{subject}: {why}"
    return None


def _policy_gates(base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    after = policy_gates(head)
    for pair in pair_gates(policy_gates(base), after):
        if is_weaker(pair, after.gates, primary=None):
            yield gate_finding(pair, FindingKind.POLICY_LOOSENED, None, "every sprint")


def is_weaker(
    pair: GatePair, gates: Sequence[Gate], *, primary: str | None, before: str | None = None
) -> bool:
    """Whether a gate was loosened or dropped, and no other gate demands as much.

    Args:
        gates: those that judge after the change.
        primary: the artefact that they judge when they name none; `before`: the same of the pair's old gate.
    """
    if pair.before is None or pair.effect not in ("loosened", "removed"):
        return False
    return not any(covers(gate, primary, pair.before, before) for gate in gates)


def gate_finding(pair: GatePair, kind: FindingKind, sprint: str | None, whose: str) -> Finding:
    """A gate that was loosened or dropped; `whose`: who demanded it."""
    before, after = (demanded(gate) if gate is not None else None for gate in (pair.before, pair.after))
    if after is None:
        message = f"{pair.subject} {before} is gone, which {whose} must meet"
    else:
        message = f"{pair.subject} {before} → {after}: looser than what {whose} must meet"
    return Finding(
        kind=kind,
        sprint=sprint,
        subject=pair.subject,
        before=before,
        after=after,
        message=f"{message}{PROJECT_KEPT if sprint is None else SPRINT_KEPT}",
        where=pair.source,
        kept=True,
    )


def _holdout(old: Policy, new: Policy, head: Snapshot) -> Iterator[Finding]:
    was, now = old.holdout, new.holdout
    if was is None:
        return
    place: DataPath = ("policy", "holdout")
    if now is None:
        why = "the test split could be used to decide without end"
        yield _kept(_changed(FindingKind.POLICY_LOOSENED, place, ("on", None), why, head))
        return
    if now.significance > was.significance:
        why = "the test split could decide more often before it counts as worn"
        values = (was.significance, now.significance)
        yield _kept(_changed(FindingKind.POLICY_LOOSENED, (*place, "significance"), values, why, head))
    if (was.refresh, now.refresh) == ("required", "advised"):
        why = "a worn test split would no longer stop comparisons"
        yield _kept(
            _changed(FindingKind.POLICY_LOOSENED, (*place, "refresh"), (was.refresh, now.refresh), why, head)
        )


def _kept(finding: Finding) -> Finding:
    return replace(finding, kept=True)


def _approvals(old: Policy, new: Policy, head: Snapshot) -> Iterator[Finding]:
    thawed = [split for split in old.frozen_splits if split not in new.frozen_splits]
    if thawed:
        why = f"the images of {', '.join(thawed)} could change without anybody's approval"
        values = (sorted(old.frozen_splits), sorted(new.frozen_splits))
        yield _kept(_changed(FindingKind.POLICY_LOOSENED, ("policy", "frozen"), values, why, head))
    for kind in FindingKind:
        was, now = approvers(old, kind), approvers(new, kind)
        if now == was or (was is not None and now is not None and set(now) < set(was)):
            continue
        if now is None:
            why = f"anybody who may maintain the repository could approve {kind}"
        elif was is None:
            why = f"{', '.join(now)} could approve {kind}, whether or not they may maintain the repository"
        else:
            why = f"{', '.join(name for name in now if name not in was)} could approve {kind} as well"
        path = ("policy", "approvals", str(kind))
        yield _kept(_changed(FindingKind.APPROVALS_WEAKENED, path, (was, now), why, head))


def approvers(policy: Policy, kind: FindingKind) -> list[str] | None:
    """The logins, in lower case and sorted, that a policy names for a kind of finding; None: it leaves it to maintainers."""
    names = policy.approvals.get(str(kind))
    if names is None:
        return None
    people = [person for name in names for person in policy.teams.get(name, [name])]
    return sorted({person.lower() for person in people})


def _registry(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    if old.model is not None and old.model != new.model:
        was, now = (f"{m.name}#{m.stage}" if m is not None else None for m in (old.model, new.model))
        why = "there would be another champion, or none: nothing that is in production would be compared with"
        yield _changed(FindingKind.REGISTRY_CHANGED, ("model",), (was, now), why, head)


def _prices(old: Project, new: Project, base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    limited = old.compute.cost_limit is not None
    if not limited and not any(gate.metric == "cost" for gate in _all_gates(base, head)):
        return
    why = "a cost gate or limit reckons with this price"
    for name in ("gpu_hour", "cpu_hour"):
        was, now = getattr(old.costs, name), getattr(new.costs, name)
        if now < was:
            yield _changed(FindingKind.PRICE_LOWERED, ("costs", name), (was, now), why, head)
    if old.costs.currency != new.costs.currency:
        values = (old.costs.currency, new.costs.currency)
        why = "a cost gate or limit keeps its number in another currency"
        yield _changed(FindingKind.PRICE_LOWERED, ("costs", "currency"), values, why, head)


def _all_gates(*snapshots: Snapshot) -> Iterator[Gate]:
    for snapshot in snapshots:
        yield from snapshot.project.policy.gates if snapshot.project else ()
        for loaded in snapshot.sprints.values():
            yield from loaded.sprint.gates


def _limits(old: Project, new: Project, head: Snapshot) -> Iterator[Finding]:
    pairs = (
        ("time_limit", seconds(old.compute.time_limit), seconds(new.compute.time_limit)),
        ("cost_limit", old.compute.cost_limit, new.compute.cost_limit),
    )
    for name, was, now in pairs:
        if was is not None and (now is None or now > was):
            values = (getattr(old.compute, name), getattr(new.compute, name))
            why = "runs would not be stopped where they are now"
            yield _kept(_changed(FindingKind.LIMIT_RAISED, ("compute", name), values, why, head))


def _machine(old: Project, new: Project, base: Snapshot, head: Snapshot) -> Iterator[Finding]:
    """Speed, duration and cost are only comparable on as many threads of the same kind of device."""
    if not any(gate.metric in _OF_THE_MACHINE for gate in _all_gates(base, head)):
        return
    why = "speed, duration and cost are measured there, and gates judge them"
    devices = old.compute.device, new.compute.device
    if _kind(devices[0]) != _kind(devices[1]):
        yield _changed(FindingKind.BENCHMARK_WEAKENED, ("compute", "device"), devices, why, head)
    threads = old.compute.threads, new.compute.threads
    if threads[0] != threads[1]:
        yield _changed(FindingKind.BENCHMARK_WEAKENED, ("compute", "threads"), threads, why, head)


def _kind(device: str) -> str:
    """Of `cuda:1` it is `cuda`."""
    return device.partition(":")[0]
