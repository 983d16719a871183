"""What the stages of a first sprint take on this machine: the figures of runner/planning/first_forecast.py.

Three sprints of the demo's data run one after another; of the training the two larger ones give the slope.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from projects import SPRINT, flywheel, make_project

from runner.demo import Counts, generate
from runner.stages.timings import read_timings

SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: A sprint that is timed
train: {{framework: ultralytics, model: {model}, epochs: {epochs}, imgsz: {imgsz}, batch: 16}}
export: [{{format: onnx}}]
"""
RUNS = (("yolo11n.yaml", 2, 160), ("yolo11n.yaml", 2, 320), ("yolo11s.yaml", 2, 320))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = make_project(Path(temporary) / "project")
        generate(root / "more", counts=Counts.clean(train=120, val=20, test=60, pool=0))
        subprocess.run(["rm", "-rf", root / "data"], check=True)
        (root / "more").rename(root / "data")
        subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], cwd=root, check=True)
        for model, epochs, imgsz in RUNS:
            spec = SPEC.format(model=model, epochs=epochs, imgsz=imgsz)
            (root / "specs" / f"{SPRINT}.yaml").write_text(spec)
            flywheel(root, "run", SPRINT)
            print(model, f"{epochs} epochs", f"{imgsz} px")
            for timing in read_timings(root / "reports" / SPRINT).stages:
                print(f"  {timing.stage:<10} {timing.seconds:8.2f} s   work {timing.work}")


if __name__ == "__main__":
    main()
