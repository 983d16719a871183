"""Whether two pictures show the same pixels, whatever was done to one of them; and that pictures of one scene do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures.alignment import Grey
from runner.adapters.pictures.registration import laid_upon, read_grey, register, register_files

HEIGHT, WIDTH = 240, 320


def painted(seed: int, *, objects: int = 14, ground: int = 0) -> Grey:
    """A textured ground with things on it. `ground`: of which scene."""
    import cv2

    scene, things = np.random.default_rng(ground), np.random.default_rng(seed)
    picture: Any = np.full((HEIGHT, WIDTH), 120, np.float32)
    for size, strength in ((6, 40), (24, 25), (80, 12)):
        coarse = scene.normal(0, strength, (size * 3 // 4, size)).astype(np.float32)
        picture += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(objects):
        centre = int(things.integers(20, WIDTH - 20)), int(things.integers(20, HEIGHT - 20))
        cv2.circle(picture, centre, int(things.integers(6, 16)), float(things.integers(20, 235)), -1)
    return np.clip(picture, 0, 255).astype(np.uint8)


def saved(picture: Any, quality: int) -> Any:
    import cv2

    return cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
    )


def scaled(picture: Any, gain: float) -> Any:
    import cv2

    return cv2.resize(
        picture, None, fx=gain, fy=gain, interpolation=cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR
    )


def turned(picture: Any, degrees: float, zoom: float) -> Any:
    import cv2

    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, zoom)
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda picture: saved(picture, 30), ()),
        (lambda picture: scaled(picture, 0.5), ()),
        (lambda picture: scaled(picture, 1.4), ()),
        (lambda picture: np.clip(picture * 1.2 + 10.0, 0, 255).astype(np.uint8), ()),
        (lambda picture: picture[:, ::-1], ("flipped",)),
        (lambda picture: picture[::-1], ("flipped",)),
        (lambda picture: picture[30:190, 50:270], ("cropped",)),
        (lambda picture: picture[:, 40:250], ("cropped",)),
        (lambda picture: saved(picture[20:200, 60:300][:, ::-1], 50), ("flipped", "cropped")),
        (lambda picture: turned(picture, 5, 1.3), ("cropped", "turned")),
    ],
)
def test_a_changed_copy_is_told_with_what_was_changed(
    change: Callable[[Any], Any], said: tuple[str, ...]
) -> None:
    picture = painted(1)
    found = register(picture, np.ascontiguousarray(change(picture)))
    back = register(np.ascontiguousarray(change(picture)), picture)
    assert found is not None
    assert back is not None
    assert (found.changes, back.changes) == (said, said)
    assert found.detail > 0.9
    assert found.agreement > 0.95
    assert found.overlap == pytest.approx(back.overlap[::-1], abs=0.03)


def test_of_a_crop_place_scale_and_turn_are_told() -> None:
    picture = painted(1)
    cropped = scaled(np.ascontiguousarray(picture[30:190, 50:270]), 2)
    found = register(picture, np.asarray(cropped, np.uint8))
    assert found is not None
    assert found.overlap == pytest.approx((160 * 220 / picture.size, 1.0), abs=0.02)
    assert found.scale == pytest.approx(2, abs=0.02)
    assert found.rotation_deg == pytest.approx(0, abs=0.3)
    found = register(picture, np.asarray(turned(picture, -4, 1.2), np.uint8))
    assert found is not None
    assert found.rotation_deg == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("ground", [0, 7])  # the same scene with other things in it; another scene
def test_another_picture_is_none(ground: int) -> None:
    assert register(painted(1), painted(2, ground=ground)) is None


def test_of_a_still_camera_the_ground_agrees_and_the_things_do_not() -> None:
    found = laid_upon(painted(1), painted(2))
    assert found is not None
    assert found.correlation > 0.5
    assert found.agreement < 0.9
    assert not found.same_pixels


@pytest.mark.parametrize("shape", [(240, 320), (12, 12), (10, 400)])
def test_pictures_without_structure_show_nothing_in_common(shape: tuple[int, int]) -> None:
    assert register(np.full(shape, 90, np.uint8), np.full(shape, 91, np.uint8)) is None
    assert register(painted(1), np.full(shape, 91, np.uint8)) is None


def test_files_are_compared_as_training_sees_them_and_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "one.png"), painted(1))
    cv2.imwrite(str(tmp_path / "two.jpg"), painted(1)[:, ::-1])
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    grey = read_grey(tmp_path / "one.png")
    assert grey is not None
    assert max(grey.shape) == 192
    found = register_files(tmp_path / "one.png", tmp_path / "two.jpg")
    assert found is not None
    assert found.changes == ("flipped",)
    assert register_files(tmp_path / "one.png", tmp_path / "broken.jpg") is None
    assert register_files(tmp_path / "missing.png", tmp_path / "one.png") is None
