"""Findings about one sprint beside a reference: laxer gates, other test images, fewer checks, …"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from runner.config.annotation import QualityOptions
from runner.config.load import LoadedSprint
from runner.config.sprint import SplitSelection
from runner.config.yaml_loader import DataPath
from runner.domain.policy import Finding, FindingKind
from runner.domain.task import USUAL_TASK
from runner.gates import Gate
from runner.policy.checks import options, pair_checks, weakened
from runner.policy.conditions import same, words
from runner.policy.gates import GatePair, pair_gates
from runner.policy.project_rules import OF_GROUPS, gate_finding, is_weaker, slice_findings
from runner.policy.semantic import sprint_gates
from runner.policy.slices import SlicePair, pair_slices, slice_key
from runner.policy.snapshot import Snapshot
from runner.policy.values import one_line


class Comparison(Struct, frozen=True, kw_only=True):
    """A sprint of the proposal beside a sprint of the base; both snapshots have a valid project.

    Attributes:
        is_newest: of several references this is the newest: what may change in neither direction is compared with it
            alone, since older ones had other values.
        settled: what of it was given up with somebody's approval since.
    """

    base: Snapshot
    head: Snapshot
    old: LoadedSprint
    new: LoadedSprint
    is_newest: bool = True
    settled: frozenset[tuple[str | None, ...]] = frozenset()

    @property
    def name(self) -> str:
        return self.new.name

    @property
    def agreed(self) -> str:
        """Whose demands are compared with: `it before`, or the other sprint."""
        return f"{self.old.name} on the base branch" if self.old.name == self.new.name else self.old.name


def sprint_rules(pair: Comparison) -> Iterator[Finding]:
    """What in a sprint's spec weakens its verdict."""
    for found, _ in weaker_gates(pair):
        yield found
    for slice_pair in weaker_slices(pair):
        for finding in slice_findings([slice_pair], pair.name, pair.base, pair.head):
            known = pair.new if slice_pair.after is not None else pair.old
            where = known.where(("evaluate", "slices", slice_pair.position))
            yield msgspec.structs.replace(finding, where=str(where))
    if pair.is_newest:
        yield from _test_images(pair)
        yield from _what_counts(pair)
        yield from _judged_artefact(pair)
    yield from _measures(pair)
    yield from _checks(pair)
    yield from _agreement(pair)
    yield from _targets(pair)
    yield from _benchmark(pair)


def weaker_gates(pair: Comparison) -> Iterator[tuple[Finding, GatePair]]:
    """Gates of the reference that nothing in the proposal covers: each with its finding."""
    before, after = sprint_gates(pair.old), sprint_gates(pair.new)
    policy = pair.base.project.policy.gates if pair.base.project else []
    judging: list[Gate] = [*after.gates, *policy]
    for gate_pair in pair_gates(before, after):
        if is_weaker(gate_pair, judging, primary=after.primary_target, before=before.primary_target):
            removed = gate_pair.effect == "removed"
            kind = FindingKind.GATE_REMOVED if removed else FindingKind.GATE_LOOSENED
            yield gate_finding(gate_pair, kind, pair.name, pair.agreed), gate_pair


def weaker_slices(pair: Comparison) -> Iterator[SlicePair]:
    """Slices of the reference that are gone or changed; one that became the project's is still there."""
    project = pair.head.project.slices if pair.head.project else []
    own = pair.new.sprint.evaluate.slices
    # Positions are those in the spec, so the project's come last.
    for found in pair_slices(pair.old.sprint.evaluate.slices, [*own, *project]):
        if found.before is not None and not _is_judged(pair, found):
            yield found


def _is_judged(pair: Comparison, found: SlicePair) -> bool:
    """Whether the base's project has that slice anyway: then its version judges."""
    project = pair.base.project.slices if pair.base.project else []
    return found.before is not None and slice_key(found.before) in {slice_key(spec) for spec in project}


