"""`python -m runner.demo`: writes the demo's data."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.demo import generate


def main() -> None:
    """Parses the command line and generates."""
    parser = argparse.ArgumentParser(
        prog="python -m runner.demo",
        description="Draw the demo's data: parcels with handwritten digits, and known faults among them.",
        epilog="example:\n  python -m runner.demo --out data --seed 0",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same bytes (0)")
    parser.add_argument(
        "--answers",
        type=Path,
        metavar="DIR",
        help="folder of the pool's hidden labels",
    )
    arguments = parser.parse_args()
    generate(arguments.out, seed=arguments.seed, answers=arguments.answers)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
