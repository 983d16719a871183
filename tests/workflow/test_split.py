"""`flywheel split`, on a dataset of 60 small pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from mini_datasets import write_image
from projects import call

from runner.cli.main import main
from runner.config.load import load_project
from runner.dataset import measured
from runner.domain.image_set import packed
from runner.domain.verdict import SplitUse
from runner.record.catalogue import USES, sprint_folder

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: pets
task: detect
classes: [cat, dog]
dataset: {path: data, layout: yolo, metadata: data/metadata.csv, group_by: scene}
slices: [{by: camera}]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty scenes of two frames; the first frames of scenes 0 and 1 show the same."""
    root = tmp_path_factory.mktemp("pets")
    rows = ["path,scene,camera"]
    for number in range(60):
        name = f"images/{'train' if number < 40 else 'test'}/{number:02d}.png"
        write_image(root / "data" / name, 0 if number in (0, 2) else number)
        label = root / "data" / name.replace("images", "labels").replace("png", "txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text(f"{number // 2 % 2} 0.5 0.5 0.4 0.4\n")
        rows.append(f"{name},00{number // 2},{'east' if number % 3 else 'west'}")
    (root / "data/metadata.csv").write_text("\n".join(rows) + "\n")
    (root / "data.dvc").write_text(f"outs:\n- md5: {'0' * 32}.dir\n  hash: md5\n  path: data\n")
    (root / "flywheel.yaml").write_text(PROJECT)
    (root / ".gitignore").write_text("/data\n/.flywheel\n")
    call(root, "git", "init", "-q", "-b", "main")
    call(root, "git", "add", "-A")
    call(root, "git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", "Pets")
    return root


@pytest.fixture
def root(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "RACY_NS", -(10**12))  # the files count as written long ago
    monkeypatch.chdir(data)
    yield data
    for path in (data / "splits.csv", sprint_folder(data, "0001-first") / USES.name):
        path.unlink(missing_ok=True)


def split(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["split", *arguments]) == code
    printed = capsys.readouterr()
    return printed.out if code == 0 else printed.err


def assigned(root: Path) -> dict[str, str]:
    with (root / "splits.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["proposed_split"] for row in csv.DictReader(file)}


def test_it_prints_what_it_proposes_and_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.as_posix() for path in root.rglob("*") if ".flywheel" not in path.parts)
    told = json.loads(split(capsys, "--format", "json"))
    assert (told["clusters"], told["largest"], told["near_duplicates"]) == (29, 4, 1)
    assert sum(told["images"].values()) == 60
    assert told["images"]["train"] == pytest.approx(42, abs=2)
    assert [each["name"] for each in told["strata"]] == [
        "images",
        "class cat",
        "class dog",
        "camera=east",
        "camera=west",
    ]
    text = split(capsys)
    assert "60 images in 29 clusters that stay together" in text
    assert text.endswith("nothing is written; to keep it: flywheel split --write\n")
    assert before == sorted(path.as_posix() for path in root.rglob("*") if ".flywheel" not in path.parts)


def test_what_is_written_is_the_metadata_with_one_more_column(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = split(capsys, "--write")
    lines = (root / "splits.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "path,scene,camera,proposed_split"
    assert lines[1].startswith("images/test/40.png,0020,")  # text as it was
    of = assigned(root)
    for number in range(0, 60, 2):
        folder = "train" if number < 40 else "test"
        assert of[f"images/{folder}/{number:02d}.png"] == of[f"images/{folder}/{number + 1:02d}.png"]
    assert len({of[f"images/train/0{number}.png"] for number in range(4)}) == 1
    refused = split(capsys, "--write", code=2)
    assert "splits.csv: it holds a proposed split already" in refused
    assert split(capsys, "--write", "--replace") == printed
    assert "no proposed split" in split(capsys, "--write", "data/metadata.csv", code=2)
    told = printed[printed.index("dataset:\n") :]
    text = (root / "flywheel.yaml").read_text()
    try:
        used = (
            text.replace("metadata: data/metadata.csv", "metadata: splits.csv")
            + told[told.index("splits:") :]
        )
        (root / "flywheel.yaml").write_text(used)
        project = load_project(root)
        kept = json.loads(split(capsys, "--unassigned", "--format", "json"))
    finally:
        (root / "flywheel.yaml").write_text(text)
    assert project.splits.val == "proposed_split = 'val'"
    assert kept["kept"] == kept["images"]  # all are where the proposal put them


def test_test_images_that_were_judged_stay_and_get_no_company(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    def image_id(number: int) -> str:
        content = (root / f"data/images/test/{number}.png").read_bytes()
        return hashlib.sha256(content).hexdigest()[:32]

    use = SplitUse(
        split_digest="a" * 32,
        evaluation_digest="b" * 64,
        significance=0.025,
        uses_before=0,
        spent_before=0.0,
        images=packed(image_id(number) for number in (50, 52, 54)),
    )
    USES.write(sprint_folder(root, "0001-first"), [use])
    text = split(capsys, "--write")
    assert "3 test images that sprints were judged on stay in test, and no other image comes to it" in text
    assert "3 images in no split: nearly repeats a test image that a sprint was judged on" in text
    of = assigned(root)
    assert sorted(path for path, name in of.items() if name == "test") == [
        f"images/test/{n}.png" for n in (50, 52, 54)
    ]
    assert [of[f"images/test/{number}.png"] for number in (51, 53, 55)] == ["", "", ""]
    again = split(capsys, "--replace-test", "--write", "--replace")
    assert "the test split is another one: 3 images" in again
    assert "" not in assigned(root).values()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--shares", "train=1"), "--shares: it names train"),
        (("--shares", "train=0.7,val=0.2,test=0.2"), "--shares: they add up to 1.1, not 1"),
        (("--shares", "train=x,val=0.2,test=0.2"), '--shares: "train=x" is no share'),
        (("--by", "cammera"), 'there is no column "cammera" in the index; did you mean "camera"?'),
        (("--write", "../splits.csv"), "../splits.csv is not in the project"),
    ],
)
def test_what_cannot_be_done_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in split(capsys, *arguments, code=2)
