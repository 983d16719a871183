"""The evaluate stage: from the files of earlier stages to its records, equal to pycocotools."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from runner.adapters.tables.parquet import write_table
from runner.assessment.leaks import PAIRS_FILE, SAMPLES_FILE, read_pairs
from runner.assessment.samples import read_samples
from runner.config.sprint import Confidence, SliceSpec
from runner.dataset.near_duplicates import write_thumbnails
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.evaluation import (
    RANKED_METRICS,
    ChampionEvaluation,
    ChampionModel,
    Evaluation,
    Metrics,
    common_target,
)
from runner.domain.files import read_json, write_json
from runner.domain.records import Selection, SplitCounts
from runner.domain.task import TaskSpec
from runner.evaluation.intervals import difference, simultaneous
from runner.gates import Gate
from runner.gates.judge import Evidence, WrittenGate
from runner.record.catalogue import sprint_folder
from runner.stages.evaluate import STAGE, run
from runner.stages.measuring import EvaluateParams
from runner.stages.stage import StageContext
from runner.workflow.judging.without_leaks import without_leaks

CLASSES = ["zero", "one", "two"]
TARGETS = ["torch", "onnx-fp32"]
CORNERS = ("x_min", "y_min", "x_max", "y_max")
Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, kw_only=True)
class Case:
    folder: Path
    images: Columns
    objects: Columns
    predictions: dict[str, Columns]

    @property
    def test_paths(self) -> list[str]:
        chosen = (self.images["split"] == "test") & ~self.images["dropped"]
        return sorted(self.images["path"][chosen].tolist())


def params(slices: list[SliceSpec], seeds: list[int]) -> EvaluateParams:
    return EvaluateParams(
        task=TaskSpec(name="detect", classes=CLASSES),
        targets=TARGETS,
        primary_target="onnx-fp32",
        further_seeds=seeds,
        optimizing="map50_95",
        operating_confidence=0.5,
        confidence=Confidence(resamples=100),
        group_by=None,
        slices=slices,
        judged_classes=[],
    )


SLICES = [
    SliceSpec(name="dark", where="brightness < 0.5"),
    SliceSpec(by="camera", max=2),
    SliceSpec(name="small", objects="area_px < 1000"),
    SliceSpec(name="large", objects="AREA_PX >= 1000"),
    SliceSpec(name="cut", objects="truncated"),
    SliceSpec(name="nothing", where="brightness > 9"),
]


def boxes(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    corner = random.integers(0, 100, (n, 2))
    return np.hstack([corner, corner + random.integers(5, 60, (n, 2))]).astype(float)


def make_case(folder: Path) -> Case:
    """40 images, not in the order of their paths, of which 20 to 30 are tested; crowds; an unknown class."""
    random = np.random.default_rng(7)
    path = np.array([f"images/{number:03d}.jpg" for number in random.permutation(40)], dtype=object)
    images: Columns = {
        "path": path,
        "image_id": np.array([f"{number:032x}" for number in range(40)], dtype=object),
        "split": np.array(["train" if number % 4 == 0 else "test" for number in range(40)], dtype=object),
        "dropped": np.arange(40) % 8 == 1,
        "brightness": random.random(40),
        "camera": np.array([[None, "a", "a", "b", "c"][number % 5] for number in range(40)], dtype=object),
        "group": np.array([f"scene-{number // 2}" for number in range(40)], dtype=object),
        "width": np.full(40, 160),
        "height": np.full(40, 160),
    }
    of = random.integers(0, 40, 200)
    truth = boxes(random, 200)
    width, height = truth[:, 2] - truth[:, 0], truth[:, 3] - truth[:, 1]
    label = random.integers(0, 2, 200)
    objects: Columns = {
        "object_id": np.array([f"labels.txt:{number}" for number in range(200)], dtype=object),
        "path": path[of],
        "class": np.array([*CLASSES, "unknown"], dtype=object)[np.where(random.random(200) < 0.05, 3, label)],
        "crowd": random.random(200) < 0.05,
        "truncated": random.random(200) < 0.3,
        "area_px": width * height,
        "width_px": width,
        "height_px": height,
        "aspect_ratio": width / height,
        **{name: truth[:, column] for column, name in enumerate(CORNERS)},
    }
    tested = np.flatnonzero((images["split"] == "test") & ~images["dropped"])
    predictions = {name: predicted(random, path[tested], objects) for name in (*TARGETS, "torch-seed-3")}
    case = Case(folder=folder, images=images, objects=objects, predictions=predictions)
    write_case(case)
    return case


def predicted(random: np.random.Generator, tested: Columns, objects: Columns) -> Columns:
    there = np.flatnonzero(np.isin(objects["path"], tested) & (objects["class"] != "unknown"))
    copied = random.choice(there, 150)
    near = np.stack([objects[name][copied] for name in CORNERS], axis=1) + random.normal(0, 2, (150, 4))
    found = np.vstack([near, boxes(random, 100)]).astype(np.float32)
    stray = random.choice(tested, 100)
    name = np.concatenate(
        [objects["class"][copied], np.array(CLASSES, dtype=object)[random.integers(0, 3, 100)]]
    )
    return {
        "path": np.concatenate([objects["path"][copied], stray]),
        "class": name,
        "class_id": np.array([CLASSES.index(item) for item in name], dtype=np.int32),
        "score": random.random(250).astype(np.float32),
        **{corner: found[:, column] for column, corner in enumerate(CORNERS)},
    }


def write_case(case: Case) -> None:
    folder = case.folder
    kept = case.images["split"] == "test"
    write_table(folder / "index" / "images.parquet", case.images)
    write_table(folder / "index" / "objects.parquet", case.objects)
    write_table(
        folder / "selection" / "manifest.parquet",
        {
            "path": case.images["path"],
            "assigned": np.where(kept, "test", "train").astype(object),
            "selected": ~case.images["dropped"],
        },
    )
    counts = {"test": SplitCounts(images=24, objects=0)}
    selection = Selection(splits=counts, dropped=[], digest="d", split_digests={"test": "digest of test"})
    write_json(folder / "selection.json", selection)
    for target, columns in case.predictions.items():
        write_table(folder / "predictions" / f"{target}.parquet", columns)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return make_case(sprint_folder(tmp_path, "0001-x"))


def evaluated(case: Case, slices: list[SliceSpec], seeds: list[int] | None = None) -> Evaluation:
    run(StageContext(root=case.folder.parents[1], folder=case.folder), params(slices, seeds or []))
    return read_json(case.folder / "evaluation.json", Evaluation)


def pycocotools(case: Case, target: str, paths: list[str], area: tuple[float, float]) -> tuple[float, ...]:
    """mAP50-95, mAP50, mAP75 and AR@100 over classes that have objects."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    order = {path: number for number, path in enumerate(case.test_paths, start=1)}

    def rows(columns: Columns) -> list[tuple[int, dict[str, object]]]:
        box = np.stack([columns[name].astype(float) for name in CORNERS], axis=1)
        box[:, 2:] -= box[:, :2]
        return [
            (
                row,
                {"image_id": order[path], "category_id": CLASSES.index(name) + 1, "bbox": box[row].tolist()},
            )
            for row, (path, name) in enumerate(zip(columns["path"], columns["class"], strict=True))
            if path in order and name in CLASSES
        ]

    objects, found = case.objects, case.predictions[target]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": number} for number in order.values()],
            "categories": [{"id": number + 1} for number in range(len(CLASSES))],
            "annotations": [
                {
                    **item,
                    "id": row + 1,
                    "area": objects["area_px"][row],
                    "iscrowd": int(objects["crowd"][row]),
                }
                for row, item in rows(objects)
            ],
        }
        coco.createIndex()
        results = coco.loadRes([{**item, "score": float(found["score"][row])} for row, item in rows(found)])
        engine = COCOeval(coco, results, "bbox")
        engine.params.imgIds = [order[path] for path in paths]
        engine.params.areaRng, engine.params.areaRngLbl, engine.params.maxDets = [list(area)], ["all"], [100]
        engine.evaluate()
        engine.accumulate()
    precision, recall = engine.eval["precision"][..., 0, 0], engine.eval["recall"][..., 0, 0]
    present = (precision > -1).all(axis=(0, 1))
    means = [precision[rows][..., present].mean() for rows in (slice(None), slice(0, 1), slice(5, 6))]
    return (*means, recall[:, present].mean())


