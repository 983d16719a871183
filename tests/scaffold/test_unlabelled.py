"""`flywheel init` on images that nobody labelled: everything is in the pool, and the first sprint is a batch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import mini_datasets
import pytest
from projects import flywheel

from runner.config.load import load_project, load_sprint, validate
from runner.domain.errors import FlywheelError
from runner.scaffold.init import InitResult, initialise

CLASSES = ["cat", "dog"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unlabelled")
    mini_datasets.yolo(folder / "labelled", train=16, val=2, test=2)
    (folder / "photos" / "monday").mkdir(parents=True)
    for number, image in enumerate(sorted((folder / "labelled").rglob("images/*/*"))):
        shutil.copyfile(image, folder / "photos" / "monday" / f"{number:03}{image.suffix}")
    return folder / "photos"


def adopt(target: Path, data: Path, **options: Any) -> InitResult:
    return initialise(
        target, data, **({"name": None, "weights": None, "layout": None, "classes": CLASSES} | options)
    )


@pytest.mark.parametrize(
    ("task", "layout", "place"), [("detect", "yolo", "images/pool"), ("classify", "folders", "pool")]
)
def test_everything_is_in_the_pool_and_the_first_sprint_asks_for_labels(
    tmp_path: Path, photos: Path, task: str, layout: str, place: str
) -> None:
    target = tmp_path / "project"
    result = adopt(target, photos, task=task)
    assert validate(target) == []
    project = load_project(target)
    assert (project.task, project.dataset.layout, project.classes) == (task, layout, CLASSES)
    assert result.dataset.splits["pool"].images == 20
    assert (target / "data" / place / "monday" / "000.jpg").is_file()
    batch = load_sprint(target, "0001-first-model", project).sprint.annotation.batch  # type: ignore[union-attr]
    assert batch is not None
    assert (batch.size, batch.into) == (20, "train")
    assert batch.mix is not None
    assert batch.mix.describe() == "{random: 1}"
    assert any(line.startswith("flywheel annotate push") for line in result.next)


def test_what_can_be_typed_then_says_what_is_next(tmp_path: Path, photos: Path) -> None:
    target = tmp_path / "project"
    adopt(target, photos)
    name = "0001-first-model"
    status = flywheel(target, "status", check=True).stdout
    assert status.split(maxsplit=2) == [name, "planned", f"its batch is not drawn: flywheel batch {name}\n"]
    assert f"flywheel batch {name}" in flywheel(target, "plan", check=True).stdout
    asked = flywheel(target, "next")
    assert asked.returncode == 3
    assert f"hint: its batch is not drawn: flywheel batch {name}" in asked.stderr
    run = flywheel(target, "run")
    assert run.returncode == 3
    assert "no image is left for train: nothing is labelled yet" in run.stderr
    assert "flywheel batch, flywheel annotate push, flywheel annotate pull" in run.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["cat", "cat"]}, "'cat' is there twice"),
        ({"classes": ["cat", ""]}, "class 1 has no name"),
        ({"task": "pose"}, "a skeleton cannot be given by options"),
        ({"layout": "coco"}, "adopted in the layout yolo"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, photos: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(FlywheelError, match=message):
        adopt(tmp_path / "project", photos, **options)
    assert not (tmp_path / "project").exists()


def test_labels_that_are_there_are_not_passed_over(tmp_path: Path) -> None:
    data = mini_datasets.yolo(tmp_path / "pets", train=12, val=2, test=2)
    with pytest.raises(FlywheelError, match=r"of its images are labelled|as those of splits"):
        adopt(tmp_path / "project", data)


def test_a_folder_of_few_or_no_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FlywheelError, match="0 images were found"):
        adopt(tmp_path / "project", tmp_path / "empty")
    with pytest.raises(FlywheelError, match="there is no such folder"):
        adopt(tmp_path / "project", tmp_path / "nowhere")
