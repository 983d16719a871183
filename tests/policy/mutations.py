"""Ways to cheat and ways to work, as data: edits of a small project, and the finding that each must give (or none).

`benchmarks/policy_mutations.py` prints them as a table.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from runner.domain.policy import Finding, FindingKind, distinct
from runner.policy.affected import affected
from runner.policy.code_paths import record_findings
from runner.policy.evidence import RecordedData, evidence_of
from runner.policy.findings import carried_findings, project_findings, sprint_findings
from runner.policy.reference import recorded_reference
from runner.policy.snapshot import Snapshot, load_snapshot

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: parcel-digits
task: detect
classes: [zero, one, two]
dataset: {path: data, layout: yolo, metadata: data/metadata.csv, group_by: scene}
splits:
  train: split = 'train'
  test: split = 'test'
slices:
  - {name: dark, where: brightness < 0.25}
  - {by: [camera, lighting]}
  - {by: weather, max: 10}
  - {name: small, objects: area_px < 800}
  - {auto: weakest, max: 3, min_images: 15}
policy:
  holdout: {significance: 0.25, refresh: required}
  frozen: [test, val]
  approvals: {gate_loosened: [ml-leads], test_changed: [dana]}
  teams: {ml-leads: [alice, bob]}
  gates:
    - {metric: map50_95, max_drop: 0.02, against: champion}
    - {metric: cost, max: 20}
model: {name: parcel-digits, stage: prod}
costs: {currency: EUR, gpu_hour: 2.20, cpu_hour: 0.08}
compute: {device: auto, threads: 4, time_limit: 6h, cost_limit: 20}
"""

FIRST = """\
apiVersion: flywheel/v1
kind: Sprint
title: A first model
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 30}
export: [{format: onnx}]
gates:
  - {metric: size_mb, max: 100}
"""

LAST = """\
apiVersion: flywheel/v1
kind: Sprint
title: The night shift
owner: dock-team
data:
  train: {dedupe: {distance: 0}, sample: {size: 2000, balance: camera}}
  test: {where: "sharpness > 5"}
  exclude: sharpness < 12
checks:
  - {preset: detection, max_unreadable: 0.02, min_objects_per_class: 20}
  - expect_column_values_to_be_between: {table: images, column: sharpness, min_value: 45, mostly: 0.97}
  - expect_column_values_to_be_in_set: {table: images, column: camera, value_set: [dock-a, dock-b]}
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 30, freeze: 10, seeds: [0, 1, 2]}
export:
  - {format: onnx}
  - {format: openvino, precision: int8, calibration: {split: train, size: 300}}
  - {format: openvino, precision: fp16}
evaluate:
  optimizing: map50_95
  operating_confidence: 0.3
  slices:
    - {name: gate, where: camera = 'gate' and brightness < 0.5}
    - {by: operator}
  confidence: {level: 0.95, resamples: 2000}
benchmark: {warmup: 5, iterations: 100}
gates:
  - {metric: map50_95, min: 0.45}
  - {metric: recall, slice: dark, min: 0.70}
  - {metric: recall, class: one, min: 0.60}
  - {metric: precision, slice: "*", min: 0.50}
  - {metric: map50, min_gain: 0.01, against: champion}
  - {metric: map50_95, target: openvino-int8, max_drop: 0.03, against: torch}
  - {metric: latency_p95_ms, target: openvino-int8, max: 60}
  - {metric: size_mb, target: "*", max: 15}
"""

P, S1, S2 = "flywheel.yaml", "specs/0001-first-model.yaml", "specs/0002-night.yaml"
NEXT = "specs/0003-next.yaml"
_USE = {
    "split_digest": "t1",
    "evaluation_digest": "e1",
    "significance": 0.025,
    "uses_before": 0,
    "spent_before": 0.0,
}


def selection(**changes: Any) -> str:
    """selection.json of a sprint that ran."""
    counts = {name: {"images": 80, "objects": 200, "per_class": {}} for name in ("train", "val", "test")}
    digests = {"train": "r1", "val": "v1", "test": "t1"}
    groups = {"train": "g1", "val": "g2", "test": "g3"}
    record = {
        "splits": counts,
        "dropped": [],
        "digest": "d",
        "split_digests": digests,
        "group_digests": groups,
    }
    return json.dumps(record | changes)


def evaluation(
    dark: tuple[int, int] = (30, 90),
    cameras: tuple[str, ...] = ("east", "west"),
    zone: tuple[str, int] | None = None,
    members: Mapping[str, str] | None = None,
) -> str:
    """The part of evaluation.json that slices are compared by; `zone`: the condition of `zone=1`, and its images."""

    def part(name: str, condition: str, counts: tuple[int, int]) -> dict[str, Any]:
        overall = {"images": counts[0], "objects": counts[1], "map50_95": 0.5}
        return {"name": name, "kind": "images", "condition": condition, "overall": overall, "found": None}

    slices = [part("dark", "brightness < 0.25", dark)]
    slices += [part(f"camera={name}", f"\"camera\" = '{name}'", (40, 100)) for name in cameras]
    slices += [part("zone=1", zone[0], (zone[1], 3 * zone[1]))] if zone else []
    found = {"p_value": 0.01, "searched": 9, "loss": 0.5, "loss_elsewhere": 0.2}
    slices.append({**part("sharpness < 9", "sharpness < 9", (9, 9)), "found": found})
    digests = {"dark": "m1"} | dict(members or {})
    record = {
        "task": "detect",
        "split_digest": "t1",
        "targets": [{"slices": slices}],
        "slice_members": digests,
    }
    return json.dumps(record)


