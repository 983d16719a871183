"""Every option says what a change of it means for the policy, and the policy finds just that.

Each option of each example is changed, set and taken away, as its schema allows. The kinds of findings must be those that the option
declares, and none where it declares that it changes the model or is neutral.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from policy.mutations import BASE, CHEATS, FIRST, LAST, PROJECT, S1, S2, Edit, P, findings, snapshots, write

from runner.adapters.system import yaml_text
from runner.config.policy_classes import policy_classes
from runner.config.schema import Kind, Schema, generate_schema, referenced
from runner.domain.policy import FindingKind
from runner.policy.snapshot import Snapshot, load_snapshot

ADDED = """\
apiVersion: flywheel/v1
kind: Sprint
title: The night shift
hypothesis: nights are learnt from more of them
extends: 0001-first-model
expect: {metric: map50_95, min_gain: 0.01}
annotation: {strategy: boxes, budget: {money: 100}}
add:
  checks:
    - {preset: detection}
    - expect_column_values_to_be_between: {table: images, column: sharpness, min_value: 45, mostly: 0.9}
  export: [{format: openvino}]
  slices: [{by: operator}]
  gates: [{metric: recall, class: one, min: 0.6}, {metric: latency_p95_ms, target: "*", max: 60}]
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 30, augment: {mosaic: 0.5}}
"""
FROZEN = (
    PROJECT.replace("frozen: [test, val]", "frozen: [test, val, train]")
    .replace("costs: {", "costs: {label: {box: 0.05}, ")
    .replace(
        "cost, max: 20}",
        "cost, max: 20}\n    - {metric: map50, min: 0.3}\n    - {metric: f1, min_gain: 0.1, against: champion}",
    )
)
QUOTA = LAST.replace("dedupe: {distance: 0}", "dedupe: {method: perceptual, distance: 0}").replace(
    "sample: {size: 2000, balance: camera}",
    "quota: {by: camera, max: 5, images: {dock-a: 2, dock-b: 3}}, sample: {size: 2000, stratify: camera}",
)
OWN_NETWORK = "{source: onnx, path: data.dvc, normalise: {mean: [0, 0, 0], std: [1, 1, 1]}}"
IN_BOTH = "expect_column_values_to_not_be_null: {table: images, column: split}"
POSE = PROJECT.replace("task: detect", "task: pose\nkeypoints: {names: [nose, tail], sigmas: [0.1, 0.1]}")
CLASSIFY = PROJECT.replace("task: detect", "task: classify").replace("layout: yolo", "layout: folders")
CLASSIFY = CLASSIFY.replace("map50_95", "top1").replace("  - {name: small, objects: area_px < 800}\n", "")
CLASSES = LAST[: LAST.index("  - {format: openvino")].replace(
    "detection, max",
    "classification, altered_copies: true, bias: {max_shift: 0.3, severity: error, champion_severity: error}, max",
)
CLASSES = (
    CLASSES.replace("min_objects", "min_images")
    .replace("yolo11n.", "yolo11n-cls.")
    .replace("{distance: 0}", "{distance: 3}")
)
POOL = PROJECT.replace("test: split = 'test'", "test: split = 'test'\n  pool: split = 'pool'")
BATCH = """\
annotation:
  strategy: boxes
  budget: {money: 100}
  quality: {double_annotated: 0.1, gold: 0.1, agreement: {metric: iou, min: 0.8}}
  batch:
    size: 20
    where: brightness < 0.3
    mix:
      random: 0.2
      uncertainty: {share: 0.2, measure: entropy, spread: 2}
      disagreement: {share: 0.1, between: flips}
      diversity: {share: 0.1, method: clusters}
      typicality: {share: 0.1}
      rare_classes: {share: 0.1}
      failures: {share: 0.1}
      metadata: {share: 0.1, column: camera, weights: {dock-a: 2}}
