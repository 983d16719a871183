"""`flywheel split`: which images train, validate and test, proposed."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.common import Subparsers, add_root, command, print_json, project_root
from runner.domain.errors import FlywheelError

EXAMPLE = """\
  flywheel split                           propose train, val and test for all labelled images
  flywheel split --shares train=0.8,val=0.1,test=0.1 --by camera,weather
  flywheel split --unassigned --write      only what is in no split yet; keep it in splits.csv"""
SHARES = "train=0.7,val=0.15,test=0.15"
_SUM = 1e-6


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "split",
        "propose splits that keep groups and near-duplicates together, and spread classes and slices evenly",
        EXAMPLE,
        execute,
    )
    parser.add_argument("--shares", default=SHARES, metavar="SHARES", help=f"of the images ({SHARES})")
    parser.add_argument(
        "--by",
        default="",
        metavar="COLUMNS",
        help="columns of the index, with commas, whose values are spread evenly besides classes and slices",
    )
    parser.add_argument(
        "--unassigned",
        action="store_true",
        help="images that are in a split stay there; only the others are dealt",
    )
    parser.add_argument(
        "--near",
        type=int,
        choices=range(8),
        default=4,
        metavar="BITS",
        help="in how many of 64 bits the hashes of near-duplicates may differ, 0 to 7 (4)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another one, another proposal (0)")
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=Path("splits.csv"),
        metavar="FILE",
        help="write it as metadata with the column proposed_split (splits.csv), and say how to use it",
    )
    parser.add_argument("--replace", action="store_true", help="FILE may hold an earlier proposal")
    parser.add_argument(
        "--replace-test",
        action="store_true",
        help="deal test images anew that sprints were judged on: figures of before do not compare with those after",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.proposed_splits import SplitRequest, propose_split

    request = SplitRequest(
        shares=parse_shares(options.shares),
        by=[name.strip() for name in options.by.split(",") if name.strip()],
        unassigned=options.unassigned,
        distance=options.near,
        seed=options.seed,
        replace_test=options.replace_test,
        write=options.write,
        replace=options.replace,
    )
    found = propose_split(project_root(options), request)
    if options.format == "json":
        print_json(found)
    else:
        from runner.report.proposed_split import render

        print(render(found, replaced_test=options.replace_test))
    return 0


def parse_shares(text: str) -> dict[str, float]:
    """The share of each split.

    Raises:
        FlywheelError: it is not one number above 0 for each of train, val and test, 1 together.

    >>> parse_shares("train=0.8,val=0.1,test=0.1")
    {'train': 0.8, 'val': 0.1, 'test': 0.1}
    """
    from runner.domain.records import SPLITS

    shares = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            shares[name.strip()] = float(number)
        except ValueError:
            raise _wrong(f'"{part.strip()}" is no share') from None
    if set(shares) != set(SPLITS):
        raise _wrong(f"it names {', '.join(shares)}")
    if not all(0 < share < 1 for share in shares.values()):
        raise _wrong("each has to be above 0 and below 1")
    if abs(sum(shares.values()) - 1) > _SUM:
        raise _wrong(f"they add up to {sum(shares.values()):g}, not 1")
    return {split: shares[split] for split in SPLITS}


def _wrong(why: str) -> FlywheelError:
    return FlywheelError(f"--shares: {why}", hint=f"as in: --shares {SHARES}")
