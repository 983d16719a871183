"""`status` beside a repository that somebody went on editing: no verdict is shown for what was not judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import PROJECT, SPEC, SPRINT, call, commit, flywheel

FILES = {"spec": f"specs/{SPRINT}.yaml", "project": "flywheel.yaml"}


def row(project: Path) -> str:
    return flywheel(project, "status", check=True).stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("spec", "max: 100", "max: 90", "gate size_mb ≤ 100 → size_mb ≤ 90"),
        ("spec", "gates:", "gates:\n  - {metric: recall, min: 0.1}", "gate recall ≥ 0.10 was not judged"),
        ("spec", "\n  - {metric: size_mb, max: 100}", " []", "gate size_mb ≤ 100 was taken away"),
        ("spec", "title: A", "title: No", "title A sprint small enough for tests → No sprint small"),
        ("spec", "title:", "hypothesis: it works\ntitle:", "hypothesis none → it works"),
        ("spec", "title:", "owner: us\ntitle:", "owner none → us"),
        ("project", "< 0.3", "< 0.2", "check: slices[dark].where brightness < 0.3 → brightness < 0.2"),
        ("project", "{by: camera}", "{by: scene}", "check: slices: {by: camera} taken away"),
        ("project", "[zero, one,", "[one, zero,", "index: classes [zero, one, two"),
        ("project", "cpu_hour: 0.1", "cpu_hour: 0.2", "the price of an hour on cpu 0.1 → 0.2"),
        (
            "project",
            "costs:",
            "policy: {gates: [{metric: size_mb, max: 20}]}\ncosts:",
            "gate size_mb ≤ 20 was not judged",
        ),
        (
            "project",
            "costs:",
            "policy: {holdout: {significance: 0.1}}\ncosts:",
            "policy.holdout.significance none → 0.1",
        ),
    ],
)
def test_a_verdict_is_stale_once_what_it_judged_was_edited(
    project: Path, file: str, old: str, new: str, why: str
) -> None:
    assert "stale" not in row(project)
    path = project / FILES[file]
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    found = row(project)
    assert found.startswith(f"{SPRINT}  passed, stale")
    assert f"stale: {why}" in found


def test_comments_and_the_order_of_keys_are_no_edit(project: Path) -> None:
    (project / FILES["spec"]).write_text(f"# why\n{SPEC}")
    (project / FILES["project"]).write_text(
        PROJECT.replace("name: tiny-digits\n", "", 1) + "name: tiny-digits\n"
    )
    assert "stale" not in row(project)


def test_a_verdict_that_was_judged_again_is_not_stale(project: Path) -> None:
    path = project / FILES["spec"]
    path.write_text(path.read_text().replace("max: 100", "max: 90").replace("title: A", "title: No"))
    flywheel(project, "report", SPRINT, check=True)
    assert "stale" not in row(project)


def test_a_champion_whose_spec_was_edited_is_not_compared_with_itself(project: Path) -> None:
    (project / "dvc.yaml").write_text(
        f"artifacts:\n  tiny-digits: {{path: reports/{SPRINT}/exports/onnx-fp32, type: model}}\n"
    )
    commit(project, "Promoted")
    call_tag(project)
    assert "promoted" in row(project)
    assert "stale" not in row(project)
    path = project / FILES["spec"]
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 2"))
    found = row(project)
    assert "stale: its spec or its data changed since its model was promoted (tiny-digits#prod#1); " in found
    assert "train: epochs 1 → 2" in found


def call_tag(project: Path) -> None:
    call(project, "git", "tag", "-a", "-m", "Promoted", "tiny-digits#prod#1")


def test_edited_data_is_no_longer_called_cached(project: Path) -> None:
    flywheel(project, "run", SPRINT, check=True)  # nothing runs; in a copy every file is new to DVC
    label = next(path for path in sorted((project / "data/labels/train").iterdir()) if path.read_text())
    label.write_text("9" + label.read_text()[1:])
    name = label.relative_to(project / "data").as_posix()
    planned = flywheel(project, "plan", SPRINT, check=True).stdout
    assert f"index      RUN     data edited, not added ({name} is another): dvc add data" in planned
    assert "about 0 s" not in planned
    told = flywheel(project, "status", check=True)
    assert f"warning: data was edited and not added ({name} is another)" in told.stderr
    refused = flywheel(project, "run", SPRINT)
    assert (refused.returncode, "dvc add data (keeps the changes)" in refused.stderr) == (3, True)


def test_the_states_of_a_labelling_round_follow_from_its_files(project: Path) -> None:
    from runner.domain.labelling import Batch, BatchImage
    from runner.record.catalogue import BATCH, sprint_folder
    from runner.record.labelling import write_batch

    name = "0002-dark"
    (project / f"specs/{name}.yaml").write_text(
        f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: Dark\nextends: {SPRINT}\n"
        "annotation: {strategy: boxes, batch: {size: 1}}\n"
    )
    last = row(project).splitlines()[-1].split(maxsplit=2)
    assert last == [name, "planned", f"its batch is not drawn: flywheel batch {name}"]
    folder = sprint_folder(project, name)
    folder.mkdir()
    image = BatchImage(key="0" * 16, path="images/pool/x.jpg", image_id="x", arm="random")
    write_batch(folder, [image])
    batch = Batch(
        sprint=name,
        into="train",
        champion=None,
        tag=None,
        seed=0,
        pool_images=4,
        pool_digest="p",
        evidence={},
        arms={"random": 1},
    )
    BATCH.write(folder, batch)
    assert "batch proposed" in row(project)
    shown = flywheel(project, "plan", name, check=True).stdout
    assert f"labels  batch proposed  (1 image for train: flywheel annotate push {name})" in shown
