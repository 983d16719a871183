"""`annotate push` and `pull` in a project: labels and images get where they belong, once, whatever happens in between."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from projects import call, environment, flywheel

from runner.domain.errors import FlywheelError
from runner.domain.labelling import Answer
from runner.labelling.pull import pull, status
from runner.labelling.push import push
from runner.record.catalogue import ANNOTATIONS, ANSWERS, sprint_folder
from runner.record.labelling import read_annotations, read_answers, read_batch, write_answers
from runner.report import annotated
from tests.labelling.label_projects import (
    POOL,
    SIZE,
    SPRINT,
    answer,
    answers_folder,
    coco_document,
    keys,
    labels,
    make,
    pool_paths,
)

CAT, DOG = "0 0.5 0.5 0.5 0.5", "1 0.25 0.25 0.5 0.5"
BIG_CAT, BIG_DOG = ("cat", 0.25, 0.25, 0.75, 0.75), ("dog", 0.0, 0.0, 0.5, 0.5)


def quiet(line: str) -> None:
    """Nobody listens."""


def interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt


def take(folder: Path, **options: bool) -> dict[str, int]:
    """Pulls, and counts images by what became of them."""
    return pull(folder, SPRINT, commit=False, say=quiet, **options).states


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A batch of four images that is handed out; nothing is versioned by git or DVC."""
    make(tmp_path, versioned=False)
    push(tmp_path, SPRINT, say=quiet)
    return tmp_path


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What DVC and git do is looked at in the tests that make them a repository; elsewhere it would take most of the time."""
    if "versioned" not in request.fixturenames:
        monkeypatch.setattr("runner.labelling.pull._track", lambda round_, changed: [])
        monkeypatch.setattr("runner.labelling.pull._commit", lambda *arguments, **options: (None, []))


def metadata(folder: Path) -> dict[str, tuple[str, str]]:
    with (folder / "data" / "metadata.csv").open(newline="") as file:
        return {row["path"]: (row["scene"], row["lux"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc"])
def test_labels_and_images_get_where_they_belong_in_every_layout(layout: str, tmp_path: Path) -> None:
    make(tmp_path, layout, versioned=False)
    push(tmp_path, SPRINT, say=quiet)
    paths = list(keys(tmp_path))
    before, rows = labels(tmp_path, layout), metadata(tmp_path)
    answer(tmp_path, paths[0], CAT, DOG)
    answer(tmp_path, paths[1], DOG)
    answer(tmp_path, paths[2])
    write_empty_means_nothing_on_it = take(tmp_path, finished=True)
    assert write_empty_means_nothing_on_it == {"labelled": 3}
    after = labels(tmp_path, layout)
    new = {path: after[path] for path in after.keys() - before.keys()}
    assert sorted(new.values()) == [[], [BIG_CAT, BIG_DOG], [BIG_DOG]]
    assert {path: after[path] for path in before} == before
    moved = metadata(tmp_path)
    assert sorted(moved.values()) == sorted(rows.values())
    assert moved.keys() == {
        path.relative_to(tmp_path / "data").as_posix() for path in (tmp_path / "data").rglob("*.jpg")
    }


def listed_pool(folder: Path) -> Path:
    """A COCO project whose pool has an annotation file, too: its images are listed, and nothing is on them."""
    make(folder, "coco", versioned=False)
    images = [
        {"id": number, "file_name": path.removeprefix("images/"), "width": SIZE[0], "height": SIZE[1]}
        for number, path in enumerate(pool_paths(folder, POOL))
    ]
    listed = {"images": images, "annotations": [], "categories": []}
    (folder / "data/annotations/instances_pool.json").write_text(json.dumps(listed))
    push(folder, SPRINT, say=quiet)
    return folder


@pytest.mark.parametrize("killed", [None, "insertion.coco._insert", "moves.Moves._rename"])
def test_an_image_that_the_pools_file_lists_is_listed_in_the_other_alone(
    killed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_pool(tmp_path)
    answer(tmp_path, POOL[2], CAT)
    if killed is not None:
        with monkeypatch.context() as patch:
            patch.setattr(f"runner.labelling.{killed}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                take(tmp_path)
    assert take(tmp_path) == {"labelled": 1}
    assert [image["file_name"] for image in coco_document(tmp_path, "pool")["images"]] == [
        "pool/a/1.jpg",
        "pool/b/1.jpg",
        "pool/3.jpg",
    ]
    there = {Path(path).name: found for path, found in labels(tmp_path, "coco").items()}
    assert there["2.jpg"] == [BIG_CAT]  # the file says its split, whatever folder a kill left it in
    assert (
        len([image for image in coco_document(tmp_path, "train")["images"] if image["file_name"] == "2.jpg"])
        == 1
    )
    assert take(tmp_path) == {"labelled": 1}


def test_labels_for_which_no_named_file_is_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    listed_pool(tmp_path)
    named = "annotations: [annotations/instances_pool.json, annotations/instances_val.json]"
    project = tmp_path / "flywheel.yaml"
    project.write_text(project.read_text().replace("layout: coco", f"layout: {{format: coco, {named}}}"))
    answer(tmp_path, POOL[2], CAT)
    with pytest.raises(FlywheelError) as error:
        take(tmp_path)
    assert error.value.message == "none of the annotation files that it names is that of train"
    assert len(coco_document(tmp_path, "pool")["images"]) == len(POOL)


def test_a_half_done_batch_is_pulled_in_parts(project: Path) -> None:
    answer(project, POOL[0], CAT)
    assert take(project) == {"labelled": 1}
    answer(project, POOL[1], DOG)
    assert take(project) == {"labelled": 2}
    found = labels(project)
    assert (found["images/train/a/1.jpg"], found["images/train/b/1.jpg"]) == ([BIG_CAT], [BIG_DOG])
    rows = read_annotations(sprint_folder(project, SPRINT))
    assert {row.path: row.state for row in rows} == {POOL[0]: "labelled", POOL[1]: "labelled"}


def test_pulling_again_changes_nothing(project: Path) -> None:
    answer(project, POOL[0], CAT)
    take(project)
    files = {
        path: path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".flywheel" not in path.parts
    }
    assert take(project) == {"labelled": 1}
    assert files == {
        path: path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and ".flywheel" not in path.parts
    }


def test_a_corrected_answer_replaces_what_was_merged(project: Path) -> None:
    answer(project, POOL[0], CAT)
    take(project)
    answer(project, POOL[0], DOG)
    assert take(project) == {"labelled": 1}
    assert labels(project)["images/train/a/1.jpg"] == [BIG_DOG]


def test_a_users_own_edit_stays(project: Path) -> None:
    answer(project, POOL[0], CAT)
    take(project)
    edited = project / "data/labels/train/a/1.txt"
    edited.write_text("1 0.5 0.5 0.1 0.1\n")
    answer(project, POOL[0], DOG)
    found = pull(project, SPRINT, commit=False, say=quiet)
    assert found.states == {"kept": 1}
    assert "other labels than were answered, which stay" in found.status.problems[0]
    assert edited.read_text() == "1 0.5 0.5 0.1 0.1\n"


def test_labels_that_a_user_removed_do_not_come_back(project: Path) -> None:
    answer(project, POOL[0], CAT)
    take(project)
    (project / "data/labels/train/a/1.txt").unlink()
    assert take(project) == {"kept": 1}
    assert "images/train/a/1.jpg" not in labels(project)


def test_an_image_that_was_renamed_is_found_by_its_content(project: Path) -> None:
    (project / "data" / POOL[0]).rename(project / "data/images/pool/renamed.jpg")
    table = project / "data/metadata.csv"
    table.write_text(table.read_text().replace(POOL[0], "images/pool/renamed.jpg"))
    answer(project, POOL[0], CAT)
    assert take(project) == {"labelled": 1}
    assert labels(project)["images/train/renamed.jpg"] == [BIG_CAT]
    assert "images/train/renamed.jpg" in metadata(project)


def test_an_image_that_is_gone_is_said_and_its_answer_kept(project: Path) -> None:
    (project / "data" / POOL[0]).unlink()
    answer(project, POOL[0], CAT)
    found = pull(project, SPRINT, commit=False, say=quiet)
    assert found.states == {"waiting": 1}
    assert found.status.problems == [f"{POOL[0]}: its content is nowhere in the dataset"]
    assert len(read_answers(sprint_folder(project, SPRINT))) == 1


def test_what_a_tool_lost_is_still_known(project: Path) -> None:
    answer(project, POOL[0], CAT)
    take(project)
    next(answers_folder(project).rglob("*.txt")).unlink()
    assert take(project) == {"labelled": 1}
    assert len(read_answers(sprint_folder(project, SPRINT))) == 1


def test_an_image_of_that_name_in_train_already_stays_what_it_is(project: Path) -> None:
    there = project / "data/images/train/a/1.jpg"
    there.parent.mkdir()
    there.write_bytes((project / "data/images/train/00.jpg").read_bytes()[:-1] + b"\x00")
    content = there.read_bytes()
    answer(project, POOL[0], CAT)
    assert take(project) == {"labelled": 1}
    assert there.read_bytes() == content
    key = keys(project)[POOL[0]]
    assert labels(project)[f"images/train/a/1-{key[:6]}.jpg"] == [BIG_CAT]


def test_an_image_whose_group_is_in_another_split_is_not_merged(project: Path) -> None:
    table = project / "data/metadata.csv"
    rows = metadata(project)
    scene = rows["images/test/00.jpg"][0]
    text = table.read_text().replace(f"{POOL[0]},{rows[POOL[0]][0]},", f"{POOL[0]},{scene},")
    table.write_text(text)
    answer(project, POOL[0], CAT)
    found = pull(project, SPRINT, commit=False, say=quiet)
    assert found.states == {"waiting": 1}
    assert found.status.problems == [f"{POOL[0]}: its group {scene} is in test: it would leak into train"]
    with pytest.raises(FlywheelError) as error:
        push(project, SPRINT, say=quiet)
    assert "1 images of the batch cannot go into train" in error.value.message


def test_an_image_that_two_are_to_label_waits_for_the_second(tmp_path: Path) -> None:
    make(tmp_path, annotators=2, versioned=False)
    push(tmp_path, SPRINT, say=quiet)
    answer(tmp_path, POOL[0], CAT, annotator="anna")
    found = pull(tmp_path, SPRINT, commit=False, say=quiet)
    assert (found.states, found.status.partly) == ({"waiting": 1}, 1)
    assert "1 image waits for another annotator's answer" in annotated.pulled(found)
    answer(tmp_path, POOL[0], CAT, DOG, annotator="ben")
    assert take(tmp_path) == {"labelled": 1}
    assert labels(tmp_path)["images/train/a/1.jpg"] == [BIG_CAT, BIG_DOG]  # of two, one who saw it is enough
    rows = read_annotations(sprint_folder(tmp_path, SPRINT))
    assert [(row.annotator, row.objects) for row in rows] == [("anna", 1), ("ben", 2)]


def test_an_image_that_one_skipped_and_another_labelled_is_labelled(tmp_path: Path) -> None:
    make(tmp_path, annotators=2, versioned=False)
    push(tmp_path, SPRINT, say=quiet)
    record = sprint_folder(tmp_path, SPRINT)
    image = read_batch(record)[0]
    skipped = Answer(
        key=image.key, path=image.path, image_id=image.image_id, annotator="zoe", tool="yolo", skipped=True
    )
    write_answers(record, [skipped])
    answer(tmp_path, POOL[0], CAT, annotator="anna")
    assert take(tmp_path) == {"labelled": 1}


def test_splits_that_a_column_of_the_metadata_says(tmp_path: Path) -> None:
    from tests.labelling.label_projects import PROJECT

    spec = PROJECT.replace(
        "splits: {{pool: \"split = 'pool'\"}}",
        "splits: {{train: \"part = 'train'\", val: \"part = 'val'\", test: \"part = 'test'\", pool: \"part = 'new'\"}}",
    )
    make(tmp_path, project=spec, versioned=False)
    table = tmp_path / "data/metadata.csv"
    lines = ["path;scene;part;note"]
    for path, (scene, _) in metadata(tmp_path).items():
        part = path.split("/")[1].replace("pool", "new")
        lines.append(f'{path};{scene};{part};"keep;  ""this"""')
    table.write_bytes("\r\n".join(["# by hand", *lines, ""]).encode())
    push(tmp_path, SPRINT, say=quiet)
    answer(tmp_path, POOL[0], CAT)
    assert take(tmp_path) == {"labelled": 1}
    assert labels(tmp_path)[POOL[0]] == [BIG_CAT]  # it stays where it is
    before = "\r\n".join(["# by hand", *lines, ""])
    row = next(line for line in lines if line.startswith(POOL[0]))
    assert table.read_bytes().decode() == before.replace(row, row.replace(";new;", ";train;"))


