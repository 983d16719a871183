"""Work on the machines of a Ray cluster: the same bytes as on one core, and nothing lost with a machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures import hash_pairs, measured_images
from runner.adapters.system import executors, ray_cluster
from runner.dataset import measured
from runner.dataset.kept import kept_folder
from runner.domain.errors import FlywheelError

IMAGES, NODES = 24, 3


class Machines:
    """A cluster of this machine alone: a head that does nothing, and nodes of one CPU, which can be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        small = {"object_store_memory": 80_000_000, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
        self._nodes = [
            self._cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(NODES)
        ]
        self.address = self._cluster.address

    def kill(self) -> None:
        self._cluster.remove_node(self._nodes.pop(), allow_graceful=False)

    def kill_all(self) -> None:
        while self._nodes:
            self.kill()

    def end(self) -> None:
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    quiet = {name: value for name, value in ray_cluster._QUIET.items() if name not in os.environ}
    os.environ |= quiet  # which Ray reads when it is imported
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    found = Machines()
    yield found
    executors.leave()
    found.end()
    for name in quiet:
        del os.environ[name]


@pytest.fixture
def on_ray(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    monkeypatch.setenv(ray_cluster.ADDRESS, machines.address)
    with executors.chosen("ray"):
        yield machines


def project(folder: Path) -> Path:
    """A folder of images, one of them damaged."""
    import cv2

    rng = np.random.default_rng(3)
    (folder / "data").mkdir(parents=True)
    for number in range(IMAGES):
        pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "data" / f"{number}.png"), pixels)
    (folder / "data" / "7.png").write_bytes(b"no image")
    return folder


def measure(root: Path) -> list[Any]:
    return measured.measure_dataset(root, root / "data", [f"{number}.png" for number in range(IMAGES)]).images


def test_an_index_is_the_same_though_a_machine_was_killed_in_the_middle(
    on_ray: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = project(tmp_path)
    with monkeypatch.context() as alone:
        alone.delenv(executors.VARIABLE)
        expected = measure(root)
    for file in kept_folder(root).rglob("*.parquet"):
        file.unlink()
    monkeypatch.setattr(measured_images, "CHUNK", 2)
    noted: list[str] = []
    note = measured._Store.note

    def killing(store: Any, path: str, seen: Any) -> None:
        noted.append(path)
        if len(noted) == 3:
            on_ray.kill()
        note(store, path, seen)

    monkeypatch.setattr(measured._Store, "note", killing)
    assert measure(root) == expected
    assert noted == [f"{number}.png" for number in range(IMAGES)]
    assert not list((root / ".flywheel").glob("executor-*"))


def test_duplicates_are_the_same(on_ray: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 3_000).astype(np.uint64)
    hashes[1_000:2_000] = hashes[:1_000] ^ np.uint64(0b101)
    expected = hash_pairs.pairs_within(hashes, 6), hash_pairs.pairs_between(hashes[:9], hashes, 6)
    monkeypatch.setattr(hash_pairs, "LARGE", 0)
    for found, known in zip(
        (hash_pairs.pairs_within(hashes, 6), hash_pairs.pairs_between(hashes[:9], hashes, 6)),
        expected,
        strict=True,
    ):
        assert len(known.first) > 9
        for name in ("first", "second", "bits"):
            assert np.array_equal(getattr(found, name), getattr(known, name))


def test_what_a_task_raises_is_told_and_order_is_kept(on_ray: Machines, tmp_path: Path) -> None:
    from runner.domain.files import read_text

    executor = executors.current()
    assert executor is not None
    assert list(executor.map(divmod, list(range(9)), 2)) == [divmod(number, 2) for number in range(9)]
    with pytest.raises(FlywheelError, match=r"absent\.txt|not found"):
        list(executor.map(read_text, [tmp_path / "absent.txt"]))


def test_a_machine_that_sees_another_folder_is_found(
    on_ray: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executor = executors.current()
    assert executor is not None
    monkeypatch.setattr("secrets.token_hex", lambda length: "0" * 8)
    token = tmp_path / ".flywheel" / f"executor-{os.getpid()}-{'0' * 8}"
    found = executor.map(divmod, [1], 2, reads=tmp_path)
    monkeypatch.setattr(Path, "write_text", lambda self, *_: self.write_bytes(b"of another folder"))
    with pytest.raises(FlywheelError, match="does not see the folder"):
        list(found)
    assert not token.exists()


def test_a_machine_with_other_libraries_is_named(on_ray: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = executors.current()
    assert executor is not None
    other = ray_cluster.fingerprint() | {"numpy": "9.9"}
    monkeypatch.setattr(ray_cluster, "fingerprint", lambda: other)
    with pytest.raises(FlywheelError, match=r"other libraries than this machine: numpy .* there, 9\.9 here"):
        list(executor.map(divmod, [1], 2))


def test_without_any_machine_left_it_does_not_wait_for_ever(
    on_ray: Machines, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last test of this cluster. Ray would say on standard output, where a command may print JSON, that they went away."""
    executor = executors.current()
    assert executor is not None
    monkeypatch.setattr(ray_cluster, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(ray_cluster, "ALONE_S", 0.5)
    on_ray.kill_all()
    with pytest.raises(FlywheelError, match="no machine of the Ray cluster is left"):
        list(executor.map(divmod, [1], 2))
    assert capfd.readouterr().out == ""