def quality(metrics: Metrics) -> tuple[float | None, ...]:
    return metrics.map50_95, metrics.map50, metrics.map75, metrics.ar


@pytest.mark.parametrize("target", TARGETS)
def test_every_slice_equals_pycocotools(case: Case, target: str) -> None:
    evaluation = evaluated(case, SLICES)
    measured = next(found for found in evaluation.targets if found.target == target)
    slices = {part.name: part.overall for part in measured.slices}
    of = dict(
        zip(
            case.images["path"],
            zip(case.images["brightness"], case.images["camera"], strict=True),
            strict=True,
        )
    )
    anything = (0.0, 1e10)
    expected = {
        "overall": (measured.overall, case.test_paths, anything),
        "dark": (slices["dark"], [path for path in case.test_paths if of[path][0] < 0.5], anything),
        "camera=a": (slices["camera=a"], [path for path in case.test_paths if of[path][1] == "a"], anything),
        # pycocotools' ranges include both ends, and no label's area lies between these two numbers
        "small": (slices["small"], case.test_paths, (0.0, np.nextafter(1000, 0))),
        "large": (slices["large"], case.test_paths, (1000.0, 1e10)),
    }
    for name, (ours, paths, area) in expected.items():
        theirs = pycocotools(case, target, paths, area)
        np.testing.assert_allclose(quality(ours), theirs, atol=1e-9, rtol=0, err_msg=name)
        assert theirs[0] > 0