def test_a_layout_that_takes_no_labels_is_refused_before_they_are_paid_for(tmp_path: Path) -> None:
    make(tmp_path, "cvat", versioned=False)
    with pytest.raises(FlywheelError) as error:
        push(tmp_path, SPRINT, say=quiet)
    assert error.value.message == "labels cannot be added to the layout cvat"
    assert "flywheel convert data data-yolo --layout yolo" in str(error.value)


@pytest.fixture
def versioned(tmp_path: Path) -> Path:
    """The same with git and DVC, on the branch of its sprint."""
    return make(tmp_path)


def test_the_commands_track_and_commit_on_the_sprints_branch_alone(versioned: Path) -> None:
    flywheel(versioned, "annotate", "push", check=True)
    answer(versioned, POOL[0], CAT)
    answered = flywheel(versioned, "annotate", "pull", check=True)
    assert "1 image labelled" in answered.stdout
    assert "committed as" in answered.stdout
    changed = call(versioned, "git", "show", "--format=", "--name-only").stdout.split()
    assert {"data.dvc", ANSWERS.of(SPRINT), ANNOTATIONS.of(SPRINT)} <= set(changed)
    assert call(versioned, "git", "status", "--short").stdout == ""
    head = call(versioned, "git", "rev-parse", "HEAD").stdout
    assert flywheel(versioned, "annotate", "pull", check=True).returncode == 0
    assert call(versioned, "git", "rev-parse", "HEAD").stdout == head  # nothing new

    call(versioned, "git", "switch", "-q", "main")
    call(versioned, "git", "merge", "-q", "--ff-only", SPRINT)
    answer(versioned, POOL[1], DOG)
    said = flywheel(versioned, "annotate", "pull", check=True).stdout
    assert "not committed: git switch -c 0002-more" in said
    assert call(versioned, "git", "log", "-1", "--format=%H").stdout == head
    assert "2 of 4 images answered in yolo, 2 merged" in flywheel(versioned, "annotate", "status").stdout
    flywheel(versioned, "annotate", "pull", "--commit-here", check=True)
    assert call(versioned, "git", "status", "--short").stdout == ""
    assert status(versioned, SPRINT, say=quiet).merged == 2


