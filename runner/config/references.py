"""What a schema cannot see: names of classes, columns, slices and targets, paths, duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from runner.config.annotation_rules import strategy_problems
from runner.config.approval_rules import approval_problems
from runner.config.batch_rules import batch_problems
from runner.config.check_arguments import check_problems
from runner.config.columns import (
    Columns,
    column_problems,
    condition_problems,
    image_columns,
    layout_columns,
    metadata_problems,
    object_columns,
)
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.config.paths import dataset_problems, embedding_problems, spec_path_problems
from runner.config.schema import GATE_METRICS, load_schema
from runner.config.slice_rules import SliceNames, gate_slice_problems, slice_names, slice_problems
from runner.config.task_rules import metric_problems, preset_problems, task_name, task_problems
from runner.dataset.class_names import plain_name
from runner.domain.evaluation import LOWER_IS_BETTER, QUALITY_METRICS, SPRINT_METRICS
from runner.domain.nearest import suggestion
from runner.domain.task import TaskName


class ProjectFacts(Struct, frozen=True, kw_only=True):
    """What the checks of a spec need to know of the project.

    `task` and `classes` are None when flywheel.yaml cannot tell.
    """

    root: Path
    task: TaskName | None
    classes: tuple[str, ...] | None
    images: Columns
    objects: Columns
    slices: SliceNames
    readable: bool
    has_pool: bool = False
    has_groups: bool = False
    has_skeleton: bool = False


def project_facts(root: Path, project: Node) -> ProjectFacts:
    """Reads the facts from flywheel.yaml's data, which may be wrong in places."""
    written = project.get("classes").value
    classes = (
        tuple(entry for entry in written if isinstance(entry, str)) if isinstance(written, list) else None
    )
    return ProjectFacts(
        root=root,
        task=task_name(project),
        classes=classes,
        images=image_columns(root, project),
        objects=object_columns(classes),
        slices=slice_names(project.get("slices")),
        readable=isinstance(project.value, dict),
        has_pool=project.get("splits", "pool").value is not None,
        has_groups=project.get("dataset", "group_by").value is not None,
        has_skeleton=project.get("keypoints").value is not None,
    )


def project_problems(project: Node, facts: ProjectFacts) -> list[SchemaProblem]:
    """Everything that is wrong with flywheel.yaml beyond its schema."""
    group_by, metadata = project.get("dataset", "group_by"), project.get("dataset", "metadata")
    problems = [
        *dataset_problems(project, facts.root),
        *embedding_problems(project, facts.root),
        *metadata_problems(facts.root, project),
        *task_problems(project),
        *metric_problems(project.get("goal", "metric"), facts.task),
        *_duplicates(project.get("classes").entries(), "class"),
        *_reserved_classes(project.get("classes").entries()),
        *_alike_classes(project.get("classes").entries()),
    ]
    if group_by.text and metadata.value is None and layout_columns(project) == ():
        problems.append(
            SchemaProblem(
                path=group_by.path, message="group_by names a metadata column: add `metadata: …csv`"
            )
        )
    else:
        problems += column_problems(group_by, facts.images)
    for _, condition in project.get("splits").items():
        problems += condition_problems(condition, facts.images)
    problems += slice_problems(project.get("slices"), facts.images, facts.objects, SliceNames())
    for gate in project.get("policy", "gates").entries():
        problems += _gate(gate, facts, facts.slices, _possible_targets())
    return [*problems, *approval_problems(project.get("policy"))]


def sprint_problems(sprint: Node, facts: ProjectFacts) -> list[SchemaProblem]:
    """Everything that is wrong with a spec (with what it extends merged in) beyond its schema."""
    problems = list(spec_path_problems(sprint, facts.root, facts.task))
    for name in ("train", "val", "test"):
        problems += condition_problems(sprint.get("data", name, "where"), facts.images)
        for keys in (("quota", "by"), ("sample", "balance"), ("sample", "stratify")):
            problems += column_problems(sprint.get("data", name, *keys), facts.images)
    problems += condition_problems(sprint.get("data", "exclude"), facts.images)
    if facts.readable:
        problems += batch_problems(
            sprint.get("annotation"), facts.images, has_pool=facts.has_pool, has_groups=facts.has_groups
        )
    problems += strategy_problems(sprint.get("annotation"), facts.task, has_skeleton=facts.has_skeleton)
    for check in sprint.get("checks").entries():
        problems += check_problems(check, facts.images, facts.objects)
        problems += preset_problems(check, facts.task)
    problems += _repeated_seeds(sprint.get("train", "seeds"))
    exports = sprint.get("export").entries()
    targets = [_target_name(export) for export in exports]
    for export, target in zip(exports, targets, strict=True):
        if target and target in targets[: int(export.path[-1])]:
            problems.append(
                SchemaProblem(path=export.path, message=f'the export target "{target}" is named twice')
            )
    problems += metric_problems(sprint.get("evaluate", "optimizing"), facts.task)
    slices = sprint.get("evaluate", "slices")
    problems += slice_problems(slices, facts.images, facts.objects, facts.slices)
    known_targets = frozenset(target for target in targets if target) | {"torch"}
    if sprint.get("expect").value is not None:
        problems += _claim(sprint.get("expect"), facts, facts.slices | slice_names(slices))
    for gate in sprint.get("gates").entries():
        problems += _gate(gate, facts, facts.slices | slice_names(slices), known_targets)
    return problems


def _duplicates(entries: list[Node], what: str) -> Iterator[SchemaProblem]:
    seen: set[str] = set()
    for entry in entries:
        if entry.text in seen:
            yield SchemaProblem(path=entry.path, message=f'the {what} "{entry.text}" is named twice')
        elif entry.text:
            seen.add(entry.text)