def test_the_record_names_slices_conditions_and_the_test_split(case: Case) -> None:
    evaluation = evaluated(case, SLICES, seeds=[3])
    assert (evaluation.task, evaluation.split) == ("detect", "test")
    assert evaluation.split_digest == "digest of test"
    assert [target.target for target in evaluation.targets] == TARGETS
    assert [seed.target for seed in evaluation.seeds] == ["torch-seed-3"]
    assert evaluation.seeds[0].overall.objects == evaluation.targets[0].overall.objects
    assert [(part.name, part.kind, part.condition) for part in evaluation.targets[0].slices] == [
        ("dark", "images", "brightness < 0.5"),
        ("camera=a", "images", "\"camera\" = 'a'"),
        ("camera=(none)", "images", '"camera" IS NULL'),
        ("small", "objects", "area_px < 1000"),
        ("large", "objects", "AREA_PX >= 1000"),
        ("cut", "objects", "truncated"),
        ("nothing", "images", "brightness > 9"),
    ]
    small, large = evaluation.targets[0].slices[3:5]
    assert small.overall.objects + large.overall.objects == evaluation.targets[0].overall.objects


def test_a_slice_may_name_its_column_in_any_case(case: Case) -> None:
    (target, _) = evaluated(case, [SliceSpec(by="Camera", max=1)]).targets
    assert [part.name for part in target.slices] == ["Camera=a"]


def test_a_condition_on_shape_is_about_detections_too(case: Case) -> None:
    both = "aspect_ratio < 1 OR aspect_ratio >= 1"
    target = evaluated(
        case, [SliceSpec(name="any", objects=both), SliceSpec(name="no", objects="width_px > 999")]
    )
    everything, nothing = target.targets[0].slices
    assert quality(everything.overall) == quality(target.targets[0].overall)
    assert everything.overall.precision == target.targets[0].overall.precision
    assert nothing.overall == Metrics(images=0, objects=0, groups=0)


def test_the_metrics_file_leaves_out_what_was_not_measured(case: Case) -> None:
    evaluation = evaluated(case, SLICES)
    metrics = json.loads((case.folder / "metrics.json").read_bytes())
    assert list(metrics) == [*TARGETS, "slices"]
    overall = evaluation.targets[0].overall
    assert metrics["torch"]["map50_95"] == round(overall.map50_95 or 0, 6)
    assert "nothing" not in metrics["slices"]["torch"]
    assert metrics["slices"]["torch"]["dark"].keys() == {
        "map50_95",
        "map50",
        "map75",
        "ar",
        "precision",
        "recall",
        "f1",
    }