def test_killed_before_it_is_tracked_or_committed_it_is_by_the_next(
    versioned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(versioned, SPRINT, say=quiet)
    answer(versioned, POOL[0], CAT)
    for step in ("runner.labelling.tracking.track", "runner.adapters.git.commits.commit_files"):
        with monkeypatch.context() as patch:
            patch.setattr(step, killed)
            with pytest.raises(KeyboardInterrupt):
                pull(versioned, SPRINT, say=quiet)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    found = pull(versioned, SPRINT, say=quiet)
    assert found.commit is not None
    assert call(versioned, "git", "status", "--short").stdout == ""
    assert labels(versioned)["images/train/a/1.jpg"] == [BIG_CAT]


def killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_why_nothing_is_proposed_is_said(project: Path) -> None:
    spec = project / f"specs/{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("  tool: yolo", "  tool: yolo\n  prelabel: {}"))
    said = push(project, SPRINT, say=quiet).where[-1]
    assert said == "nothing is proposed: no champion scored the pool when the batch was drawn"


def test_a_strategy_that_does_not_give_what_the_task_needs_is_refused(project: Path) -> None:
    spec = project / f"specs/{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("strategy: boxes", "strategy: class"))
    with pytest.raises(FlywheelError) as error:
        push(project, SPRINT, say=quiet)
    assert "annotation.strategy: annotators who draw class do not give what task detect needs" in str(
        error.value
    )
