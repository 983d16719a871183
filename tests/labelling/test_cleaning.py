"""Suspected labels are listed, and what a person decides of them becomes a change of the labels, once."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from projects import call, named

from runner.domain.errors import ConfigurationErrors, FlywheelError
from runner.labelling.cleaning import apply as applying
from runner.labelling.cleaning.apply import apply
from runner.labelling.cleaning.review import review
from runner.record.catalogue import sprint_folder
from runner.record.label_issues import read_cleaning, write_label_issues
from tests.labelling.label_projects import SPRINT
from tests.labelling.planted_issues import decide, head, issues, planted, said

BOXES = ("yolo", "coco", "voc")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {layout: planted(tmp_path_factory.mktemp(layout), layout) for layout in (*BOXES, "folders")}


@pytest.fixture
def of(projects: dict[str, Path], tmp_path: Path):  # type: ignore[no-untyped-def]
    def copied(layout: str) -> Path:
        return Path(shutil.copytree(projects[layout], tmp_path / "project", symlinks=True))

    return copied


ACCEPTED = {"wrong": "accept", "missed": "accept", "moved": "accept", "nothing": "accept"}


@pytest.mark.parametrize("layout", BOXES)
def test_what_is_decided_becomes_the_labels(of, layout: str) -> None:  # type: ignore[no-untyped-def]
    folder = of(layout)
    before, commit = said(folder, layout), head(folder)
    first, second, third = sorted({issue.path for issue in issues(folder, layout) if issue.split == "train"})
    named(folder)
    found = review(folder, SPRINT)
    assert (found.suspected, found.listed, found.left_out) == (4, 4, 1)
    decide(folder, **ACCEPTED)
    done = apply(folder, SPRINT, reviewer="anna")
    assert done.changed == {"badly_placed": 1, "missed": 1, "spurious": 1, "wrong_class": 1}
    after = said(folder, layout)
    assert after[first] == [("cat", 0.125, 0.25, 0.375, 0.5), ("dog", 0.375, 0.375, 0.625, 0.625)]
    assert after[second] == [("cat", 0.25, 0.25, 0.75, 0.75)]
    assert after[third] == []
    assert {path: after[path] for path in before if path not in (first, second, third)} == {
        path: before[path] for path in before if path not in (first, second, third)
    }
    rows = read_cleaning(sprint_folder(folder, SPRINT))
    assert [(row.issue, row.before, row.after) for row in rows] == [
        ("wrong", "cat 0.3750 0.3750 0.6250 0.6250", "dog 0.3750 0.3750 0.6250 0.6250"),
        ("missed", "", "cat 0.1250 0.2500 0.3750 0.5000"),
        ("moved", "cat 0.3750 0.3750 0.6250 0.6250", "cat 0.2500 0.2500 0.7500 0.7500"),
        ("nothing", "cat 0.3750 0.3750 0.6250 0.6250", ""),
    ]
    assert {row.reviewer for row in rows} == {"anna"}
    assert all(row.labels_after and row.labels_after != row.labels_before for row in rows)
    changed = call(folder, "git", "show", "--name-only", "--format=", "HEAD").stdout.split()
    assert done.commit
    assert done.commit.startswith(head(folder).strip())
    assert changed == ["data.dvc", f"reports/{SPRINT}/cleaning.csv", f"reports/{SPRINT}/review.csv"]
    assert head(folder) != commit


def test_an_image_goes_to_the_folder_of_its_class(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("folders")
    named(folder)
    review(folder, SPRINT)
    decide(folder, wrong="accept")
    metadata = (folder / "data" / "metadata.csv").read_text()
    apply(folder, SPRINT)
    [row] = read_cleaning(sprint_folder(folder, SPRINT))
    moved = f"train/dog/0-{row.image_id[:6]}.jpg"  # there is a 0.jpg
    assert not (folder / "data/train/cat/0.jpg").exists()
    assert (folder / "data" / moved).is_file()
    assert (folder / "data" / "metadata.csv").read_text() == metadata.replace("train/cat/0.jpg", moved)
    assert (row.path, row.after) == (moved, "dog 0.0000 0.0000 1.0000 1.0000")


@pytest.mark.parametrize("layout", ["coco", "folders"])
@pytest.mark.parametrize("after", ["record", "labels", "track"])
def test_a_killed_run_is_done_again_and_a_finished_one_changes_nothing(  # type: ignore[no-untyped-def]
    of, layout: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = of(layout)
    named(folder)
    review(folder, SPRINT)
    decide(folder, **(ACCEPTED if layout != "folders" else {"wrong": "accept"}))
    name = {"record": "_write", "labels": "_finished", "track": "track_dataset"}[after]

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(applying, name, killed)
        with pytest.raises(KeyboardInterrupt):
            apply(folder, SPRINT)
    done = apply(folder, SPRINT)
    again, commit, whole = (
        said(folder, layout),
        head(folder),
        (folder / f"reports/{SPRINT}/cleaning.csv").read_bytes(),
    )
    assert done.commit
    number = 1 if layout == "folders" else 4
    rows = read_cleaning(sprint_folder(folder, SPRINT))
    assert [bool(row.labels_after) and row.changed for row in rows] == [True] * number
    assert apply(folder, SPRINT).reviewed == 0
    assert (said(folder, layout), head(folder)) == (again, commit)
    assert (folder / f"reports/{SPRINT}/cleaning.csv").read_bytes() == whole


def test_what_cannot_be_carried_out_is_refused_with_its_line_and_nothing_changes(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    named(folder)
    review(folder, SPRINT, test=True)
    label = folder / "data/labels/train/10.txt"
    label.write_text("0 0.5 0.5 0.26 0.25\n")
    path = decide(folder, wrong="acept", missed="delete", moved="keep", nothing="class=bird")
    before = said(folder, "yolo")
    with pytest.raises(ConfigurationErrors) as found:
        apply(folder, SPRINT)
    assert [str(error).partition("\n")[0] for error in found.value.errors] == [
        f'reports/{SPRINT}/review.csv:2: unknown decision "acept": accept, keep, delete or class=NAME',
        f'reports/{SPRINT}/review.csv:3: there is no label to delete: "keep" says that none is missing',
        f'reports/{SPRINT}/review.csv:5: the project has no class "bird": cat, dog',
    ]
    decide(folder, wrong="", missed="", moved="accept", nothing="", tested="class=dog")
    with pytest.raises(ConfigurationErrors) as found:
        apply(folder, SPRINT)
    assert [str(error).partition("\n")[0] for error in found.value.errors] == [
        f"reports/{SPRINT}/review.csv:4: this label of images/train/10.jpg was edited, or removed, since it was suspected",
        f"reports/{SPRINT}/review.csv:6: images/test/00.jpg is in the test split: its labels decide every verdict",
    ]
    path.write_text(path.read_text().replace("moved,", "unheard,"))
    with pytest.raises(ConfigurationErrors, match=r'review\.csv:4: there is no issue "unheard"'):
        apply(folder, SPRINT)
    assert said(folder, "yolo") == before
    assert not (sprint_folder(folder, SPRINT) / "cleaning.csv").exists()


def test_labels_of_the_test_split_change_where_that_is_asked_for(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    named(folder)
    review(folder, SPRINT, test=True)
    decide(folder, tested="accept")
    assert apply(folder, SPRINT, test=True).changed == {"wrong_class": 1}
    [row] = read_cleaning(sprint_folder(folder, SPRINT))
    assert row.split == "test"


def test_half_a_list_is_carried_out_and_the_rest_waits(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("coco")
    named(folder)
    review(folder, SPRINT)
    decide(folder, wrong="keep", moved=" Class = dog")
    done = apply(folder, SPRINT)
    assert (done.changed, done.kept, done.waiting) == ({"badly_placed": 1}, 1, 2)
    found = review(folder, SPRINT)
    assert (found.suspected, found.listed, found.decided) == (2, 4, 2)
    decide(folder, nothing="delete")
    done = apply(folder, SPRINT)
    assert (done.changed, done.earlier, done.waiting) == ({"spurious": 1}, 2, 1)
    decide(folder, moved="keep")
    with pytest.raises(
        ConfigurationErrors, match='it was carried out as "class=dog" already, and "keep" does not undo'
    ):
        apply(folder, SPRINT)


def test_a_list_keeps_what_somebody_entered(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    first = review(folder, SPRINT, limit=2)
    assert (first.suspected, first.listed) == (4, 2)
    path = decide(folder, missed="keep")
    lines = path.read_text().splitlines()  # as a spreadsheet saves it
    text = "".join(
        f"{line};{own}\r\n"
        for line, own in zip((line.replace(",", ";") for line in lines), ("who", "", "me"), strict=True)
    )
    path.write_text("\ufeff" + text, encoding="utf-8")
    review(folder, SPRINT, limit=3)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["issue"], row["decision"], row["who"], row["kind"]) for row in rows] == [
        ("missed", "keep", "me", "missed"),
        ("wrong", "", "", "wrong_class"),
        ("moved", "", "", "badly_placed"),
    ]
    whole = path.read_bytes()
    review(folder, SPRINT, limit=3)
    assert path.read_bytes() == whole


def test_a_label_that_somebody_found_right_is_not_asked_about_again(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    named(folder)
    review(folder, SPRINT)
    decide(folder, wrong="keep", nothing="accept")
    apply(folder, SPRINT)
    others = [issue for issue in issues_again(folder) if issue.split == "train"]
    write_label_issues(
        sprint_folder(folder, SPRINT), others
    )  # another model sees it otherwise, so that the issue is another
    assert review(folder, SPRINT).suspected == len(others) - 1


def issues_again(folder: Path):  # type: ignore[no-untyped-def]
    from msgspec.structs import replace

    from runner.record.label_issues import read_label_issues

    found = read_label_issues(sprint_folder(folder, SPRINT)) or []
    return [replace(issue, issue=f"{issue.issue}-2") for issue in found if issue.issue != "nothing"]


def test_decisions_that_the_page_saved_are_taken_over(of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    named(folder)
    review(folder, SPRINT)
    saved = tmp_path / "review (1).csv"
    shutil.copy(decide(folder, wrong="keep"), saved)
    decide(folder, wrong="accept")
    with pytest.raises(ConfigurationErrors, match='decides "keep", and this line "accept"'):
        apply(folder, SPRINT, decisions=saved)
    decide(folder, wrong="")
    assert apply(folder, SPRINT, decisions=saved).kept == 1
    with pytest.raises(FlywheelError, match="no such file of decisions"):
        apply(folder, SPRINT, decisions=tmp_path / "absent.csv")


def test_the_page_shows_each_issue_and_no_text_of_the_data_becomes_a_script(of) -> None:  # type: ignore[no-untyped-def]
    folder = of("yolo")
    hostile = [
        issue
        if issue.issue != "wrong"
        else type(issue)(
            **{
                **{n: getattr(issue, n) for n in issue.__struct_fields__},
                "reason": "</script><script>alert(1)</script>",
            }
        )
        for issue in issues(folder, "yolo")
    ]
    write_label_issues(sprint_folder(folder, SPRINT), hostile)
    page = (folder / review(folder, SPRINT).page).read_text()
    assert page.count("<section data-issue=") == 4
    assert page.count("<svg") == 8
    assert page.count("<script") == 2
    assert "alert(1)</script>" not in page
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert [row["issue"] for row in json.loads(data)["rows"]] == ["wrong", "missed", "moved", "nothing"]
    assert "http://" not in page
    assert "https://" not in page


def test_before_anybody_looked_it_says_how_to(tmp_path: Path) -> None:
    folder = planted(tmp_path, "yolo", versioned=False)
    with pytest.raises(FlywheelError, match="no list of suspected labels") as error:
        apply(folder, SPRINT)
    assert error.value.hint == f"flywheel clean {SPRINT}"
    with pytest.raises(FlywheelError, match="price of one"):
        review(folder, SPRINT, budget=5.0)
    (sprint_folder(folder, SPRINT) / "label_issues.csv").unlink()
    with pytest.raises(FlywheelError, match="no sprint has looked for wrong labels"):
        review(folder, SPRINT)