def test_the_precision_recall_curve_has_101_points_per_target(case: Case) -> None:
    evaluated(case, [])
    with (case.folder / "plots" / "precision_recall.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["target"] for row in rows] == ["torch"] * 101 + ["onnx-fp32"] * 101
    assert (rows[100]["recall"], rows[0].keys()) == ("1.00", {"target", "recall", "precision"})


def written(folder: Path) -> dict[str, bytes]:
    files = [*STAGE.records, *(str(path.relative_to(folder)) for path in (folder / "outcomes").iterdir())]
    return {name: (folder / name).read_bytes() for name in files}


def test_the_same_files_give_the_same_bytes(case: Case) -> None:
    evaluated(case, SLICES)
    before = written(case.folder)
    evaluated(case, SLICES)
    assert before == written(case.folder)


def test_intervals_hold_their_numbers_and_say_what_they_rest_on(case: Case) -> None:
    evaluation = evaluated(case, SLICES)
    resampling = evaluation.resampling
    groups = {case.images["group"][list(case.images["path"]).index(path)] for path in case.test_paths}
    assert resampling is not None
    assert (resampling.level, resampling.resamples, resampling.groups) == (0.95, 100, len(groups))
    overall = evaluation.targets[0].overall
    assert set(overall.intervals) == set(RANKED_METRICS)
    for name, ends in overall.intervals.items():
        assert 0 <= ends.low < getattr(overall, name) < ends.high <= 1
    assert evaluation.seeds == []


def test_every_number_that_may_be_judged_is_stored_with_its_resamples(case: Case) -> None:
    evaluation = evaluated(case, SLICES, seeds=[3])
    samples = read_samples(case.folder / "outcomes" / "resamples.parquet")
    for part in evaluation.targets[1].slices[:-1]:
        sample = samples.get("onnx-fp32", part.name, None, "recall")
        assert sample is not None
        assert sample.estimate == part.overall.recall
        assert (len(sample.replicates), len(sample.seeds), sample.groups) == (100, 1, part.overall.groups)
    assert samples.get("onnx-fp32", "nothing", None, "recall") is None
    assert samples.get("torch", "dark", "zero", "recall") is None  # no gate asks for a class of a slice


def test_classes_that_gates_name_on_slices_are_resampled_there(case: Case) -> None:
    chosen = msgspec.structs.replace(params(SLICES, []), judged_classes=["zero"])
    run(StageContext(root=case.folder.parents[1], folder=case.folder), chosen)
    samples = read_samples(case.folder / "outcomes" / "resamples.parquet")
    assert samples.get("torch", "dark", "zero", "recall") is not None
    assert samples.get("torch", "dark", "one", "recall") is None


def with_champion(case: Case, predictions: Columns) -> ChampionEvaluation:
    """Evaluates the case beside a champion that knows no class two."""
    write_table(case.folder / "champion" / "predictions.parquet", predictions)
    model = ChampionModel(
        sprint="0001-a", tag="m#prod#1", target="onnx-fp32", class_names=CLASSES[:2], digest="d"
    )
    write_json(case.folder / "champion" / "champion.json", model)
    chosen = msgspec.structs.replace(params(SLICES, []), champion="0001-a")
    run(StageContext(root=case.folder.parents[1], folder=case.folder), chosen)
    champion = read_json(case.folder / "evaluation.json", Evaluation).champion
    assert champion is not None
    return champion


def test_the_champion_is_compared_on_the_same_images(case: Case) -> None:
    champion = with_champion(case, case.predictions["onnx-fp32"])
    assert (champion.sprint, champion.tag, champion.target) == ("0001-a", "m#prod#1", "onnx-fp32")
    assert champion.unknown_classes == ["two"]
    assert {found.slice for found in champion.differences} >= {None, "dark", "small"}
    for found in champion.differences:  # the same predictions: no difference, and none is seen
        assert (found.difference, found.outcome) == (0, "unclear")


def test_differences_are_paired_also_on_slices_of_objects(case: Case) -> None:
    found = case.predictions["onnx-fp32"]
    champion = with_champion(case, {name: values[::2] for name, values in found.items()})
    samples = read_samples(case.folder / "outcomes" / "resamples.parquet")
    pairs = []
    for row in champion.differences:
        place = (row.slice, row.class_name, "map50_95")
        ours, theirs = samples.get(common_target("onnx-fp32"), *place), samples.get("champion", *place)
        assert ours is not None
        assert theirs is not None
        pairs.append(difference(ours, theirs))
    recorded = [
        (row.interval.low, row.interval.high) if row.interval else None for row in champion.differences
    ]
    assert recorded == simultaneous(pairs, 0.95)

    with_champion(case, found)  # the same predictions draw the same images, in every part
    samples = read_samples(case.folder / "outcomes" / "resamples.parquet")
    for row in champion.differences:
        place = (row.slice, row.class_name, "map50_95")
        ours, theirs = samples.get(common_target("onnx-fp32"), *place), samples.get("champion", *place)
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours.replicates, theirs.replicates, equal_nan=True)
        assert len(np.unique(ours.replicates)) > 1