BASE: dict[str, str] = {
    P: PROJECT,
    S1: FIRST,
    S2: LAST,
    "data.dvc": "outs:\n- md5: a.dir\n  path: data\n",
    "reports/0001-first-model/uses.json": json.dumps([_USE]),
    "reports/0002-night/uses.json": json.dumps([_USE]),
    "reports/0002-night/selection.json": selection(),
    "reports/0002-night/evaluation.json": evaluation(),
}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A proposal.

    Attributes:
        replaced: (file, old, new) pieces; `old` is there exactly once.
        written: whole files.
        removed: files that are gone; a folder's name for all in it.
        kind: the finding that it must give; None: none at all.
        judges: a kept gate that must judge, as `metric threshold`; "" where none is expected.
        refused: the proposal is not valid at all, and this is in an error.
        recorded: what the run of `ran` then writes into its folder.
        ran: the sprint that ran.
        agreed: files of the base in place of `BASE`'s.
        newest_record: the sprint whose record changed last on the base.
        unapproved: files of the base as they were before a merge that nobody approved.
        approved: weaknesses that somebody approved since, as `Finding.weakness`.
        promoted: the sprint that was promoted last.
        made_of: files of the base as they were when the sprints' records came.
    """

    name: str
    replaced: tuple[tuple[str, str, str], ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    kind: FindingKind | None = None
    judges: str = ""
    refused: str = ""
    recorded: Mapping[str, str] = field(default_factory=dict)
    ran: str = "0002-night"
    agreed: Mapping[str, str] = field(default_factory=dict)
    newest_record: str = "0002-night"
    unapproved: Mapping[str, str] = field(default_factory=dict)
    approved: tuple[tuple[str | None, ...], ...] = ()
    promoted: str | None = None
    made_of: Mapping[str, str] = field(default_factory=dict)

    def base(self) -> dict[str, str]:
        """The base's files."""
        return {**BASE, **self.agreed}

    def changed(self) -> list[str]:
        """The paths that the proposal changes."""
        base, files = self.base(), self.files()
        return sorted(path for path in base.keys() | files.keys() if base.get(path) != files.get(path))

    def files(self) -> dict[str, str]:
        """The proposal's files."""
        files = {
            path: text
            for path, text in self.base().items()
            if not any(path == gone or path.startswith(f"{gone}/") for gone in self.removed)
        }
        for file, old, new in self.replaced:
            if files[file].count(old) != 1:
                raise ValueError(f"{self.name}: {old!r} is {files[file].count(old)} times in {file}")
            files[file] = files[file].replace(old, new)
        return files | dict(self.written)


K = FindingKind


def _cheat(
    name: str, kind: FindingKind, *replaced: tuple[str, str, str], judges: str = "", **more: Any
) -> Edit:
    return Edit(name=name, kind=kind, replaced=replaced, judges=judges, **more)


def _new(gates: str = "", extends: str = "0002-night", more: str = "") -> dict[str, str]:
    """A new spec; without `gates` it has those that it extends."""
    base = f"extends: {extends}\n" if extends else ""
    train = "train: {framework: ultralytics, model: yolo11n.yaml, epochs: 60, seeds: [0, 1, 2]}\n"
    return {
        NEXT: f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\n{base}{train}{gates}{more}",
    }


_LAX = "gates: [{metric: size_mb, max: 500}]\n"
RECALL_DARK = "- {metric: recall, slice: dark, min: 0.70}"
COPY = LAST.replace("slice: dark, min: 0.70", "slice: dark, min: 0.10")

_EVALUATED = "reports/0002-night/evaluation.json"
_OLD_SELECTION = selection(split_digests={"train": "r0", "val": "v1", "test": "t0"})
_OLDER = {
    S1: LAST.replace("The night shift", "older"),
    "reports/0001-first-model/selection.json": _OLD_SELECTION,
    "reports/0001-first-model/evaluation.json": evaluation(),
}


def _checked(check: str) -> dict[str, str]:
    """A base whose newest spec has one more check."""
    return {S2: LAST.replace("checks:\n", f"checks:\n  - {check}\n")}


def _labelled(quality: str) -> str:
    """The newest spec with a batch, and what is spent on knowing how good its labels are."""
    return f"{LAST}annotation: {{strategy: boxes, batch: {{size: 20}}, quality: {{{quality}}}}}\n"


_POOL = PROJECT.replace("  test: split = 'test'\n", "  test: split = 'test'\n  pool: split = 'pool'\n")
_AGREED = {P: _POOL, S2: _labelled("double_annotated: 0.1, agreement: {min: 0.8}")}
_SINCE = 'expect_column_values_to_be_between: {table: images, column: taken, min_value: "2024-06-01"}'

_BY_GROUP = (
    PROJECT.replace(", group_by: scene", "")
    .replace("test: split = 'test'", "test: group_fraction < 0.2")
    .replace("train: split = 'train'", "train: group_fraction > 0.2")
)
_UNNAMED = {  # nothing of it needs a metadata file
    P: PROJECT.replace("  - {by: [camera, lighting]}\n  - {by: weather, max: 10}\n", ""),
    S2: FIRST,
}

_MORE = {"train": "r2", "val": "v1", "test": "t1"}
_DESCRIBED = {"reports/0002-night/selection.json": selection(metadata_digests={"train": {"glare": "1"}, "test": {"glare": "1", "fog": "1"}})}  # fmt: skip
_PARTED = {"reports/0002-night/selection.json": selection(group_parts={"train": ["i1 g1", "i2 g2"]})}
_IN_GIT = {S1: FIRST.replace("yolo11n.yaml", "weights/a.pt"), "weights/a.pt": "weights"}
_DARK = ("gate_loosened", "gate recall on dark", "≥ 0.70", "≥ 0.10")

