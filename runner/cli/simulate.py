"""`flywheel simulate`: labelling policies replayed on the project's own labels, before anybody is paid."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, say, whole

EXAMPLE = """\
  flywheel simulate --rounds 4 --size 24 --seeds 3      the usual mix beside random, by the newest sprint's recipe
  flywheel simulate 0001-first-model --epochs 10 --imgsz 320 --metric map50 --target 0.5 \\
    --mix uncertainty=0.8,random=0.2 --mix diversity=0.8,random=0.2"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "simulate",
        "replay labelling policies on labels that are known, and say what each would have cost and reached",
        EXAMPLE,
        execute,
    )
    add_sprint(parser)
    parser.add_argument(
        "--mix",
        action="append",
        default=[],
        metavar="MIX",
        help="a policy: shares by strategy, as in uncertainty=0.5,random=0.5; several times (the usual mix); random is always beside it",
    )
    parser.add_argument("--rounds", type=whole(1, 1000), default=4, help="batches after the first images (4)")
    parser.add_argument("--size", type=whole(1, 1_000_000), default=24, help="images of a batch (24)")
    parser.add_argument(
        "--start",
        type=whole(1, 1_000_000),
        help="images labelled at random before there is a model (as many as a batch)",
    )
    parser.add_argument(
        "--seeds",
        type=whole(1, 100),
        default=3,
        help="how often all is replayed, each time with other first images (3)",
    )
    parser.add_argument("--epochs", type=whole(1, 10_000), help="of each training, in place of the sprint's")
    parser.add_argument("--imgsz", type=whole(32, 4096), help="input size, in place of the sprint's")
    parser.add_argument(
        "--metric", help="that policies are compared by, on val (the sprint's metric to push)"
    )
    parser.add_argument(
        "--target", type=_target, help="of the metric, 0 to 1 (what random reached in its weakest seed)"
    )
    parser.add_argument(
        "--perfect",
        action="store_true",
        help="labels without errors, in place of the simulated annotators of annotation.tool",
    )
    add_root(parser)


def _target(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!a} is no number between 0 and 1")
    return value


def execute(options: argparse.Namespace) -> int:
    from runner.labelling.simulating.simulate import Asked, simulate

    found = simulate(
        project_root(options),
        options.sprint,
        Asked(
            mixes=options.mix,
            rounds=options.rounds,
            size=options.size,
            start=options.start,
            seeds=options.seeds,
            epochs=options.epochs,
            imgsz=options.imgsz,
            metric=options.metric,
            target=options.target,
            perfect=options.perfect,
        ),
        say,
    )
    if options.format == "json":
        print_json(found.simulation)
    else:
        from runner.report.simulated import render

        print(render(found.simulation, found.folder))
    return 0
