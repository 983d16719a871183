"""`flywheel init` on small real datasets: what it writes is valid, and nothing is ever replaced."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import mini_datasets
import pytest
import yaml

from runner.adapters.models.architectures import TASK_SUFFIXES
from runner.config.load import load_project, load_sprint, validate
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import Keypoints
from runner.scaffold import bring
from runner.scaffold.init import NO_WORKFLOWS, InitResult, initialise, render
from runner.scaffold.schemas import schema_documents, write_schemas
from runner.scaffold.workflows import workflow_documents
from runner.stages import index

SHARED = Path(__file__).parents[2].parent / "shared"


def adopt(target: Path, data: Path, **options: Any) -> InitResult:
    return initialise(target, data, **({"name": None, "weights": None, "layout": None} | options))


def refused(target: Path, data: Path, **options: Any) -> FlywheelError:
    with pytest.raises(FlywheelError) as caught:
        adopt(target, data, **options)
    return caught.value


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_datasets.yolo(tmp_path_factory.mktemp("source") / "pets", train=20, val=4, test=4)


@pytest.mark.parametrize("layout", ["images/train", "train/images", "coco"])
def test_project_of_each_layout_is_valid(tmp_path: Path, layout: str) -> None:
    source, target = tmp_path / "pets", tmp_path / "project"
    if layout == "coco":
        mini_datasets.coco(source, train=20, val=4, test=4)
    else:
        mini_datasets.yolo(source, inner=layout == "train/images", train=20, val=4, test=4)
    result = adopt(target, source, name="pets")
    assert validate(target) == []
    project = load_project(target)
    assert project.classes == ["cat", "no", "3"]
    assert project.dataset.layout == ("coco" if layout == "coco" else "yolo")
    sprint = load_sprint(target, "0001-first-model", project).sprint
    assert [export.name for export in sprint.export] == ["onnx-fp32", "openvino-fp32", "openvino-int8"]
    assert sprint.train.model == "yolo11n.yaml"
    assert {split: counts.images for split, counts in result.dataset.splits.items()} == {
        "train": 20,
        "val": 4,
        "test": 4,
    }
    assert files(target / "data") == files(source)
    assert (target / "data.dvc").is_file()
    assert (target / ".github" / "workflows" / "sprint.yml").is_file()


LINES = {
    "segment": "{0} 0.1 0.1 0.5 0.1 0.5 0.5\n",
    "obb": "{0} 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n",
    "pose": "{0} 0.5 0.5 0.5 0.5 0.4 0.4 2 0.6 0.6 1\n",
}


@pytest.mark.parametrize("task", LINES)
def test_project_of_each_task_is_valid(tmp_path: Path, task: str) -> None:
    source, target = mini_datasets.yolo(tmp_path / "pets", train=20, val=4, test=4), tmp_path / "project"
    for number, path in enumerate(sorted(source.rglob("*.txt"))):
        path.write_text(LINES[task].format(number % 3))
    if task == "pose":
        with (source / "data.yaml").open("a") as file:
            file.write("kpt_shape: [2, 3]\nflip_idx: [1, 0]\nkpt_names: {0: [left_ear, right_ear]}\n")
    result = adopt(target, source)
    assert validate(target) == []
    assert (result.dataset.task, result.dataset.objects) == (task, 28)
    project = load_project(target)
    assert project.task == task
    sprint = load_sprint(target, "0001-first-model", project).sprint
    assert sprint.train.model == f"yolo11n{TASK_SUFFIXES[project.task]}.yaml"
    assert [gate.metric for gate in sprint.gates] == ["map50", "recall", "map50_95"]
    assert sprint.checks == [{"preset": "detection"}]
    skeleton = Keypoints(names=["left_ear", "right_ear"], flip=[1, 0])
    assert project.keypoints == (skeleton if task == "pose" else None)


@pytest.mark.parametrize("splits", [(), ("train", "valid")], ids=["classes", "splits"])
def test_class_folders_become_a_classification_project(tmp_path: Path, splits: tuple[str, ...]) -> None:
    source, target = tmp_path / "pets", tmp_path / "project"
    mini_datasets.folders(source, *splits, images=20)
    result = adopt(target, source)
    assert validate(target) == []
    project = load_project(target)
    assert (project.task, project.dataset.layout) == ("classify", "folders")
    assert project.classes == ["3", "cat", "no"]
    sprint = load_sprint(target, "0001-first-model", project).sprint
    assert (sprint.train.model, sprint.train.imgsz) == ("yolo11n-cls.yaml", 128)
    assert sprint.evaluate.optimizing == "top1"
    assert [gate.metric for gate in sprint.gates] == ["top1", "recall", "top1"]
    assert sprint.checks == [{"preset": "classification"}]
    assert not any("objects" in text for text in result.dataset.slices)
    counts = result.dataset.splits
    assert all(counts[split].images for split in ("train", "val", "test"))
    own = "split = 'train' AND " if splits else ""
    assert project.splits.train == f"{own}group_fraction >= {0.15 if splits else 0.3}"


def test_a_task_that_the_labels_are_not_for_is_refused(tmp_path: Path, dataset: Path) -> None:
    assert "there is no labelled object to learn from" in refused(tmp_path, dataset, task="segment").message
    assert refused(tmp_path, dataset, task="pose").message == "the labels' skeleton is not described"
    assert refused(tmp_path, dataset, task="classify").message.startswith(
        "no dataset was recognised: 28 images"
    )
    assert (
        refused(tmp_path, dataset, layout="folders").message == "task detect does not read the layout folders"
    )


def test_what_was_found_is_told(tmp_path: Path, dataset: Path) -> None:
    bad = mini_datasets.yolo(tmp_path / "pets", train=19, val=4, test=4)
    (bad / "labels" / "train" / "train-00.txt").write_text("cat 1 2\n")
    (bad / "images" / "train" / "broken.jpg").write_bytes(b"no image")
    result = adopt(tmp_path / "project", bad)
    text = render(result)
    start = text[: text.index("\n\nWritten")]
    assert start == (
        "Adopted 28 images (27 labelled) with 52 objects as project\n"
        "  task      detect\n"
        "  layout    yolo: images/<split>/ with labels/<split>/\n"
        "  classes   3: cat 18, no 18, 3 16\n"
        "  train     19 images, 36 objects\n"
        "  val       4 images, 8 objects\n"
        "  test      4 images, 8 objects\n"
        "  pool      1 images, 0 objects\n"
        "  slices    dark: brightness < 0.25; small: objects with area_px < 1024\n"
        "\n"
        "Problems\n"
        "  images/train/broken.jpg: not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF\n"
        "  labels/train/train-00.txt:1: not numbers: cat 1 2\n"
        "  the test split can hardly decide: 4 images are labelled there, and of what is truly 0.50 they show anything "
        "from 0.07 to 0.93; label about 110 before you rely on a verdict\n"
        "  classes that the test split can hardly judge by themselves: cat (3 images), no (3 images), 3 (2 images); "
        "label some 5 images or more of each\n"
        "\n"
        "Notes\n"
        "  wrong labels, and the first of each kind; `dataset.labels` in flywheel.yaml says what becomes of them: refuse, "
        "drop or clip\n"
        "    1 × malformed: labels/train/train-00.txt:1: not numbers: cat 1 2\n"
        "  .github/workflows/sprint.yml says OWNER/REPO: there is no remote `origin` yet;"
        " git remote add origin https://HOST/OWNER/NAME, then: flywheel init --workflows --force"
    )
    assert text.splitlines()[-5:] == [f"  {command}" for command in result.next[-5:]]


def test_git_ignores_what_dvc_and_flywheel_keep(tmp_path: Path, dataset: Path) -> None:
    adopt(tmp_path, dataset)
    (tmp_path / ".flywheel").mkdir()
    (tmp_path / ".flywheel" / "lock").touch()
    status = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "-uall"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(line[3:] for line in status.stdout.splitlines()) == [
        ".dvc/.gitignore",
        ".dvc/config",
        ".dvcignore",
        *workflow_documents(None, "main"),
        ".gitignore",
        *schema_documents(),
        "data.dvc",
        "flywheel.yaml",
        "specs/0001-first-model.yaml",
    ]
    assert (tmp_path / ".dvc" / "config").read_text() == (
        "[core]\n    analytics = False\n    check_update = False\n"
    )


def test_metadata_gives_groups_and_slices(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", train=24)
    rows = [f"images/train/train-{n:02}.jpg,s{n // 2},{('east', 'west')[n % 2]},{n}.5" for n in range(24)]
    (source / "metadata.csv").write_text("path,scene,camera,height_m\n" + "\n".join(rows) + "\n")
    result = adopt(tmp_path / "project", source)
    project = load_project(tmp_path / "project")
    assert (project.dataset.metadata, project.dataset.group_by) == ("data/metadata.csv", "scene")
    assert "by: camera" in result.dataset.slices
    assert validate(tmp_path / "project") == []


@pytest.mark.parametrize(
    "names",
    [["08", "1e3", "yes", "null"], ["select", "~", "0x1F", "1_000"], ["a: b", "x # y", "q,{}", '"q"']],
)
def test_columns_with_names_like_numbers_or_yaml_become_slices(tmp_path: Path, names: list[str]) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", train=24)
    header = ";".join(["path", *('"' + name.replace('"', '""') + '"' for name in names)])
    rows = [f"images/train/train-{n:02}.jpg" + f";{('08', '11')[n % 2]}" * len(names) for n in range(24)]
    (source / "metadata.csv").write_text("\n".join([header, *rows]) + "\n")
    adopt(tmp_path / "project", source)
    assert validate(tmp_path / "project") == []
    project = load_project(tmp_path / "project")
    assert [spec.by for spec in project.slices if spec.by] == names


def test_metadata_that_cannot_be_read_is_said_with_its_line(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", train=24)
    (source / "metadata.csv").write_text("path,light\nimages/train/train-00.jpg,d,x\n")
    problems = adopt(tmp_path / "project", source).problems
    assert [text for text in problems if "metadata" in text] == [
        "metadata.csv:2 is not used as metadata: line 2 has 3: the header has 2 columns, separated by commas; "
        "give every line as many cells as the header; one that holds the separator is written in double quotes"
    ]


def test_weights_are_copied_and_tracked(tmp_path: Path, dataset: Path) -> None:
    weights = tmp_path / "Some model.pt"
    weights.write_bytes(b"PK\x03\x04 not really")
    adopt(tmp_path / "project", dataset, weights=weights)
    assert validate(tmp_path / "project") == []
    project = load_project(tmp_path / "project")
    trainer = load_sprint(tmp_path / "project", "0001-first-model", project).sprint.train
    assert (trainer.model, trainer.epochs) == ("weights/Some model.pt", 30)
    assert (tmp_path / "project" / "weights" / "Some model.pt.dvc").is_file()
    weights.write_bytes(b"PK\x03\x04 others")
    assert refused(tmp_path / "project", dataset, weights=weights).message == "holds other weights"


def test_second_run_changes_nothing(tmp_path: Path, dataset: Path) -> None:
    adopt(tmp_path, dataset)
    before = {name: content for name, content in files(tmp_path).items() if not name.startswith(".dvc/")}
    result = adopt(tmp_path, dataset)
    assert result.unchanged == [
        "flywheel.yaml",
        "specs/0001-first-model.yaml",
        *schema_documents(),
        *workflow_documents(None, "main"),
    ]
    assert before == {
        name: content for name, content in files(tmp_path).items() if not name.startswith(".dvc/")
    }


def test_changed_file_is_not_replaced_without_force(tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "flywheel.yaml").write_text("mine\n")
    error = refused(tmp_path, dataset)
    assert str(error) == (
        f"{tmp_path}: files would be replaced: flywheel.yaml\n"
        "  hint: run flywheel init in a fresh folder, or replace them: --force (data is never replaced)"
    )
    assert files(tmp_path) == {"flywheel.yaml": b"mine\n"}
    adopt(tmp_path, dataset, force=True)
    assert load_project(tmp_path).classes == ["cat", "no", "3"]


def test_other_data_is_never_replaced(tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("mine\n")
    error = refused(tmp_path, dataset, force=True)
    assert error.message == "exists and holds something else than the dataset; data is never replaced"
    assert files(tmp_path) == {"data/mine.txt": b"mine\n"}


def test_dataset_in_its_place_is_adopted_there(tmp_path: Path) -> None:
    mini_datasets.yolo(tmp_path / "data", train=20, val=4, test=4)
    before = files(tmp_path / "data")
    adopt(tmp_path, tmp_path / "data")
    assert files(tmp_path / "data") == before
    assert validate(tmp_path) == []


def test_project_inside_the_dataset_is_refused(dataset: Path) -> None:
    assert refused(dataset, dataset).message.endswith("lie in one another")
    assert not (dataset / ".git").exists()


def test_killed_copy_leaves_no_half_dataset_and_can_be_run_again(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[Path] = []

    def dies(source: Path, place: Path) -> None:
        if len(copied) == 10:
            raise KeyboardInterrupt
        copied.append(place)
        place.write_bytes(source.read_bytes())

    with monkeypatch.context() as patched:
        patched.setattr(bring.shutil, "copyfile", dies)
        with pytest.raises(KeyboardInterrupt):
            adopt(tmp_path, dataset)
    assert not (tmp_path / "data").exists()
    (tmp_path / ".dvc" / "config").unlink()  # as if killed while DVC was being set up
    adopt(tmp_path, dataset)
    assert files(tmp_path / "data") == files(dataset)
    assert validate(tmp_path) == []
    assert not (tmp_path / ".data.partial").exists()


def test_full_disk_while_copying_is_an_expected_failure(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, place: Path) -> None:
        raise OSError(28, "No space left on device", str(place))

    monkeypatch.setattr(bring.shutil, "copyfile", full)
    error = refused(tmp_path, dataset)
    assert error.message == "no space left on the device while writing"
    assert error.exit_code is ExitCode.STAGE_FAILED
    assert not (tmp_path / ".data.partial").exists()


def test_dataset_inside_a_larger_repository_is_adopted_without_workflow(
    tmp_path: Path, dataset: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    result = adopt(tmp_path / "vision", dataset)
    assert not (tmp_path / "vision" / ".github").exists()
    assert result.notes == [NO_WORKFLOWS]
    assert validate(tmp_path / "vision") == []


def test_missing_names_are_made_up_and_told(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", names=False, train=20, val=4, test=4)
    result = adopt(tmp_path / "project", source)
    assert load_project(tmp_path / "project").classes == ["class_0", "class_1", "class_2"]
    assert any("the classes are called class_0" in problem for problem in result.problems)


def unknown_folders(source: Path) -> None:
    mini_datasets.write_image(source / "cats" / "a.jpg", 1)


def no_labels(source: Path) -> None:
    mini_datasets.write_image(source / "images" / "train" / "a.jpg", 1)


def empty_labels(source: Path) -> None:
    mini_datasets.yolo(source, train=3)
    for path in source.rglob("*.txt"):
        path.write_text("")


def no_images(source: Path) -> None:
    mini_datasets.coco(source, train=3)
    for path in source.rglob("*.jpg"):
        path.unlink()


def same_name_twice(source: Path) -> None:
    mini_datasets.yolo(source, train=3)
    (source / "data.yaml").write_text("names: [cat, cat, dog]\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            unknown_folders,
            "no dataset was recognised: 1 images were found, in cats/ (1), but not with labels as a layout has them",
        ),
        (
            no_labels,
            "there is no labelled object to learn from: no labels were found: all images are unlabelled",
        ),
        (
            empty_labels,
            "there is no labelled object to learn from: 3 of 3 images have labels, all empty",
        ),
        (
            no_images,
            "none of the 3 images that the labels are about is there: annotations/instances_train.json: 3 of 3 images are"
            " not in the dataset: 'train-00.jpg'",
        ),
        (same_name_twice, "class names: 'cat' is there twice, as class 0 and as class 1"),
        (lambda source: None, "not a folder"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_unusable_dataset_is_refused_before_anything_is_written(
    tmp_path: Path, make: Any, message: str
) -> None:
    source = tmp_path / "pets"
    make(source)
    assert refused(tmp_path / "project", source).message == message
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(("name", "content"), [("a.pt", b"text"), ("a.onnx", b"PK\x03\x04"), (None, b"")])
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, dataset: Path, name: str | None, content: bytes
) -> None:
    weights = tmp_path / (name or "missing.pt")
    if name:
        weights.write_bytes(content)
    error = refused(tmp_path / "project", dataset, weights=weights)
    assert error.message == ("not a PyTorch checkpoint" if name else "weights not found")
    assert not (tmp_path / "project").exists()


def test_impossible_name_is_refused(tmp_path: Path, dataset: Path) -> None:
    assert refused(tmp_path / "p", dataset, name="my project").message == (
        '"my project" cannot be a project\'s name'
    )


@pytest.mark.skipif(not (SHARED / "datasets" / "dice").is_dir(), reason="../shared/datasets is not here")
@pytest.mark.parametrize("layout", ["yolo", "coco"])
def test_real_photographs_are_adopted(tmp_path: Path, layout: str) -> None:
    result = adopt(tmp_path / "dice", SHARED / "datasets" / "dice", layout=layout)
    found = result.dataset
    assert (found.images, found.objects, len(found.classes)) == (250, 1795, 6)
    assert found.splits["test"].images == 50
    assert found.splits["train"].images + found.splits["val"].images == 200
    assert validate(tmp_path / "dice") == []


@pytest.mark.skipif(not (SHARED / "datasets").is_dir(), reason="../shared/datasets is not here")
@pytest.mark.parametrize(
    ("name", "task", "images", "objects"),
    [("sign_digits", None, 600, 600), ("coco_clean", "segment", 53, 355)],
)
def test_real_data_of_other_tasks_is_adopted(
    tmp_path: Path, name: str, task: str | None, images: int, objects: int
) -> None:
    found = adopt(tmp_path / "project", SHARED / "datasets" / name, task=task).dataset
    assert (found.images, found.objects) == (images, objects)
    assert sum(counts.images for counts in found.splits.values()) == images
    assert validate(tmp_path / "project") == []


def test_a_link_out_of_the_dataset_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", train=20, val=4, test=4)
    secret = tmp_path / "secret"
    secret.write_text("a file of this machine")
    link = source / "images" / "train" / "link.jpg"
    link.symlink_to(secret)
    assert str(refused(tmp_path / "project", source)) == (
        f"{link}: a link leads out of the dataset: this one to {secret.resolve()}\n"
        f"  hint: if all of it belongs to the dataset, adopt a copy with links followed: cp -rL {source} COPY"
    )
    assert not (tmp_path / "project").exists()
    link.unlink()
    image = next(path for path in sorted(link.parent.iterdir()) if path.suffix == ".jpg")
    link.symlink_to(image.name)
    assert adopt(tmp_path / "project", source).dataset.images == 29


def test_first_lines_lead_an_editor_to_schemas_that_accept_the_files(tmp_path: Path, dataset: Path) -> None:
    from jsonschema import Draft202012Validator

    adopt(tmp_path / "project", dataset)
    for file in ("flywheel.yaml", "specs/0001-first-model.yaml"):
        path = tmp_path / "project" / file
        first = path.read_text().splitlines()[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found is not None
        schema = json.loads(
            (path.parent / found[1]).read_text()
        )  # an editor resolves it from the file's folder
        Draft202012Validator(schema).validate(yaml.safe_load(path.read_text()))
    tracked = subprocess.run(["git", "check-ignore", ".schemas"], cwd=tmp_path / "project", check=False)
    assert tracked.returncode == 1


def test_schemas_of_an_older_version_are_replaced_when_asked_for(tmp_path: Path) -> None:
    old, same = list(schema_documents())
    (tmp_path / ".schemas").mkdir()
    (tmp_path / old).write_text("{}")
    (tmp_path / same).write_text(schema_documents()[same])
    result = write_schemas(tmp_path)
    assert (result.written, result.unchanged) == ([old], [same])
    assert (tmp_path / old).read_text() == schema_documents()[old]


def test_a_link_to_a_folder_is_refused_since_its_images_would_be_left_out(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "my pets", train=20, val=4, test=4)
    link = source / "images" / "extra"
    link.symlink_to("train")
    assert str(refused(tmp_path / "project", source)) == (
        f"{link}: links to folders are not followed: this one leads to train\n"
        f"  hint: if all of it belongs to the dataset, adopt a copy with links followed: cp -rL '{source}' COPY"
    )


@pytest.mark.parametrize(
    "below", ["pets", "dev/pets", "test/pets"]
)  # a machine's folders may be called like splits
def test_the_splits_of_lists_are_those_of_the_project_and_of_its_index(tmp_path: Path, below: str) -> None:
    source = mini_datasets.yolo(tmp_path / below, train=12)
    (source / "images" / "train").rename(source / "images" / "all")
    (source / "labels" / "train").rename(source / "labels" / "all")
    for split, numbers in (("train", range(8)), ("val", (8, 9)), ("test", (10, 11))):
        lines = [f"{source}/images/all/train-{number:02}.jpg\n" for number in numbers]
        (source / f"{split}.txt").write_text("".join(lines))
        with (source / "data.yaml").open("a") as file:
            file.write(f"{split}: {split}.txt\n")
    result = adopt(tmp_path / "project", source)
    assert {split: found.images for split, found in result.dataset.splits.items()} == {
        "train": 8,
        "val": 2,
        "test": 2,
    }
    project = load_project(tmp_path / "project")
    assert project.splits.test == "split = 'test'"
    params = index.resolve(project)
    entries = index.read_dataset(tmp_path / "project" / "data", params).entries
    assert sorted(entry.path[-6:-4] for entry in entries if entry.split == "test") == ["10", "11"]


def test_a_split_that_data_yaml_names_in_vain_is_refused(tmp_path: Path) -> None:
    source = mini_datasets.yolo(tmp_path / "pets", train=20)
    with (source / "data.yaml").open("a") as file:
        file.write("train: images/train\nval: images/valid\n")
    assert refused(tmp_path / "project", source).message == (
        "the dataset's own val split is empty: data.yaml names val: images/valid, but no image is there"
    )
    assert not (tmp_path / "project").exists()


def test_an_image_that_is_listed_twice_is_named_and_its_first_entry_counts(tmp_path: Path) -> None:
    source = mini_datasets.coco(tmp_path / "pets", train=20, val=4, test=4)
    path = source / "annotations/instances_train.json"
    document = json.loads(path.read_text())
    document["images"].append({**document["images"][0], "id": 99})
    path.write_text(json.dumps(document))
    result = adopt(tmp_path / "project", source)
    assert (result.dataset.images, result.dataset.wrong_labels) == (28, {"image_twice": 1})
    first = "image 99: it is images/train/train-00.jpg, which it names already: its first entry counts"
    column = path.read_text().index('{"id": 99') + 1 if '{"id": 99' in path.read_text() else 0
    said = next(note for note in result.notes if "× image_twice" in note)
    assert said == f"  1 × image_twice: annotations/instances_train.json:1:{column}: {first}"
    project = load_project(tmp_path / "project")
    with pytest.raises(FlywheelError, match="twice") as caught:
        index.build(tmp_path / "project", index.resolve(project))
    assert "labels: {image_twice: drop}" in (caught.value.hint or "")