CHEATS: tuple[Edit, ...] = (
    # gates
    _cheat("a gate's minimum is lowered", K.GATE_LOOSENED, (S2, "dark, min: 0.70", "dark, min: 0.65"), judges="recall 0.7"),
    _cheat("a gate's maximum is raised", K.GATE_LOOSENED, (S2, "max: 60}", "max: 90}"), judges="latency_p95_ms 60"),
    _cheat("a larger drop is accepted", K.GATE_LOOSENED, (S2, "max_drop: 0.03", "max_drop: 0.3"), judges="map50_95 0.03"),
    _cheat("a gain becomes a drop", K.GATE_LOOSENED, (S2, "min_gain: 0.01", "max_drop: 0.01"), judges="map50 0.01"),
    _cheat("the point decides instead of the interval", K.GATE_LOOSENED, (S2, "dark, min: 0.70}", "dark, min: 0.70, decide: point}"), judges="recall 0.7"),
    _cheat("a stricter threshold hides the point", K.GATE_LOOSENED, (S2, "dark, min: 0.70}", "dark, min: 0.71, decide: point}"), judges="recall 0.7"),
    _cheat("a gate is dropped", K.GATE_REMOVED, (S2, f"  {RECALL_DARK}\n", ""), judges="recall 0.7"),
    _cheat("all gates are dropped", K.GATE_REMOVED, (S2, LAST[LAST.index("gates:") :], ""), judges="map50_95 0.45"),
    _cheat("a comparison becomes a low threshold", K.GATE_REMOVED, (S2, "min_gain: 0.01, against: champion", "min: 0.01"), judges="map50 0.01"),
    _cheat("another reference: torch instead of the champion", K.GATE_REMOVED, (S2, "min_gain: 0.01, against: champion", "min_gain: 0.01, against: torch, target: onnx-fp32"), judges="map50 0.01"),
    _cheat("a gate moves to an easier slice", K.GATE_REMOVED, (S2, "slice: dark, min: 0.70", "slice: gate, min: 0.70"), judges="recall 0.7"),
    _cheat("a gate moves to one class", K.GATE_REMOVED, (S2, "map50_95, min: 0.45", "map50_95, class: two, min: 0.45"), judges="map50_95 0.45"),
    _cheat("a gate of every slice moves to one", K.GATE_REMOVED, (S2, 'slice: "*", min: 0.50', "slice: gate, min: 0.50"), judges="precision 0.5"),
    _cheat("a gate moves to an easier artefact", K.GATE_REMOVED, (S2, "latency_p95_ms, target: openvino-int8", "latency_p95_ms, target: openvino-fp16"), judges="latency_p95_ms 60"),
    _cheat("a gate judges one artefact instead of all", K.GATE_REMOVED, (S2, 'target: "*", max: 15', "target: onnx-fp32, max: 15"), judges="size_mb 15"),
    _cheat("another metric under the same threshold", K.GATE_REMOVED, (S2, "map50_95, min: 0.45", "map50, min: 0.45"), judges="map50_95 0.45"),
    # the policy
    _cheat("a policy gate is loosened", K.POLICY_LOOSENED, (P, "max_drop: 0.02", "max_drop: 0.2")),
    _cheat("a policy gate is dropped", K.POLICY_LOOSENED, (P, "    - {metric: map50_95, max_drop: 0.02, against: champion}\n", "")),
    _cheat("the test split's budget is raised", K.POLICY_LOOSENED, (P, "significance: 0.25", "significance: 0.9")),
    _cheat("a worn test split only advises", K.POLICY_LOOSENED, (P, "refresh: required", "refresh: advised")),
    _cheat("the holdout's budget is dropped", K.POLICY_LOOSENED, (P, "  holdout: {significance: 0.25, refresh: required}\n", "")),
    _cheat("a split is thawed", K.POLICY_LOOSENED, (P, "frozen: [test, val]", "frozen: []")),
    _cheat("the author joins the team that approves", K.APPROVALS_WEAKENED, (P, "[alice, bob]", "[alice, bob, mallory]")),
    _cheat("somebody else approves the test split", K.APPROVALS_WEAKENED, (P, "test_changed: [dana]", "test_changed: [mallory]")),
    _cheat("an approval is left to maintainers", K.APPROVALS_WEAKENED, (P, ", test_changed: [dana]", "")),
    # slices
    _cheat("a slice of the project is dropped", K.SLICE_REMOVED, (P, "  - {name: small, objects: area_px < 800}\n", "")),
    _cheat("a slice of the spec is dropped", K.SLICE_REMOVED, (S2, "    - {by: operator}\n", "")),
    _cheat("fewer slices of a column", K.SLICE_REMOVED, (P, "weather, max: 10", "weather, max: 1")),
    _cheat("columns are no longer crossed", K.SLICE_REMOVED, (P, "[camera, lighting]", "camera")),
    _cheat("a slice's boundary moves", K.SLICE_CHANGED, (P, "brightness < 0.25", "brightness < 0.35")),
    _cheat("a slice's boundary moves in the spec", K.SLICE_CHANGED, (S2, "brightness < 0.5", "brightness < 0.9")),
    _cheat("a slice's name means something else", K.SLICE_CHANGED, (P, "name: small, objects: area_px < 800", "name: small, where: width < 800")),
    _cheat("an exclusion hides in a slice", K.SLICE_CHANGED, (P, "where: brightness < 0.25", "where: brightness < 0.25 AND path NOT LIKE '%hard%'")),
    _cheat("small regions are no longer looked at", K.MIN_SIZE_RAISED, (P, "min_images: 15", "min_images: 500")),
    # what is tested
    _cheat("the test split's condition leaves images out", K.TEST_CHANGED, (P, "test: split = 'test'", "test: split = 'test' AND brightness > 0.2")),
    _cheat("a frozen split gets a condition", K.TEST_CHANGED, (P, "  test: split = 'test'\n", "  test: split = 'test'\n  val: split = 'val' AND width > 10\n")),
    _cheat("the spec narrows the test split", K.TEST_CHANGED, (S2, "sharpness > 5", "sharpness > 50")),
    _cheat("the test split is sampled", K.TEST_CHANGED, (S2, 'test: {where: "sharpness > 5"}', 'test: {where: "sharpness > 5", sample: {size: 20, seed: 7}}')),
    _cheat("an exclusion reaches a frozen split", K.TEST_CHANGED, (S2, "exclude: sharpness < 12", "exclude: sharpness < 12 OR camera = 'gate'")),
    _cheat("other annotation files", K.TEST_CHANGED, (P, "layout: yolo", "layout: {format: coco, annotations: [easy.json]}")),
    _cheat("another dataset", K.TEST_CHANGED, (P, "path: data, layout", "path: easy, layout"), written={"easy.dvc": "outs: []\n"}),
    _cheat("another metadata file", K.TEST_CHANGED, (P, "data/metadata.csv", "data/other.csv")),
    _cheat("no metadata file", K.TEST_CHANGED, (P, ", metadata: data/metadata.csv, group_by: scene", ""), agreed=_UNNAMED),
    _cheat("groups move images of a split that is made of them", K.TEST_CHANGED, (P, "metadata: data/metadata.csv", "metadata: data/metadata.csv, group_by: scene"), agreed={P: _BY_GROUP}),
    _cheat("groups move images of a spec's test selection that asks for them", K.TEST_CHANGED, (P, "metadata: data/metadata.csv", "metadata: data/metadata.csv, group_by: scene"), (S2, "epochs: 30", "epochs: 31"), agreed={P: PROJECT.replace(", group_by: scene", ""), S2: LAST.replace("sharpness > 5", "group_fraction > 0.5")}),
    _cheat("wrong labels are left out of what is judged", K.TEST_CHANGED, (P, "group_by: scene", "group_by: scene, labels: {faults: drop}")),
    _cheat("labels of unknown classes stop no sprint", K.CHECK_WEAKENED, (P, "group_by: scene", "group_by: scene, labels: {unknown_class: drop}")),
    _cheat("duplicates warn again", K.CHECK_WEAKENED, (P, ", labels: {duplicate: refuse}", ""), agreed={P: PROJECT.replace("group_by: scene", "group_by: scene, labels: {duplicate: refuse}")}),
    _cheat("images are no longer grouped", K.GROUPING_CHANGED, (P, ", group_by: scene", "")),
    _cheat("classes change places", K.CLASS_MAP_CHANGED, (P, "[zero, one, two]", "[one, zero, two]")),
    _cheat("a hard class is dropped", K.CLASS_MAP_CHANGED, (P, "[zero, one, two]", "[zero, one]")),
    _cheat("a class is renamed", K.CLASS_MAP_CHANGED, (P, "[zero, one, two]", "[zero, one, zwei]")),
    _cheat("a class is added", K.CLASS_MAP_CHANGED, (P, "[zero, one, two]", "[zero, one, two, three]")),
    _cheat("another task", K.TASK_CHANGED, (P, "task: detect", "task: segment"), (S1, "yolo11n", "yolo11n-seg"), (S2, "yolo11n", "yolo11n-seg")),
    # how it is measured
    _cheat("another metric is pushed", K.METRIC_CHANGED, (S2, "optimizing: map50_95", "optimizing: map50")),
    _cheat("another operating confidence", K.OPERATING_POINT_CHANGED, (S2, "operating_confidence: 0.3", "operating_confidence: 0.01")),
    _cheat("a lower confidence level", K.CONFIDENCE_LOWERED, (S2, "level: 0.95", "level: 0.5")),
    _cheat("fewer resamples", K.CONFIDENCE_LOWERED, (S2, "resamples: 2000", "resamples: 100")),
    _cheat("fewer seeds", K.SEEDS_REDUCED, (S2, "seeds: [0, 1, 2]", "seeds: [1]")),
    _cheat("another artefact is judged", K.TARGET_CHANGED, (S2, "  - {format: onnx}\n", ""), (S2, "precision: fp16}", "precision: fp16}\n  - {format: onnx}")),
    _cheat("an artefact that gates judge is not exported", K.TARGET_CHANGED, (S2, "  - {format: openvino, precision: fp16}\n", "")),
    _cheat("fewer measured runs", K.BENCHMARK_WEAKENED, (S2, "iterations: 100", "iterations: 10")),
    _cheat("latency is measured with more threads", K.BENCHMARK_WEAKENED, (P, "threads: 4", "threads: 64")),
    _cheat("another device under a gate on the duration", K.BENCHMARK_WEAKENED, (P, "device: auto", "device: cuda"), agreed={P: PROJECT.replace("    - {metric: cost, max: 20}\n", "    - {metric: duration_min, max: 20}\n"), S2: LAST.replace("latency_p95_ms, target: openvino-int8, max: 60", "duration_min, max: 60")}),
    _cheat("more threads under a gate on the cost", K.BENCHMARK_WEAKENED, (P, "threads: 4", "threads: 64"), agreed={S2: LAST.replace("  - {metric: latency_p95_ms, target: openvino-int8, max: 60}\n", "")}),
    # data checks
    _cheat("a check is dropped", K.CHECK_WEAKENED, (S2, LAST[LAST.index("  - expect_column_values_to_be_in_set") : LAST.index("train: {fr")], "")),
    _cheat("a check only warns", K.CHECK_WEAKENED, (S2, "mostly: 0.97", "mostly: 0.97, severity: warning")),
    _cheat("a check lets more rows through", K.CHECK_WEAKENED, (S2, "mostly: 0.97", "mostly: 0.5")),
    _cheat("a check's bound is lowered", K.CHECK_WEAKENED, (S2, "min_value: 45", "min_value: 1")),
    _cheat("a check looks at one split only", K.CHECK_WEAKENED, (S2, "min_value: 45", "min_value: 45, split: val")),
    _cheat("a check accepts more values", K.CHECK_WEAKENED, (S2, "[dock-a, dock-b]", "[dock-a, dock-b, fake]")),
    _cheat("a check's share of one split becomes one of all rows", K.CHECK_WEAKENED, (S2, "mostly: 0.97, split: test", "mostly: 0.97"), agreed={S2: LAST.replace("mostly: 0.97", "mostly: 0.97, split: test")}),
    _cheat("a figure of one split becomes one of all rows", K.CHECK_WEAKENED, (S2, "min_value: 300, split: test", "min_value: 300"), agreed=_checked("expect_table_row_count_to_be_between: {table: images, min_value: 300, split: test}")),
    _cheat("fewer values are forbidden", K.CHECK_WEAKENED, (S2, "[broken, stolen]", "[broken]"), agreed=_checked("expect_column_values_to_not_be_in_set: {table: images, column: camera, value_set: [broken, stolen]}")),
    _cheat("an earlier date is accepted", K.CHECK_WEAKENED, (S2, "2024-06-01", "2024-01-01"), agreed=_checked(_SINCE)),
    _cheat("the preset takes fewer images for near-duplicates", K.CHECK_WEAKENED, (S2, "max_unreadable: 0.02", "max_unreadable: 0.02, near_duplicate_distance: 0")),
    _cheat("the preset accepts more corrupt files", K.CHECK_WEAKENED, (S2, "max_unreadable: 0.02", "max_unreadable: 0.9")),
    _cheat("the preset's minimum is lowered", K.CHECK_WEAKENED, (S2, "min_objects_per_class: 20", "min_objects_per_class: 0")),
    # money, time, registry
    _cheat("a price is lowered under a cost gate", K.PRICE_LOWERED, (P, "gpu_hour: 2.20", "gpu_hour: 0.01")),
    _cheat("a cost gate in another currency", K.PRICE_LOWERED, (P, "currency: EUR", "currency: JPY")),
    _cheat("the time limit is raised", K.LIMIT_RAISED, (P, "time_limit: 6h", "time_limit: 600h")),
    _cheat("the cost limit is dropped", K.LIMIT_RAISED, (P, ", cost_limit: 20", "")),
    _cheat("another stage: no champion to compare with", K.REGISTRY_CHANGED, (P, "stage: prod", "stage: fresh")),
    _cheat("the registry is dropped", K.REGISTRY_CHANGED, (P, "model: {name: parcel-digits, stage: prod}\n", "")),
    # the reference
    _cheat("the spec is deleted", K.SPRINT_REMOVED, removed=(S2,)),
    _cheat("the spec gets another name", K.SPRINT_REMOVED, removed=(S2,), written={"specs/0002-nights.yaml": LAST}),
    _cheat("a lax copy under another name", K.GATE_LOOSENED, removed=(S2,), written={"specs/0003-night.yaml": COPY}, judges="recall 0.7"),
    _cheat("a lax spec right after an old one", K.GATE_REMOVED, written={"specs/0001-night.yaml": _new(_LAX, extends="")[NEXT]}, judges="recall 0.7"),
    _cheat("a lax copy under the lowest number", K.GATE_LOOSENED, removed=(S2, S1), written={"specs/0000-night.yaml": COPY}, judges="recall 0.7"),
    _cheat("a new spec with lax gates", K.GATE_REMOVED, written=_new(_LAX), judges="recall 0.7"),
    _cheat("a new spec that extends nothing", K.GATE_REMOVED, written=_new(_LAX, extends="", more="export: [{format: onnx}]\n"), judges="recall 0.7"),
    _cheat("a new spec extends an old, lax one", K.GATE_REMOVED, written=_new(extends="0001-first-model"), judges="recall 0.7"),
    _cheat("a new spec extends a lax one that comes with it", K.GATE_REMOVED, written={**_new(extends="0009-lax"), "specs/0009-lax.yaml": FIRST}, judges="recall 0.7"),
    _cheat("the newest recipe in an old, lax spec", K.GATE_REMOVED, (S1, "epochs: 30}", "epochs: 90, freeze: 2}"), judges="recall 0.7"),
    _cheat("new data behind a comment in an old, lax spec", K.GATE_REMOVED, ("data.dvc", "a.dir", "b.dir"), (S1, "title:", "# a note\ntitle:"), judges="recall 0.7"),
    _cheat("more training images behind a title in an old, lax spec", K.GATE_REMOVED, (P, "train: split = 'train'", "train: split IN ('train', 'extra')"), (S1, "A first", "Our first"), judges="recall 0.7"),
    _cheat("other weights behind a title in an old, lax spec", K.GATE_REMOVED, ("weights/a.pt.dvc", "md5: a", "md5: b"), (S1, "A first", "Our first"), judges="recall 0.7", agreed={S1: FIRST.replace("yolo11n.yaml", "weights/a.pt"), "weights/a.pt.dvc": "outs:\n- md5: a\n  path: a.pt\n"}),
    _cheat("a high number pins what is newest", K.GATE_REMOVED, agreed={"specs/9999-note.yaml": FIRST}, written={"specs/0001-zz.yaml": FIRST.replace("epochs: 30", "epochs: 90")}, judges="recall 0.7"),
    _cheat("a gate is taken away with null", K.GATE_REMOVED, written=_new(more="gates: null\n"), judges="recall 0.7"),
    _cheat("annotators may agree less", K.CHECK_WEAKENED, (S2, "{min: 0.8}", "{min: 0.3}"), agreed=_AGREED),
    _cheat("annotators agree by a measure that forgives more", K.CHECK_WEAKENED, (S2, "{min: 0.8}", "{metric: class, min: 0.8}"), agreed=_AGREED),
    _cheat("no image is labelled twice, so that agreement is not measured", K.CHECK_WEAKENED, (S2, "double_annotated: 0.1, ", ""), agreed=_AGREED),
    _cheat("what annotators had to agree on is gone once they have labelled", K.CHECK_WEAKENED, agreed=_AGREED, written={S2: LAST}),
    _cheat("a new batch whose annotators need not agree", K.CHECK_WEAKENED, agreed=_AGREED, written={NEXT: _labelled("double_annotated: 0.1")}),
    _cheat("a check is taken away with null", K.CHECK_WEAKENED, written=_new(more="checks: null\n")),
    _cheat("flywheel.yaml is deleted", K.POLICY_LOOSENED, removed=(P,)),
    # records
    _cheat("uses of the test split are forgotten", K.RECORD_CHANGED, written={"reports/0001-first-model/uses.json": "[]"}),
    _cheat("the sprint's own uses are forgotten", K.RECORD_CHANGED, (S2, "epochs: 30", "epochs: 40"), written={"reports/0002-night/uses.json": "[]"}),
    _cheat("a record of another sprint is deleted", K.RECORD_CHANGED, removed=("reports/0001-first-model",)),
    _cheat("a record is invented", K.RECORD_CHANGED, written={"reports/0007-new/uses.json": "[]"}),
    # what only the data shows
    _cheat("test images are gone from the data", K.TEST_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"selection.json": selection(split_digests={"train": "r1", "val": "v1", "test": "t2"}, splits={name: {"images": 70, "objects": 180} for name in ("train", "val", "test")})}),
    _cheat("labels of the test split were changed", K.TEST_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"selection.json": selection(split_digests={"train": "r1", "val": "v1", "test": "t3"})}),
    _cheat("a frozen val split has other images", K.TEST_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"selection.json": selection(split_digests={"train": "r1", "val": "v2", "test": "t1"})}),
    _cheat("an older test split again, by extending an older spec", K.TEST_CHANGED, ("data.dvc", "a.dir", "old.dir"), agreed=_OLDER, written={NEXT: LAST.replace("title:", "extends: 0001-first-model\ntitle:")}, ran="0003-next", recorded={"selection.json": _OLD_SELECTION}),
    _cheat("an older test split again, by a title in an older spec", K.TEST_CHANGED, ("data.dvc", "a.dir", "old.dir"), (S1, "older", "oldest"), agreed=_OLDER, ran="0001-first-model", recorded={"selection.json": _OLD_SELECTION}),
    _cheat("the metadata moves images out of a slice", K.SLICE_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"evaluation.json": evaluation(dark=(12, 30))}),
    _cheat("the metadata puts other images of as many objects into a slice", K.SLICE_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"evaluation.json": evaluation(members={"dark": "m2"})}),
    _cheat("a column's type flips while its values move", K.SLICE_CHANGED, (S2, "epochs: 30", "epochs: 40"), agreed={_EVALUATED: evaluation(zone=("\"zone\" = '1'", 40))}, recorded={"evaluation.json": evaluation(zone=('"zone" = 1', 5))}),
    _cheat("the metadata makes every image its own scene", K.GROUPING_CHANGED, (S2, "epochs: 30", "epochs: 40"), recorded={"selection.json": selection(group_digests={"train": "g1", "val": "g2", "test": "g9"})}),
    _cheat("the metadata knows a camera no more", K.SLICE_REMOVED, (S2, "epochs: 30", "epochs: 40"), recorded={"evaluation.json": evaluation(cameras=("east",))}),
    _cheat("metadata of the test images that only the search reads", K.SLICE_CHANGED, (S2, "epochs: 30", "epochs: 40"), agreed=_DESCRIBED, recorded={"selection.json": selection(metadata_digests={"test": {"glare": "2"}})}),
    _cheat("metadata of the test images that is gone", K.SLICE_CHANGED, (S2, "epochs: 30", "epochs: 40"), agreed=_DESCRIBED, recorded={"selection.json": selection(metadata_digests={"test": {"fog": "1"}})}),
    _cheat("training images change their groups beside a new image", K.GROUPING_CHANGED, (S2, "epochs: 30", "epochs: 40"), agreed=_PARTED, recorded={"selection.json": selection(split_digests=_MORE, group_parts={"train": ["i1 g9", "i3 g3"]})}),
    _cheat("the record on the base is spoiled", K.TEST_CHANGED, (S2, "epochs: 30", "epochs: 40"), agreed={"reports/0002-night/selection.json": "{"}, recorded={"selection.json": selection()}),
    # what came to the branch before
    _cheat("a gate that an earlier merge loosened, in the same spec", K.GATE_LOOSENED, (S2, "epochs: 30", "epochs: 31"), agreed={S2: COPY}, unapproved={S2: LAST}, judges="recall 0.7"),
    _cheat("a gate that an earlier merge loosened, behind a title", K.GATE_LOOSENED, (S2, "The night shift", "Nights"), agreed={S2: COPY}, unapproved={S2: LAST}, judges="recall 0.7"),
    _cheat("a new spec extends a lax one that an earlier merge brought", K.GATE_REMOVED, agreed={"specs/0003-lax.yaml": _new(_LAX)[NEXT]}, unapproved={"specs/0003-lax.yaml": LAST}, written={"specs/0004-again.yaml": _new(extends="0003-lax")[NEXT]}, judges="recall 0.7"),
    _cheat("a policy that an earlier merge loosened", K.POLICY_LOOSENED, written=_new(), agreed={P: PROJECT.replace("max_drop: 0.02", "max_drop: 0.9")}, unapproved={P: PROJECT}),
    _cheat("a class map that an earlier merge changed", K.CLASS_MAP_CHANGED, (S2, "epochs: 30", "epochs: 31"), agreed={P: PROJECT.replace("[zero, one, two]", "[zero, one, two, three]")}, unapproved={P: PROJECT}),
    _cheat("a slice that an earlier merge took away", K.SLICE_REMOVED, written=_new(), agreed={P: PROJECT.replace("  - {name: small, objects: area_px < 800}\n", "")}, unapproved={P: PROJECT}),
    _cheat("a check that an earlier merge weakened", K.CHECK_WEAKENED, written=_new(), agreed={S2: LAST.replace("mostly: 0.97", "mostly: 0.5")}, unapproved={S2: LAST}),
    _cheat("a spec that an earlier merge took away", K.SPRINT_REMOVED, (S2, "epochs: 30", "epochs: 31"), agreed={}, unapproved={"specs/0000-strict.yaml": LAST}),
    _cheat("approvers that an earlier merge brought", K.APPROVALS_WEAKENED, written=_new(), agreed={P: PROJECT.replace("[alice, bob]", "[alice, bob, mallory]")}, unapproved={P: PROJECT}),
    _cheat("another gate than the one whose loosening was approved", K.GATE_LOOSENED, (S2, "epochs: 30", "epochs: 31"), agreed={S2: COPY.replace("class: one, min: 0.60", "class: one, min: 0.10")}, unapproved={S2: LAST}, approved=(_DARK,), judges="recall 0.6"),
    _cheat("an old, lax spec is run last and has the highest number", K.GATE_REMOVED, agreed={"specs/9999-note.yaml": FIRST}, written={"specs/0000-zero.yaml": FIRST.replace("epochs: 30", "epochs: 90")}, newest_record="9999-note", promoted="0002-night", judges="recall 0.7"),
    _cheat("weights in git behind a title in an old, lax spec", K.GATE_REMOVED, (S1, "A first", "Our first"), agreed=_IN_GIT, written={"weights/a.pt": "other"}, judges="recall 0.7"),
    _cheat("data that came to the branch before, behind a title in an old, lax spec", K.GATE_REMOVED, (S1, "A first", "Our first"), made_of={"data.dvc": BASE["data.dvc"].replace("a.dir", "older.dir")}, judges="recall 0.7"),
    _cheat("a training split that grew before, behind a title in an old, lax spec", K.GATE_REMOVED, (S1, "A first", "Our first"), made_of={P: PROJECT.replace("train: split = 'train'", "train: split = 'less'")}, judges="recall 0.7"),
    _cheat("an approval is invented", K.RECORD_CHANGED, (S2, "epochs: 30", "epochs: 40"), written={"reports/0002-night/agreed.json": "[]"}),
    # refused before any policy
    Edit(name="int8 is calibrated on the test split", replaced=((S2, "{split: train, size: 300}", "{split: test, size: 300}"),), refused="split"),
    Edit(name="an approval by nobody", replaced=((P, "[dana]", "[]"),), refused="test_changed"),
)  # fmt: skip


