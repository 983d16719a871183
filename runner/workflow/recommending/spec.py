"""The recommended sprint as a spec: it validates, and can be proposed as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from msgspec import UNSET

from runner.annotators import ANNOTATORS
from runner.config.load import LoadedSprint, list_sprints, load_sprint
from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.task import TaskName
from runner.record.catalogue import EVALUATION, VERDICT, sprint_folder
from runner.record.label_issues import read_label_issues
from runner.record.recommendation import Option, Recommendation
from runner.scaffold.scalars import scalar
from runner.tasks import TASKS
from runner.workflow.recommending.evidence import closes

_LARGER = {"n": "s", "s": "m", "m": "l", "l": "x"}
_NAME_LENGTH = 40
FOLDS = 5
FILES = ("yolo", "coco", "cvat")  # tools that need no server


def write_spec(
    root: Path, project: Project, loaded: LoadedSprint, found: Recommendation, option: Option
) -> tuple[str, list[str]]:
    """Writes specs/NNNN-….yaml.

    Args:
        loaded: the sprint that it extends: the one that was judged.

    Returns:
        The file's path from the repository's top, and what to type next.

    Raises:
        FlywheelError: the spec would not be valid, or its file is there already: nothing is written.
    """
    name = _name(root, option)
    path = f"specs/{name}.yaml"
    if (root / path).exists() or (root / path).is_symlink():
        raise FlywheelError(
            "is there already; nothing is overwritten",
            where=Where(path),
            hint="rename or remove it, and repeat",
        )
    write_text(root / path, _text(root, project, loaded, found, option))
    try:
        load_sprint(root, name, project)
    except FlywheelError:
        (root / path).unlink()
        raise
    return path, _then(name, option, looked=_looked(root, loaded))


def _name(root: Path, option: Option) -> str:
    numbers = [int(sprint[:4]) for sprint in list_sprints(root)]
    words = {"label": "label", "label_test": "label-test", "clean": "clean-labels", "tune": "tune"}[
        option.action
    ]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{words} {option.slice or ''}".lower()).strip("-")[:_NAME_LENGTH]
    return f"{max(numbers, default=0) + 1:04d}-{slug.strip('-')}"


def _then(name: str, option: Option, *, looked: bool) -> list[str]:
    if option.action in ("label", "label_test"):
        return [f"flywheel plan {name}", f"flywheel annotate push {name}", f"flywheel annotate pull {name}"]
    if option.action == "clean":
        found = [] if looked else [f"flywheel run {name}"]  # which finds the labels to review
        return [*found, f"flywheel clean {name}", f"flywheel clean {name} --apply", f"flywheel run {name}"]
    return [f"flywheel plan {name}"]


def _text(root: Path, project: Project, loaded: LoadedSprint, found: Recommendation, option: Option) -> str:
    lines = [
        f"# Written by `flywheel next` after {found.sprint}: {_why(option)}",
        "apiVersion: flywheel/v1",
        "kind: Sprint",
        f"title: {scalar(_title(option))}",
        f"hypothesis: {scalar(_hypothesis(found, option))}",
        f"extends: {loaded.name}",
        *_claim(root, found, option),
        *_work(root, project, loaded, option),
    ]
    return "\n".join(lines) + "\n"


def _why(option: Option) -> str:
    return " ".join(option.why.split()) + "."


def _title(option: Option) -> str:
    place = f" of {option.slice}" if option.slice else ""
    match option.action:
        case "label":
            return f"Label {option.images} images{place}"
        case "label_test":
            return f"Label {option.images} test images{place}, drawn at random"
        case "clean":
            return f"Review {int(option.labels or 0)} training labels"
        case _:
            return "Train otherwise on the same images"


def _hypothesis(found: Recommendation, option: Option) -> str:
    of = "the distance of the open gates shrinks" if found.unit == "gates" else f"{found.metric} rises"
    if option.gain is None or option.interval is None:
        return f"{_title(option)}: what is open is closed"
    return f"{of} by {option.gain:.3f} ({option.interval.low:.3f} to {option.interval.high:.3f}, 80 %)"


def _claim(root: Path, found: Recommendation, option: Option) -> list[str]:
    """What is expected at least, as a number that the report tests beside the champion; of test images there is no gain."""
    if option.action == "label_test" or option.interval is None or option.interval.low < 0.0005:
        return []
    metric, place = found.metric, ""
    if found.unit == "gates":
        verdict = VERDICT.read_if_there(sprint_folder(root, found.sprint))
        open_gates = [gate for gate in verdict.gates if closes(gate)] if verdict else []
        if len(open_gates) != 1 or open_gates[0].class_name is not None:
            return []  # a claim is of one number
        metric = open_gates[0].metric
        place = f"slice: {scalar(open_gates[0].slice)}, " if open_gates[0].slice else ""
    return [f"expect: {{metric: {metric}, {place}min_gain: {option.interval.low:.3f}}}"]


def _work(root: Path, project: Project, loaded: LoadedSprint, option: Option) -> list[str]:
    match option.action:
        case "label" | "label_test":
            return _batch(root, project, loaded, option)
        case "tune":
            return _recipe(loaded, option)
        case "clean" if not _looked(root, loaded) and loaded.sprint.evaluate.folds is UNSET:
            return [
                "evaluate:",
                f"  folds: {FOLDS}                        # which labels do models doubt that never saw them?",
            ]
        case _:
            return []


def _looked(root: Path, loaded: LoadedSprint) -> bool:
    """Whether wrong labels were looked for, so that there is something to review."""
    return read_label_issues(sprint_folder(root, loaded.name)) is not None


def _batch(root: Path, project: Project, loaded: LoadedSprint, option: Option) -> list[str]:
    annotation = loaded.sprint.annotation
    strategy = annotation.strategy if annotation else TASKS[project.task].strategies[0]
    into = "test" if option.action == "label_test" else "train"
    where = condition_of(sprint_folder(root, loaded.name), option.slice)
    return [
        "annotation:",
        f"  strategy: {strategy}",
        *([] if annotation and annotation.tool else [f"  tool: {_tool(project.task)}"]),
        "  batch:                          # without `mix`, the usual one",
        f"    size: {option.images}",
        f"    into: {into}",
        *([f"    where: {json.dumps(where, ensure_ascii=False)}"] if where else []),
    ]


def _tool(task: TaskName) -> str:
    """The first that hands out files for the task: whoever has a server names that."""
    files = next(name for name in FILES if task in ANNOTATORS[name].tasks)
    others = ", ".join(name for name in ANNOTATORS if name != files)
    return f"{files}   # files for annotators; others: {others}"


def condition_of(folder: Path, name: str | None) -> str | None:
    """The slice's condition over images, as it was evaluated; None for all images, and where objects make it.

    Args:
        folder: of the sprint that was evaluated, or one laid out as it is.
    """
    evaluation = EVALUATION.read_if_there(folder)
    for target in evaluation.targets if evaluation and name else ():
        for part in target.slices:
            if part.name == name and part.kind == "images":
                return part.condition
    return None


def _recipe(loaded: LoadedSprint, option: Option) -> list[str]:
    """Longer, where the metric still rose; else the next larger model of the family, or larger images where there is none."""
    train = loaded.sprint.train
    if option.why.startswith("longer"):
        return ["train:", f"  epochs: {2 * train.epochs}"]
    model = train.model if isinstance(train.model, str) else ""
    sized = re.fullmatch(r"(yolo(?:v?\d+))([nsml])((?:-[a-z]+)?\.(?:yaml|pt))", model)
    if sized:
        return ["train:", f"  model: {sized[1]}{_LARGER[sized[2]]}{sized[3]}"]
    return ["train:", f"  imgsz: {-(-train.imgsz * 3 // 2 // 32) * 32}"]
