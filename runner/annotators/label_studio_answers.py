"""What Label Studio's tasks say: one annotation per task and annotator counts, and is read as an export of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from runner.annotators.annotator import Pulled, Round
from runner.annotators.label_studio_tasks import KEY, made_from
from runner.annotators.package import ANSWERS
from runner.annotators.returned import Said, key_in, read_export
from runner.domain.labelling import Answer
from runner.layouts.label_studio import LabelStudioLayout

NAME = "label-studio"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The annotation of one annotator that counts for one task."""

    key: str
    annotator: str
    annotation: Mapping[str, Any]


def read_exports(round_: Round) -> Pulled:
    """The exports below `answers/`: JSON files, each with the annotations of one annotator or of several."""
    pulled = Pulled()
    folder = round_.folder / ANSWERS
    for file in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
        try:
            document = json.loads(file.read_bytes().decode("utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            pulled.problems.append(f"{file} is not read: {error}")
            continue
        if not isinstance(document, list):
            pulled.problems.append(f"{file} is not read: it is no list of tasks; export as JSON")
            continue
        owner = file.relative_to(folder).parts[0].removesuffix(".json")
        pulled.add(read_tasks(document, round_, str(file), owner))
    return pulled


def read_tasks(tasks: Sequence[Any], round_: Round, place: str, owner: str | None = None) -> Pulled:
    """The answers in tasks as an export or the API has them.

    Args:
        place: where they are from, for messages.
        owner: what the annotator is called, where all annotations are of one.
    """
    pulled = Pulled()
    chosen = _chosen(tasks, round_, place, pulled)
    names = {one.annotator for one in chosen}
    for name in sorted(names):
        shown = owner if owner is not None and len(names) == 1 else name
        own = [one for one in chosen if one.annotator == name]
        pulled.answers += [_skipped(one, shown, round_) for one in own if one.annotation.get("was_cancelled")]
        pulled.add(_read([one for one in own if not one.annotation.get("was_cancelled")], shown, round_))
    return pulled


def _chosen(tasks: Sequence[Any], round_: Round, place: str, pulled: Pulled) -> list[Chosen]:
    """For each task and annotator the annotation that was updated last, whichever copy of the task has it."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    strangers = 0
    for task in tasks:
        if not isinstance(task, dict) or not isinstance(task.get("annotations"), list):
            continue
        key = _key(task, round_)
        if key is None:
            strangers += bool(task["annotations"])
            continue
        for annotation in task["annotations"]:
            if isinstance(annotation, dict):
                found.setdefault((key, _annotator(annotation)), []).append(annotation)
    if strangers:
        pulled.problems.append(f"{place}: {strangers} annotated tasks are none of the batch's")
    chosen = []
    for (key, annotator), several in sorted(found.items()):
        ordered = sorted(several, key=lambda one: (not one.get("was_cancelled"), str(one.get("updated_at"))))
        last = ordered[-1]
        others = [one for one in ordered[:-1] if one.get("result") != last.get("result")]
        if others:
            pulled.problems.append(
                f"{place}: {round_.tasks[key].path} ({key}) has {len(several)} annotations of {annotator}: the last updated, "
                f"{last.get('id')}, counts"
            )
        chosen.append(Chosen(key=key, annotator=annotator, annotation=last))
    return chosen


def _key(task: Mapping[str, Any], round_: Round) -> str | None:
    """Of the batch's task that this one is: by its key, else by the name of its image."""
    data = task.get("data")
    if not isinstance(data, dict):
        return None
    if data.get(KEY) in round_.tasks:
        return str(data[KEY])
    return next(
        (key for value in data.values() if isinstance(value, str) and (key := key_in(value, round_))), None
    )


def _annotator(annotation: Mapping[str, Any]) -> str:
    """Who it is by the server's number: never an address, which is what accounts are called there."""
    by = annotation.get("completed_by")
    number = by.get("id") if isinstance(by, dict) else by
    return f"user-{number}" if isinstance(number, int) else "user-unknown"


def _read(chosen: Sequence[Chosen], annotator: str, round_: Round) -> Pulled:
    """One annotator's annotations, as an export of their own."""
    if not chosen:
        return Pulled()
    skeleton = round_.scheme.keypoints
    layout = LabelStudioLayout(keypoints=list(skeleton.names)) if skeleton else LabelStudioLayout()
    said = Said(
        seconds={
            one.key: float(seconds)
            for one in chosen
            if isinstance(seconds := one.annotation.get("lead_time"), (int, float))
        },
        made_from={one.key: made_from(round_.tasks[one.key]) for one in chosen},
        tells=True,
    )
    tasks = [
        {
            "id": one.key,
            "data": {"image": f"images/{one.key}{PurePosixPath(round_.tasks[one.key].path).suffix.lower()}"},
            "annotations": [one.annotation],
        }
        for one in chosen
    ]
    round_.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=round_.folder, prefix="export-") as name:
        folder = Path(name)
        (folder / "export.json").write_bytes(msgspec.json.encode(tasks))
        pulled = read_export(folder, annotator, round_, NAME, layout, said=said)
    pulled.problems = [problem.replace(f"{folder}: ", f"{annotator}: ") for problem in pulled.problems]
    return pulled


def _skipped(one: Chosen, annotator: str, round_: Round) -> Answer:
    task = round_.tasks[one.key]
    seconds = one.annotation.get("lead_time")
    return Answer(
        key=task.key,
        path=task.path,
        image_id=task.image_id,
        annotator=annotator,
        tool=NAME,
        skipped=True,
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        guidelines=round_.handed.guidelines,
        proposals=task.proposals,
    )
