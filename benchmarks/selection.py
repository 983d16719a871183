"""How fast images are chosen, and in how much memory: over a planted index, beside polars and pandas.

`python benchmarks/selection.py [--rows 1000000] [--times 5]` prints median seconds and ratios of a filter, a top-k, a quota per group and a
stratified sample. All three start from the same Parquet file. Ours ranks images by SHA-256 of seed and content, so that a draw never
changes; the other two rank by their own 64-bit hashes, which are faster and may change with their version. The top-k is the whole answer of
`flywheel query`, with its counts by split and class. `--memory` prints peak memory instead, each in a process of its own: of these, of the
stage `select`, and of the tables that its checks look at.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.tables import duckdb
from runner.adapters.tables.parquet import PIECE, write_pieces
from runner.adapters.tables.stored import StoredColumn
from runner.assessment.query import Query, ask
from runner.assessment.split_rules import candidates
from runner.checks.detection import DetectionPreset
from runner.checks.expectations import check_rules
from runner.checks.tables import check_frames
from runner.config.project import Splits
from runner.config.sprint import DataSelection, SplitSelection
from runner.selectors.candidates import Selector
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample
from runner.stages import select
from runner.stages.select import SelectParams

CONDITION = "brightness < 0.2 AND n_platelet > 0 AND camera <> 'gate'"
SPLITS = {name: f"split = '{name}'" for name in ("train", "val", "test")}
PER_SCENE, SIZE, LISTED = 5, 20_000, 20
Way = Callable[[Path], int]  # how many rows it takes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print_peak(options.alone, options.folder / "index" / "images.parquet")
        return
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "index" / "images.parquet"
        file.parent.mkdir()
        write_pieces(file, planted(options.rows))
        write_pieces(file.with_name("objects.parquet"), planted_objects(options.rows))
        if options.memory:
            print(f"{options.rows:,} rows, each with an object: peak memory of a process, MB")
            for name in MEASURED:
                command = [sys.executable, __file__, "--alone", name, "--folder", temporary]
                print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, end="")
            return
        print(f"{options.rows:,} rows, median seconds of {options.times}; in parentheses: as many times ours")
        print(f"{'':<18}{'flywheel':>10}{'polars':>20}{'pandas':>20}")
        for name, ways in WAYS.items():
            print_row(name, [measured(way, file, options.times) for way in ways])


def print_row(name: str, timed: list[tuple[float, int]]) -> None:
    ours = timed[0][0]
    cells = [f"{seconds:>11.3f} ({seconds / ours:5.2f})" for seconds, _ in timed[1:]]
    taken = {rows for _, rows in timed}
    if len(taken) > 1:
        raise SystemExit(f"{name}: they do not take equally many rows: {sorted(taken)}")
    print(f"{name:<18}{ours:>10.3f}{cells[0]:>20}{cells[1]:>20}   {taken.pop():,} rows")


def measured(way: Way, file: Path, times: int) -> tuple[float, int]:
    """Median seconds, and how many rows were taken."""
    seconds, rows = [], way(file)
    for _ in range(times):
        start = time.perf_counter()
        way(file)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), rows


def planted(rows: int) -> Iterator[dict[str, Any]]:
    """An index's columns, piece by piece: four cameras, ten images to a scene."""
    rng = np.random.default_rng(0)
    for start in range(0, rows, PIECE):
        numbers = np.arange(start, min(start + PIECE, rows))
        count = len(numbers)
        yield {
            "path": [f"images/train/{number // 10:07d}-{number % 10}.jpg" for number in numbers.tolist()],
            "image_id": [f"{number:016x}" for number in rng.integers(0, 2**63, count).tolist()],
            "split": rng.choice(["train", "val", "test"], count, p=[0.8, 0.1, 0.1]).tolist(),
            "readable": np.ones(count, np.bool_),
            "problem": [None] * (count - 1) + ["none"],  # a column of text
            "label_problem": [None] * (count - 1) + ["none"],
            "labelled": np.ones(count, np.bool_),
            "brightness": rng.random(count),
            "sharpness": rng.random(count) * 100,
            "camera": rng.choice(
                ["dock-a", "dock-b", "gate", "yard"], count, p=[0.6, 0.25, 0.1, 0.05]
            ).tolist(),
            "scene": [f"scene-{number // 10}" for number in numbers.tolist()],
            "width": np.full(count, 640),
            "height": np.full(count, 480),
            "n_objects": rng.integers(0, 9, count),
            "n_platelet": rng.integers(0, 3, count),
        }


