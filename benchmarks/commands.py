"""`--help`, `validate` and `plan` on this repository, beside a bare interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

from timing import medians, print_table

ROOT = Path(__file__).parents[1]
FLYWHEEL = str(Path(sys.executable).parent / "flywheel")


def main() -> None:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "flywheel --help": [FLYWHEEL, "--help"],
        "flywheel validate": [FLYWHEEL, "validate"],
        "flywheel plan": [FLYWHEEL, "plan"],
    }
    print_table(medians(commands, cwd=ROOT, runs=11), "python -c pass")


if __name__ == "__main__":
    main()
