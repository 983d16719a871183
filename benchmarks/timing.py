"""Wall time of whole commands, interleaved, as medians."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def medians(
    commands: Mapping[str, Sequence[str]], *, cwd: Path, runs: int
) -> dict[str, tuple[float, float, float]]:
    """Per command (minimum, median, maximum) seconds over `runs` rounds; each round runs every command once."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            result = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
            taken = time.perf_counter() - started
            if result.returncode not in (0, 1):  # 1: a verdict that is not PASS
                raise SystemExit(f"{name} failed: {result.stderr.decode()}")
            if round_number:  # the first round warms the file cache
                seconds[name].append(taken)
    return {name: (min(taken), statistics.median(taken), max(taken)) for name, taken in seconds.items()}


def print_table(rows: Mapping[str, tuple[float, float, float]], baseline: str) -> None:
    """Prints seconds, and the ratio of medians to `baseline`."""
    print(f"{'command':<42} {'min s':>8} {'median s':>9} {'max s':>8} {'ratio':>7}")
    for name, (low, middle, high) in rows.items():
        print(f"{name:<42} {low:>8.3f} {middle:>9.3f} {high:>8.3f} {middle / rows[baseline][1]:>7.2f}")