def planted_objects(rows: int) -> Iterator[dict[str, Any]]:
    """One box to an image."""
    rng = np.random.default_rng(1)
    for start in range(0, rows, PIECE):
        numbers = range(start, min(start + PIECE, rows))
        corners = rng.random((len(numbers), 2)) * 300
        yield {
            "path": [f"images/train/{number // 10:07d}-{number % 10}.jpg" for number in numbers],
            "object_id": [f"{number:012x}" for number in numbers],
            "label_place": [f"labels/{number}.txt:1" for number in numbers],
            "split": [None] * (len(numbers) - 1) + ["train"],
            "class": rng.choice(["platelet", "cell"], len(numbers)).tolist(),
            "class_id": np.zeros(len(numbers), np.int64),
            "x_min": corners[:, 0],
            "y_min": corners[:, 1],
            "x_max": corners[:, 0] + 20,
            "y_max": corners[:, 1] + 20,
            "area_px": np.full(len(numbers), 400.0),
            "crowd": np.zeros(len(numbers), np.bool_),
        }


def print_peak(name: str, file: Path) -> None:
    """Of this process, after one of `MEASURED`."""
    start = time.perf_counter()
    MEASURED[name](file)
    seconds = time.perf_counter() - start
    # Not getrusage's: that begins with what the process that started this one had.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(f"{name:<18}{peak:>8,.0f}   {seconds:7.1f} s")


# --- ours -----------------------------------------------------------------------------------------


def our_filter(file: Path) -> int:
    return int(duckdb.condition_mask(file, CONDITION).sum())


def our_top(file: Path) -> int:
    query = Query(condition=CONDITION, sort="brightness", limit=LISTED)
    return len(ask(file, file.with_name("objects.parquet"), query, SPLITS, ["platelet"], "").rows)


def our_rule(file: Path, rule: Selector) -> int:
    size, _ = duckdb.size_and_text(file)
    images = {name: StoredColumn(file, name, size) for name in ("path", "image_id", *rule.needs)}
    everything = np.arange(size)
    return len(everything) - len(rule.drop(candidates(images, everything, rule)))


def our_quota(file: Path) -> int:
    return our_rule(file, Quota(by="scene", max=PER_SCENE))


def our_strata(file: Path) -> int:
    return our_rule(file, Sample(size=SIZE, stratify="camera"))


# --- polars ---------------------------------------------------------------------------------------


def polars_filter(file: Path) -> int:
    import polars

    table = polars.scan_parquet(file)
    mask = table.select(polars.sql_expr(CONDITION).alias("satisfied")).collect()["satisfied"]
    return int(mask.sum())


def polars_top(file: Path) -> int:
    import polars

    found = polars.scan_parquet(file).filter(polars.sql_expr(CONDITION)).bottom_k(LISTED, by="brightness")
    return found.select("path", "brightness", "n_platelet", "camera").collect().height


def polars_ranked(file: Path, column: str) -> Any:
    import polars

    rank = polars.col("image_id").hash(0).rank("ordinal").over(column)
    return polars.scan_parquet(file).select("path", column, rank.alias("rank"))


def polars_quota(file: Path) -> int:
    import polars

    taken = polars_ranked(file, "scene").filter(polars.col("rank") <= PER_SCENE)
    return int(taken.collect().height)


def polars_strata(file: Path) -> int:
    import polars

    ranked = polars_ranked(file, "camera").collect()
    shares = largest_remainders(dict(ranked["camera"].value_counts().iter_rows()))
    share = polars.col("camera").replace_strict(shares)
    return int(ranked.filter(polars.col("rank") <= share).height)


