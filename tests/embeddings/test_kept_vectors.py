"""Vectors are computed once for each content, and a killed run loses little."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.system.machine import cpu_device
from runner.domain.errors import FlywheelError
from runner.embeddings import Setting, kept
from runner.embeddings.kept import Computed, KeptVectors


class Counting:
    """A source whose vectors say which file they are of; it stops at a file called `stop`."""

    name = "counting"

    def __init__(self, version: str = "one") -> None:
        self.version = version
        self.asked: list[str] = []

    def digest(self, setting: Setting) -> str:
        return self.version * 8

    def open(self, setting: Setting) -> Counting:
        return self

    def embed(self, images: Sequence[Path]) -> NDArray[np.float32]:
        for path in images:
            if path.name == "stop":
                raise KeyboardInterrupt
            self.asked.append(path.name)
        return np.array([[float(path.name), 1] for path in images], np.float32)


def setting(root: Path) -> Setting:
    return Setting(root=root, device=lambda: cpu_device(1), threads=1, champion=lambda: root)


def files(*names: str) -> dict[str, Path]:
    return {f"id-{name}": Path(name) for name in names}


def test_only_what_is_new_is_computed(tmp_path: Path) -> None:
    first = KeptVectors(Counting(), setting(tmp_path))
    assert first.complete(files("1", "2")) == Computed(images=2, new=2)
    source = Counting()
    second = KeptVectors(source, setting(tmp_path))
    assert second.complete(files("2", "3", "1")) == Computed(images=3, new=1)
    assert source.asked == ["3"]
    assert second.get(["id-3", "id-1"]).tolist() == [[3, 1], [1, 1]]


def test_another_version_of_the_source_has_vectors_of_its_own(tmp_path: Path) -> None:
    KeptVectors(Counting(), setting(tmp_path)).complete(files("1"))
    assert KeptVectors(Counting("two"), setting(tmp_path)).complete(files("1")).new == 1


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "CHUNK", 2)
    with pytest.raises(KeyboardInterrupt):
        KeptVectors(Counting(), setting(tmp_path)).complete(files("1", "2", "3", "stop", "4"))
    source = Counting()
    assert KeptVectors(source, setting(tmp_path)).complete(files("1", "2", "3", "4")).new == 2
    assert source.asked == ["3", "4"]


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / ".flywheel").write_text("no folder")
    vectors = KeptVectors(Counting(), setting(tmp_path))
    vectors.complete(files("1"))
    with pytest.raises(FlywheelError, match=r"could not be kept(.|\n)*hint: free some space"):
        vectors.get(["id-1"])


def test_vectors_that_nobody_computed_here_are_said_to_be_missing(tmp_path: Path) -> None:
    vectors = KeptVectors(Counting(), setting(tmp_path))
    vectors.complete(files("1"))
    with pytest.raises(
        FlywheelError, match=r"vectors of some images are not kept here(.|\n)*hint: flywheel embed"
    ):
        vectors.get(["id-1", "id-2"])
