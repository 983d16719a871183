"""A whole round with Label Studio's own server, with everything that goes wrong in between: nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures.coco_masks import decode_mask, polygons_to_rle
from runner.adapters.tables.parquet import write_table
from runner.adapters.web.http import Http, NoAnswer
from runner.annotators.label_studio import LabelStudio
from runner.annotators.label_studio_tasks import KEY
from runner.labelling import pull as pulling
from runner.labelling.pull import pull
from runner.labelling.push import push
from runner.record.catalogue import BATCH, HANDED_OUT, sprint_folder
from runner.record.labelling import read_annotations, read_answers
from runner.writers.brush import packed_brush
from tests.annotators.label_studio_server import Account, absent, server
from tests.annotators.rounds import HEIGHT, SHAPES, WIDTH, make_round
from tests.labelling.label_projects import POOL, SPRINT, keys, labels, make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(absent()), reason=absent()),
    pytest.mark.xdist_group("label-studio"),  # one server for all of them
]

DOG = ("dog", 0.25, 0.25, 0.5, 0.75)  # as it is predicted on the first image


def quiet(line: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with server(tmp_path_factory.mktemp("server")) as account:
        yield account


@pytest.fixture
def studio(running: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", running.token)
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    return running


@pytest.fixture
def project(studio: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch of four images, on the first of which the champion sees a dog, and something too unsure to be shown."""
    monkeypatch.setattr(pulling, "_track", lambda round_, changed: [])
    monkeypatch.setattr(pulling, "_commit", lambda *arguments, **options: (None, []))
    folder = tmp_path / "project"
    folder.mkdir()
    make(
        folder,
        tool=f"{{format: label-studio, url: '{studio.url}'}}\n  prelabel: {{min_confidence: 0.5}}",
        versioned=False,
    )
    record = sprint_folder(folder, SPRINT)
    batch = BATCH.read(record)
    BATCH.write(record, type(batch)(**{**_fields(batch), "champion": "0001-first", "tag": "pets#prod#1"}))
    predictions = folder / "scores/0001-first-pool/champion/predictions.parquet"
    predictions.parent.mkdir(parents=True)
    write_table(
        predictions,
        {
            "path": [POOL[0], POOL[0]],
            "class_id": np.array([1, 0]),
            "class": ["dog", "cat"],
            "score": np.array([0.9, 0.2], np.float32),
            "x_min": np.array([16.0, 1.0]),
            "y_min": np.array([12.0, 1.0]),
            "x_max": np.array([32.0, 9.0]),
            "y_max": np.array([36.0, 9.0]),
        },
    )
    return folder


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def tasks(studio: Account, name: str = "pets") -> list[dict[str, Any]]:
    projects = studio.ask("GET", "/api/projects?page_size=100")["results"]
    (project,) = (one for one in projects if one["description"] == f"flywheel: {name} / {SPRINT}")
    listed = studio.ask("GET", f"/api/tasks?project={project['id']}&page_size=100&fields=all")
    return list(listed["tasks"])


def by_path(studio: Account) -> dict[str, int]:
    """The first task of each image."""
    return {task["data"]["path"]: task["id"] for task in reversed(tasks(studio))}


def rectangle(name: str, label: str, box: tuple[float, float, float, float]) -> dict[str, Any]:
    x, y, width, height = box
    return {
        "id": name,
        "type": "rectanglelabels",
        "from_name": "rectangle",
        "to_name": "image",
        "original_width": 64,
        "original_height": 48,
        "image_rotation": 0,
        "value": {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rotation": 0,
            "rectanglelabels": [label],
        },
    }


def annotate(account: Account, task: int, *results: dict[str, Any], **fields: Any) -> int:
    annotation = {"result": list(results), "lead_time": 4.5, **fields}
    return int(account.ask("POST", f"/api/tasks/{task}/annotations/", json=annotation)["id"])


def take(folder: Path) -> tuple[dict[str, int], list[str]]:
    found = pull(folder, SPRINT, commit=False, say=quiet)
    return found.states, found.status.problems


