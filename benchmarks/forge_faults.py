"""Every fault on every operation of the loop, on the emulator: what becomes of it, and how often it was done.

    make node && PYTHONPATH=.:tests python benchmarks/forge_faults.py

Waiting is counted, not waited for. "done ×1": the answer came in the end, and the server did it once.
"""

from __future__ import annotations

import sys

from forges.emulator import Emulator, missing
from forges.fault_matrix import FAULTS, OPERATIONS, Result, expected, happen


def shown(result: Result) -> str:
    times = "" if result.effects is None else f" ×{result.effects}"
    waited = f", {result.waited_s:g} s" if result.waited_s else ""
    return f"{result.outcome}{times}{waited}"


def main() -> int:
    if why := missing():
        print(why, file=sys.stderr)
        return 4
    wrong = 0
    print(f"| operation | {' | '.join(FAULTS)} | outage (502 for ever) |")
    print(f"|{'---|' * (len(FAULTS) + 2)}")
    with Emulator.start() as github:
        for operation in OPERATIONS:
            cells = []
            for fault in FAULTS:
                result = happen(github, operation, fault)
                wrong += (result.outcome, result.effects) != expected(operation, fault)
                cells.append(shown(result))
            cells.append(shown(happen(github, operation, "502", times=1000)))
            print(f"| {operation.name} | {' | '.join(cells)} |")
        wrong += len(github.violations())
    print(f"\n{len(OPERATIONS)} operations × {len(FAULTS)} faults: {wrong} not as they must be")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
