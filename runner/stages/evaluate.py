"""`evaluate`: measure every artefact's predictions on the test split and on its slices."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.config.project import Project
from runner.config.sprint import SliceSpec, Sprint
from runner.domain.files import csv_text, read_json, write_json, write_text
from runner.domain.records import (
    QUALITY_METRICS,
    REFERENCE_TARGET,
    Evaluation,
    Metrics,
    Record,
    Selection,
    TargetEvaluation,
    seed_target,
)
from runner.stages.stage import Stage, StageContext

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.adapters.tables import ColumnLike
    from runner.evaluation.slices import ImageSlice, ObjectSlice
    from runner.tasks.detect import DetectionResult

Table = Mapping[str, "NDArray[Any]"]

SPLIT = "test"  # what sprints are judged on
CURVE_COLUMNS = ("target", "recall", "precision")
OBJECT_COLUMNS = ("path", "class", "crowd", "x_min", "y_min", "x_max", "y_max")
PREDICTION_COLUMNS = ("path", "class", "class_id", "score", "x_min", "y_min", "x_max", "y_max")
# What is known of a detection as it is of a label: a condition on these says which detections lie inside.
DETECTION_COLUMNS = frozenset(
    (
        "path",
        "class",
        "class_id",
        "x_min",
        "y_min",
        "x_max",
        "y_max",
        "width_px",
        "height_px",
        "area_px",
        "aspect_ratio",
    )
)


class EvaluateParams(Record, frozen=True, kw_only=True):
    """What is measured."""

    task: Literal["detect"]
    classes: list[str]
    targets: list[str]
    further_seeds: list[int]
    optimizing: str
    operating_confidence: float
    slices: list[SliceSpec]


def resolve(project: Project, sprint: Sprint) -> EvaluateParams:
    """Every artefact, and the project's slices before the sprint's own."""
    return EvaluateParams(
        task=project.task,
        classes=project.classes,
        targets=[REFERENCE_TARGET, *(export.name for export in sprint.export)],
        further_seeds=sprint.train.seeds[1:],
        optimizing=sprint.evaluate.optimizing,
        operating_confidence=sprint.evaluate.operating_confidence,
        slices=[*project.slices, *sprint.evaluate.slices],
    )


def run(context: StageContext, params: EvaluateParams) -> None:
    """Writes evaluation.json, metrics.json and the precision-recall curves.

    Raises:
        FlywheelError: a table is missing, a slice's condition is refused, or a prediction is of an unknown class
            or image.
    """
    from runner.tasks import TASKS

    task = TASKS[params.task](classes=params.classes, operating_confidence=params.operating_confidence)
    split = _TestSplit(context.folder, params.slices)
    results: list[DetectionResult] = []
    for target in params.targets:
        predictions, slices = split.predictions(target)
        results.append(
            task.evaluate(
                target, images=split.images, objects=split.objects, predictions=predictions, slices=slices
            )
        )
    seeds: dict[str, Metrics] = {}
    for seed in params.further_seeds:
        name = seed_target(seed)
        predictions = split.predictions(name)[0]
        measured = task.evaluate(name, images=split.images, objects=split.objects, predictions=predictions)
        seeds[str(seed)] = measured.evaluation.overall
    selection = read_json(context.folder / "selection.json", Selection)
    evaluation = Evaluation(
        task=params.task,
        evaluator=task.evaluator,
        split=SPLIT,
        split_digest=selection.split_digests[SPLIT],
        operating_confidence=params.operating_confidence,
        optimizing=params.optimizing,
        targets=[result.evaluation for result in results],
        seeds=seeds,
    )
    write_text(context.folder / "plots" / "precision_recall.csv", _curves_csv(results))
    write_json(context.folder / "metrics.json", _metrics_file(evaluation.targets))
    write_json(context.folder / "evaluation.json", evaluation)


class _TestSplit:
    """The test images and their objects, and the slices as masks over them."""

    def __init__(self, folder: Path, slices: Sequence[SliceSpec]) -> None:
        import numpy as np

        from runner.adapters.duckdb import table_columns
        from runner.adapters.tables import read_table

        self._folder = folder
        self._slices = slices
        manifest = read_table(folder / "selection" / "manifest.parquet", ["path", "assigned", "selected"])
        chosen = (manifest["assigned"] == SPLIT) & manifest["selected"].astype(bool)
        self._paths = frozenset(manifest["path"][chosen].tolist())
        self._images_file = folder / "index" / "images.parquet"
        self._objects_file = folder / "index" / "objects.parquet"
        # a slice names its column as SQL does: in any case
        self._column = {name.lower(): name for name in table_columns(self._images_file)}
        by = [self._column[part.by.lower()] for part in slices if part.by is not None]
        images = read_table(self._images_file, list(dict.fromkeys(["path", *by])))
        rows = np.flatnonzero([path in self._paths for path in images["path"].tolist()])
        # sorted by path: the order of tied scores must not depend on the order of the index
        self._image_rows = rows[np.argsort(images["path"][rows], kind="stable")]
        self.images: Table = {name: values[self._image_rows] for name, values in images.items()}
        objects = read_table(self._objects_file, OBJECT_COLUMNS)
        self._object_rows = np.flatnonzero([path in self._paths for path in objects["path"].tolist()])
        self.objects: Table = {name: values[self._object_rows] for name, values in objects.items()}

    def predictions(self, target: str) -> tuple[Table, list[ImageSlice | ObjectSlice]]:
        """One artefact's predictions, and the slices with what they mean for these predictions."""
        from runner.adapters.tables import read_table

        predictions = read_table(self._folder / "predictions" / f"{target}.parquet", PREDICTION_COLUMNS)
        return predictions, [part for spec in self._slices for part in self._resolve(spec, predictions)]

    def _resolve(self, spec: SliceSpec, predictions: Table) -> Iterator[ImageSlice | ObjectSlice]:
        from runner.adapters.duckdb import condition_mask
        from runner.evaluation.slices import ImageSlice, ObjectSlice, value_slices

        if spec.by is not None:
            yield from value_slices(spec.by, self.images[self._column[spec.by.lower()]], maximum=spec.max)
        if spec.where is not None:
            inside = condition_mask(self._images_file, spec.where)[self._image_rows]
            yield ImageSlice(name=spec.name or spec.where, condition=spec.where, images=inside)
        if spec.objects is not None:
            yield ObjectSlice(
                name=spec.name or spec.objects,
                condition=spec.objects,
                objects=condition_mask(self._objects_file, spec.objects)[self._object_rows],
                detections=_detections_inside(spec.objects, predictions),
            )


