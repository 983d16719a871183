"""`--help`, `validate`, `plan` and `status` on this repository, beside a bare interpreter.

    python benchmarks/commands.py
    python benchmarks/commands.py --readers     # and without each of our own quick readers

A quick reader stands in for a library that would take long to import: config/accepts.py for jsonschema, plain_conditions.py for
DuckDB's parser, metafiles.py for DVC. `--readers` runs each command with one of them switched off: accepts and plain_conditions then
recognise nothing, so that the library answers; for metafiles DVC is imported beside it, which is the least that DVC's own
reader would take.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from timing import medians, print_table

ROOT = Path(__file__).parents[1]
FLYWHEEL = str(Path(sys.executable).parent / "flywheel")
WITHOUT = {
    "accepts": "import runner.config.load as m; m.accepts = lambda *_: False",
    "plain_conditions": "import runner.adapters.tables.conditions as m; m.plain_uses = lambda _: None",
    "metafiles": "import dvc.repo",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", action="store_true")
    readers = parser.parse_args().readers
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "flywheel --help": [FLYWHEEL, "--help"],
        "flywheel validate": [FLYWHEEL, "validate"],
        "flywheel plan": [FLYWHEEL, "plan"],
        "flywheel status": [FLYWHEEL, "status"],
    }
    if not readers:
        print_table(medians(commands, cwd=ROOT, runs=11), "python -c pass")
        return
    for command in ("validate", "plan", "status"):
        beside = {f"flywheel {command}": [FLYWHEEL, command]}
        for name, switch in WITHOUT.items():
            code = f"{switch}\nimport sys\nfrom runner.cli.main import main\nsys.exit(main(['{command}']))"
            beside[f"flywheel {command}, no {name}"] = [sys.executable, "-c", code]
        print_table(medians(beside, cwd=ROOT, runs=11), f"flywheel {command}")


if __name__ == "__main__":
    main()
