"""Architecture names, known without importing ultralytics."""

from __future__ import annotations

import subprocess
import sys

from runner.adapters.architectures import architecture_files, architecture_scale


def test_every_scale_of_a_detection_architecture_is_known() -> None:
    assert {"yolo26n.yaml", "yolo26x.yaml", "yolo11s.yaml", "yolov8m-p2.yaml", "yolov9c.yaml"} <= set(
        architecture_files()
    )


def test_other_tasks_are_not_detection_architectures() -> None:
    assert not [name for name in architecture_files() if "seg" in name or "world" in name or "rtdetr" in name]


def test_scale_is_the_letter_after_the_number() -> None:
    assert [architecture_scale(name) for name in ("yolo26n.yaml", "yolov8x-p6.yaml", "yolov9c.yaml")] == [
        "n",
        "x",
        "",
    ]


def test_names_are_found_without_importing_ultralytics() -> None:
    code = (
        "import sys; from runner.adapters.architectures import architecture_files as f; "
        "assert f(); assert not {'torch', 'ultralytics', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