def _detections_inside(condition: str, predictions: Table) -> NDArray[Any] | None:
    """Which detections satisfy a condition over objects; None when it asks for more than they have."""
    from runner.adapters.conditions import analyse
    from runner.adapters.duckdb import condition_mask
    from runner.adapters.tables import write_table

    if not {column.lower() for column in analyse(condition).columns} <= DETECTION_COLUMNS:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "detections.parquet"
        write_table(file, _detection_columns(predictions))
        return condition_mask(file, condition)


def _detection_columns(predictions: Table) -> Mapping[str, ColumnLike]:
    """Detections with the columns that the object table has for labels, by the same formulas."""
    import numpy as np

    corners = {name: predictions[name].astype(np.float64) for name in ("x_min", "y_min", "x_max", "y_max")}
    width, height = corners["x_max"] - corners["x_min"], corners["y_max"] - corners["y_min"]
    return {
        "path": predictions["path"],
        "class": predictions["class"],
        "class_id": predictions["class_id"],
        **corners,
        "width_px": width,
        "height_px": height,
        "area_px": width * height,
        "aspect_ratio": [
            w / h if h > 0 else None for w, h in zip(width.tolist(), height.tolist(), strict=True)
        ],
    }


def _curves_csv(results: Sequence[DetectionResult]) -> str:
    """The mean precision-recall curve of every artefact, for `dvc plots` and the report."""
    rows = [
        (result.evaluation.target, f"{recall:.2f}", f"{precision:.6f}")
        for result in results
        if result.curve is not None
        for recall, precision in zip(result.curve.recall, result.curve.mean, strict=True)
    ]
    return csv_text([CURVE_COLUMNS, *rows])


def _metrics_file(targets: Sequence[TargetEvaluation]) -> dict[str, Any]:
    """What `dvc metrics show` and `diff` print: one column per target, metric and slice."""
    overall = {target.target: _measured(target.overall) for target in targets}
    slices = {
        target.target: {part.name: values for part in target.slices if (values := _measured(part.overall))}
        for target in targets
    }
    return {**overall, "slices": slices}


def _measured(metrics: Metrics) -> dict[str, float]:
    values = {name: getattr(metrics, name) for name in QUALITY_METRICS}
    return {name: round(value, 6) for name, value in values.items() if value is not None}


STAGE = Stage(
    name="evaluate",
    version=1,
    params_type=EvaluateParams,
    resolve=resolve,
    run=run,
    deps=("index", "selection", "selection.json", "predictions"),
    records=("evaluation.json", "metrics.json", "plots/precision_recall.csv"),
    metrics=("metrics.json",),
)
