"""`flywheel select` and `flywheel query` in a project where nothing has run: what is printed, written and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from projects import PROJECT, SPEC, SPRINT, flywheel

from runner.demo import Counts, generate

NARROW = 'data: {train: {where: "brightness < 2 AND n_three >= 0", quota: {by: scene, max: 1}}}\n'
POINTER = "outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n  path: data\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 10 images, of which no index was built."""
    root = tmp_path_factory.mktemp("made")
    (root / "specs").mkdir()
    (root / "flywheel.yaml").write_text(PROJECT)
    (root / "data.dvc").write_text(POINTER)
    (root / "specs" / f"{SPRINT}.yaml").write_text(SPEC + NARROW)
    generate(root / "data", counts=Counts.clean(train=4, val=2, test=2, pool=2))
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def images(project: Path, split: str) -> list[str]:
    return sorted(path.name for path in (project / "data" / "images" / split).iterdir())


def test_select_counts_what_each_rule_leaves(project: Path) -> None:
    result = flywheel(project, "select", check=True)
    assert result.stdout.splitlines()[:4] == [
        f"{SPRINT}: 10 images of data/ as it is now",
        "",
        "rule       train  val  test  pool",
        "split          4    2     2     2",
    ]
    told = json.loads(flywheel(project, "select", "0001", "--format", "json", check=True).stdout)
    assert (told["sprint"], told["images"], told["problem"]) == (SPRINT, 10, None)
    (quota,) = [step for step in told["steps"] if step["rule"] == "quota"]
    assert quota["left"] + quota["dropped"] == 4
    assert not (project / "reports").exists()


def test_a_split_that_is_emptied_is_shown_and_fails(project: Path) -> None:
    (project / "specs" / f"{SPRINT}.yaml").write_text(SPEC + "data: {train: {where: brightness > 2}}\n")
    result = flywheel(project, "select")
    assert result.returncode == 3
    assert "where     0 (−4)" in result.stdout
    assert "error: no image is left for train: 4 of 10 images satisfy" in result.stderr


def test_explain_says_why_and_by_which_value(project: Path) -> None:
    name = images(project, "train")[0]
    result = flywheel(project, "select", "--explain", f"data/images/train/{name}", check=True)
    assert result.stdout.startswith(f"images/train/{name}  (")
    assert "\n                             brightness < 2: yes  (brightness = 0." in result.stdout
    assert "\n            quota     " in result.stdout
    told = json.loads(flywheel(project, "select", "--explain", name, "--format", "json", check=True).stdout)
    assert (told["path"], told["split"]) == (f"images/train/{name}", "train")
    by_content = flywheel(project, "select", "--explain", told["image_id"][:12], check=True)
    assert by_content.stdout == result.stdout


def test_explain_of_an_unknown_image_suggests_one(project: Path) -> None:
    name = images(project, "train")[0]
    result = flywheel(project, "select", "--explain", name.replace(".jpg", ".png"))
    assert result.returncode == 2
    assert result.stderr.endswith(
        f'no image of the index is called "{name.replace(".jpg", ".png")}"\n  hint: did you mean images/train/{name}?\n'
    )


def test_query_counts_and_lists_and_shows(project: Path) -> None:
    result = flywheel(project, "query", "split = 'val' AND brightness < 2", "--sheet", "val.png", check=True)
    first, second = images(project, "val")
    listed = [line.split()[:2] for line in result.stdout.splitlines()[-2:]]
    assert listed == [[f"images/val/{first}", "val"], [f"images/val/{second}", "val"]]
    assert result.stderr == "contact sheet: val.png\n"
    sheet = (project / "val.png").read_bytes()
    assert sheet.startswith(b"\x89PNG")
    again = flywheel(project, "query", "true", "--sheet", "val.png")
    assert again.returncode == 2
    assert "val.png: is there already; nothing is overwritten" in again.stderr
    assert (project / "val.png").read_bytes() == sheet


def test_query_of_objects_as_json_and_csv(project: Path) -> None:
    asked = ("query", "area_px > 0", "--objects", "--sort", "area_px", "--descending")
    told = json.loads(flywheel(project, *asked, "--format", "json", check=True).stdout)
    assert told["objects"] == len(told["rows"]) == sum(told["classes"].values()) > 0
    areas = [row["area_px"] for row in told["rows"]]
    assert areas == sorted(areas, reverse=True)
    lines = flywheel(project, *asked, "--format", "csv", "--limit", "2", check=True).stdout.splitlines()
    assert lines[0] == "path,object_id,class,area_px"
    assert len(lines) == 3
    sheet = flywheel(project, *asked, "--limit", "1", "--sheet", "one.png", check=True)
    assert sheet.stderr == "contact sheet: one.png\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("brightnes < 1",), 'condition `brightnes < 1`: the table `images` has no column "brightnes"; did you mean "brightness"?'),
        (("brightness < 'dark'",), "condition `brightness < 'dark'`: brightness is a number: compare it with a number"),
        (("class = 'tree'", "--objects"), 'condition `class = \'tree\'`: unknown class "tree"; did you mean "three"?'),
        (("area_px < 9",), "hint: that is a column of objects: add --objects to ask about them"),
        (("sharpness < 9", "--objects"), "hint: that is a column of images: leave out --objects to ask about them"),
        (("exists (select 1)",), "subqueries are not allowed in a condition"),
        (("brightness > 2", "--sheet", "x.png"), "nothing to show on a contact sheet: no row is listed"),
        (("true", "--sheet", "x.jpg"), 'a contact sheet is a PNG: "x.jpg" ends in .jpg'),
        (("true", "--sheet", "no/x.png"), "no: there is no such folder"),
        (("true", "--sort", "size"), 'there is no column "size" to order by'),
    ],
)  # fmt: skip
def test_what_a_query_refuses(made: Path, arguments: tuple[str, ...], message: str) -> None:
    result = flywheel(made, "query", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert not list(made.glob("*.png"))


def test_an_image_that_cannot_be_read_is_a_tile_that_says_so(project: Path) -> None:
    name = images(project, "val")[0]
    (project / "data" / "images" / "val" / name).write_bytes(b"")
    result = flywheel(project, "query", "NOT readable", "--sheet", "bad.png", check=True)
    assert f"images/val/{name}     false" in result.stdout
    assert (project / "bad.png").is_file()
    explained = flywheel(project, "select", "--explain", name, check=True).stdout
    assert "readable  drops  the file is empty" in explained
    assert "looks as    not known: the image cannot be read" in explained


def test_without_the_data_there_is_no_answer(project: Path) -> None:
    shutil.rmtree(project / "data" / "images")
    for arguments in (("query", "true"), ("select",)):
        result = flywheel(project, *arguments)
        assert result.returncode == 3
        assert "there is no image in data/" in result.stderr
