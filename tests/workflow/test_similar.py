"""`flywheel embed` and `flywheel similar` on a small dataset, by a network of the project's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from projects import call

from runner.cli.main import main
from tests.own_network import write_onnx

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: colours
task: classify
classes: [warm, cold]
dataset: {path: data, layout: folders}
compute: {device: cpu, threads: 1}
model: {name: colours}
embeddings: {source: onnx, path: models/own.onnx, normalise: {mean: [0, 0, 0], std: [1, 1, 1]}}
"""
RGB = {
    "warm/red": (255, 0, 0),
    "warm/orange": (255, 128, 0),
    "cold/blue": (0, 0, 255),
    "cold/sky": (0, 128, 255),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images of one colour each, a copy of one, and a file that is none."""
    import cv2

    for name, rgb in RGB.items():
        file = tmp_path / "data" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((20, 30, 3), rgb[::-1], np.uint8))
    (tmp_path / "data/warm/red-copy.png").write_bytes((tmp_path / "data/warm/red.png").read_bytes())
    (tmp_path / "data/cold/none.png").write_bytes(b"no image")
    (tmp_path / "data.dvc").write_text("outs: [{md5: 0, path: data}]\n")
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "models").mkdir()
    write_onnx(tmp_path / "models/own.onnx", 16)
    call(tmp_path, "git", "init", "-q")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_is_missing_is_computed_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = said(capsys, "embed"), said(capsys, "embed")
    assert (first["images"], first["contents"], first["new"], first["unreadable"]) == (5, 4, 4, 1)
    assert second == first | {"new": 0}
    assert main(["embed"]) == 0
    assert capsys.readouterr().out == (
        "onnx models/own.onnx: 5 images, 4 vectors of 3 numbers, 0 of them new\nnot usable: 1 file\n"
    )


def test_the_nearest_come_first_with_a_sheet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "similar", "warm/red.png", "--top", "3")
    assert [(each["path"], each["cosine"], each["identical"]) for each in found["nearest"]] == [
        ("warm/red-copy.png", 1, True),
        ("warm/orange.png", pytest.approx(255 / np.hypot(255, 128), abs=1e-3), False),
        ("cold/blue.png", 0, False),
    ]
    assert found["sheet"].startswith(".flywheel/similar/")
    assert (root / found["sheet"]).read_bytes().startswith(b"\x89PNG")
    assert main(["similar", "data/warm/red.png", "--top", "1"]) == 0
    assert capsys.readouterr().out == (
        "warm/red.png: the nearest by onnx models/own.onnx\n\n"
        "image              split  cosine\nwarm/red-copy.png          1.000  the same file\n\n"
        f"contact sheet: {found['sheet']}\n"
    )


def test_an_image_from_elsewhere_is_compared_too(
    root: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path_factory.mktemp("elsewhere") / "new.png"
    other.write_bytes((root / "data/cold/blue.png").read_bytes())
    sheet = root / "sheet.png"
    found = said(capsys, "similar", str(other), "--top", "1", "--sheet", str(sheet))
    assert (found["image"], found["nearest"][0]["path"]) == (str(other), "cold/blue.png")
    assert found["sheet"] == "sheet.png"
    assert main(["similar", str(other), "--sheet", str(sheet)]) == 2
    assert "sheet.png: it is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("similar", "warm/green.png"), 2, "error: warm/green.png: there is no such image, neither here nor in the dataset"),
        (("similar", "cold/none.png"), 2, "data/cold/none.png: it cannot be used: not an image"),
        (("embed", "--source", "champion"), 3, "error: there is no champion to embed with"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert main(list(arguments)) == code
    assert message in capsys.readouterr().err


def test_a_network_that_is_not_there_is_an_error_of_the_configuration(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "models/own.onnx").unlink()
    assert main(["embed"]) == 2
    assert "flywheel.yaml:9:34: embeddings.path: models/own.onnx does not exist" in capsys.readouterr().err


def test_a_source_without_its_options_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "flywheel.yaml").write_text("".join(PROJECT.splitlines(keepends=True)[:-1]))
    assert main(["embed", "--source", "onnx"]) == 2
    assert "the source onnx has options that flywheel.yaml does not give" in capsys.readouterr().err
