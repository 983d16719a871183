"""A whole sprint beside the same training, validation and exports called straight through Ultralytics.

Both start from nothing: a fresh clone with the data, no cache. Ultralytics gets its defaults for threads, workers and
validation, and the same model, images, epochs, batch, size, seed and augmentation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SPRINT = "0001-first-model"

STRAIGHT = """
import json, sys, time
from pathlib import Path
options = json.loads(sys.argv[1])
from ultralytics import YOLO
started = time.perf_counter()
model = YOLO(options.pop("model"))
exports = options.pop("exports")
data = options["data"]
model.train(**options)
trained = time.perf_counter()
best = YOLO(Path(model.trainer.best))
best.val(data=data, split="test", imgsz=options["imgsz"], plots=False)
validated = time.perf_counter()
for export in exports:
    YOLO(Path(model.trainer.best)).export(imgsz=options["imgsz"], data=data, **export)
done = time.perf_counter()
print(json.dumps({"train": trained - started, "val": validated - trained, "exports": done - validated}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        subprocess.run([BIN / "dvc", "pull", "-q", "data.dvc"], cwd=clone, check=True)
        straight, parts = _ultralytics(clone, Path(folder) / "straight")
        sprint = _sprint(clone)
    print(
        f"ultralytics alone, its defaults  {straight:7.1f} s  ({', '.join(f'{k} {v:.1f}' for k, v in parts.items())})"
    )
    print(f"the whole sprint                 {sprint:7.1f} s")
    print(f"ratio sprint / ultralytics       {sprint / straight:7.2f}")


def _sprint(clone: Path) -> float:
    started = time.perf_counter()
    result = subprocess.run(
        [BIN / "flywheel", "run", SPRINT], cwd=clone, check=False, stdout=subprocess.DEVNULL
    )
    if result.returncode not in (0, 1):
        raise SystemExit(f"the sprint failed with {result.returncode}")
    taken = time.perf_counter() - started
    for stage in json.loads((clone / "reports" / SPRINT / "timings.json").read_text())["stages"]:
        print(f"  {stage['stage']:<10} {stage['seconds']:7.1f} s")
    return taken


def _ultralytics(clone: Path, folder: Path) -> tuple[float, dict[str, float]]:
    shutil.copytree(clone / "data", folder / "data")  # Ultralytics rewrites JPEGs that it finds broken
    classes = yaml.safe_load((clone / "flywheel.yaml").read_text())["classes"]
    data = folder / "data.yaml"
    data.write_text(
        yaml.safe_dump(
            {
                "path": str(folder / "data"),
                "train": "images/train",
                "val": "images/val",
                "test": "images/test",
                "names": classes,
            }
        )
    )
    spec = yaml.safe_load((clone / "specs" / f"{SPRINT}.yaml").read_text())
    train = {
        key: value for key, value in spec["train"].items() if key not in ("framework", "seeds", "augment")
    }
    options = {
        **train,
        **spec["train"].get("augment", {}),
        "data": str(data),
        "seed": spec["train"].get("seeds", [0])[0],
        "device": "cpu",
        "project": str(folder / "runs"),
        "exports": [_export(target) for target in spec["export"]],
    }
    config = folder / "config"
    config.mkdir()
    environment = {
        **os.environ,
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(config),
        "CI": "true",
    }
    started = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-c", STRAIGHT, json.dumps(options)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(result.stderr[-3000:])
    return time.perf_counter() - started, json.loads(result.stdout.splitlines()[-1])


def _export(target: dict[str, object]) -> dict[str, object]:
    quantize = {"fp32": 32, "fp16": 16, "int8": 8}[str(target.get("precision", "fp32"))]
    return {"format": target["format"]} | ({} if quantize == 32 else {"quantize": quantize})


if __name__ == "__main__":
    main()
