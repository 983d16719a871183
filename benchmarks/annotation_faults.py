"""What is lost and what is doubled between annotators and the dataset: every fault of tests/labelling/fault_matrix.py in every layout.

`PYTHONPATH=.:tests python benchmarks/annotation_faults.py` prints, per fault, how often it was injected over the layouts yolo, coco, voc and
folders, and how many labels were lost or doubled. A pull is killed after each of its changes of a file in turn, and repeated.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from labelling.fault_matrix import FAULTS, LAYOUTS, Loss, happened, killed_everywhere

LINE = "{:<66} {:>9} {:>6} {:>8} {:>7}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layouts", default=",".join(LAYOUTS), help="separated by commas")
    layouts = parser.parse_args().layouts.split(",")
    print(LINE.format("fault", "injected", "lost", "doubled", "other"))
    total = [0, 0, 0, 0]
    cases: list[tuple[str, Callable[[Path, str], Loss]]] = [
        (str(fault.__doc__), lambda folder, layout, fault=fault: happened(folder, layout, fault))
        for fault in FAULTS
    ]
    cases.append(("the pull is killed after each of its changes, and repeated", killed_everywhere))
    for name, case in cases:
        found = []
        for layout in layouts:
            with tempfile.TemporaryDirectory() as folder:
                found.append((layout, case(Path(folder) / "project", layout)))
        row = [
            sum(loss.injected for _, loss in found),
            sum(loss.lost for _, loss in found),
            sum(loss.doubled for _, loss in found),
            sum(len(loss.other) for _, loss in found),
        ]
        total = [before + now for before, now in zip(total, row, strict=True)]
        print(LINE.format(name, *row), flush=True)
        for layout, loss in found:
            for text in loss.other:
                print(f"  {layout}: {text}")
    print(LINE.format("together", *total))
    return int(any(total[1:]))


if __name__ == "__main__":
    sys.exit(main())