def _benign(name: str, *replaced: tuple[str, str, str], **more: Any) -> Edit:
    return Edit(name=name, replaced=replaced, **more)


def _reordered(text: str) -> str:
    """The top-level blocks of a YAML file in the opposite order."""
    blocks: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if line[0] not in " -":
            blocks.append([])
        blocks[-1].append(line)
    return "".join("".join(block) for block in reversed(blocks))


BENIGN: tuple[Edit, ...] = (
    _benign("keys of the spec in another order", written={S2: _reordered(LAST)}),
    _benign("keys of flywheel.yaml in another order", written={P: _reordered(PROJECT)}),
    _benign("comments", (S2, "gates:\n", "# what must be reached\ngates:   # all of it\n"), (P, "task: detect", "task: detect  # boxes")),
    _benign("quotes", (P, "test: split = 'test'", "test: \"split = 'test'\""), (P, "name: parcel-digits\ntask", 'name: "parcel-digits"\ntask')),
    _benign("gates in another order", (S2, "  - {metric: map50_95, min: 0.45}\n", ""), (S2, "max: 15}\n", "max: 15}\n  - {metric: map50_95, min: 0.45}\n")),
    _benign("slices in another order", (P, "  - {name: dark, where: brightness < 0.25}\n", ""), (P, "min_images: 15}\n", "min_images: 15}\n  - {name: dark, where: brightness < 0.25}\n")),
    _benign("the preset takes more images for near-duplicates", (S2, "max_unreadable: 0.02", "max_unreadable: 0.02, near_duplicate_distance: 6")),
    _benign("the default distance of near-duplicates is written out", (S2, "max_unreadable: 0.02", "max_unreadable: 0.02, near_duplicate_distance: 4")),
    _benign("checks in another order", (S2, "  - {preset: detection, max_unreadable: 0.02, min_objects_per_class: 20}\n", ""), (S2, "value_set: [dock-a, dock-b]}\n", "value_set: [dock-b, dock-a]}\n  - {preset: detection, max_unreadable: 0.02, min_objects_per_class: 20}\n")),
    _benign("defaults written out", (S2, "min_value: 45, mostly: 0.97", "min_value: 45, mostly: 0.97, strict_min: false, strict_max: false, severity: error"), (S2, "dark, min: 0.70}", "dark, min: 0.7, decide: interval}"), (S2, "epochs: 30,", "epochs: 30, batch: 16, imgsz: 640,"), (P, "  train: split = 'train'\n", "  train: split = 'train'\n  val: split = 'val'\n"), (P, "{by: [camera, lighting]}", "{by: [camera, lighting], max: 20}")),
    _benign("white space and case in conditions", (P, "where: brightness < 0.25", "where: Brightness  <  0.250"), (S2, "camera = 'gate' and brightness < 0.5", "(camera='gate' AND brightness<0.5)")),
    _benign("quotes, parentheses and fractions in conditions", (P, "where: brightness < 0.25", "where: '\"brightness\" < .250'"), (S2, '"sharpness > 5"', '"(sharpness) > (5)"')),
    _benign("a path with a slash at its end", (P, "path: data,", "path: data/,")),
    _benign("a layout as a block without options", (P, "layout: yolo", "layout: {format: yolo}")),
    _benign("metadata for the first time", (P, "layout: yolo", "layout: yolo, metadata: data/metadata.csv"), agreed={**_UNNAMED, P: _UNNAMED[P].replace(", metadata: data/metadata.csv, group_by: scene", "")}),
    _benign("groups for the first time", (P, "metadata: data/metadata.csv", "metadata: data/metadata.csv, group_by: scene"), agreed={P: PROJECT.replace(", group_by: scene", "")}),
    _benign("wrong labels that are refused anyway, and duplicates too", (P, "group_by: scene", "group_by: scene, labels: {faults: refuse}")),
    _benign("one setting of wrong labels for all kinds", (P, "labels: {faults: drop}", "labels: {faults: drop, malformed: drop, outside: drop}"), agreed={P: PROJECT.replace("group_by: scene", "group_by: scene, labels: {faults: drop}")}),
    _benign("another GPU of the same machine", (P, "cuda:0", "cuda:1"), agreed={P: PROJECT.replace("device: auto", "device: cuda:0")}),
    _benign("a time limit in another unit", (P, "time_limit: 6h", "time_limit: 360m")),
    _benign("the artefact that is judged anyway is named", (S2, "map50_95, min: 0.45", "map50_95, target: onnx-fp32, min: 0.45")),
    _benign("another title and owner", (S2, "title: The night shift", "title: The late shift"), (S2, "owner: dock-team", "owner: gate-team")),
    _benign("another title in an old spec", (S1, "A first model", "Our first model")),
    _benign("a phase", (P, "task: detect", "phase: scale\ntask: detect")),
    _benign("more epochs", (S2, "epochs: 30", "epochs: 90")),
    _benign("freeze 10 → 0", (S2, "freeze: 10", "freeze: 0")),
    _benign("another architecture and input size", (S2, "model: yolo11n.yaml", "model: yolo11s.yaml, imgsz: 320")),
    _benign("augmentation", (S2, "freeze: 10", "freeze: 10, augment: {mosaic: 0.5}")),
    _benign("one more seed", (S2, "seeds: [0, 1, 2]", "seeds: [0, 1, 2, 3]")),
    _benign("other seeds, as many", (S2, "seeds: [0, 1, 2]", "seeds: [4, 5, 6]")),
    _benign("more training data", (S2, "size: 2000", "size: 4000")),
    _benign("another training selection", (S2, "train: {dedupe: {distance: 0}, ", "train: {dedupe: {distance: 3}, where: width > 64, ")),
    _benign("the training split grows", (P, "train: split = 'train'", "train: split = 'train' OR split = 'extra'")),
    _benign("new data with the same test split", (S2, "epochs: 30", "epochs: 31"), written={"data.dvc": "outs:\n- md5: b.dir\n  path: data\n"}, recorded={"selection.json": selection(split_digests={"train": "r2", "val": "v1", "test": "t1"}), "evaluation.json": evaluation()}),
    _benign("a column's type flips and its values stay", (S2, "epochs: 30", "epochs: 31"), agreed={_EVALUATED: evaluation(zone=("\"zone\" = '1'", 40))}, recorded={"evaluation.json": evaluation(zone=('"zone" = 1', 40))}),
    _benign("new training images in groups of their own", (S2, "epochs: 30", "epochs: 31"), recorded={"selection.json": selection(split_digests={"train": "r2", "val": "v1", "test": "t1"}, group_digests={"train": "g9", "val": "g2", "test": "g3"})}),
    _benign("a stricter gate", (S2, "dark, min: 0.70", "dark, min: 0.75")),
    _benign("the interval decides again", (S2, "max_drop: 0.03", "max_drop: 0.02")),
    _benign("a drop becomes a gain", (S2, "map50_95, target: openvino-int8, max_drop: 0.03", "map50_95, target: openvino-int8, min_gain: 0.0")),
    _benign("a gate of one slice becomes one of every slice", (S2, "slice: dark, min: 0.70", 'slice: "*", min: 0.70')),
    _benign("a new gate", (S2, "gates:\n", "gates:\n  - {metric: f1, min: 0.5}\n")),
    _benign("a stricter gate beside the old one", (S2, "gates:\n", "gates:\n  - {metric: recall, slice: dark, min: 0.80}\n")),
    _benign("a new policy gate", (P, "    - {metric: cost, max: 20}", "    - {metric: cost, max: 10}\n    - {metric: map50, min: 0.3}")),
    _benign("a gate that the policy has anyway", (S2, "  - {metric: map50, min_gain: 0.01, against: champion}\n", "  - {metric: map50, min_gain: 0.01, against: champion}\n  - {metric: map50_95, max_drop: 0.02, against: champion}\n")),
    _benign("a new slice of the project", (P, "slices:\n", "slices:\n  - {name: bright, where: brightness > 0.8}\n")),
    _benign("a new slice of the spec", (S2, "  slices:\n", "  slices:\n    - {name: wide, where: width > 900}\n")),
    _benign("a slice of the spec becomes the project's", (S2, "    - {by: operator}\n", ""), (P, "slices:\n", "slices:\n  - {by: operator}\n")),
    _benign("smaller regions are looked at too", (P, "min_images: 15", "min_images: 10")),
    _benign("more slices of a column", (P, "weather, max: 10", "weather, max: 30")),
    _benign("a new check", (S2, "checks:\n", "checks:\n  - expect_column_values_to_not_be_null: {table: images, column: scene}\n")),
    _benign("a stricter check", (S2, "min_value: 45", "min_value: 50"), (S2, "mostly: 0.97", "mostly: 0.99"), (S2, "[dock-a, dock-b]", "[dock-a]")),
    _benign("more values are forbidden", (S2, "[broken]", "[broken, stolen]"), agreed=_checked("expect_column_values_to_not_be_in_set: {table: images, column: camera, value_set: [broken]}")),
    _benign("more values must occur", (S2, "[x]", "[x, y]"), agreed=_checked("expect_column_distinct_values_to_contain_set: {table: images, column: camera, value_set: [x]}")),
    _benign("fewer outliers are accepted", (S2, "threshold: 5", "threshold: 4"), agreed=_checked("expect_column_value_z_scores_to_be_less_than: {table: images, column: brightness, threshold: 5, double_sided: true}")),
    _benign("a later date is demanded", (S2, "2024-06-01", "2024-09-01"), agreed=_checked(_SINCE)),
    _benign("a check of one split looks at all rows", (S2, "min_value: 5, split: test", "min_value: 5"), agreed=_checked("expect_column_values_to_be_between: {table: images, column: contrast, min_value: 5, split: test}")),
    _benign("a second check of the same column before a stricter one", (S2, "  - expect_column_values_to_be_between: {table: images, column: sharpness, min_value: 45,", "  - expect_column_values_to_be_between: {table: images, column: sharpness, min_value: 60, split: test}\n  - expect_column_values_to_be_between: {table: images, column: sharpness, min_value: 46,")),
    _benign("annotators must agree more, on more images", (S2, "0.1, agreement: {min: 0.8}", "0.2, agreement: {metric: iou, min: 0.9}"), agreed=_AGREED),
    _benign("a limit for annotators for the first time", agreed={P: _POOL, S2: _labelled("gold: 0.1")}, written={S2: _AGREED[S2]}),
    _benign("fewer images labelled twice, where nothing had to be agreed on", (S2, "0.2", "0.1"), agreed={P: _POOL, S2: _labelled("double_annotated: 0.2")}),
    _benign("a sprint without a batch, after one whose annotators had to agree", agreed=_AGREED, written={NEXT: LAST.replace("epochs: 30", "epochs: 60")}),
    _benign("a check is described", (S2, "mostly: 0.97", "mostly: 0.97, description: clean lenses")),
    _benign("one more artefact", (S2, "precision: fp16}", "precision: fp16}\n  - {format: onnx, precision: fp16}")),
    _benign("more calibration images", (S2, "size: 300", "size: 500")),
    _benign("more careful intervals and latencies", (S2, "level: 0.95, resamples: 2000", "level: 0.99, resamples: 4000"), (S2, "iterations: 100", "iterations: 500")),
    _benign("prices rise, limits fall", (P, "gpu_hour: 2.20", "gpu_hour: 3"), (P, "time_limit: 6h", "time_limit: 4h"), (P, "cost_limit: 20", "cost_limit: 12")),
    _benign("a smaller budget of the test split", (P, "significance: 0.25", "significance: 0.1")),
    _benign("one more frozen split", (P, "frozen: [test, val]", "frozen: [train, val, test]")),
    _benign("somebody leaves the team that approves", (P, "[alice, bob]", "[alice]")),
    _benign("a team is renamed", (P, "gate_loosened: [ml-leads]", "gate_loosened: [leads]"), (P, "{ml-leads: [alice, bob]}", "{leads: [Bob, alice]}")),
    _benign("a new sprint that extends the last", written=_new()),
    _benign("a new sprint with stricter gates", written=_new("gates:\n" + LAST[LAST.index("gates:\n") + 7 :].replace("0.70", "0.80"))),
    _benign("a new sprint without extends, as strict", written={NEXT: LAST.replace("epochs: 30", "epochs: 60")}),
    _benign("a new sprint that excludes training images", written={NEXT: LAST.replace("sample: {size: 2000, balance: camera}", "where: width > 32")}),
    _benign("a new sprint that extends an older one and has all of the newest's", written={NEXT: LAST.replace("title:", "extends: 0001-first-model\ntitle:").replace("epochs: 30", "epochs: 60")}),
    _benign("metadata of training images is corrected", (S2, "epochs: 30", "epochs: 31"), agreed=_DESCRIBED, recorded={"selection.json": selection(metadata_digests={"train": {"glare": "2"}, "test": {"glare": "1", "fog": "1"}})}),
    _benign("another column of metadata", (S2, "epochs: 30", "epochs: 31"), agreed=_DESCRIBED, recorded={"selection.json": selection(metadata_digests={"train": {"glare": "1"}, "test": {"glare": "1", "fog": "1", "new": "1"}})}),
    _benign("new training images beside groups that stay", (S2, "epochs: 30", "epochs: 31"), agreed=_PARTED, recorded={"selection.json": selection(split_digests=_MORE, group_parts={"train": ["i1 g1", "i3 g3"]})}),
    _benign("what an earlier merge loosened is put back", (S2, "dark, min: 0.10", "dark, min: 0.70"), agreed={S2: COPY}, unapproved={S2: LAST}),
    _benign("what was loosened with approval since", (S2, "epochs: 30", "epochs: 31"), agreed={S2: COPY}, unapproved={S2: LAST}, approved=(_DARK,)),
    _benign("an old sprint ran last, and a gate of it was dropped with approval", agreed={S1: LAST.replace("The night shift", "older"), S2: COPY}, approved=(_DARK,), newest_record="0001-first-model", promoted="0002-night", written=_new()),
    _benign("another title beside the weights in git that it ran with", (S1, "A first", "Our first"), agreed=_IN_GIT),
    _benign("another title of a spec whose record is of the same data", (S1, "A first", "Our first"), made_of={P: PROJECT.replace("max: 10", "max: 12")}),
    _benign("the record of the sprint that ran", (S2, "epochs: 30", "epochs: 40"), written={"reports/0002-night/uses.json": json.dumps([_USE, {**_USE, "evaluation_digest": "e2"}])}),
)  # fmt: skip


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The files in a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def snapshots(folder: Path, edit: Edit) -> tuple[Snapshot, Snapshot]:
    """The base's and the proposal's."""
    base = _base(tuple(edit.base().items()))
    recorded = frozenset(Path(path).parts[1] for path in edit.base() if path.endswith("/selection.json"))
    bound, made = (
        load_snapshot(write(folder / name, {**edit.base(), **files}), "a" * 40) if files else None
        for name, files in (("bound", edit.unapproved), ("made", edit.made_of))
    )
    earlier = replace(bound, newest_records=(edit.newest_record,)) if bound is not None else None
    return (
        replace(
            base,
            recorded=recorded,
            newest_records=(edit.newest_record,),
            bindings=(earlier,) if earlier is not None else (),
            approved=frozenset(edit.approved),
            promoted=edit.promoted,
            made_by=lambda sprint: made,
        ),
        load_snapshot(write(folder / "head", edit.files()), "c" * 40),
    )


