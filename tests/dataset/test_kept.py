"""What is kept by key comes back as it was put; what is damaged, is missing."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.tables.kept_parts import part_paths
from runner.dataset import kept
from runner.dataset.kept import KeptTable, kept_folder


@pytest.fixture
def table(tmp_path: Path) -> KeptTable:
    return KeptTable(kept_folder(tmp_path), "things", "1")


def again(table: KeptTable) -> KeptTable:
    """As the next process opens it."""
    return KeptTable(table.folder.parent.parent, table.name, table.folder.name)


def test_values_come_back_in_the_order_of_the_keys(table: KeptTable) -> None:
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3) / 7
    hashes = np.array([2**64 - 1, 0, 1, 2**63], np.uint64)
    names = ["ä", None, "", "d"]
    shades = [0.1, None, 1e-300, 3.0]
    table.put(
        list("abcd"),
        {"vector": vectors, "hash": hashes, "name": names, "shade": shades, "raw": [b"\0", b"", b"1", b"2"]},
    )
    found = again(table).get(["d", "b", "d"])
    assert list(found) == ["vector", "hash", "name", "shade", "raw"]
    np.testing.assert_array_equal(found["vector"], vectors[[3, 1, 3]])
    assert found["vector"].dtype == np.float32
    assert (found["hash"].dtype, found["hash"].tolist()) == (np.uint64, [2**63, 0, 2**63])
    assert (found["name"], found["shade"]) == (["d", None, "d"], [3.0, None, 3.0])
    assert found["raw"] == [b"2", b"", b"2"]


def test_rows_of_several_parts_are_one_table(table: KeptTable) -> None:
    table.put(["b"], {"vector": np.ones((1, 2)), "name": [None]})
    table.put(["a", "c"], {"vector": np.zeros((2, 2)), "name": ["A", "C"]})
    assert len(part_paths(table.folder)) == 2
    assert again(table).missing(["x", "a", "y", "b", "x"]) == ["x", "y"]
    found = table.get(["c", "b", "a"])
    np.testing.assert_array_equal(found["vector"], [[0, 0], [1, 1], [0, 0]])
    assert found["name"] == ["C", None, "A"]
    assert table.keys() == {"a", "b", "c"}


def test_what_is_not_kept_is_said(table: KeptTable) -> None:
    assert (table.get([]), table.find(["a"]), table.missing(["a"])) == ({}, ([], {}), ["a"])
    table.put([], {"n": []})
    assert not table.folder.exists()
    table.put(["a"], {"n": np.array([1])})
    with pytest.raises(KeyError, match="things of b"):
        table.get(["a", "b"])
    places, found = table.find(["b", "a", "c", "a"])
    assert places == [1, 3]
    assert found["n"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="2 keys, and 1 values of n"):
        table.put(["c", "d"], {"n": np.array([1])})


def test_another_version_sees_nothing(table: KeptTable) -> None:
    table.put(["a"], {"n": np.array([1])})
    assert KeptTable(table.folder.parent.parent, "things", "2").missing(["a"]) == ["a"]
    assert KeptTable(table.folder.parent.parent, "others", "1").missing(["a"]) == ["a"]


def test_a_damaged_part_is_removed_said_and_missing(table: KeptTable) -> None:
    table.put(["a"], {"n": np.array([1])})
    table.put(["b"], {"n": np.array([2])})
    (path,) = [path for path in part_paths(table.folder) if "a" in path_keys(table, path)]
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        next_process = again(table)
        assert next_process.missing(["a", "b"]) == ["a"]
        assert next_process.notes == [
            "things: a damaged file in .flywheel/index/ was removed; what it held is computed again: its content is not what was written"
        ]
        assert not path.exists()
    for content in (b"", whole[:-1]):
        path.write_bytes(content)
        assert again(table).missing(["a", "b"]) == ["a"]
    table.put(["a"], {"n": np.array([1])})
    path.write_bytes(b"")  # after the keys were read
    assert table.find(["a", "b"])[0] == [1]


def path_keys(table: KeptTable, path: Path) -> list[str]:
    return list(table._rows[path.name])


def test_many_small_parts_become_one(table: KeptTable) -> None:
    reader = again(table)
    for number in range(kept.MOST_PARTS):
        table.put([f"{number}"], {"n": np.array([number])})
    keys = [f"{number}" for number in range(kept.MOST_PARTS)]
    assert reader.missing([*keys, "x"]) == ["x"]
    half_written, old, fresh = (table.folder / name for name in (".a.parquet", "../0", "../2"))
    half_written.write_bytes(b"")
    for folder in (old, fresh):
        folder.mkdir()
    for path in (half_written, old):
        os.utime(path, (time.time() - kept.OLD_S - 9,) * 2)
    table.put(["x", "0"], {"n": np.array([99, 0])})
    assert len(part_paths(table.folder)) == 1
    assert (half_written.exists(), old.exists(), fresh.exists()) == (False, False, True)
    assert reader.get([*keys, "x"])["n"].tolist() == [*range(kept.MOST_PARTS), 99]
    assert reader.notes == table.notes == []


def test_what_nobody_needs_is_forgotten_where_it_is_most_of_it(table: KeptTable) -> None:
    keys = [f"{number}" for number in range(1100)]
    table.put(keys, {"n": np.arange(1100)})
    table.keep_only(keys[:50])
    assert len(table.keys()) == 1100
    table.keep_only(keys[:49])
    assert again(table).keys() == set(keys[:49])
    assert table.get(["48", "0"])["n"].tolist() == [48, 0]


def test_several_that_put_and_get_at_once_lose_nothing(table: KeptTable) -> None:
    def work(worker: int) -> list[int]:
        mine = again(table)
        for number in range(20):
            mine.put([f"{worker}-{number}"], {"n": np.array([worker * 100 + number])})
            assert mine.get([f"{worker}-0"])["n"].tolist() == [worker * 100]
        assert mine.notes == []
        return mine.get([f"{worker}-{number}" for number in range(20)])["n"].tolist()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [
            [worker * 100 + n for n in range(20)] for worker in range(4)
        ]
    assert len(again(table).keys()) == 80
    assert len(part_paths(table.folder)) <= 2 * kept.MOST_PARTS


def test_what_cannot_be_written_is_noted_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "things").write_text("a file where the folder should be")
    table = KeptTable(tmp_path, "things", "1")
    table.put(["a"], {"n": np.array([1])})
    assert table.notes == [
        "things could not be kept, and will be computed again: could not be written: Not a directory"
    ]
    assert table.missing(["a"]) == ["a"]
