"""An export of Label Studio as tasks with the one annotation that counts, whichever of its two JSON formats it is.

Of several annotations of a task those that were cancelled (skipped) are dropped, and the last updated one counts. Predictions
and drafts are no labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_error

# What JSON-MIN writes beside a task's data and its results.
_OF_THE_ANNOTATION = frozenset(
    (
        "id",
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
        "inner_id",
        "comment_count",
    )
)
_LABEL_KEYS = ("rectanglelabels", "polygonlabels", "brushlabels", "keypointlabels", "ellipselabels", "labels")
# JSON-MIN writes one choice as text under the name of its tag, like the data beside it: these are usual names.
_CHOICE_KEYS = frozenset(("choice", "choices", "class", "label"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What was drawn or chosen: its own id, its kind by Label Studio's name, and its value.

    Attributes:
        labels: its classes.
        parent: the id of the region that it belongs to.
        size: of the image, (width, height).
        turned: by how many degrees the image was turned as it was drawn.
    """

    name: str
    kind: str
    value: Mapping[str, Any]
    labels: Sequence[str]
    parent: str | None = None
    size: tuple[int, int] | None = None
    turned: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation of a task."""

    name: str
    updated: datetime
    regions: Sequence[Region] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTask:
    """One task: an image with the annotation that counts; None where nobody has annotated it.

    Attributes:
        data: what it is about, its image among it.
        upload: the name of the uploaded file, where there is one.
        others: the names of annotations that do not count.
        cancelled: how many were cancelled.
    """

    name: str
    data: Mapping[str, Any]
    upload: str | None = None
    annotation: Annotation | None = None
    others: Sequence[str] = field(default_factory=list)
    cancelled: int = 0


def read_tasks(path: Path) -> tuple[list[LabelTask], list[str]]:
    """The tasks of an export, and what is said of entries that are none.

    Raises:
        FlywheelError: it cannot be read, or is no list of tasks in JSON.
    """
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise read_error(path, error) from error
    except json.JSONDecodeError as error:
        raise _refused(f"not valid JSON: {error.msg}", Where(str(path), error.lineno, error.colno)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _refused(
            "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "nested too deeply",
            Where(str(path)),
        ) from error
    listed = document if isinstance(document, list) else [document]
    tasks: list[LabelTask] = []
    rows: dict[str, list[LabelTask]] = {}
    notes = []
    for at, item in enumerate(listed):
        if not isinstance(item, dict):
            notes.append(f"tasks[{at}]: not a task: {json.dumps(item)[:40]}")
        elif isinstance(given := item.get("annotations", item.get("completions")), list):
            tasks.append(_whole(item, given, at))
        else:
            row = _minimal(item, at)
            rows.setdefault(row.name, []).append(row)
    return [*tasks, *map(_last_row, rows.values())], notes


def _whole(item: Mapping[str, Any], given: Sequence[Any], at: int) -> LabelTask:
    """A task of the export JSON."""
    annotations = [annotation for annotation in given if isinstance(annotation, dict)]
    cancelled = [annotation for annotation in annotations if annotation.get("was_cancelled")]
    kept = [_annotation(annotation, at) for annotation in annotations if not annotation.get("was_cancelled")]
    last = max(reversed(kept), key=lambda annotation: annotation.updated, default=None)
    data = item.get("data")
    upload = item.get("file_upload")
    return LabelTask(
        name=str(item.get("id", f"tasks[{at}]")),
        data=data if isinstance(data, dict) else {},
        upload=upload if isinstance(upload, str) else None,
        annotation=last,
        others=[annotation.name for annotation in kept if annotation is not last],
        cancelled=len(cancelled),
    )


def _annotation(given: Mapping[str, Any], at: int) -> Annotation:
    results = given.get("result")
    problems = [] if isinstance(results, list) else ["result is no list"]
    shapes: dict[str, dict[str, Any]] = {}
    for place, result in enumerate(results if isinstance(results, list) else []):
        if not isinstance(result, dict) or not isinstance(result.get("type"), str):
            problems.append(f"result[{place}] has no type")
        elif isinstance(result.get("value"), dict):
            _merge(shapes, str(result.get("id", f"result[{place}]")), result)
    return Annotation(
        name=str(given.get("id", f"of tasks[{at}]")),
        updated=_time(given),
        regions=[_region(name, result) for name, result in shapes.items()],
        problems=problems,
    )


def _merge(shapes: dict[str, dict[str, Any]], name: str, result: Mapping[str, Any]) -> None:
    """Regions whose shape and labels are two results of one id (`<Rectangle>` with `<Labels>`) become one."""
    known = shapes.get(name)
    if known is None:
        shapes[name] = dict(result)
    elif result["type"] == "labels" or known["type"] == "labels":
        kind = known["type"] if result["type"] == "labels" else result["type"]
        shapes[name] = {**known, **result, "type": kind, "value": {**known["value"], **result["value"]}}
    else:
        shapes[f"{name}/{result['type']}"] = dict(result)


def _region(name: str, result: Mapping[str, Any]) -> Region:
    value = result["value"]
    parent = result.get("parentID")
    turned = result.get("image_rotation")
    return Region(
        name=name,
        kind=result["type"].removesuffix("labels") or "labels",
        value=value,
        labels=_labels(value),
        parent=parent if isinstance(parent, str) else None,
        size=_size(result),
        turned=turned if isinstance(turned, (int, float)) else 0,
    )


def _labels(value: Mapping[str, Any]) -> list[str]:
    keys = (*_LABEL_KEYS, "choices")
    given: Any = next((value[key] for key in keys if key in value), [])
    words = given if isinstance(given, list) else [given]
    return [str(word) for word in words]


def _minimal(item: Mapping[str, Any], at: int) -> LabelTask:
    """A row of JSON-MIN: an annotation with its task's data beside its results."""
    regions: list[Region] = []
    data: dict[str, Any] = {}
    for key, value in item.items():
        if key in _OF_THE_ANNOTATION:
            continue
        found = list(_minimal_regions(key, value))
        regions += found
        if not found:
            data[key] = value
    name = str(item.get("annotation_id", item.get("id", f"tasks[{at}]")))
    annotation = Annotation(name=name, updated=_time(item), regions=regions)
    return LabelTask(name=str(item.get("id", f"tasks[{at}]")), data=data, annotation=annotation)