def with_predictions(case: Case, file: str, found: Columns) -> Case:
    write_table(case.folder / file, found)
    return case


@pytest.mark.parametrize("whose", ["predictions/torch.parquet", "champion/predictions.parquet"])
def test_stored_predictions_that_cannot_be_measured_are_refused_by_file_and_row(
    case: Case, whose: str
) -> None:
    found = {name: values.copy() for name, values in case.predictions["torch"].items()}
    found["score"][3] = np.nan
    champion = whose.startswith("champion")
    with pytest.raises(FlywheelError) as refused:
        with_champion(case, found) if champion else evaluated(with_predictions(case, whose, found), [])
    write_table(case.folder / "predictions" / "torch.parquet", case.predictions["torch"])
    path = f"reports/{case.folder.name}/{whose}"
    assert str(refused.value.where) == path
    assert refused.value.message.startswith(f"row 4 of 250 ('{found['path'][3]}'): its score is NaN")
    assert refused.value.exit_code is ExitCode.STAGE_FAILED


def test_test_images_that_training_knows_are_named_and_left_out_beside_the_whole(case: Case) -> None:
    count = len(case.images["path"])
    random = np.random.default_rng(3)
    looks = [random.integers(0, 256, 256, dtype=np.uint8) for _ in range(count)]
    hashes = random.integers(0, 2**63, count, dtype=np.uint64)
    train = np.flatnonzero(case.images["split"] == "train")
    tested = np.flatnonzero((case.images["split"] == "test") & ~case.images["dropped"])
    for at, known in zip(tested[:6], train, strict=False):
        looks[at], hashes[at] = looks[known], hashes[known] ^ np.uint64(0b101)
    ids = np.array([f"{number:032x}" for number in range(count)], dtype=object)
    write_table(case.folder / "index" / "images.parquet", case.images | {"phash": hashes, "image_id": ids})
    write_thumbnails(case.folder / "index", case.images["path"].tolist(), [each.tobytes() for each in looks])
    others = [case.images["path"][at] for at in tested[6:]]
    named = SliceSpec(name="others", where=f"path IN ({', '.join(map(repr, others))})")
    evaluation = evaluated(case, [named])
    assert evaluation.near_duplicates is UNSET  # only records of before have it
    leaks = evaluation.leaks
    assert not isinstance(leaks, UnsetType)
    near = [pair for pair in leaks.pairs if pair.kind == "near-duplicate"]
    assert [pair.path for pair in near] == sorted(case.images["path"][tested[:6]].tolist())
    assert {pair.distance for pair in near} == {2}
    # images of one scene leak too, and each is counted once
    assert leaks.kinds["near-duplicate"] == 6
    assert leaks.images == sum(leaks.kinds.values()) > 6
    assert leaks.images + leaks.left == len(case.test_paths)


