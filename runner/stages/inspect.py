"""inspect: the test images that the judged artefact gets most wrong, drawn, and where the torch model looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from runner.config.project import Project
from runner.domain.error_analysis import Gallery, GalleryImage
from runner.domain.files import atomic_folder, write_bytes
from runner.domain.progress import progress_bar
from runner.domain.records import SPLITS, Record
from runner.domain.task import BOX, TaskName, TaskSpec
from runner.models import ActivationMapper, framework_of
from runner.record.catalogue import (
    ERRORS,
    GALLERY,
    GALLERY_FOLDER,
    INDEX_FOLDER,
    OUTCOMES_FOLDER,
    PREDICTIONS_FOLDER,
    TRAINING,
    WEIGHTS_FOLDER,
)
from runner.stages.stage import Stage, StageContext
from runner.tasks import TASKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.adapters.pictures.marks import Kind, Mark
    from runner.adapters.pictures.pixels import Pixels

IMAGES = 12
MOST_MARKS = 40  # on one picture: of a crowded one the errors that matter most are drawn
ACTIVATION_MAPS = 4
LEAKED = 4  # pairs in one picture
LEAKS_PICTURE = "leaks.jpg"
ERROR_NAMES = ("missed", "background", "classification", "localisation", "both", "duplicate")

Table = Mapping[str, "NDArray[Any]"]


class InspectParams(Record, frozen=True, kw_only=True):
    """What is drawn: at most `images` pictures, the first `maps` of them with a class activation map."""

    dataset: str
    task: TaskSpec
    target: str
    threads: int | None
    images: int = IMAGES
    maps: int = ACTIVATION_MAPS


def resolve(project: Project, target: str) -> InspectParams:
    """The judged artefact, and where the images lie."""
    return InspectParams(
        dataset=project.dataset.path,
        task=project.task_spec,
        target=target,
        threads=project.compute.threads,
    )


def run(context: StageContext, params: InspectParams) -> None:
    """Draws the worst images; none where nothing is wrong.

    Raises:
        FlywheelError: a table, an image or the weights cannot be read.
    """
    from runner.adapters.models.inference import read_image
    from runner.adapters.pictures.drawing import jpeg_bytes

    scenes = _Scenes.read(context.folder, params)
    worst = scenes.worst(params.images)
    mapper = _mapper(context.folder, params) if worst and params.maps else None
    shown, data = [], context.data(params.dataset)
    with (
        atomic_folder(context.folder / GALLERY_FOLDER.name) as folder,
        progress_bar("inspect", len(worst), "image") as bar,
    ):
        for number, row in enumerate(worst, start=1):
            scene = scenes.scene(row)
            image = read_image(data / scene.path)
            picture = f"{number:02d}.jpg"
            write_bytes(folder / picture, jpeg_bytes(_picture(image, scene, params)))
            cam = None
            if mapper is not None and number <= params.maps:
                activation = _activation(image, scene, params, mapper)
                if activation is not None:
                    cam = f"{number:02d}-cam.jpg"
                    write_bytes(folder / cam, jpeg_bytes(activation))
            shown.append(_record(scene, picture, cam, params.task.name))
            bar.update()
        leaks = _draw_leaks(context, params, folder)
    gallery = Gallery(target=params.target, confidence=scenes.confidence, images=shown, leaks=leaks)
    GALLERY.write(context.folder, gallery)


def _draw_leaks(context: StageContext, params: InspectParams, folder: Path) -> str | UnsetType:
    """Draws some leaked test images beside what leaked them, of every kind some; where it lies, unset where none leaked."""
    from runner.adapters.models.inference import read_image
    from runner.adapters.pictures.drawing import jpeg_bytes
    from runner.adapters.pictures.pairs import Pair, draw_pairs
    from runner.assessment.leaks import PAIRS_FILE, read_pairs

    rows = _of_each_kind(read_pairs(context.folder / OUTCOMES_FOLDER.name / PAIRS_FILE), LEAKED)
    if not rows:
        return UNSET
    data = context.data(params.dataset)
    pairs = [
        Pair(
            left=read_image(data / row["path"]),
            right=read_image(data / row["near_path"]),
            named=(f"test: {Path(row['path']).name}", f"{row['near_split']}: {Path(row['near_path']).name}"),
            said=row["kind"],
        )
        for row in rows
    ]
    write_bytes(folder / LEAKS_PICTURE, jpeg_bytes(draw_pairs(pairs)))
    return f"{GALLERY_FOLDER.name}/{LEAKS_PICTURE}"


def _of_each_kind(rows: list[dict[str, str]], most: int) -> list[dict[str, str]]:
    """At most so many, the first of every kind before the second of any."""
    seen: Counter[str] = Counter()
    ranked = []
    for at, row in enumerate(rows):
        ranked.append((seen[row["kind"]], at))
        seen[row["kind"]] += 1
    return [rows[at] for at in sorted(at for _, at in sorted(ranked)[:most])]


class _Scene(Struct, frozen=True, kw_only=True):
    """One image: what was labelled and what was predicted there.

    Attributes:
        errors: how many of each type, the types without any left out.
        marks: what is drawn. `classes` is the class of each, `scores` the score (a label's is 0).
        hidden: how many further marks there would be.
    """

    path: str
    loss: float
    errors: dict[str, int]
    marks: list[Mark]
    classes: list[str]
    scores: list[float]
    hidden: int

    def of(self, *kinds: Kind) -> list[int]:
        """Positions of the marks of these kinds."""
        return [at for at, mark in enumerate(self.marks) if mark.kind in kinds]


class _Scenes(Struct, frozen=True, kw_only=True):
    """The tables that say what is on the test images, and what became of it.

    Attributes:
        confidence: from which score on predictions count here: the recommended one, at which F1 is highest. None for
            classify, and where none could be recommended: then what counts is the spec's.
    """

    task: TaskSpec
    confidence: float | None
    images: Table
    found: Table  # outcomes of detections
    labelled: Table  # outcomes of objects
    predictions: Table
    objects: Table
    object_row: Mapping[Any, int]  # object_id → row of `objects`

    @classmethod
    def read(cls, folder: Path, params: InspectParams) -> _Scenes:
        from runner.adapters.tables.parquet import read_table
        from runner.assessment.at_confidence import outcomes_at

        column = TASKS[params.task.name].shape
        shape = [column] if column else []
        outcomes = folder / OUTCOMES_FOLDER.name
        objects = read_table(
            folder / INDEX_FOLDER.name / "objects.parquet", ["object_id", "crowd", *BOX, *shape]
        )
        images: Table = read_table(outcomes / f"{params.target}-images.parquet")
        found: Table = read_table(
            outcomes / f"{params.target}-detections.parquet",
            ["path", "row", "class", "score", "outcome", "object_id", "counts"],
        )
        labelled: Table = read_table(
            outcomes / f"{params.target}-objects.parquet", ["path", "object_id", "class", "outcome", "near"]
        )
        confidence = _recommended(folder, params)
        if confidence is not None:
            found, labelled, images = outcomes_at(confidence, found, labelled, images)
        return cls(
            task=params.task,
            confidence=confidence,
            images=images,
            found=found,
            labelled=labelled,
            predictions=read_table(
                folder / PREDICTIONS_FOLDER.name / f"{params.target}.parquet", [*BOX, *shape]
            ),
            objects=objects,
            object_row={name: row for row, name in enumerate(objects["object_id"].tolist())},
        )

    def worst(self, count: int) -> list[int]:
        """Rows of the images with the highest loss, then the most errors, then the surest wrong prediction.

        Images without errors are left out.
        """
        import numpy as np

        errors = np.stack([self.images[name] for name in ERROR_NAMES]).sum(axis=0).tolist()
        loss, paths = self.images["loss"].tolist(), self.images["path"].tolist()
        wrong = [row for row in range(len(loss)) if errors[row] > 0 and loss[row] > 0]
        surest = self._surest_errors()
        return sorted(
            wrong, key=lambda row: (-loss[row], -errors[row], -surest.get(paths[row], 0.0), paths[row])
        )[:count]

    def _surest_errors(self) -> dict[str, float]:
        """Of each image, the highest score of a prediction that counts and is wrong."""
        import numpy as np

        table = self.found
        wrong = table["counts"].astype(bool) & ~np.isin(table["outcome"], ("true_positive", "ignored"))
        surest: dict[str, float] = {}
        for at in wrong.nonzero()[0].tolist():
            path = str(table["path"][at])
            surest[path] = max(surest.get(path, 0.0), float(table["score"][at]))
        return surest

    def scene(self, row: int) -> _Scene:
        """What to draw on one image: labels first, then predictions by falling score."""
        path = str(self.images["path"][row])
        everything = [*self._labels(path), *self._predictions(path)]
        content = _foremost(everything, MOST_MARKS)
        return _Scene(
            path=path,
            loss=float(self.images["loss"][row]),
            errors={name: int(self.images[name][row]) for name in ERROR_NAMES if self.images[name][row]},
            marks=[mark for mark, _, _ in content],
            classes=[name for _, name, _ in content],
            scores=[score for _, _, score in content],
            hidden=len(everything) - len(content),
        )

    def _labels(self, path: str) -> Iterator[tuple[Mark, str, float]]:
        from runner.adapters.pictures.marks import Mark

        table = self.labelled
        for at in (table["path"] == path).nonzero()[0].tolist():
            name, outcome = str(table["class"][at]), str(table["outcome"][at])
            row = self.object_row[table["object_id"][at]]
            # what was nearly found is explained by the detection that is wrong about it
            missed = outcome == "missed" and not table["near"][at]
            kind: Kind = "ignored" if outcome == "ignored" else "missed" if missed else "truth"
            text = "" if outcome == "found" else name
            yield Mark(kind=kind, text=text, **self._shape(self.objects, row)), name, 0.0

    def _predictions(self, path: str) -> Iterator[tuple[Mark, str, float]]:
        from runner.adapters.pictures.marks import Mark

        table = self.found
        shown = (table["path"] == path) & table["counts"].astype(bool) & (table["outcome"] != "ignored")
        rows = shown.nonzero()[0]
        for at in rows[(-table["score"][rows]).argsort(kind="stable")].tolist():
            name, score = str(table["class"][at]), float(table["score"][at])
            outcome: Any = str(table["outcome"][at])
            kind: Kind = "correct" if outcome == "true_positive" else outcome
            shape = self._shape(self.predictions, int(table["row"][at]))
            yield Mark(kind=kind, text=f"{name} {score:.2f}", **shape), name, score

    def _shape(self, table: Table, row: int) -> dict[str, Any]:
        column = TASKS[self.task.name].shape
        shape = {} if column is None else {column: table[column][row]}
        return {"box_xyxy": tuple(float(table[name][row]) for name in BOX), **shape}


def _recommended(folder: Path, params: InspectParams) -> float | None:
    if not TASKS[params.task.name].ranked:
        return None
    point = ERRORS.read(folder).recommended
    return None if point is None else point.confidence


def _foremost(content: list[tuple[Mark, str, float]], most: int) -> list[tuple[Mark, str, float]]:
    """At most `most` of the marks, in their order: wrong predictions first, the surest of them, then missed objects, then
    the largest of the rest."""

    def order(at: int) -> tuple[int, float, float]:
        mark, _, score = content[at]
        right = mark.kind in ("correct", "truth", "ignored")
        return (2 if right else 1 if mark.kind == "missed" else 0, -score, -_area(mark))

    kept = sorted(sorted(range(len(content)), key=order)[:most])
    return [content[at] for at in kept]


def _picture(image: Pixels, scene: _Scene, params: InspectParams) -> Pixels:
    from runner.adapters.pictures.drawing import draw_lines, draw_marks
    from runner.adapters.pictures.marks import Line

    if TASKS[params.task.name].ranked:
        return draw_marks(image, scene.marks)
    labels = [Line(kind="truth", text=f"label: {scene.classes[at]}") for at in scene.of("truth", "missed")]
    found = [
        Line(kind=scene.marks[at].kind, text=f"prediction: {scene.marks[at].text}")
        for at in scene.of("correct", "classification")
    ]
    return draw_lines(image, [*labels, *found])


def _mapper(folder: Path, params: InspectParams) -> ActivationMapper | None:
    from runner.adapters.system.machine import cpu_device

    model = TRAINING.read(folder).models[0]
    weights = folder / model.path
    return framework_of(weights).activation_mapper(weights, cpu_device(params.threads))


def _activation(
    image: Pixels, scene: _Scene, params: InspectParams, mapper: ActivationMapper
) -> Pixels | None:
    """Where the torch model saw the image's worst error; None where it sees nothing of it."""
    from runner.adapters.pictures.drawing import draw_activation
    from runner.adapters.pictures.marks import Line

    at = _worst_error(scene)
    if at is None:
        return None
    mark, name = scene.marks[at], scene.classes[at]
    heat = mapper.heat(image, params.task.classes.index(name), mark.box_xyxy)
    if heat is None:
        return None
    shown = f"missed {name}" if mark.kind == "missed" else mark.text
    text = f"{shown}: what speaks for {name} (torch model, HiResCAM)"
    drawn = mark if TASKS[params.task.name].ranked else None
    return draw_activation(image, heat, drawn, [Line(kind=mark.kind, text=text)])


def _worst_error(scene: _Scene) -> int | None:
    """The surest wrong detection, else the largest missed object."""
    wrong = scene.of("classification", "localisation", "both", "duplicate", "background")
    if wrong:
        return max(wrong, key=lambda at: scene.scores[at])
    return max(scene.of("missed"), key=lambda at: _area(scene.marks[at]), default=None)


def _area(mark: Mark) -> float:
    x_min, y_min, x_max, y_max = mark.box_xyxy
    return (x_max - x_min) * (y_max - y_min)


def _record(scene: _Scene, picture: str, cam: str | None, task: TaskName) -> GalleryImage:
    return GalleryImage(
        image=scene.path,
        picture=f"{GALLERY_FOLDER.name}/{picture}",
        cam=None if cam is None else f"{GALLERY_FOLDER.name}/{cam}",
        loss=scene.loss,
        errors=scene.errors,
        caption=_caption(scene, task),
    )


def _caption(scene: _Scene, task: TaskName) -> str:
    """What is wrong in words: an image's class and what it was taken for, else how many errors of each type."""
    labels, taken_for = scene.of("truth", "missed"), scene.of("classification")
    if not TASKS[task].ranked and labels and taken_for:
        return f"{scene.classes[labels[0]]} taken for {scene.marks[taken_for[0]].text}"
    hidden = [f"{scene.hidden} further marks are not drawn"] if scene.hidden else []
    return ", ".join([*(f"{count} {name}" for name, count in scene.errors.items()), *hidden])


STAGE = Stage(
    name="inspect",
    version=3,
    params_type=InspectParams,
    run=run,
    reads=(INDEX_FOLDER, PREDICTIONS_FOLDER, OUTCOMES_FOLDER, ERRORS, WEIGHTS_FOLDER, TRAINING),
    inputs=lambda params: (params.dataset,),
    looks_at=lambda params: SPLITS,  # a leaked test image is drawn beside what leaked it
    writes=(GALLERY_FOLDER, GALLERY),
)