def test_a_round_with_everything_that_goes_wrong(
    project: Path, studio: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the push is killed after the images are uploaded; then its import is done, and the answer lost
    request, lost = Http.request, []

    def unlucky(http: Http, method: str, path: str, **arguments: Any) -> Any:
        if arguments.get("json") is not None and path.endswith("/import") and len(lost) < 2:
            lost.append(path)
            if len(lost) == 1:
                raise KeyboardInterrupt
            request(http, method, path, **arguments)
            raise NoAnswer("no answer")
        return request(http, method, path, **arguments)

    monkeypatch.setattr(Http, "request", unlucky)
    for error in (KeyboardInterrupt, NoAnswer):
        with pytest.raises(error):
            push(project, SPRINT, say=quiet)
    pushed = push(project, SPRINT, say=quiet)
    push(project, SPRINT, say=quiet)
    assert (pushed.tasks, pushed.proposals) == (4, 1)
    there = tasks(studio)
    assert sorted(task["data"][KEY] for task in there) == sorted(keys(project).values())
    uploads = studio.ask("GET", f"/api/projects/{there[0]['project']}/file-uploads?all=true")
    assert len(uploads) == 4
    shown = next(task["predictions"] for task in there if task["data"]["path"] == POOL[0])
    assert [(one["model_version"], round(one["score"], 3)) for one in shown] == [("pets#prod#1", 0.9)]

    # half of it is done, by two annotators; the tool has copied a task, and both copies are labelled
    task = by_path(studio)
    accepted = shown[0]["result"][0]
    annotate(studio, task[POOL[0]], accepted, rectangle("new", "cat", (0, 0, 25, 25)))
    copy = next(one for one in there if one["data"]["path"] == POOL[1])
    studio.ask("POST", f"/api/projects/{copy['project']}/import", json=[{"data": copy["data"]}])
    copies = [one["id"] for one in tasks(studio) if one["data"]["path"] == POOL[1]]
    assert len(copies) == 2
    for number in copies:
        annotate(studio, number, rectangle("b", "cat", (25, 25, 50, 50)))
    second = studio.second()
    annotate(second, task[POOL[2]], was_cancelled=True)
    assert take(project) == ({"labelled": 2, "skipped": 1}, [])
    found = labels(project)
    assert found["images/train/a/1.jpg"] == [("cat", 0.0, 0.0, 0.25, 0.25), DOG]
    assert found["images/train/b/1.jpg"] == [("cat", 0.25, 0.25, 0.75, 0.75)]
    assert take(project) == ({"labelled": 2, "skipped": 1}, [])  # again: the same
    assert labels(project) == found

    # an unknown label; an image that is renamed meanwhile; a corrected answer
    number = annotate(second, task[POOL[3]], rectangle("h", "horse", (25, 25, 50, 50)))
    states, problems = take(project)
    assert states == {"labelled": 2, "skipped": 1}
    assert '"horse"' in problems[0]
    data = project / "data"
    (data / POOL[3]).rename(data / "images/pool/renamed.jpg")
    table = data / "metadata.csv"
    table.write_text(table.read_text().replace(POOL[3], "images/pool/renamed.jpg"))
    right = {"result": [rectangle("h", "cat", (25, 25, 50, 50))]}
    second.ask("PATCH", f"/api/annotations/{number}/", json=right)
    again = next(one["annotations"][0] for one in tasks(studio) if one["id"] == task[POOL[0]])
    studio.ask("PATCH", f"/api/annotations/{again['id']}/", json={"result": [accepted]})
    assert take(project) == ({"labelled": 3, "skipped": 1}, [])
    found = labels(project)
    assert found["images/train/a/1.jpg"] == [DOG]
    assert found["images/train/renamed.jpg"] == [("cat", 0.25, 0.25, 0.75, 0.75)]
    assert len(found) == 9 + 3

    record = sprint_folder(project, SPRINT)
    rows = {row.path: row for row in read_annotations(record)}
    first = rows[POOL[0]]
    assert (first.accepted, first.added, first.deleted, first.seconds) == (1, 0, 0, 4.5)
    assert {row.annotator for row in rows.values()} == {"user-1", "user-2"}
    assert not any("@" in answer.annotator for answer in read_answers(record))
    assert HANDED_OUT.read(record).tag == "pets#prod#1"
    assert studio.token not in "".join(
        path.read_text(errors="replace") for path in project.rglob("*") if path.is_file()
    )

    # the whole project is deleted in the tool: what was pulled is there still
    studio.ask("DELETE", f"/api/projects/{there[0]['project']}/")
    push(project, SPRINT, say=quiet)
    assert len(tasks(studio)) == 4
    assert take(project)[0] == {"labelled": 3, "skipped": 1}
    assert labels(project) == found


@pytest.mark.parametrize("strategy", SHAPES)
def test_what_each_strategy_draws_comes_back(strategy: str, studio: Account, tmp_path: Path) -> None:
    tool = LabelStudio(url=studio.url)
    round_ = replace(make_round(tmp_path, strategy, "label-studio"), project=f"pets-{strategy}")
    tool.push(round_)
    first = next(task for task in tasks(studio, round_.project) if task["predictions"])
    results = first["predictions"][0]["result"]
    annotate(studio, first["id"], *results)
    (answer,) = tool.pull(round_).answers
    assert [item.outcome for item in answer.objects] == ["accepted"]
    (taken,), (proposal,) = answer.objects, answer.proposals
    assert (taken.box, taken.polygons, taken.keypoints, taken.corners) == (
        proposal.box,
        proposal.polygons,
        proposal.keypoints,
        proposal.corners,
    )


def test_a_mask_that_was_painted_comes_back_to_the_pixel(studio: Account, tmp_path: Path) -> None:
    tool = LabelStudio(url=studio.url)
    round_ = replace(make_round(tmp_path, "masks", "label-studio"), project="pets-painted")
    tool.push(round_)
    painted = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    painted[10:30, 20:40] = True
    painted[15:20, 25:30] = False  # a hole
    value = {"format": "rle", "rle": packed_brush(painted), "brushlabels": ["cat"]}
    region = {
        **rectangle("m", "cat", (0, 0, 1, 1)),
        "type": "brushlabels",
        "from_name": "brush",
        "value": value,
    }
    annotate(studio, tasks(studio, round_.project)[1]["id"], region)
    (answer,) = tool.pull(round_).answers
    (outline,) = answer.objects[0].polygons
    scaled = [number * (HEIGHT if at % 2 else WIDTH) for at, number in enumerate(outline)]
    assert (decode_mask(polygons_to_rle([scaled], (HEIGHT, WIDTH)), (HEIGHT, WIDTH)) == painted).all()