def _changed(
    pair: Comparison, kind: FindingKind, path: DataPath, values: tuple[object, object], why: str
) -> Finding:
    """A finding about one option of the spec."""
    before, after = (one_line(value) for value in values)
    name = ".".join(map(str, path))
    return Finding(
        kind=kind,
        sprint=pair.name,
        subject=name,
        before=before,
        after=after,
        message=f"{name} {before or 'unset'} → {after or 'unset'} ({pair.agreed}): {why}",
        where=str(pair.new.where(path)),
    )


def _test_images(pair: Comparison) -> Iterator[Finding]:
    frozen = pair.base.project.policy.frozen_splits if pair.base.project else ("test",)
    for split in frozen:
        old: SplitSelection = getattr(pair.old.sprint.data, split)
        new: SplitSelection = getattr(pair.new.sprint.data, split)
        if not same(old.where, new.where) or _but_where(old) != _but_where(new):
            values = (_selection(old), _selection(new))
            why = f"other images would be in {split}, which is frozen: failing ones could be left out"
            yield _changed(pair, FindingKind.TEST_CHANGED, ("data", split), values, why)
        yield from _moved_by_groups(pair, split, new.where)
    excluded = [split for split in frozen if split != "test"]  # what is judged is never narrowed by `exclude`
    was, now = pair.old.sprint.data.exclude, pair.new.sprint.data.exclude
    if excluded and not same(was, now):
        why = f"other images would be left out of {' and '.join(excluded)}, which is frozen"
        yield _changed(pair, FindingKind.TEST_CHANGED, ("data", "exclude"), (was, now), why)


def _moved_by_groups(pair: Comparison, split: str, where: str | None) -> Iterator[Finding]:
    """A condition that asks for the group means other images once images are grouped otherwise."""
    datasets = [side.project.dataset.group_by if side.project else None for side in (pair.base, pair.head)]
    if datasets[0] != datasets[1] and where is not None and words(where) & OF_GROUPS:
        why = (
            f"other images would be in {split}, which is frozen: data.{split} of the spec asks for the group"
        )
        yield _changed(
            pair, FindingKind.TEST_CHANGED, ("dataset", "group_by"), (datasets[0], datasets[1]), why
        )


def _but_where(selection: SplitSelection) -> SplitSelection:
    return msgspec.structs.replace(selection, where=None)


def _selection(selection: SplitSelection) -> object:
    return {key: value for key, value in msgspec.to_builtins(selection).items() if value is not None} or None


def _what_counts(pair: Comparison) -> Iterator[Finding]:
    old, new = pair.old.sprint.evaluate, pair.new.sprint.evaluate
    task = pair.head.project.task if pair.head.project else USUAL_TASK
    was, now = old.optimizing_for(task), new.optimizing_for(task)
    if was != now:
        why = "the report leads with another number, and the search for the best model goes by it"
        yield _changed(pair, FindingKind.METRIC_CHANGED, ("evaluate", "optimizing"), (was, now), why)
    if old.operating_confidence != new.operating_confidence:
        values = (old.operating_confidence, new.operating_confidence)
        why = "precision, recall and f1 are counted at another score, so one can be bought with the other"
        path: DataPath = ("evaluate", "operating_confidence")
        yield _changed(pair, FindingKind.OPERATING_POINT_CHANGED, path, values, why)


def _measures(pair: Comparison) -> Iterator[Finding]:
    old, new = pair.old.sprint.evaluate, pair.new.sprint.evaluate
    for name, why in (
        ("level", "intervals are narrower, so that gates pass on less evidence"),
        ("resamples", "intervals are rougher, and may come out narrower by chance"),
    ):
        low, high = getattr(new.confidence, name), getattr(old.confidence, name)
        if low < high:
            path: DataPath = ("evaluate", "confidence", name)
            yield _changed(pair, FindingKind.CONFIDENCE_LOWERED, path, (high, low), why)
    seeds = pair.old.sprint.train.seeds, pair.new.sprint.train.seeds
    if len(seeds[1]) < len(seeds[0]):
        why = "fewer trainings show less of how much is luck"
        yield _changed(pair, FindingKind.SEEDS_REDUCED, ("train", "seeds"), seeds, why)