# --- pandas ---------------------------------------------------------------------------------------


def pandas_filter(file: Path) -> int:
    import pandas

    table = pandas.read_parquet(file, columns=["brightness", "n_platelet", "camera"])
    return int(pandas_mask(table).sum())


def pandas_mask(table: Any) -> Any:
    return (table["brightness"] < 0.2) & (table["n_platelet"] > 0) & (table["camera"] != "gate")


def pandas_top(file: Path) -> int:
    import pandas

    table = pandas.read_parquet(file, columns=["path", "brightness", "n_platelet", "camera"])
    return len(table[pandas_mask(table)].nsmallest(LISTED, "brightness"))


def pandas_ranked(file: Path, column: str) -> Any:
    import pandas

    table = pandas.read_parquet(file, columns=["path", "image_id", column])
    return table.assign(rank=pandas.util.hash_array(table["image_id"].to_numpy(object))).sort_values("rank")


def pandas_quota(file: Path) -> int:
    return len(pandas_ranked(file, "scene").groupby("scene").head(PER_SCENE))


def pandas_strata(file: Path) -> int:
    ranked = pandas_ranked(file, "camera")
    shares = largest_remainders(ranked["camera"].value_counts().to_dict())
    place = ranked.groupby("camera").cumcount()
    return int((place < ranked["camera"].map(shares)).sum())


def largest_remainders(counts: dict[str, int]) -> dict[str, int]:
    total = sum(counts.values())
    shares = {name: count * SIZE // total for name, count in counts.items()}
    largest = sorted(counts, key=lambda name: -(counts[name] * SIZE % total))
    for name in largest[: SIZE - sum(shares.values())]:
        shares[name] += 1
    return shares


WAYS: dict[str, tuple[Way, Way, Way]] = {
    "filter": (our_filter, polars_filter, pandas_filter),
    f"top {LISTED}": (our_top, polars_top, pandas_top),
    f"quota {PER_SCENE} a scene": (our_quota, polars_quota, pandas_quota),
    "stratified": (our_strata, polars_strata, pandas_strata),
}


def our_stage(file: Path) -> int:
    """The stage `select`, with a quota and a stratified sample."""
    rules = SplitSelection(
        quota=Quota(by="scene", max=PER_SCENE), sample=Sample(size=SIZE, stratify="camera")
    )
    params = SelectParams(
        task="detect",
        classes=["platelet", "cell"],
        splits=Splits(**SPLITS),
        data=DataSelection(train=rules),
    )
    manifest, selection = select.chosen(file, file.with_name("objects.parquet"), params)
    (folder := file.parents[1] / "selection").mkdir(exist_ok=True)
    write_pieces(folder / "manifest.parquet", manifest.pieces(PIECE))
    return sum(split.images for split in selection.splits.values())


def our_checks(file: Path) -> int:
    """The tables of the checks, over all that the stage selects without a rule: the one before must have run."""
    params = SelectParams(
        task="detect", classes=["platelet", "cell"], splits=Splits(**SPLITS), data=DataSelection()
    )
    manifest, _ = select.chosen(file, file.with_name("objects.parquet"), params)
    (folder := file.parents[1] / "selection").mkdir(exist_ok=True)
    write_pieces(folder / "manifest.parquet", manifest.pieces(PIECE))
    del manifest
    rules = check_rules([DetectionPreset()], ["platelet", "cell"], None, "detect")
    wanted = {rule.table for rule in rules} - {"twins", "near_duplicates"}
    return len(check_frames(file.parents[1], ["platelet", "cell"], wanted))


MEASURED: dict[str, Way] = {
    "filter": our_filter,
    f"top {LISTED}": our_top,
    f"quota {PER_SCENE} a scene": our_quota,
    "stratified": our_strata,
    "stage select": our_stage,
    "tables of checks": our_checks,
}

if __name__ == "__main__":
    main()