"""
TEST_BATCH = "annotation: {strategy: boxes, batch: {size: 20, mix: {random: 1}}}\n"
PERSON = "{name: anna, missed: 0.1, bias: [{class: one, share: 0.2, as: two}]}"
TOOLS = (
    "label-studio",
    "label-studio, url: https://labels.example, folder: rounds",
    "simulated",
    "yolo, folder: rounds",
    "coco, folder: rounds",
    "cvat, folder: rounds",
    f"simulated, answers: [data/answers], annotators: [{PERSON}]",
)
BOXES = "{annotation: {strategy: boxes}, train: {model: yolo11n.yaml}}"
# What a proposal starts from: PROJECT and LAST, and other files of it.
EXAMPLES: dict[str, dict[str, str]] = {
    "detect": {},
    "everything frozen": {P: FROZEN, S2: LAST.replace("checks:\n", f"checks:\n  - {IN_BOTH}\n")},
    "quota": {P: FROZEN, S2: QUOTA},
    "groups of their own": {P: PROJECT.replace("test: split = 'test'", "test: group_fraction < 0.2")},
    "extends": {S2: ADDED},
    "a layout's block": {P: PROJECT.replace("layout: yolo", "layout: {format: yolo}")},
    "wrong labels": {P: PROJECT.replace("group_by: scene", "group_by: scene, labels: {faults: refuse}")},
    **{
        name: {P: PROJECT.replace("layout: yolo", f"layout: {{format: {name}}}")}
        for name in ("voc", "cvat", "label-studio", "manifest")
    },
    "images in an object store": {
        P: PROJECT.replace("layout: yolo", 'layout: manifest, remote: {prefixes: ["s3://pictures/", "s3://more/"]}')
    },
    "another layout": {P: PROJECT.replace("layout: yolo", "layout: {format: coco}")},
    "a batch": {P: POOL, S2: LAST + BATCH},
    **{
        f"a round with {tool}": {
            S2: f"{LAST}annotation: {{strategy: boxes, prelabel: {{min_confidence: 0.3}}, tool: {{format: {tool}}}}}\n"
        }
        for tool in TOOLS
    },
    "a batch at random": {P: POOL, S2: LAST + TEST_BATCH},
    "copies": {S2: LAST.replace("detection, max", "detection, altered_copies: true, max")},
    "goal": {P: f"{PROJECT}goal: {{metric: map50, target: 0.8, value_per_point: 40}}\n"},
    "embeddings": {P: f"{PROJECT}embeddings: {{source: lite0}}\n"},
    "embeddings by the champion": {P: f"{PROJECT}embeddings: {{source: champion}}\n"},
    "embeddings by a file": {P: f"{PROJECT}embeddings: {OWN_NETWORK}\n"},
    "pose": {P: POSE, **{name: text.replace("yolo11n.", "yolo11n-pose.") for name, text in ((S1, FIRST), (S2, LAST))}},
    "variants": {S2: f"{LAST}variants: {{wide: {{train: {{imgsz: 96}}, data: {{train: {{sample: {{size: 9}}}}}}}}}}\n"},
    "boxes of key points": {
        P: POSE,
        S1: FIRST.replace("yolo11n.", "yolo11n-pose."),
        S2: LAST.replace("yolo11n.", "yolo11n-pose.") + f"variants: {{boxes: {BOXES}}}\n",
    },
    "classify": {P: CLASSIFY, S1: FIRST.replace("yolo11n.", "yolo11n-cls."), S2: CLASSES},
}  # fmt: skip
CONDITIONS = {"where", "objects", "exclude", *("train", "val", "test", "pool")}
TEXTS = {  # of options whose schema does not say what they may be
    "against": ["torch", "champion"],
    "balance": ["camera", "lighting"],
    "by": ["weather", ["camera", "weather"], "lighting"],
    "class": ["one", "*"],
    "column": ["contrast", "camera"],
    "stratify": ["lighting"],
    "currency": ["USD"],
    "device": ["cpu", "cuda:0"],
    "extends": ["0001-first-model"],
    "file": ["other.parquet"],
    "from": ["0001-first-model"],
    "group_by": ["camera"],
    "guidelines": ["flywheel.yaml"],
    "image": ["photo"],
    "metadata": ["data/other.csv"],
    "output": ["vector"],
    "path": ["flywheel.yaml"],
    "model": ["yolo11s.yaml", "yolo11s-cls.yaml", "yolo11s-pose.yaml"],
    "slice": ["gate", "*", "dark"],
    "stage": ["staging"],
    "target": ["openvino-fp16", "*", "openvino-fp32"],
}
LISTS: dict[str, list[Any]] = {
    "annotations": [["annotations/hard.json"]],
    "keypoints": [["nose", "tail"]],
    "metadata": [["camera"]],
    "seeds": [[1]],
    "flip": [[1, 0]],
    "sigmas": [[0.5, 0.5]],
    "mean": [[0.5, 0.5, 0.5]],
    "std": [[0.5, 0.5, 0.5]],
    "names": [["nose", "ear"]],
    "prefixes": [["s3://pictures/2026/"]],
}
DICTS: dict[str, list[Any]] = {
    "approvals": [{"gate_loosened": ["ml-leads"]}],
    "teams": [{"ml-leads": ["alice", "bob", "mallory"]}],
    "calibration": [{"split": "val"}],
    "keypoints": [{"names": ["nose"]}],
    "agreement": [{"min": 0.5}],
    "batch": [{"size": 9}],
    "budget": [{"money": 7}],
    "diversity": [0.5],
    "disagreement": [0.5],
    "failures": [0.5],
    "metadata": [{"share": 0.5, "column": "lighting", "weights": {"day": 1}}],
    "mix": [{"random": 1}],
    "quality": [{"gold": 0.5}],
    "rare_classes": [0.5],
    "typicality": [0.5],
    "uncertainty": [0.5, {"share": 0.3}],
    "weights": [{"dock-b": 1}],
    "annotation": [{"strategy": "polygons"}],
    "train": [{"epochs": 9}],
    "data": [{"exclude": "width < 9"}],
    "variants": [{"other": {"train": {"epochs": 9}}}],
    "expect": [{"metric": "map50", "min_gain": 0.5}],
    "add": [{"gates": [{"metric": "recall", "min": 0.1}]}],
    "dedupe": [{"distance": 9}],
    "sample": [{"size": 7}],
    "quota": [{"by": "camera", "max": 7}],
    "images": [{"dock-a": 9}],
    "holdout": [{"significance": 0.9}],
    "remote": [{"prefixes": ["s3://others/"]}],
    "model": [{"name": "another"}],
}

# Changes of several options at once: of those that no change of one alone leaves valid.
TOGETHER = {
    ("Project", "task"): next(edit for edit in CHEATS if edit.name == "another task"),
    ("Dataset", "path"): next(edit for edit in CHEATS if edit.name == "another dataset"),
    ("SliceSpec", "auto"): Edit(
        name="auto", replaced=((P, "{auto: weakest, max: 3, min_images: 15}", "{by: scene}"),)
    ),
    ("Variant", "annotation"): Edit(
        name="other labels",
        agreed=EXAMPLES["boxes of key points"],
        replaced=((S2, BOXES, "{train: {epochs: 9}}"),),
    ),
    ("UltralyticsTrainer", "from"): Edit(
        name="from", replaced=((S2, "model: yolo11n.yaml", "from: 0001-first-model"),)
    ),
}
# What has one value; and presets, of which each task has one.
FIXED = {
    *((block, option) for block in ("Project", "Sprint") for option in ("apiVersion", "kind")),
    *(
        ("DetectionPreset", "preset"),
        ("ClassificationPreset", "preset"),
        ("UltralyticsTrainer", "framework"),
        ("FoldersLayout", "format"),
        ("OnnxEmbedding", "source"),
    ),
}
DECLARED = policy_classes()
ENOUGH = 3  # valid changes of an option that should give no finding


@dataclass(frozen=True)
class Place:
    """One option of one document: its block, its name, its keys from the top, what it may hold, and what it holds."""

    block: str
    option: str
    path: tuple[str | int, ...]
    schema: Schema
    value: Any
    is_set: bool


def places(
    schema: Schema, value: Any, known: dict[str, Schema], path: tuple[str | int, ...] = ()
) -> Iterator[Place]:
    """Every option of a document, those that are not set too."""
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from places(schema.get("items", {}), entry, known, (*path, index))
        return
    if not isinstance(value, dict):
        return
    schema = referenced(schema, known)
    if schema.get("title") == "Check" and "preset" not in value:
        ((name, inner),) = value.items()
        yield from places(known["Expectation"], inner, known, (*path, name))
        return
    if "then" in schema:  # a preset; a layout's block; an arm's options in place of its share
        schema = referenced(schema["then"], known)
    for branch in schema.get("allOf", []):
        ((tag, constant),) = branch.get("if", {}).get("properties", {None: None}).items()
        if constant and value.get(tag) == constant.get("const"):
            schema = referenced(branch["then"], known)
    if (
        "title" not in schema
    ):  # a mapping of names: one option, as `approvals`, or a block by each name, as `variants`
        for branch in schema.get("patternProperties", {}).values():
            for name, entry in value.items() if "$ref" in branch else ():
                yield from places(branch, entry, known, (*path, name))
        return
    for option, inner in schema.get("properties", {}).items():
        inner = {**referenced(inner, known), **inner}
        yield Place(schema["title"], option, (*path, option), inner, value.get(option), option in value)
        yield from places(inner, value.get(option), known, (*path, option))


def others(place: Place) -> Iterator[Any]:
    """Other values of an option, some of which may not be valid there."""
    schema, value = place.schema, place.value
    yield from (
        choice for choice in schema.get("enum", schema.get("else", {}).get("enum", [])) if choice != value
    )
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        match kind:
            case "integer" | "number":
                low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
                high = schema.get("maximum", 1e6)
                number = value if isinstance(value, int | float) else schema.get("default", low)
                step = schema.get("multipleOf", 1)
                near = (
                    max(low, 0) / 2 + number / 2,
                    min(number * 2, (number + high) / 2),
                    number - step,
                    number + step,
                )
                yield from (kept for kept in near if low <= kept <= high and kept != value)
            case "boolean":
                yield not value
            case "string" if place.option == "objects":
                yield "area_px > 9"
            case "string" if place.option in CONDITIONS and place.block != "Gate":
                yield f"({value or 'width > 1'}) AND height > 9"
            case "string":
                yield from (text for text in TEXTS.get(place.option, ["another"]) if text != value)
            case "array" if isinstance(value, list):
                yield from (
                    value[:index] + value[index + 1 :] for index in range(len(value)) if len(value) > 1
                )
    if place.option == "format":
        yield from (choice for choice in ("onnx", "openvino", "yolo", "coco") if choice != value)
    if place.option == "source":
        yield from (choice for choice in ("champion", "lite0") if choice != value)
    yield from LISTS.get(place.option, []) if schema.get("type") == "array" else DICTS.get(place.option, [])


def changed(document: Any, place: Place, value: Any = None, *, gone: bool = False) -> Any:
    """A copy of the document in which an option holds another value, or is gone."""
    document = deepcopy(document)
    block = document
    for key in place.path[:-1]:
        block = block[key]
    if gone:
        del block[place.option]
    else:
        block[place.option] = int(value) if isinstance(value, float) and value.is_integer() else value
    return document


@cache
def definitions(kind: Kind) -> dict[str, Schema]:
    blocks: dict[str, Schema] = generate_schema(kind)["$defs"]
    return blocks


@cache
def documents(example: str) -> dict[str, Any]:
    return {file: yaml_text.load({**BASE, **EXAMPLES[example]}[file]) for file in (P, S2)}


@cache
def trials() -> dict[tuple[str, str], list[tuple[str, str, Callable[[], Any], str]]]:
    """By block and option: (example, file, the document that a proposal makes of it, what is done)."""
    made: dict[tuple[str, str], list[tuple[str, str, Callable[[], Any], str]]] = {}
    for example in EXAMPLES:
        for file, kind, top in ((P, "project", "Project"), (S2, "sprint", "Sprint")):
            known = definitions(kind)
            document = documents(example)[file]
            for place in places(known[top], document, known):
                entries = made.setdefault((place.block, place.option), [])
                name = ".".join(map(str, place.path))
                for value in others(place):
                    entries.append(
                        (example, file, partial(changed, document, place, value), f"{name}: {value}")
                    )
                if place.is_set:
                    entries.append(
                        (example, file, partial(changed, document, place, gone=True), f"{name} gone")
                    )
    return made


def test_every_option_says_what_a_change_of_it_means() -> None:
    assert [key for key, known in DECLARED.items() if known is None] == []
    assert DECLARED.keys() - trials().keys() - FIXED == set()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Snapshot]:
    """What each example's proposals start from."""
    made = {
        name: snapshots(tmp_path_factory.mktemp("base"), Edit(name=name, agreed=files))[0]
        for name, files in EXAMPLES.items()
    }
    assert [base.errors for base in made.values()] == [[]] * len(made)
    return made