@cache
def _base(files: tuple[tuple[str, str], ...]) -> Snapshot:
    """Most proposals start from the same."""
    with tempfile.TemporaryDirectory() as folder:
        return load_snapshot(write(Path(folder), dict(files)), "b" * 40)


def findings(base: Snapshot, head: Snapshot, edit: Edit) -> list[Finding]:
    """Everything that is found: in the specs, in changed records, in what the run recorded."""
    changed = edit.changed()
    own = affected(changed, base, head)
    found = project_findings(base, head)
    for name in own:
        found += [*sprint_findings(base, head, name), *carried_findings(base, head, name)]
    found += record_findings(changed, own, _reader(edit.base()), _reader(edit.files()))
    reference = recorded_reference(base, head, edit.ran)
    if edit.recorded and base.project is not None and reference is not None:
        records = _recorded(reference, edit.base()), _recorded(edit.ran, edit.base(), edit.recorded)
        found += evidence_of(*records, base.project.policy.frozen_splits)
    return distinct(found)


def _reader(files: Mapping[str, str]) -> Any:
    return lambda path: files[path].encode() if path in files else None


def _recorded(
    sprint: str, files: Mapping[str, str], written: Mapping[str, str] | None = None
) -> RecordedData:
    def content(name: str) -> bytes | None:
        text = (written or {}).get(name, files.get(f"reports/{sprint}/{name}"))
        return text.encode() if text is not None else None

    return RecordedData(
        sprint=sprint, selection=content("selection.json"), evaluation=content("evaluation.json")
    )