def _alike_classes(entries: list[Node]) -> Iterator[SchemaProblem]:
    """Classes that differ in case or in what nobody sees: columns and labels of one would be those of the other."""
    seen: dict[str, str] = {}
    for entry in entries:
        if not entry.text:
            continue
        other = seen.setdefault(plain_name(entry.text).casefold(), entry.text)
        if other != entry.text:
            message = f'the classes "{other}" and "{entry.text}" cannot be told apart: they differ in case or spelling only'
            yield SchemaProblem(path=entry.path, message=message)


def _repeated_seeds(seeds: Node) -> Iterator[SchemaProblem]:
    seen: set[float] = set()
    for entry in seeds.entries():
        if entry.number is not None and entry.number in seen:
            message = f"the seed {entry.number} is named twice: it would train the same model again"
            yield SchemaProblem(path=entry.path, message=message)
        elif entry.number is not None:
            seen.add(entry.number)


def _reserved_classes(entries: list[Node]) -> Iterator[SchemaProblem]:
    for entry in entries:
        if entry.text == "objects":
            message = 'a class cannot be called "objects": its column n_objects counts all objects'
            yield SchemaProblem(path=entry.path, message=message)
        if entry.text == "*":
            message = 'a class cannot be called "*": in a gate that is every class'
            yield SchemaProblem(path=entry.path, message=message)


# --- gates ----------------------------------------------------------------------------------------


def _gate(
    gate: Node, facts: ProjectFacts, slices: SliceNames, targets: frozenset[str]
) -> Iterator[SchemaProblem]:
    yield from metric_problems(gate.get("metric"), facts.task)
    yield from _gate_names(gate, facts, targets)
    if facts.readable:
        yield from gate_slice_problems(gate.get("slice"), slices)
    yield from _gate_sense(gate)


def _claim(claim: Node, facts: ProjectFacts, slices: SliceNames) -> Iterator[SchemaProblem]:
    """A claim is about one place."""
    yield from _gate(claim, facts, slices, frozenset())
    for key in ("slice", "class"):
        if claim.get(key).text == "*":
            yield SchemaProblem(
                path=claim.get(key).path, message=f'a claim names one {key}; "*" is for gates'
            )


def _gate_names(gate: Node, facts: ProjectFacts, targets: frozenset[str]) -> Iterator[SchemaProblem]:
    class_name, target = gate.get("class"), gate.get("target")
    if class_name.text and facts.classes is not None and class_name.text not in (*facts.classes, "*"):
        ending = suggestion(class_name.text, facts.classes, plural="classes")
        yield SchemaProblem(path=class_name.path, message=f'unknown class "{class_name.text}"{ending}')
    if target.text and target.text != "*" and target.text not in targets:
        ending = suggestion(target.text, targets, plural="targets")
        yield SchemaProblem(path=target.path, message=f'unknown export target "{target.text}"{ending}')


def _gate_sense(gate: Node) -> Iterator[SchemaProblem]:
    """Combinations that no model could be judged by."""
    metric = gate.get("metric").text or ""
    is_quality = metric in QUALITY_METRICS
    for key in ("min", "max", "max_drop", "min_gain"):
        threshold = gate.get(key)
        if is_quality and threshold.number is not None and not 0 <= threshold.number <= 1:
            percent = f"; did you mean {threshold.number / 100:g}?" if 1 < threshold.number <= 100 else ""
            yield SchemaProblem(
                path=threshold.path,
                message=f"{metric} lies between 0 and 1, found {threshold.number}{percent}",
            )
    yield from _gate_direction(gate, metric)
    if metric in GATE_METRICS and not is_quality:
        if gate.get("decide").value is not None:
            message = f"{metric} has no confidence interval; remove `decide`"
            yield SchemaProblem(path=gate.get("decide").path, message=message, at_key=True)
        for key in ("slice", "class"):
            if gate.get(key).text:
                message = f"{metric} is not measured per {key}; remove `{key}`"
                yield SchemaProblem(path=gate.get(key).path, message=message, at_key=True)
    if metric in SPRINT_METRICS and gate.get("target").text:
        message = f"{metric} belongs to the sprint, not to a target; remove `target`"
        yield SchemaProblem(path=gate.get("target").path, message=message, at_key=True)
    if gate.get("target").text == "torch" and gate.get("against").text == "torch":
        yield SchemaProblem(
            path=gate.get("against").path, message="the torch model is not compared with itself"
        )


def _gate_direction(gate: Node, metric: str) -> Iterator[SchemaProblem]:
    """A threshold on the wrong side: every good model would fail it."""
    if metric not in GATE_METRICS:
        return
    lower = metric in LOWER_IS_BETTER
    wrong, right = ("min", "max") if lower else ("max", "min")
    threshold = gate.get(wrong)
    if threshold.number is not None and gate.get(right).value is None:
        message = f"less {metric} is better" if lower else f"more {metric} is better"
        yield SchemaProblem(
            path=threshold.path, message=f"{message}: write `{right}: {threshold.number:g}`", at_key=True
        )


def _target_name(export: Node) -> str | None:
    form, precision = export.get("format").text, export.get("precision")
    if form is None or (precision.value is not None and precision.text is None):
        return None
    return f"{form}-{precision.text or 'fp32'}"


@cache
def _possible_targets() -> frozenset[str]:
    """Every target that some spec could export: what a policy's gate may name."""
    names = {"torch"}
    for definition in load_schema("sprint")["$defs"].values():
        properties: dict[str, Any] = definition.get("properties", {})
        for form in properties.get("format", {}).get(
            "enum", ()
        ):  # of tools for annotation, too: they have no precision
            names |= {f"{form}-{one}" for one in properties.get("precision", {}).get("enum", ())}
    return frozenset(names)