def _minimal_regions(key: str, value: Any) -> Iterator[Region]:
    if key in _CHOICE_KEYS and isinstance(value, str):
        yield Region(name=key, kind="choices", value={"choices": [value]}, labels=[value])
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        yield Region(name=key, kind="choices", value=value, labels=_labels(value))
    for at, item in enumerate(value if isinstance(value, list) else []):
        if not isinstance(item, dict):
            continue
        kind = next((name.removesuffix("labels") for name in _LABEL_KEYS[:-1] if name in item), None)
        if kind:
            parent = item.get("parentID")
            name = str(item.get("id", f"{key}[{at}]"))
            yield Region(
                name=name,
                kind=kind,
                value=item,
                labels=_labels(item),
                parent=parent if isinstance(parent, str) else None,
                size=_size(item),
            )


def _last_row(rows: Sequence[LabelTask]) -> LabelTask:
    """Of the rows of one task, the last updated."""
    last = max(reversed(rows), key=lambda row: row.annotation.updated if row.annotation else _EPOCH)
    others = [row.annotation.name for row in rows if row is not last and row.annotation]
    return LabelTask(name=last.name, data=last.data, annotation=last.annotation, others=others)


def _time(item: Mapping[str, Any]) -> datetime:
    """When it was updated, else made; the beginning of time where it does not say."""
    for key in ("updated_at", "created_at"):
        text = item.get(key)
        try:
            found = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if found is not None:
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    return _EPOCH


def _size(item: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = item.get("original_width"), item.get("original_height")
    if (
        isinstance(width, (int, float))
        and isinstance(height, (int, float))
        and 0 < width < 1e9
        and 0 < height < 1e9
    ):
        return round(width), round(height)
    return None


def _refused(message: str, where: Where) -> FlywheelError:
    return FlywheelError(
        message,
        where=where,
        hint="export it again, or move it out of the dataset folder",
        exit_code=ExitCode.STAGE_FAILED,
    )