def _checks(pair: Comparison) -> Iterator[Finding]:
    for found in pair_checks(pair.old.sprint.checks, pair.new.sprint.checks):
        if found.before is None:
            continue
        old = options(found.before)
        if found.after is None:
            before, after = one_line(old), None
            message = f"{found.subject} is gone, which {pair.agreed} has: data that it stops would be used"
            where = pair.old.where(("checks", found.position))
        else:
            new = options(found.after)
            keys = weakened(found.before, found.after)
            if not keys:
                continue
            before = one_line({key: old.get(key) for key in keys})
            after = one_line({key: new.get(key) for key in keys})
            message = f"{found.subject} {before} → {after}: it lets more through than in {pair.agreed}"
            where = pair.new.where(("checks", found.position))
        yield Finding(
            kind=FindingKind.CHECK_WEAKENED,
            sprint=pair.name,
            subject=found.subject,
            before=before,
            after=after,
            message=message,
            where=str(where),
        )


def _agreement(pair: Comparison) -> Iterator[Finding]:
    """How far annotators must agree before a model is trained. Of another sprint it says nothing of one that asks for no labels."""
    old, new = (_quality(loaded) for loaded in (pair.old, pair.new))
    if old.agreement is None or (pair.old.name != pair.new.name and not pair.new.sprint.asks_for_labels):
        return
    was, now = old.agreement, new.agreement
    path: DataPath = ("annotation", "quality", "agreement")
    if now is None or now.metric != was.metric or now.min < was.min:
        values = (msgspec.to_builtins(was), msgspec.to_builtins(now))
        why = "a model is trained on labels on which annotators agree less"
        yield _changed(pair, FindingKind.CHECK_WEAKENED, path, values, why)
    if new.double_annotated < old.double_annotated:
        shares = (old.double_annotated, new.double_annotated)
        why = "their agreement is measured on fewer images, and what is not measured does not fail"
        yield _changed(pair, FindingKind.CHECK_WEAKENED, (*path[:-1], "double_annotated"), shares, why)


def _quality(loaded: LoadedSprint) -> QualityOptions:
    annotation = loaded.sprint.annotation
    return annotation.quality or QualityOptions() if annotation is not None else QualityOptions()


def _judged_artefact(pair: Comparison) -> Iterator[Finding]:
    old, new = pair.old.sprint, pair.new.sprint
    if old.primary_target != new.primary_target:
        values = (old.primary_target, new.primary_target)
        why = "gates that name no artefact judge this one, and the champion is compared with it"
        yield _changed(pair, FindingKind.TARGET_CHANGED, ("export",), values, why)


def _targets(pair: Comparison) -> Iterator[Finding]:
    """Artefacts that gates judge and that are no longer exported."""
    old, new = pair.old.sprint, pair.new.sprint
    policy = pair.base.project.policy.gates if pair.base.project else []
    judged = {gate.target for gate in (*old.gates, *policy)}
    kept = {target.name for target in new.export}
    for target in old.export:
        name = target.name
        if name not in kept and judged & {name, "*"} and name != old.primary_target:
            why = "it is no longer exported, and gates judge it"
            finding = _changed(pair, FindingKind.TARGET_CHANGED, ("export",), (name, None), why)
            yield msgspec.structs.replace(finding, subject=f"export {name}")


def _benchmark(pair: Comparison) -> Iterator[Finding]:
    old, new = pair.old.sprint.benchmark, pair.new.sprint.benchmark
    for name in ("iterations", "warmup"):
        was, now = getattr(old, name), getattr(new, name)
        if now < was:
            why = "latencies are measured less carefully"
            yield _changed(pair, FindingKind.BENCHMARK_WEAKENED, ("benchmark", name), (was, now), why)
