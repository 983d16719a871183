"""One small data set with every kind of fault, drawn once per test process."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from runner.demo import Counts, generate

COUNTS = Counts(
    train=30, val=8, test=14, pool=9,
    near_duplicates=3, wrong_labels=2, missing_labels=2, corrupt_train=4, corrupt_pool=2,
)  # fmt: skip


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "data"
    generate(out, seed=3, counts=COUNTS)
    return out


@pytest.fixture(scope="session")
def faults(drawn: Path) -> list[dict[str, str]]:
    with (drawn / "faults.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def metadata(drawn: Path) -> dict[str, dict[str, str]]:
    with (drawn / "metadata.csv").open(newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}
