"""`flywheel batch`: really drawn with a champion, verified, frozen; and what it says where it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from projects import SPRINT, call, commit, flywheel, make_tag

from runner.record.catalogue import BATCH, BATCH_IMAGES, BATCH_SHEET, HANDED_OUT, sprint_folder
from runner.record.labelling import read_batch

NAME = "0002-more"
TAG = "tiny-digits#prod#1"
SPEC = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: More labels
extends: {SPRINT}
annotation:
  strategy: boxes
  batch: {{size: 3, mix: {{random: 1, uncertainty: 1, disagreement: {{share: 1, between: flips}}}}}}
"""


def write_spec(root: Path, text: str = SPEC) -> None:
    (root / "specs" / f"{NAME}.yaml").write_text(text)


def edited_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_batch_is_drawn_with_the_champion_verified_and_frozen(project: Path) -> None:
    make_tag(project, TAG)
    write_spec(project)
    result = flywheel(project, "batch", NAME, check=True)
    assert result.stdout.startswith(f"{NAME}: 3 of 4 pool images for train, scored by {SPRINT} ({TAG})")
    folder = sprint_folder(project, NAME)
    images = read_batch(folder)
    assert [image.arm for image in images] == ["random", "uncertainty", "disagreement"]
    assert (folder / BATCH_SHEET.name).read_bytes().startswith(b"\xff\xd8")  # a JPEG
    recorded = BATCH.read(folder)
    assert sorted(Path(path).name for path in recorded.evidence) == [
        "champion",
        "committee",
        "index",
        "selection",
    ]
    assert f"{NAME}  batch proposed" in flywheel(project, "status", check=True).stdout

    # the record follows from what is stored, out of DVC's cache too
    drawn = (folder / BATCH_IMAGES.name).read_bytes()
    verified = flywheel(project, "verify", NAME)
    assert (verified.returncode, verified.stdout.splitlines()[0]) == (
        0,
        f"{NAME}: 0 files compared, 2 made again: identical",
    )
    call(project, "rm", "-r", "scores")
    assert "2 made again: identical" in flywheel(project, "verify", NAME, check=True).stdout

    # what was changed by hand is found
    (folder / BATCH_IMAGES.name).write_bytes(drawn.replace(b",uncertainty,", b",random,"))
    tampered = flywheel(project, "verify", NAME)
    assert tampered.returncode == 1
    assert f"does not follow  reports/{NAME}/batch.csv: line 3 is" in tampered.stdout
    (folder / BATCH_IMAGES.name).write_bytes(drawn)

    # it is drawn once
    again = flywheel(project, "batch", NAME, check=True)
    assert "(drawn before; --redraw draws anew)" in again.stdout
    assert again.stderr == ""
    write_spec(project, SPEC.replace("size: 3", "size: 2"))
    refused = flywheel(project, "batch", NAME)
    assert refused.returncode == 2
    assert "drawn with other options than the spec has now: size" in refused.stderr
    assert "the spec has other options than it was drawn by: size" in flywheel(project, "verify", NAME).stdout
    redrawn = flywheel(project, "batch", NAME, "--redraw", "--format", "json", check=True)
    assert len(json.loads(redrawn.stdout)["images"]) == 2
    (folder / HANDED_OUT.name).write_text("{}")
    late = flywheel(project, "batch", NAME, "--redraw")
    assert late.returncode == 3
    assert "the batch is with the annotators already" in late.stderr
    (folder / HANDED_OUT.name).unlink()

    # evidence that is not here is no finding, and no proof
    edited_json(folder / BATCH.name, evidence={"scores/x-pool/index": f"{'0' * 32}.dir"})
    absent = flywheel(project, "verify", NAME)
    assert absent.returncode == 0
    assert f"{NAME}: 0 files compared, 0 made again: nothing could be compared" in absent.stdout
    assert "it rests on scores/x-pool/index, which is not here" in absent.stdout

    commit(project, "A batch")
    tracked = call(project, "git", "ls-files", f"reports/{NAME}").stdout.split()
    assert [Path(path).name for path in tracked] == ["batch.csv", "batch.jpg", "batch.json"]


def test_what_a_batch_cannot_be_drawn_from_is_said(project: Path) -> None:
    write_spec(project)
    none = flywheel(project, "batch", NAME)
    assert none.returncode == 3
    assert "uncertainty needs a champion's predictions, and there is no champion" in none.stderr
    assert not (sprint_folder(project, NAME) / BATCH.name).exists()
    without = flywheel(project, "batch", SPRINT)
    assert without.returncode == 2
    assert f"specs/{SPRINT}.yaml: the spec asks for no batch of images" in without.stderr
    write_spec(
        project,
        SPEC.replace("{size: 3, mix", '{size: 3, where: "brightness > 2", mix').replace("random: 1, ", ""),
    )
    narrow = flywheel(project, "batch", NAME)
    assert "none of the 4 images of the pool satisfies `brightness > 2`" in narrow.stderr
    assert "warning: the mix has no random share" in narrow.stderr


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ("{size: 3, into: test, mix: {uncertainty: 1}}", "would make a test set that the model chose"),
        ("{mix: {random: 1}}", "how many images?"),
        ("{size: 3, per_group: 1, mix: {}}", "a mix has at least one arm"),
        ("{size: 3, mix: {metadata: {share: 1, column: camra, weights: {a: 1}}}}", 'did you mean "camera"?'),
    ],
)
def test_a_batch_that_cannot_be_meant_is_refused_at_its_line(project: Path, batch: str, said: str) -> None:
    write_spec(project, f"{SPEC[: SPEC.index('  batch:')]}  batch: {batch}\n")
    result = flywheel(project, "validate", NAME)
    assert result.returncode == 2
    assert f"error: specs/{NAME}.yaml:7:" in result.stderr
    assert said in result.stderr


def test_a_batch_is_the_specs_own_and_not_inherited(project: Path) -> None:
    write_spec(project)
    (project / "specs" / "0003-next.yaml").write_text(
        f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\nextends: {NAME}\n"
    )
    result = flywheel(project, "batch", "0003-next")
    assert "specs/0003-next.yaml: the spec asks for no batch of images" in result.stderr
