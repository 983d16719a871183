"""How fast images are chosen: a filter, a top-k, a quota per group and a stratified sample over a planted index, beside polars and pandas.

`python benchmarks/selection.py [--rows 1000000] [--times 5]` prints median seconds and ratios. All three start from the same Parquet file.
Ours ranks images by SHA-256 of seed and content, so that a draw never changes; the other two rank by their own 64-bit hashes, which are
faster and may change with their version. The top-k is the whole answer of `flywheel query`, with its counts by split and class.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.tables import duckdb
from runner.adapters.tables.parquet import write_table
from runner.assessment.query import Query, ask
from runner.assessment.split_rules import candidates
from runner.selectors.candidates import Selector
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample

CONDITION = "brightness < 0.2 AND n_platelet > 0 AND camera <> 'gate'"
SPLITS = {name: f"split = '{name}'" for name in ("train", "val", "test")}
PER_SCENE, SIZE, LISTED = 5, 20_000, 20
Way = Callable[[Path], int]  # how many rows it takes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "images.parquet"
        write_table(file, planted(options.rows))
        write_table(file.with_name("objects.parquet"), {"path": [], "class": []})
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


def planted(rows: int) -> dict[str, Any]:
    """An index's columns: four cameras, ten images to a scene."""
    rng = np.random.default_rng(0)
    numbers = np.arange(rows)
    return {
        "path": [f"images/train/{number // 10:07d}-{number % 10}.jpg" for number in numbers.tolist()],
        "image_id": [f"{number:016x}" for number in rng.integers(0, 2**63, rows).tolist()],
        "split": rng.choice(["train", "val", "test"], rows, p=[0.8, 0.1, 0.1]).tolist(),
        "brightness": rng.random(rows),
        "sharpness": rng.random(rows) * 100,
        "camera": rng.choice(["dock-a", "dock-b", "gate", "yard"], rows, p=[0.6, 0.25, 0.1, 0.05]).tolist(),
        "scene": [f"scene-{number // 10}" for number in numbers.tolist()],
        "n_objects": rng.integers(0, 9, rows),
        "n_platelet": rng.integers(0, 3, rows),
    }


# --- ours -----------------------------------------------------------------------------------------


def our_filter(file: Path) -> int:
    return int(duckdb.condition_mask(file, CONDITION).sum())


def our_top(file: Path) -> int:
    query = Query(condition=CONDITION, sort="brightness", limit=LISTED)
    return len(ask(file, file.with_name("objects.parquet"), query, SPLITS, ["platelet"], "").rows)


def our_rule(file: Path, rule: Selector) -> int:
    images, _ = duckdb.load(file, ["path", "image_id", *rule.needs], [])
    everything = np.arange(len(images["path"]))
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

if __name__ == "__main__":
    main()
