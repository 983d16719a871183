"""`flywheel run` with nothing to do beside `dvc repro` with nothing to do, on a sprint that has run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from timing import medians, print_table

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def main() -> None:
    sprint = sys.argv[1] if len(sys.argv) > 1 else "0001-first-model"
    subprocess.run(
        [BIN / "flywheel", "run", sprint, "--pull"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL
    )
    commands = {
        f"dvc repro reports/{sprint}": [str(BIN / "dvc"), "repro", f"reports/{sprint}/dvc.yaml"],
        f"flywheel run {sprint}": [str(BIN / "flywheel"), "run", sprint],
    }
    print_table(medians(commands, cwd=ROOT, runs=7), f"dvc repro reports/{sprint}")


if __name__ == "__main__":
    main()
