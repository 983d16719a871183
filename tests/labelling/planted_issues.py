"""A small project in every layout with wrong labels, and what a sprint's models suspect of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from projects import call, commit

from runner.adapters.pictures.measured_images import see_images
from runner.dataset.entries import LabelScheme
from runner.dataset.object_ids import object_ids
from runner.domain.label_issues import LabelIssue
from runner.layouts import LAYOUTS
from runner.record.catalogue import sprint_folder
from runner.record.label_issues import write_label_issues
from tests.labelling.label_projects import CLASSES, SIZE, SPRINT, labels, make

NEW_BOX = (0.125, 0.25, 0.375, 0.5)
MOVED = (0.25, 0.25, 0.75, 0.75)


def planted(folder: Path, layout: str, **options: object) -> Path:
    """The project with an issue of each kind on the training images, all of them suspected by its own sprint."""
    strategy = "class" if layout == "folders" else "boxes"
    make(folder, layout, strategy=strategy, batch=(), **options)  # type: ignore[arg-type]
    write_label_issues(sprint_folder(folder, SPRINT), issues(folder, layout))
    if options.get("versioned", True):
        commit(folder, "What is suspected")
    return folder


def issues(folder: Path, layout: str) -> list[LabelIssue]:
    """`wrong`, `missed`, `moved` and `nothing` on three training images; of folders `wrong` alone; `tested` on a test image."""
    data = folder / "data"
    scheme = LabelScheme(task="classify" if layout == "folders" else "detect", classes=CLASSES)
    entries = [one for one in LAYOUTS[layout].read(data, scheme).entries if one.labelled]
    train = [one for one in entries if one.split == "train"]
    test = [one for one in entries if one.split == "test"]

    def issue(name: str, kind: str, at: int, split: str = "train", **fields: object) -> LabelIssue:
        entry = (train if split == "train" else test)[at]
        [seen] = see_images([data / entry.path], frozenset())
        item = entry.objects[0]
        factors = (1, 1) if item.normalised else SIZE
        box = tuple(value / factors[at % 2] for at, value in enumerate(item.box_xyxy))
        of_object = (
            {} if layout == "folders" else {"object_id": object_ids(entry.path, entry.objects)[0], "box": box}
        )
        labelled = {} if kind == "missed" else {"label": item.class_name, **of_object}
        return LabelIssue(
            issue=name,
            path=entry.path,
            image_id=seen.image_id,
            split=split,
            kind=kind,  # type: ignore[arg-type]
            suspicion=0.9,
            reason="planted",
            **{**labelled, **fields},  # type: ignore[arg-type]
        )

    wrong = issue("wrong", "wrong_class", 0, suggested="dog")
    tested = issue("tested", "wrong_class", 0, "test", suggested="dog")
    if layout == "folders":
        return [wrong, tested]
    return [
        wrong,
        issue("missed", "missed", 0, suggested="cat", suggested_box=NEW_BOX),
        issue("moved", "badly_placed", 1, suggested="cat", suggested_box=MOVED),
        issue("nothing", "spurious", 2),
        tested,
    ]


def decide(folder: Path, change: Callable[[str], str] | None = None, **decisions: str) -> Path:
    """Enters decisions into review.csv, as a person does."""
    path = sprint_folder(folder, SPRINT) / "review.csv"
    lines = path.read_text().splitlines()
    at = lines[0].split(",").index("decision")
    written = [lines[0]]
    for line in lines[1:]:
        cells = line.split(",")
        cells[at] = decisions.get(cells[0], cells[at])
        written.append(",".join(cells))
    text = "\n".join(written) + "\n"
    path.write_text(change(text) if change else text)
    return path


def head(folder: Path) -> str:
    return call(folder, "git", "rev-parse", "HEAD").stdout


def said(folder: Path, layout: str) -> dict[str, list[tuple[object, ...]]]:
    return labels(folder, layout, "classify" if layout == "folders" else "detect")
