"""Tools that work on files: what is handed out, what comes back in whatever state, and what is said of the rest."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from runner.annotators import ANNOTATORS
from runner.annotators.annotator import DRAWN, Pulled, Round
from runner.domain.labelling import Answer
from tests.annotators.rounds import CLASSES, PATHS, SHAPES, give_back, make_round

FILES = ("yolo", "coco", "cvat")


def pushed(root: Path, strategy: str = "boxes", tool: str = "yolo", **fields: object) -> Round:
    round_ = make_round(root, strategy, tool, **fields)
    ANNOTATORS[tool].push(round_)
    return round_


def pulled(round_: Round, *, finished: bool = False) -> Pulled:
    return ANNOTATORS[round_.handed.tool].pull(replace(round_, finished=finished))


def keys(round_: Round) -> dict[str, str]:
    return {task.path: task.key for task in round_.handed.tasks}


def write_label(round_: Round, path: str, text: str, annotator: str = "anna", name: str = "{}.txt") -> Path:
    label = round_.folder / "answers" / annotator / "labels" / name.format(keys(round_)[path])
    label.parent.mkdir(parents=True, exist_ok=True)
    label.write_text(text)
    return label


def outcomes(answer: Answer) -> list[str]:
    return [item.outcome for item in answer.objects]


@pytest.mark.parametrize("tool", FILES)
@pytest.mark.parametrize("strategy", SHAPES)
def test_what_is_sent_comes_back_as_it_was(tool: str, strategy: str, tmp_path: Path) -> None:
    if DRAWN[strategy] not in ANNOTATORS[tool].tasks:
        pytest.skip(f"{tool} holds no {strategy}")
    round_ = pushed(tmp_path, strategy, tool)
    give_back(round_)
    first = keys(round_)[PATHS[0]]
    assert pulled(round_) == Pulled(untouched=[first])  # nobody may have looked
    found = pulled(round_, finished=True)
    assert found.problems == []
    by_key = {answer.key: answer for answer in found.answers}
    assert outcomes(by_key[first]) == ["accepted"]
    proposal = round_.tasks[first].proposals[0]
    taken = by_key[first].objects[0]
    assert (taken.box, taken.polygons, taken.keypoints, taken.corners) == (
        proposal.box,
        proposal.polygons,
        proposal.keypoints,
        proposal.corners,
    )
    # an image without a label: looked at, and empty; but nobody said which class it is of
    assert len(by_key) == (1 if strategy == "class" else 3)


def test_a_package_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    round_ = pushed(tmp_path)
    label = next((round_.folder / "package").rglob("labels/**/*.txt"))
    label.write_text("1 0.5 0.5 0.1 0.1\n")  # somebody works in it
    ANNOTATORS["yolo"].push(round_)
    assert label.read_text() == "1 0.5 0.5 0.1 0.1\n"


def test_a_package_of_a_push_that_was_killed_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_ = make_round(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("runner.annotators.package.transfer_images", _killed)
        with pytest.raises(KeyboardInterrupt):
            ANNOTATORS["yolo"].push(round_)
    assert not (round_.folder / "package").exists()
    ANNOTATORS["yolo"].push(round_)
    assert len(list((round_.folder / "package" / "images").rglob("*.*"))) == 3


def _killed(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_two_annotators_get_packages_of_their_own(tmp_path: Path) -> None:
    round_ = make_round(tmp_path)
    tasks = [
        type(task)(**{**_fields(task), "annotators": 2 if task.path == PATHS[1] else 1})
        for task in round_.handed.tasks
    ]
    round_ = replace(round_, handed=_with_tasks(round_, tasks))
    ANNOTATORS["yolo"].push(round_)
    names = [path.stem for path in (round_.folder / "package-2" / "images").rglob("*.*")]
    assert names == [keys(round_)[PATHS[1]]]
    assert len(list((round_.folder / "package" / "images").rglob("*.*"))) == 3


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}  # type: ignore[attr-defined]


def _with_tasks(round_: Round, tasks: list[object]) -> object:
    return type(round_.handed)(**{**_fields(round_.handed), "tasks": tasks})


def test_moved_relabelled_deleted_and_added_are_told_apart(tmp_path: Path) -> None:
    round_ = pushed(tmp_path)
    path = PATHS[0]  # a dog is proposed at 0.25, 0.25, 0.5, 0.75
    for lines, expected in (
        ("1 0.375 0.5 0.25 0.5\n", ["accepted"]),
        ("1 0.375 0.5 0.3 0.5\n", ["moved"]),
        ("0 0.375 0.5 0.25 0.5\n", ["relabelled"]),
        ("1 0.9 0.1 0.1 0.1\n", ["added"]),
        ("1 0.375 0.5 0.3 0.5\n0 0.375 0.5 0.25 0.5\n", ["moved", "added"]),  # of two, the one of its class
    ):
        write_label(round_, path, lines)
        (answer,) = pulled(round_, finished=True).answers
        assert outcomes(answer) == expected
        assert answer.objects[0].proposal == (None if expected == ["added"] else 0)


def test_two_images_of_one_name_are_two_tasks(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    write_label(round_, "images/pool/a/1.jpg", "0 0.5 0.5 0.5 0.5\n")
    write_label(round_, "images/pool/b/1.jpg", "1 0.5 0.5 0.5 0.5\n")
    found = {answer.path: answer.objects[0].class_name for answer in pulled(round_).answers}
    assert found == {"images/pool/a/1.jpg": "cat", "images/pool/b/1.jpg": "dog"}


@pytest.mark.parametrize("name", ["1a2b3c4d-{}.txt", "{} (copy).txt", "{}_jpg.rf.txt"])
def test_whatever_a_tool_makes_of_a_name_the_key_is_found_in_it(name: str, tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    write_label(round_, PATHS[0], "0 0.5 0.5 0.5 0.5\n", name=name)
    assert [answer.path for answer in pulled(round_).answers] == [PATHS[0]]


def test_an_image_that_was_renamed_is_found_by_its_content(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    folder = round_.folder / "answers" / "anna"
    (folder / "images").mkdir(parents=True)
    shutil.copyfile(round_.files[keys(round_)[PATHS[0]]], folder / "images" / "holiday.jpg")
    (folder / "labels").mkdir()
    (folder / "labels" / "holiday.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    found = pulled(round_)
    assert ([answer.path for answer in found.answers], found.problems) == ([PATHS[0]], [])


def test_an_image_of_no_batch_is_named(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    folder = round_.folder / "answers" / "anna"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "stranger.jpg").write_bytes(b"?")
    (folder / "labels").mkdir()
    (folder / "labels" / "stranger.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    found = pulled(round_)
    assert found.answers == []
    assert "stranger.jpg is none of the batch's images" in found.problems[0]


def test_an_answer_that_was_copied_counts_once(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    for name in ("{}.txt", "copy of {}.txt"):
        write_label(round_, PATHS[0], "0 0.5 0.5 0.5 0.5\n", name=name)
    found = pulled(round_)
    assert [len(answer.objects) for answer in found.answers] == [1]
    assert found.problems == []


def test_two_different_answers_of_one_annotator_are_not_taken(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    write_label(round_, PATHS[0], "0 0.5 0.5 0.5 0.5\n")
    other = write_label(round_, PATHS[0], "1 0.5 0.5 0.5 0.5\n", name="copy of {}.txt")
    found = pulled(round_)
    assert found.answers == []
    assert "labelled more than once, and not alike" in found.problems[0]
    other.unlink()
    assert len(pulled(round_).answers) == 1


def test_an_unknown_class_is_named_and_the_other_images_are_taken(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    write_label(round_, PATHS[0], "0 0.5 0.5 0.5 0.5\n2 0.2 0.2 0.1 0.1\n")
    write_label(round_, PATHS[1], "0 0.5 0.5 0.5 0.5\n")
    (round_.folder / "answers" / "anna" / "data.yaml").write_text("names: [cat, dog, horse]\n")
    found = pulled(round_)
    assert [answer.path for answer in found.answers] == [PATHS[1]]
    (problem,) = found.problems
    assert f"{PATHS[0]} ({keys(round_)[PATHS[0]]}) is not taken" in problem
    assert '"horse"' in problem


@pytest.mark.parametrize(
    "file", ["classes.txt", "labels/classes.txt", "obj.names", "notes.json", "data.yaml"]
)
def test_classes_go_by_name_whatever_order_a_tool_gives_them(file: str, tmp_path: Path) -> None:
    round_ = pushed(tmp_path, proposed=False)
    write_label(round_, PATHS[0], "0 0.5 0.5 0.5 0.5\n")
    names = ["dog", "cat"]  # Label Studio sorts them in its own way
    texts = {
        "notes.json": json.dumps({"categories": [{"id": at, "name": name} for at, name in enumerate(names)]}),
        "data.yaml": f"path: /datasets/x\ntrain: train.txt\nnames: {json.dumps(names)}\n",
    }
    text = texts.get(file, "".join(f"{name}\n" for name in names))
    (round_.folder / "answers" / "anna" / file).write_text(text)
    (answer,) = pulled(round_).answers
    assert answer.objects[0].class_name == "dog"


def test_coco_without_images_in_another_size_and_order_of_categories(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, tool="coco", proposed=False)
    key = keys(round_)[PATHS[0]]
    folder = round_.folder / "answers" / "anna"
    folder.mkdir(parents=True)
    document = {
        "images": [{"id": 9, "file_name": f"upload/12345678-{key}.jpg", "width": 32, "height": 24}],
        "categories": [{"id": 5, "name": CLASSES[1]}, {"id": 7, "name": CLASSES[0]}],
        "annotations": [{"id": 3, "image_id": 9, "category_id": 7, "bbox": [8, 6, 8, 12], "area": 96}],
    }
    (folder / "result.json").write_text(json.dumps(document))
    (answer,) = pulled(round_).answers
    assert [(item.class_name, item.box) for item in answer.objects] == [("cat", (0.25, 0.25, 0.5, 0.75))]


def test_what_lies_in_no_annotators_folder_is_said(tmp_path: Path) -> None:
    round_ = pushed(tmp_path)
    (round_.folder / "answers" / "labels").mkdir()
    (round_.folder / "answers" / "anna").mkdir()
    (round_.folder / "answers" / "anna" / "export.zip").write_bytes(b"PK")
    found = pulled(round_)
    assert found.answers == []
    assert ["no annotator's folder" in found.problems[1], "unpack it" in found.problems[0]] == [True, True]


def coco_file(round_: Round, *images: tuple[str, list[int]]) -> str:
    """Images by path, each with the x of its boxes; ids count on."""
    listed, annotations = [], []
    for number, (path, boxes) in enumerate(images):
        name = f"{keys(round_)[path]}.jpg"
        listed.append({"id": number, "file_name": name, "width": 64, "height": 48})
        for x in boxes:
            box = {"bbox": [x, 6, 8, 12], "area": 96, "category_id": 1}
            annotations.append({"id": len(annotations), "image_id": number, **box})
    categories = [{"id": 1, "name": "cat"}]
    return json.dumps({"images": listed, "annotations": annotations, "categories": categories})


def write_exports(round_: Round, **files: str) -> None:
    for name, text in files.items():
        path = round_.folder / "answers" / "anna" / name / "annotations" / "instances_default.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)


def test_a_later_export_beside_an_earlier_one_says_the_same_images_again(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, tool="coco", proposed=False)
    write_exports(
        round_,
        monday=coco_file(round_, (PATHS[0], [8])),
        tuesday=coco_file(round_, (PATHS[1], [8, 30]), (PATHS[0], [8])),
    )
    found = pulled(round_)
    assert {answer.path: len(answer.objects) for answer in found.answers} == {PATHS[0]: 1, PATHS[1]: 2}
    assert found.problems == []


def test_exports_that_say_different_things_of_an_image_are_not_taken_for_it(tmp_path: Path) -> None:
    round_ = pushed(tmp_path, tool="coco", proposed=False)
    write_exports(
        round_,
        monday=coco_file(round_, (PATHS[0], [8])),
        tuesday=coco_file(round_, (PATHS[0], [30]), (PATHS[1], [8])),
    )
    found = pulled(round_)
    assert [answer.path for answer in found.answers] == [PATHS[1]]
    assert f"{PATHS[0]} ({keys(round_)[PATHS[0]]}) is not taken" in found.problems[0]


def test_an_image_that_one_export_lists_twice_counts_once_or_waits(tmp_path: Path) -> None:
    """A tool that copies a task copies its ids, or gives it others."""
    round_ = pushed(tmp_path, tool="coco", proposed=False)
    same = [(PATHS[0], [8, 30]), (PATHS[0], [30, 8])]
    write_exports(round_, export=coco_file(round_, *same, (PATHS[1], [8]), (PATHS[1], [40])))
    found = pulled(round_)
    assert {answer.path: len(answer.objects) for answer in found.answers} == {PATHS[0]: 2}
    (problem,) = found.problems
    assert f"{PATHS[1]} ({keys(round_)[PATHS[1]]}) is not taken" in problem