def test_everything_is_measured_again_without_leaked_images_and_their_groups(case: Case) -> None:
    evaluation = evaluated(case, SLICES, seeds=[3])
    leaks = evaluation.leaks
    assert not isinstance(leaks, UnsetType)
    train = set(case.images["group"][case.images["split"] == "train"].tolist())
    group_of = dict(zip(case.images["path"].tolist(), case.images["group"].tolist(), strict=True))
    leaked = [path for path in case.test_paths if group_of[path] in train]
    assert (leaks.kinds, [pair.path for pair in leaks.pairs]) == ({"same group": len(leaked)}, leaked)
    assert [pair["path"] for pair in read_pairs(case.folder / "outcomes" / PAIRS_FILE)] == leaked
    rows = np.isin(case.images["path"], leaked)
    kept = replace(
        case,
        folder=case.folder.with_name("0002-kept"),
        images={**case.images, "dropped": case.images["dropped"] | rows},
    )
    for found in kept.predictions.values():
        inside = ~np.isin(found["path"], leaked)
        for name in found:
            found[name] = found[name][inside]
    write_case(kept)
    alone = evaluated(kept, SLICES, seeds=[3])
    assert alone.leaks is UNSET
    for ours, theirs in zip(leaks.targets, alone.targets, strict=True):
        assert estimates(ours.overall) == estimates(theirs.overall)
        assert [(part.name, estimates(part.overall)) for part in ours.slices] == [
            (part.name, estimates(part.overall)) for part in theirs.slices
        ]
        assert ours.overall.intervals["map50_95"].low < ours.overall.intervals["map50_95"].high
    samples = read_samples(case.folder / "outcomes" / SAMPLES_FILE)
    sample = samples.get("onnx-fp32", "dark", None, "recall")
    assert sample is not None
    assert len(sample.replicates) == 100
    assert len(sample.seeds) == 1


def estimates(metrics: Metrics) -> Metrics:
    return msgspec.structs.replace(metrics, intervals={}, judged={})


@pytest.mark.parametrize(("limit", "then"), [(0.0, "PASS"), (0.99, "FAIL")])
def test_the_gates_are_asked_again_of_what_did_not_leak(case: Case, limit: float, then: str) -> None:
    evaluation = evaluated(case, SLICES)
    gates = [
        WrittenGate(gate=Gate(metric="recall", min=limit, slice=slice_name), origin="sprint", source="s:1:1")
        for slice_name in (None, "dark")
    ]
    evidence = Evidence(
        evaluation=evaluation,
        benchmark=None,
        exports=[],
        primary_target="onnx-fp32",
        samples=read_samples(case.folder / "outcomes" / "resamples.parquet"),
    )
    found = without_leaks(case.folder, gates, evidence)
    assert not isinstance(found, UnsetType)
    assert found.outcome == then
    leaks = evaluation.leaks
    assert not isinstance(leaks, UnsetType)
    others = next(target for target in leaks.targets if target.target == "onnx-fp32")
    assert [gate.value for gate in found.gates] == [
        others.overall.recall,
        next(part for part in others.slices if part.name == "dark").overall.recall,
    ]
    everywhere = next(target for target in evaluation.targets if target.target == "onnx-fp32")
    assert found.gates[0].value != everywhere.overall.recall
    assert found.gates[0].interval is not None
    assert found.inflation == pytest.approx(everywhere.overall.map50_95 - others.overall.map50_95)  # type: ignore[operator]
    assert found.inflation_interval is not None
    assert found.inflation_interval.low < found.inflation < found.inflation_interval.high  # type: ignore[operator]
    nothing = msgspec.structs.replace(evidence, evaluation=msgspec.structs.replace(evaluation, leaks=UNSET))
    assert without_leaks(case.folder, gates, nothing) is UNSET


def test_where_every_test_image_leaked_nothing_is_measured_without_them(case: Case) -> None:
    alike = {**case.images, "group": np.full(40, "one scene", dtype=object)}
    write_table(case.folder / "index" / "images.parquet", alike)
    leaks = evaluated(case, []).leaks
    assert not isinstance(leaks, UnsetType)
    assert (leaks.images, leaks.left, leaks.targets) == (len(case.test_paths), 0, [])
    assert not (case.folder / "outcomes" / SAMPLES_FILE).exists()
