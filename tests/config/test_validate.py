"""Every error of every file in one pass: file:line:column, what is wrong, the nearest valid name. Whole texts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.config.load import validate

Break = Callable[[str, str, str], Path]
SPEC = "specs/0001-first-model.yaml"
ROOT = Path(__file__).parents[2]
IMAGES = (
    "brightness, bytes, camera, contrast, group, group_fraction, height, image_id, label_problem, labelled, n_objects, "
    "n_one, n_two, n_zero, path, phash, problem, readable, scene, sharpness, split, weather, width"
)


def texts(root: Path, names: list[str] | None = None) -> list[str]:
    return [str(error) for error in validate(root, names)]


def test_a_valid_project_has_no_errors(repository: Path) -> None:
    assert texts(repository) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # keys
        ("title:", "titel:", '3:1: titel: unknown key; did you mean "title"?'),
        ("title: A first model\n", "", '1:1: missing key "title"'),
        ("apiVersion: flywheel/v1\n", "", '1:1: missing key "apiVersion": write `apiVersion: flywheel/v1`'),
        ("kind: Sprint\n", "", '1:1: missing key "kind": write `kind: Sprint`'),
        ("epochs:", "epcohs:", '13:3: train.epcohs: unknown key; did you mean "epochs"?'),
        ("mosaic:", "zigzag:", "15:13: train.augment.zigzag: unknown key; keys not used yet: close_mosaic, copy_paste, degrees, erasing, fliplr, flipud, hsv_h, hsv_s, hsv_v, mixup, mosaic, perspective, scale, shear, translate"),
        ("  model: yolo11n.yaml\n", "", '11:3: train: training starts from exactly one of `model` (an architecture or a weights file) and `from` (a sprint or `champion`)'),
        ("size: 2000, ", "", '5:60: data.train.sample: missing key "size"'),
        ("epochs: 30", "epochs: 30\n  epochs: 40", "14:3: train.epochs: duplicate key, first written in line 13"),
        # types
        ("epochs: 30", 'epochs: "30"', '13:11: train.epochs: expected an integer, found text ("30"); write it without quotes'),
        ("epochs: 30", "epochs: many", '13:11: train.epochs: expected an integer, found text ("many")'),
        ("epochs: 30", "epochs: 30.5", "13:11: train.epochs: expected an integer, found 30.5"),
        ("epochs: 30", "epochs: yes", '13:11: train.epochs: expected an integer, found text ("yes")'),
        ("epochs: 30", "epochs:", "13:10: train.epochs: expected an integer, found nothing"),
        ("epochs: 30", "cos_lr: on", '13:11: train.cos_lr: expected true or false, found text ("on")'),
        ("title: A first model", "title: 2026", "3:8: title: expected text, found 2026; write it in quotes"),
        ("title: A first model", "title: true", "3:8: title: expected text, found true; write it in quotes"),
        ("{mosaic: 0.5}", "[mosaic]", "15:12: train.augment: expected a mapping, found a list"),
        ("slices: [{by: weather}]", "slices: {by: weather}", "21:11: evaluate.slices: expected a list, found a mapping"),
        # values
        ("apiVersion: flywheel/v1", "apiVersion: flywheel/v2", '1:13: apiVersion: expected flywheel/v1, found "flywheel/v2"'),
        ("kind: Sprint", "kind: Project", '2:7: kind: expected kind Sprint, found "Project"; a project is flywheel.yaml'),
        ("kind: Sprint", "kind: Sprnt", '2:7: kind: expected kind Sprint, found "Sprnt"'),
        ("framework: ultralytics", "framework: ultralitics", '11:14: train.framework: expected ultralytics, found "ultralitics"'),
        ("epochs: 30", "epochs: 0", "13:11: train.epochs: must be at least 1, found 0"),
        ("epochs: 30", "imgsz: 321", "13:10: train.imgsz: must be a multiple of 32, found 321; the nearest are 320 and 352"),
        ("epochs: 30", "seeds: []", "13:10: train.seeds: needs at least 1 entry, found 0"),
        ("epochs: 30", "seeds: [0, 1, 0]", "13:17: train.seeds[2]: the seed 0 is named twice: it would train the same model again"),
        ("epochs: 30", "optimizer: adamw", '13:14: train.optimizer: unknown value "adamw"; did you mean "AdamW"?'),
        ("mosaic: 0.5", "mosaic: 5", "15:21: train.augment.mosaic: must be at most 1, found 5"),
        ("distance: 4", "distance: 40", "5:56: data.train.dedupe.distance: must be at most 16, found 40"),
        ("title: A first model", 'title: ""', "3:8: title: must not be empty"),
        ("title: A first model", "title: " + "x" * 2001, "3:8: title: longer than 2000 characters (2001)"),
        # export targets
        ("{format: onnx}", "{format: onx}", '17:14: export[0].format: unknown value "onx"; did you mean "onnx"?'),
        ("{format: onnx}", "{precision: fp16}", '17:5: export[0]: missing key "format"'),
        ("{format: onnx}", "onnx", '17:5: export[0]: expected a mapping, found text ("onnx")'),
        ("{format: onnx}", "{format: onnx, precision: int8}", "17:31: export[0].precision: expected one of fp16, fp32, found \"int8\""),
        ("precision: int8, calibration: {split: train, size: 300}", "precision: int8", '18:5: export[1]: int8 needs calibration images: add `calibration: {split: train, size: 300}`'),
        ("{format: onnx}", "{format: openvino, calibration: {}}", "17:37: export[0].calibration: calibration belongs to `precision: int8` only"),
        ("split: train, size: 300", "split: test", '18:62: export[1].calibration.split: expected one of train, val, found "test"'),
        # slices
        ("{by: weather}", "{by: wether}", '21:17: evaluate.slices[0].by: the table `images` has no column "wether"; did you mean "weather"?'),
        ("{by: weather}", "{name: night, wher: x}", '21:26: evaluate.slices[0].wher: unknown key; did you mean "where"?'),
        ("{by: weather}", "{name: night}", "21:12: evaluate.slices[0]: a slice has `name` and `where`, `name` and `objects`, `by` (and `max`), or `auto` (and `max`, `min_images`)"),
        ("{by: weather}", "{by: weather, name: x}", "21:12: evaluate.slices[0]: a slice has `name` and `where`, `name` and `objects`, `by` (and `max`), or `auto` (and `max`, `min_images`)"),
        ("{by: weather}", "{name: dark, where: brightness < 0.1}", '21:19: evaluate.slices[0].name: the slice "dark" is already defined in flywheel.yaml'),
        ("{by: weather}", "{by: camera}", '21:17: evaluate.slices[0].by: the slice "camera" is already defined in flywheel.yaml'),
        ("{by: weather}", "{by: weather}, {by: weather}", '21:32: evaluate.slices[1].by: the slice "weather" is named twice'),
        ("{by: weather}", "{by: 3}", "21:17: evaluate.slices[0].by: expected text or a list, found 3; write it in quotes"),
        ("{by: weather}", "{by: []}", "21:17: evaluate.slices[0].by: needs at least 1 entry, found 0"),
        ("{by: weather}", "{by: [weather, camra]}", '21:27: evaluate.slices[0].by[1]: the table `images` has no column "camra"; did you mean "camera"?'),
        ("{by: weather}", "{by: [weather, weather]}", '21:27: evaluate.slices[0].by[1]: the column "weather" is named twice'),
        ("{by: weather}", "{by: [weather, camera, scene, split]}", "21:17: evaluate.slices[0].by: at most 3 entries, found 4"),
        ("{by: weather}", "{by: [weather, scene]}, {by: [scene, weather]}", '21:41: evaluate.slices[1].by: the slice "scene, weather" is named twice'),
        ("{by: weather}", "{by: [camera]}", '21:17: evaluate.slices[0].by: the slice "camera" is already defined in flywheel.yaml'),
        ("{by: weather}", "{auto: weakest, by: weather}", "21:12: evaluate.slices[0]: a slice has `name` and `where`, `name` and `objects`, `by` (and `max`), or `auto` (and `max`, `min_images`)"),
        ("{by: weather}", "{auto: worst}", '21:19: evaluate.slices[0].auto: expected weakest, found "worst"'),
        ("{by: weather}", "{auto: weakest}, {auto: weakest}", "21:30: evaluate.slices[1].auto: weak slices are already searched for; `auto` is written once, for project and spec"),
        ("{by: weather}", "{name: a b, where: readable}", "21:19: evaluate.slices[0].name: a name has letters, digits, `_`, `.`, `-`, at most 80"),
        ("{by: weather}", "{name: big, objects: area > 9}", '21:33: evaluate.slices[0].objects: the table `objects` has no column "area"; did you mean "area_px"?'),
        ("{by: weather}", "{name: ones, objects: class = 'wto'}", '21:34: evaluate.slices[0].objects: unknown class "wto"; did you mean "two"?'),
        # conditions
        ("sharpness < 12", "sharpnes < 12", '6:12: data.exclude: the table `images` has no column "sharpnes"; did you mean "sharpness"?'),
        ("sharpness < 12", "entropy > 0.8", '6:12: data.exclude: entropy is a score of the champion\'s: what is selected or sliced by it would change with every promotion; in `flywheel query` a condition can name it'),
        ("{by: weather}", "{by: confidence}", '21:17: evaluate.slices[0].by: confidence is a score of the champion\'s: what is selected or sliced by it would change with every promotion; in `flywheel query` a condition can name it'),
        ("{by: weather}", "{name: unsure, where: Margin < 0.1}", '21:34: evaluate.slices[0].where: Margin is a score of the champion\'s: what is selected or sliced by it would change with every promotion; in `flywheel query` a condition can name it'),
        ("sharpness < 12", "n_four > 1", f'6:12: data.exclude: the table `images` has no column "n_four"; columns: {IMAGES}'),
        ("sharpness < 12", "sharpness <", '6:12: data.exclude: not a complete SQL expression: syntax error at or near "<"'),
        ("sharpness < 12", "sharpness < 12; SELECT 1", "6:12: data.exclude: one boolean expression is allowed, and nothing else"),
        ("sharpness < 12", "sharpness < 'low'", "6:12: data.exclude: sharpness is a number: compare it with a number"),
        ("sharpness < 12", "split = 1", "6:12: data.exclude: split is text: compare it with text in single quotes"),
        ("sharpness < 12", "brightness", "6:12: data.exclude: brightness is a number: compare it with a number"),
        ("sharpness < 12", "readable = 'yes'", "6:12: data.exclude: readable is true or false: write `readable` or `NOT readable`"),
        ("sharpness < 12", "'camera = \"dock\"'", f'6:12: data.exclude: the table `images` has no column "dock"; columns: {IMAGES}; text is written in single quotes: \'dock\''),
        ("balance: camera", "balance: camra", '5:90: data.train.sample.balance: the table `images` has no column "camra"; did you mean "camera"?'),
        # rules of a split
        ("size: 2000, balance: camera", "size: 2000, balance: camera, stratify: camera", "5:68: data.train.sample: a sample has equal shares (`balance`) or those of the data (`stratify`), not both"),
        ("balance: camera", "stratify: camra", '5:91: data.train.sample.stratify: the table `images` has no column "camra"; did you mean "camera"?'),
        ("sample: {size: 2000, balance: camera}", "quota: {by: camra, max: 5}", '5:72: data.train.quota.by: the table `images` has no column "camra"; did you mean "camera"?'),
        ("sample: {size: 2000, balance: camera}", "quota: {by: camera}", "5:67: data.train.quota: a quota says how many: `max` of each value, `images` by value, or both"),
        ("sample: {size: 2000, balance: camera}", "quota: {by: camera, images: {dock: 0}}", "5:95: data.train.quota.images.dock: must be at least 1, found 0"),
        ("{distance: 4}", "{method: exact, distance: 4}", "5:71: data.train.dedupe.distance: a distance is of `method: perceptual`, whose hashes it is between"),
        ("{distance: 4}", "{method: exakt}", '5:54: data.train.dedupe.method: unknown value "exakt"; did you mean "exact"?'),
        # checks
        ("preset: detection", "preset: detecton", '9:13: checks[1].preset: unknown value "detecton"; did you mean "detection"?'),
        ("preset: detection", "detection", '9:5: checks[1]: expected a mapping, found text ("detection")'),
        ("preset: detection", "presets: detection", "9:5: checks[1].presets: unknown check; write `preset: detection` or an expectation (`expect_…`)"),
        ("preset: detection", "preset: classification", "9:13: checks[1].preset: task detect is checked by `preset: detection`, not by classification"),
        ("preset: detection", "{}", "9:5: checks[1]: a check is a preset (`preset: detection`) or one expectation (`expect_…`)"),
        ("_to_be_between", "_to_be_betwen", '8:5: checks[0].expect_column_values_to_be_betwen: unknown expectation; did you mean "expect_column_values_to_be_between"?'),
        ("table: images, ", "", '8:5: checks[0].expect_column_values_to_be_between: missing key "table"'),
        ("column: brightness", "column: brightnes", '8:65: checks[0].expect_column_values_to_be_between.column: the table `images` has no column "brightnes"; did you mean "brightness"?'),
        ("mostly: 0.99", "mostly: 99", "8:102: checks[0].expect_column_values_to_be_between.mostly: must be at most 1, found 99"),
        ("min_value: 0.02", "min_vlaue: 0.02", '8:77: checks[0].expect_column_values_to_be_between.min_vlaue: unknown argument; did you mean "min_value"?'),
        ("min_value: 0.02", "value_set: [1]", "8:77: checks[0].expect_column_values_to_be_between.value_set: unknown argument; arguments not used yet: max_value, min_value, strict_max, strict_min"),
        ("min_value: 0.02", "min_value: dark", '8:88: checks[0].expect_column_values_to_be_between.min_value: expected a number or a date, found text ("dark")'),
        ("min_value: 0.02", "min_value: 0.02, strict_min: 1", "8:106: checks[0].expect_column_values_to_be_between.strict_min: expected true or false, found 1"),
        ("min_value: 0.02, ", "", "8:5: checks[0].expect_column_values_to_be_between: needs min_value, max_value or both"),
        ("column: brightness, min", "min", '8:5: checks[0].expect_column_values_to_be_between: missing key "column"'),
        ("between: {table: images, column: brightness, min_value: 0.02", "in_set: {table: images, column: camera", '8:5: checks[0].expect_column_values_to_be_in_set: missing key "value_set"'),
        ("between: {table: images, column: brightness, min_value: 0.02", "in_set: {table: images, column: camera, values: [dock]", '8:72: checks[0].expect_column_values_to_be_in_set.values: unknown argument; did you mean "value_set"?'),
        ("between: {table: images, column: brightness, min_value: 0.02", "in_set: {table: images, column: camera, value_set: dock", '8:83: checks[0].expect_column_values_to_be_in_set.value_set: expected a list, found text ("dock")'),
        ("mostly: 0.99", "row_condition: x", "8:109: checks[0].expect_column_values_to_be_between.row_condition: this argument of Great Expectations is not accepted in a spec"),
        # gates
        ("metric: map50_95, min: 0.45", "metric: mAP50-95, min: 0.45", '23:14: gates[0].metric: unknown value "mAP50-95"; did you mean "map50_95"?'),
        ("optimizing: map50_95", "optimizing: latency_p95_ms", '20:15: evaluate.optimizing: expected one of map50_95, map50, map75, ar, precision, recall, f1, top1, top5, balanced_accuracy, found "latency_p95_ms"'),
        ("optimizing: map50_95", "optimizing: top1", "20:15: evaluate.optimizing: top1 is not measured for task detect; it has map50_95, map50, map75, ar, precision, recall, f1"),
        ("metric: map50_95, min: 0.45", "metric: balanced_accuracy, min: 0.45", "23:14: gates[0].metric: balanced_accuracy is not measured for task detect; it has map50_95, map50, map75, ar, precision, recall, f1"),
        ("min: 0.45", "min: 0.45, decide: pont", '23:43: gates[0].decide: unknown value "pont"; did you mean "point"?'),
        ("max: 12", "max: 12, decide: point", "27:52: gates[4].decide: latency_p95_ms has no confidence interval; remove `decide`"),
        ("optimizing: map50_95", "confidence: {level: 95}", "20:23: evaluate.confidence.level: must be at most 0.999, found 95"),
        ("optimizing: map50_95", "confidence: {level: 0.9, resample: 500}", '20:28: evaluate.confidence.resample: unknown key; did you mean "resamples"?'),
        ("min: 0.45", "min: 45", "23:29: gates[0].min: map50_95 lies between 0 and 1, found 45; did you mean 0.45?"),
        ("min: 0.45", "max: 0.45", "23:24: gates[0].max: more map50_95 is better: write `min: 0.45`"),
        ("max: 12", "min: 12", "27:43: gates[4].min: less latency_p95_ms is better: write `max: 12`"),
        ("min: 0.45", "min: high", '23:29: gates[0].min: expected a number, found text ("high")'),
        (", min: 0.45", "", "23:5: gates[0]: a gate has exactly one of min, max, max_drop, min_gain"),
        ("min: 0.45", "min: 0.45, max: 0.5", "23:5: gates[0]: a gate has exactly one of min, max, max_drop, min_gain"),
        ("min: 0.45", "max_drop: 0.1", "23:5: gates[0]: max_drop and min_gain compare: add `against: champion` or `against: torch`"),
        ("min: 0.45", "min: 0.45, against: torch", "23:44: gates[0].against: `against` belongs to max_drop and min_gain only"),
        ("slice: dark", "slice: drak", '24:29: gates[1].slice: unknown slice "drak"; did you mean "dark"?'),
        ("slice: camera=dock", "slice: camera", '26:29: gates[3].slice: "camera" has one slice per value: write "camera=<value>"'),
        ("slice: camera=dock", "slice: site=dock", '26:29: gates[3].slice: unknown slice "site=dock"; slices: *, camera=<value>, dark, small, weather=<value>'),
        ("slice: dark", "slice: fogg=1", "24:29: gates[1].slice: unknown slice \"fogg=1\"; slices: *, camera=<value>, dark, small, weather=<value>"),
        ("slice: camera=dock", 'slice: "camera=dock, weather=fog"', '26:29: gates[3].slice: unknown slice "camera=dock, weather=fog"; slices: *, camera=<value>, dark, small, weather=<value>'),
        ("class: one", "class: wto", '24:42: gates[1].class: unknown class "wto"; did you mean "two"?'),
        ("target: openvino-int8", "target: openvino-fp16", '26:50: gates[3].target: unknown export target "openvino-fp16"; did you mean "openvino-int8"?'),
        ("target: openvino-int8", "target: torch", "26:82: gates[3].against: the torch model is not compared with itself"),
        ("latency_p95_ms, target", "latency_p95_ms, class: one, target", "27:30: gates[4].class: latency_p95_ms is not measured per class; remove `class`"),
        ('latency_p95_ms, target: "*"', 'cost, target: "*"', "27:20: gates[4].target: cost belongs to the sprint, not to a target; remove `target`"),
        # the sprint's own claim
        ("title: A first model", "title: x\nexpect: {metric: recall, slice: drak}", '4:33: expect.slice: unknown slice "drak"; did you mean "dark"?'),
        ("title: A first model", 'title: x\nexpect: {metric: recall, slice: "*"}', '4:33: expect.slice: a claim names one slice; "*" is for gates'),
        ("title: A first model", "title: x\nexpect: {metric: recall, min_gain: 5}", "4:36: expect.min_gain: recall lies between 0 and 1, found 5; did you mean 0.05?"),
        ("title: A first model", "title: x\nexpect: {metric: cost}", '4:18: expect.metric: expected one of map50_95, map50, map75, ar, precision, recall, f1, top1, top5, balanced_accuracy, found "cost"'),
        # paths and weights
        ("yolo11n.yaml", "yolo11q.yml", '12:10: train.model: unknown architecture "yolo11q.yml"; did you mean "yolo11n.yaml"?'),
        ("yolo11n.yaml", "yolo11q.yaml", '12:10: train.model: unknown architecture "yolo11q.yaml"; did you mean "yolo11n.yaml"?'),
        ("yolo11n.yaml", "weights/x.onnx", '12:10: train.model: "weights/x.onnx" is not a weights file (.pt, .safetensors)'),
        ("yolo11n.yaml", "resnet50.yaml", '12:10: train.model: unknown architecture "resnet50.yaml"; usual are yolov8 (nsmlx), yolov9 (tsmce), yolo11 (nsmlx), yolo12 (nsmlx), yolo26 (nsmlx)'),
        ("yolo11n.yaml", "yolo11n", '12:10: train.model: "yolo11n" is neither a weights file nor an architecture\n  hint: name a file in the repository (weights/x.pt), or train from scratch (yolo26n.yaml)'),
        ("yolo11n.yaml", "yolo11n.pt", "12:10: train.model: yolo11n.pt is not in the repository, and nothing is downloaded\n  hint: put the file into the repository and add it: dvc add weights/yolo11n.pt; then `model: weights/yolo11n.pt`; or train from scratch: `model: yolo11n.yaml`"),
        ("yolo11n.yaml", "weights/x.pt", "12:10: train.model: weights/x.pt does not exist\n  hint: put the file there and add it: dvc add weights/x.pt; or train from scratch: `model: yolo26n.yaml`"),
        ("yolo11n.yaml", "../x.pt", '12:10: train.model: "../x.pt" leaves the repository; `..` is not allowed'),
        ("yolo11n.yaml", "yolo11n-seg.yaml", "12:10: train.model: yolo11n-seg.yaml is an architecture for task segment, not detect: write `model: yolo11n.yaml`"),
        ("title: A first model", "title: x\nannotation: {strategy: boxes, guidelines: docs/missing.md}", "4:43: annotation.guidelines: docs/missing.md does not exist"),
        # annotators
        ("title: A first model", "title: x\nannotation: {strategy: class, tool: yolo}", "4:24: annotation.strategy: annotators who draw class do not give what task detect needs: it can be boxes or polygons or masks or obb"),
        ("title: A first model", "title: x\nannotation: {strategy: keypoints, tool: {format: cvat}}", "4:24: annotation.strategy: annotators who draw keypoints do not give what task detect needs: it can be boxes or polygons or masks or obb"),
        # YAML
        ("{format: onnx}", "{format: onnx", "18:5: not valid YAML: did not find expected ',' or '}' (while parsing a flow mapping, line 17)"),
        ("{format: onnx}", "&a {format: onnx}", "17:5: anchor &a: anchors and aliases are not allowed"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_spec(break_file: Break, old: str, new: str, message: str) -> None:
    assert texts(break_file(SPEC, old, new), ["0001-first-model"]) == [f"{SPEC}:{message}"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: detect", "task: detekt", '4:7: task: unknown value "detekt"; did you mean "detect"?'),
        ("layout: yolo", "layout: folders", "8:11: dataset.layout: the layout folders is for task classify; task detect reads yolo, coco, voc, cvat, label-studio or manifest\n  hint: write `task: classify` where the data is a folder per class, <class>/*.jpg or <split>/<class>/*.jpg"),
        ("task: detect", "task: pose", "4:7: task: task pose needs the skeleton that the labels have\n  hint: add `keypoints: {names: [nose, left_eye, right_eye], flip: [0, 2, 1]}` with your points"),
        ("task: detect", "task: detect\nkeypoints: {names: [a]}", "5:1: keypoints: task detect has no skeleton; remove `keypoints`, or write `task: pose`"),
        ("task: detect", "task: pose\nkeypoints: {names: [a, b, a]}", '5:27: keypoints.names[2]: the key point "a" is named twice'),
        ("task: detect", "task: pose\nkeypoints: {names: [a, b], flip: [1]}", "5:34: keypoints.flip: flip has 1 entry, but there are 2 names"),
        ("task: detect", "task: pose\nkeypoints: {names: [a, b], flip: [0, 2]}", "5:38: keypoints.flip[1]: there is no key point 2: they count from 0 to 1"),
        ("task: detect", "task: pose\nkeypoints: {names: [a, b, c], flip: [1, 2, 0]}", "5:38: keypoints.flip[0]: key point 0 becomes 1, but 1 becomes 2: a mirror image of a mirror image must be the image"),
        ("task: detect", "task: pose\nkeypoints: {names: [a, b], sigmas: [0.1]}", "5:36: keypoints.sigmas: sigmas has 1 entry, but there are 2 names"),
        ("task: detect", "task: pose\nkeypoints: {names: [a], sigmas: [0]}", "5:34: keypoints.sigmas[0]: must be more than 0, found 0"),
        ("{by: camera}", "{auto: weakest}\n  - {auto: weakest}", "17:6: slices[2].auto: weak slices are already searched for; `auto` is written once, for project and spec"),
        ("  gates: [", "  holdout: {significance: 5}\n  gates: [", "19:27: policy.holdout.significance: must be at most 1, found 5"),
        ("  gates: [", "  holdout: {refresh: require}\n  gates: [", '19:22: policy.holdout.refresh: unknown value "require"; did you mean "required"?'),
        ("kind: Project", "kind: Sprint", "2:7: kind: expected kind Project, found \"Sprint\"; a sprint's spec lies in specs/"),
        ("[zero, one, two]", "[zero, one, two, one]", '5:27: classes[3]: the class "one" is named twice'),
        (
            "[zero, one, two]",
            "[zero, one, two, One]",
            '5:27: classes[3]: the classes "one" and "One" cannot be told apart: they differ in case or spelling only',
        ),
        ("[zero, one, two]", "[zero, one, two, objects]", '5:27: classes[3]: a class cannot be called "objects": its column n_objects counts all objects'),
        ("[zero, one, two]", "[one, 2]", "5:16: classes[1]: expected text, found 2; write it in quotes"),
        ("layout: yolo", "layout: {format: coco, anotations: [a.json]}", '8:26: dataset.layout.anotations: unknown key; did you mean "annotations"?'),
        ("layout: yolo", "layout: {format: coco, annotations: [../a.json]}", "8:40: dataset.layout.annotations[0]: a path is relative to the dataset's folder, is written with /, and has no `..`"),
        ("layout: yolo", "layout: {format: coco, annotations: []}", "8:39: dataset.layout.annotations: needs at least 1 entry, found 0"),
        ("layout: yolo", "layout: {format: kitti}", "8:20: dataset.layout.format: expected one of coco, cvat, folders, label-studio, manifest, voc, yolo, found \"kitti\""),
        ("layout: yolo", "layout: {annotations: [a.json]}", '8:3: dataset.layout: missing key "format"'),
        ("layout: yolo", "layout: {format: folders}", "8:20: dataset.layout.format: the layout folders is for task classify; task detect reads yolo, coco, voc, cvat, label-studio or manifest\n  hint: write `task: classify` where the data is a folder per class, <class>/*.jpg or <split>/<class>/*.jpg"),
        ("layout: yolo", "layout: 5", "8:11: dataset.layout: expected one of coco, cvat, folders, label-studio, manifest, voc, yolo, found 5"),
        ("layout: yolo", "layout: yollo", '8:11: dataset.layout: unknown value "yollo"; did you mean "yolo"?'),
        ("path: data\n", "path: images\n", "7:9: dataset.path: images.dvc does not exist: the dataset is not tracked\n  hint: put the dataset into images/, then: dvc add images"),
        ("path: data\n", "path: ../data\n", '7:9: dataset.path: "../data" leaves the repository; `..` is not allowed'),
        ("path: data\n", "path: /data\n", '7:9: dataset.path: "/data" must be relative to the repository\'s top'),
        ("data/metadata.csv", "data/meta.csv", "9:13: dataset.metadata: data/meta.csv does not exist"),
        ("group_by: scene", "group_by: scenes", '10:13: dataset.group_by: the table `images` has no column "scenes"; did you mean "scene"?'),
        ("split = 'pool'", "spilt = 'pool'", '13:9: splits.pool: the table `images` has no column "spilt"; did you mean "split"?'),
        ("  pool:", "  pol:", '13:3: splits.pol: unknown key; did you mean "pool"?'),
        ("{by: camera}", "{by: camera}, {name: dark, where: readable}", "15:17: not valid YAML: did not find expected '-' indicator (while parsing a block collection, line 15)"),
        ("{by: camera}", "{name: dark, where: readable}", '16:12: slices[1].name: the slice "dark" is named twice'),
        ("metric: map50_95, max_drop: 0.02", "metric: map50_95, class: tow, max_drop: 0.02", '19:37: policy.gates[0].class: unknown class "tow"; did you mean "two"?'),
        ("metric: map50_95, max_drop: 0.02", "metric: map50_95, target: openvno-int8, max_drop: 0.02", '19:38: policy.gates[0].target: unknown export target "openvno-int8"; did you mean "openvino-int8"?'),
        ("currency: EUR", "currency: euro", "21:19: costs.currency: a currency has three capital letters (ISO 4217): EUR"),
        ("model: {name", "goal: {metric: top1}\nmodel: {name", "20:16: goal.metric: top1 is not measured for task detect; it has map50_95, map50, map75, ar, precision, recall, f1"),
        ("model: {name", "goal: {target: 85}\nmodel: {name", "20:16: goal.target: must be at most 1, found 85"),
        ("model: {name", "goal: {value_per_pont: 9}\nmodel: {name", '20:8: goal.value_per_pont: unknown key; did you mean "value_per_point"?'),
        ("gpu_hour: 2.20", "gpu_hour: -1", "21:34: costs.gpu_hour: must be at least 0, found -1"),
        ("device: auto", "device: gpu", "22:19: compute.device: a device is auto, cpu, cuda, or cuda:0, cuda:1, …"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_project(break_file: Break, old: str, new: str, message: str) -> None:
    found = [text for text in texts(break_file("flywheel.yaml", old, new)) if not text.startswith("specs/")]
    if "not valid YAML" in message:
        assert len(found) == 1
        assert "flywheel.yaml" in found[0]
    else:
        assert found == [f"flywheel.yaml:{message}"]


def test_all_errors_of_all_files_come_at_once_sorted_by_place(repository: Path, break_file: Break) -> None:
    break_file("flywheel.yaml", "layout: yolo", "layot: yolo")
    break_file(SPEC, "epochs: 30", "epochs: -1\n  &x imgz: 3")
    break_file(SPEC, "slice: dark", "slice: drak")
    break_file("specs/0002-longer.yaml", "min: 0.5", "min: 50")
    (repository / "specs" / "3-bad.yaml").write_text("a: 1")
    assert texts(repository) == [
        'flywheel.yaml:8:3: dataset.layot: unknown key; did you mean "layout"?',
        "specs/0001-first-model.yaml:13:11: train.epochs: must be at least 1, found -1",
        "specs/0001-first-model.yaml:14:3: a key must be plain text, without tag or anchor",
        'specs/0001-first-model.yaml:14:3: train.imgz: unknown key; did you mean "imgsz"?',
        'specs/0001-first-model.yaml:25:29: gates[1].slice: unknown slice "drak"; did you mean "dark"?',
        "specs/0002-longer.yaml:7:47: gates[0].min: recall lies between 0 and 1, found 50; did you mean 0.5?",
        "specs/3-bad.yaml: not a spec's name: four digits, `-`, then lower-case letters, digits and `-`, ending in .yaml\n"
        "  hint: rename it, for example: 0001-first-model.yaml",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "1-x.yaml",
        "0001_x.yaml",
        "0001-X.yaml",
        "0001-.yml",
        "0001-$(id).yaml",
        "0001-a b.yaml",
        "٠٠٠١-x.yaml",
        f"0001-{'x' * 61}.yaml",
        "0001-x\n.yaml",
        "-rf.yaml",
    ],
)
def test_spec_file_names_are_strict(repository: Path, name: str) -> None:
    """SECURITY.md rule 5."""
    (repository / "specs" / name).write_text("kind: Sprint\n")
    found = texts(repository)
    assert len(found) == 1
    assert "not a spec's name" in found[0]
    assert found[0].splitlines()[0].isprintable()


def test_an_empty_spec_says_what_it_needs(repository: Path) -> None:
    (repository / SPEC).write_text("# nothing yet\n")
    assert texts(repository, ["0001"]) == [
        f"{SPEC}:1:1: expected a mapping, found nothing\n"
        "  hint: it begins with `apiVersion: flywheel/v1`, `kind: Sprint`, `title: …` and has a block `train:`"
    ]


def test_an_empty_project_says_how_it_begins(repository: Path) -> None:
    (repository / "flywheel.yaml").write_text("")
    assert texts(repository)[0] == (
        "flywheel.yaml:1:1: expected a mapping, found nothing\n"
        "  hint: it begins with `apiVersion: flywheel/v1` and `kind: Project`; flywheel init --data PATH writes one"
    )


def test_a_missing_data_dvc_names_the_command(repository: Path) -> None:
    (repository / "data.dvc").unlink()
    assert texts(repository) == [
        "flywheel.yaml:7:9: dataset.path: data.dvc does not exist: the dataset is not tracked\n  hint: dvc add data"
    ]


def test_without_pulled_data_metadata_columns_are_not_judged(repository: Path, break_file: Break) -> None:
    break_file(SPEC, "sharpness < 12", "sharpness < 12 OR lens = 'wide'")
    assert len(texts(repository)) == 1
    (repository / "data" / "metadata.csv").unlink()
    (repository / "data").rmdir()
    assert texts(repository) == []


def test_metadata_with_an_unusable_header_is_said_before_the_run(repository: Path, break_file: Break) -> None:
    (repository / "data" / "metadata.csv").write_text("path;width\nimages/a.jpg;1\n")
    assert (
        "flywheel.yaml:9:13: dataset.metadata: data/metadata.csv: column `width` has the name of one of the index's own "
        "columns\n  hint: rename it, for example to `meta_width`"
    ) in [str(error) for error in validate(repository)]


def test_without_a_metadata_file_only_fixed_columns_exist(repository: Path, break_file: Break) -> None:
    break_file("flywheel.yaml", "  metadata: data/metadata.csv\n  group_by: scene\n", "")
    assert texts(repository)[0] == (
        'flywheel.yaml:14:10: slices[1].by: the table `images` has no column "camera"; columns: brightness, bytes, '
        "contrast, group, group_fraction, height, image_id, label_problem, labelled, n_objects, n_one, n_two, n_zero, "
        "path, phash, problem, readable, sharpness, split, width"
    )


def test_group_by_needs_a_metadata_file(repository: Path, break_file: Break) -> None:
    break_file("flywheel.yaml", "  metadata: data/metadata.csv\n", "")
    assert (
        "flywheel.yaml:9:13: dataset.group_by: group_by names a metadata column: add `metadata: …csv`"
        in texts(repository)
    )


def test_a_policy_gate_names_only_the_projects_slices(repository: Path, break_file: Break) -> None:
    break_file("flywheel.yaml", "max_drop: 0.02", "slice: weather=fog, max_drop: 0.02")
    assert texts(repository) == [
        'flywheel.yaml:19:37: policy.gates[0].slice: unknown slice "weather=fog"; '
        "slices: *, camera=<value>, dark, small"
    ]


def test_a_symlinked_spec_is_refused(repository: Path) -> None:
    (repository / "specs" / "0003-link.yaml").symlink_to("/etc/passwd")
    assert texts(repository) == [
        "specs/0003-link.yaml: is a symlink; the project's files must be regular files"
    ]


def test_a_symlinked_folder_of_specs_is_refused_unread(repository: Path) -> None:
    (repository / "specs").rename(repository / "elsewhere")
    (repository / "specs").symlink_to(repository / "elsewhere")
    (repository / "elsewhere" / "0003-x.yaml").write_text("secret: 1")
    assert texts(repository) == ["specs: is a symlink; the project's folders must be real"]


def test_an_unreadable_project_is_the_only_error(repository: Path) -> None:
    (repository / "flywheel.yaml").write_text("name: [\n")
    assert [text.partition(": ")[0] for text in texts(repository)] == ["flywheel.yaml:2:1"]


def test_nothing_heavy_is_imported(repository: Path) -> None:
    heavy = [
        "torch",
        "ultralytics",
        "great_expectations",
        "dvc",
        "pandas",
        "cv2",
        "numpy",
        "duckdb",
        "jsonschema",
    ]
    code = (
        f"import sys; from pathlib import Path; from runner.config.load import validate;"
        f"assert validate(Path({str(repository)!r})) == []; print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


CLASSIFY = {
    "task: detect": "task: classify",
    "layout: yolo": "layout: folders",
    "  - {name: small, objects: area_px < 1024}\n": "",
    "metric: map50_95, max_drop": "metric: top1, max_drop",
}


def classification(repository: Path, break_file: Break) -> Path:
    """The project and its specs as a classification project."""
    for old, new in CLASSIFY.items():
        break_file("flywheel.yaml", old, new)
    spec = (repository / SPEC).read_text()
    for old, new in (
        ("map50_95", "top1"),
        ("yolo11n", "yolo11n-cls"),
        ("preset: detection", "preset: classification"),
    ):
        spec = spec.replace(old, new)
    (repository / SPEC).write_text(spec)
    return repository


def test_a_classification_project_has_no_errors(repository: Path, break_file: Break) -> None:
    assert texts(classification(repository, break_file)) == []


def test_every_place_that_does_not_fit_a_changed_task_is_told(repository: Path, break_file: Break) -> None:
    break_file("flywheel.yaml", "task: detect", "task: classify")
    has = "it has top1, top5, balanced_accuracy, precision, recall, f1"
    assert texts(repository, ["0001"]) == [
        "flywheel.yaml:8:11: dataset.layout: task classify reads the layout cvat, label-studio, manifest or folders, not yolo\n"
        "  hint: `folders` is a folder per class, <class>/*.jpg or <split>/<class>/*.jpg; then write `layout: folders`",
        f"flywheel.yaml:19:20: policy.gates[0].metric: map50_95 is not measured for task classify; {has}",
        f"{SPEC}:9:13: checks[1].preset: task classify is checked by `preset: classification`, not by detection",
        f"{SPEC}:12:10: train.model: yolo11n.yaml is an architecture for task detect, not classify: "
        "write `model: yolo11n-cls.yaml`",
        f"{SPEC}:20:15: evaluate.optimizing: map50_95 is not measured for task classify; {has}",
        f"{SPEC}:23:14: gates[0].metric: map50_95 is not measured for task classify; {has}",
        f"{SPEC}:25:14: gates[2].metric: map50_95 is not measured for task classify; {has}",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weather=fog", "scene=a", None),
        ("weather=fog", '"camera=dock, weather=fog"', None),
        ("weather=fog", '"camera=a, b, weather=fog"', None),
        ("weather=fog", '"weather=fog, camera=dock"', 'unknown slice "weather=fog, camera=dock"; the columns are crossed in another order: "camera=dock, weather=fog"'),
        ("weather=fog", '"camera, weather"', '"camera, weather" has one slice per value: write "camera=<value>, weather=<value>"'),
        ("weather=fog", "camera=dock", 'unknown slice "camera=dock"; slices: *, camera=<value>, weather=<value>, scene=<value>\n'
         "  hint: what `auto` finds differs from sprint to sprint: describe the region with `name` and `where`"),
    ],
)  # fmt: skip
def test_gates_name_crossed_slices_by_all_their_values(
    repository: Path, break_file: Break, old: str, new: str, message: str | None
) -> None:
    (repository / SPEC).unlink()
    (repository / "specs" / "0002-longer.yaml").write_text(
        "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\ntrain: {framework: ultralytics, model: yolo11n.yaml}\n"
        "evaluate: {slices: [{by: [camera, weather]}, {auto: weakest, max: 3}]}\n"
        "gates:\n  - {metric: recall, min: 0.5, slice: weather=fog}\n"
    )
    break_file(
        "flywheel.yaml", "  - {name: dark, where: brightness < 0.25}\n  - {by: camera}\n", "  - {by: scene}\n"
    )
    break_file("flywheel.yaml", "  - {name: small, objects: area_px < 1024}\n", "")
    break_file("specs/0002-longer.yaml", old, new)
    expected = [] if message is None else [f"specs/0002-longer.yaml:7:39: gates[0].slice: {message}"]
    assert texts(repository) == expected


def test_found_slices_alone_give_a_gate_nothing_to_judge(repository: Path, break_file: Break) -> None:
    break_file(
        "flywheel.yaml",
        "  - {name: dark, where: brightness < 0.25}\n  - {by: camera}\n  - {name: small, objects: area_px < 1024}\n",
        "  - {auto: weakest}\n",
    )
    break_file("flywheel.yaml", "max_drop: 0.02", 'slice: "*", max_drop: 0.02')
    assert texts(repository, [])[:1] == [
        "flywheel.yaml:17:37: policy.gates[0].slice: there are no slices: neither here nor in flywheel.yaml; "
        "what `auto` finds differs from sprint to sprint: describe the region with `name` and `where`"
    ]


@pytest.mark.parametrize(
    ("column", "what"),
    [("keypoints", "an object's shape"), ("label_place", "where a label happens to be written")],
)
def test_a_shape_or_a_place_cannot_be_used_in_a_condition(break_file: Break, column: str, what: str) -> None:
    root = break_file(SPEC, "{by: weather}", f"{{name: x, objects: {column} IS NULL}}")
    assert texts(root, ["0001"]) == [
        f"{SPEC}:21:31: evaluate.slices[0].objects: {column} holds {what}: a condition cannot use it"
    ]


@pytest.mark.parametrize(
    ("layout", "spelt", "problems"),
    [
        ("{format: manifest, metadata: [scene, camera]}", "camera", []),
        (
            "{format: manifest, metadata: [scene, camera]}",
            "camra",
            [
                'flywheel.yaml:15:10: slices[1].by: the table `images` has no column "camra"; did you mean "camera"?'
            ],
        ),
        ("manifest", "camra", []),  # it is not said which columns there are
    ],
)
def test_metadata_columns_of_the_layout_are_known_where_it_names_them(
    repository: Path, break_file: Break, layout: str, spelt: str, problems: list[str]
) -> None:
    break_file("flywheel.yaml", "  layout: yolo\n  metadata: data/metadata.csv\n", f"  layout: {layout}\n")
    break_file("flywheel.yaml", "{by: camera}", f"{{by: {spelt}}}")
    found = [text for text in texts(repository) if not text.startswith("specs/")]
    assert found == problems


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        ("{faults: clip}", "detect", 'dataset.labels.faults: expected one of drop, refuse, found "clip"'),
        (
            "{zero_area: clip}",
            "detect",
            'dataset.labels.zero_area: expected one of drop, refuse, found "clip"',
        ),
        ("{outsides: clip}", "detect", "dataset.labels.outsides: unknown key"),
        ("{outside: clip}", "obb", "a rotated box that is cut at the border is none"),
        ("{image_size: refuse}", "detect", "dataset.labels.image_size: unknown key"),
    ],
)
def test_what_cannot_become_of_wrong_labels_is_named_at_its_line(
    repository: Path, labels: str, task: str, message: str
) -> None:
    path = repository / "flywheel.yaml"
    text = path.read_text().replace("task: detect", f"task: {task}")
    path.write_text(text.replace("  layout: yolo\n", f"  layout: yolo\n  labels: {labels}\n"))
    found = [problem for problem in texts(repository, []) if problem.startswith("flywheel.yaml:9:")]
    assert [problem for problem in found if message in problem], texts(repository, [])