def edits(block: str, option: str) -> Iterator[tuple[str, Edit]]:
    """The proposals that change an option, each with its example; as JSON, which is YAML that is written sooner."""
    if (block, option) in TOGETHER:
        yield "detect", TOGETHER[block, option]
    for example, file, document, what in trials()[block, option]:
        yield example, Edit(name=what, agreed=EXAMPLES[example], written={file: json.dumps(document())})


@pytest.mark.parametrize(
    ("block", "option"),
    [key for key, known in DECLARED.items() if known is not None and key not in FIXED],
)
def test_a_change_of_it_is_found_as_it_says(
    block: str, option: str, bases: dict[str, Snapshot], tmp_path: Path
) -> None:
    known = DECLARED[block, option]
    assert known is not None
    found: dict[FindingKind, str] = {}
    valid = 0
    for number, (example, edit) in enumerate(edits(block, option)):
        head = load_snapshot(write(tmp_path / str(number), edit.files()), "c" * 40)
        if head.errors:
            continue
        together = edit is TOGETHER.get((block, option))
        for finding in findings(bases[example], head, edit):
            if together and finding.kind not in known.kinds:  # of what was changed with it
                continue
            found.setdefault(finding.kind, f"{example}, {edit.name}: {finding.message}")
        valid += 1
        if found.keys() == set(known.kinds) and (found or valid == ENOUGH):
            break
    assert valid, "no value of it is tried that is valid: see TEXTS, LISTS, DICTS and TOGETHER"
    assert found.keys() == set(known.kinds), "\n".join(found.values())
