"""Image files are measured; files that are no usable image say why."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.pictures.measured_images import measure_image, measure_images, quick_problem

cv2 = pytest.importorskip("cv2")


def photograph(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth areas with some noise: compresses and hashes as a photograph does."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), (width, height))
    return np.clip(coarse + rng.normal(0, 8, coarse.shape), 0, 255).astype(np.uint8)


def save(path: Path, image: NDArray[np.uint8]) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tif"])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (399, 401), (480, 641), (720, 1280)])
def test_every_format_gives_the_full_size(tmp_path: Path, suffix: str, height: int, width: int) -> None:
    measured = measure_image(save(tmp_path / f"x.{suffix}", photograph(height, width)))
    assert (measured.problem, measured.width, measured.height) == (None, width, height)


def test_image_id_is_the_content_hash(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", photograph(48, 64))
    measured = measure_image(path)
    assert measured.image_id == hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    assert measured.size_bytes == path.stat().st_size


def test_brightness_and_contrast_are_fractions(tmp_path: Path) -> None:
    halves = np.zeros((64, 64), np.uint8)
    halves[:, 32:] = 255
    measured = measure_image(save(tmp_path / "x.png", halves))
    assert (measured.brightness, measured.contrast) == (0.5, 0.5)


def test_sharpness_is_the_variance_of_the_laplacian(tmp_path: Path) -> None:
    image = np.ascontiguousarray(photograph(100, 120)[:, :, 0])
    expected = cv2.Laplacian(image, cv2.CV_64F).var()
    assert measure_image(save(tmp_path / "x.png", image)).sharpness == pytest.approx(expected, abs=1e-5)


def test_blurred_image_is_less_sharp(tmp_path: Path) -> None:
    sharp = measure_image(save(tmp_path / "a.png", photograph(200, 200))).sharpness
    blurred = measure_image(
        save(tmp_path / "b.png", cv2.GaussianBlur(photograph(200, 200), (0, 0), 3))
    ).sharpness
    assert sharp is not None
    assert blurred is not None
    assert blurred < sharp / 10


def test_smaller_copy_has_nearly_the_same_brightness_and_hash(tmp_path: Path) -> None:
    image = photograph(720, 1280)
    large = measure_image(save(tmp_path / "a.jpg", image))
    small = measure_image(
        save(tmp_path / "b.png", cv2.resize(image, (399, 225), interpolation=cv2.INTER_AREA))
    )
    assert large.brightness == pytest.approx(small.brightness, abs=0.01)
    assert (large.phash ^ small.phash).bit_count() <= 8


def test_hash_tells_other_images_apart_and_survives_compression(tmp_path: Path) -> None:
    first = measure_image(save(tmp_path / "a.png", photograph(200, 300, seed=1))).phash
    again = measure_image(save(tmp_path / "a.jpg", photograph(200, 300, seed=1))).phash
    other = measure_image(save(tmp_path / "b.png", photograph(200, 300, seed=2))).phash
    assert (first ^ again).bit_count() <= 4
    assert (first ^ other).bit_count() > 16


@pytest.mark.parametrize("size", [(48, 64), (480, 640), (641, 640), (639, 640)])
def test_exif_rotation_is_applied_as_in_training(tmp_path: Path, size: tuple[int, int]) -> None:
    path = save(tmp_path / "x.jpg", photograph(*size))
    orientation = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    content = path.read_bytes()
    segment = b"\xff\xe1" + (len(orientation) + 2).to_bytes(2, "big") + orientation
    path.write_bytes(content[:2] + segment + content[2:])
    measured = measure_image(path)
    assert (measured.height, measured.width) == cv2.imread(str(path)).shape[:2] == size[::-1]


def test_empty_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"")
    measured = measure_image(tmp_path / "x.jpg")
    assert (measured.problem, measured.width, measured.brightness) == ("the file is empty", None, None)


@pytest.mark.parametrize("content", [b"hello, this is text\n", b"\1" * 500, b"RIFF1234WAVE"])
def test_file_that_is_no_image_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    problem = "not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF"
    assert measure_image(tmp_path / "x.jpg").problem == quick_problem(tmp_path / "x.jpg") == problem


@pytest.mark.parametrize("share", [0.01, 0.1, 0.4, 0.9, 0.999])
@pytest.mark.parametrize(("suffix", "marker"), [("jpg", "JPEG end marker"), ("png", "PNG end chunk")])
def test_truncated_file_is_a_problem(tmp_path: Path, suffix: str, marker: str, share: float) -> None:
    path = save(tmp_path / f"x.{suffix}", photograph(480, 640))
    content = path.read_bytes()
    path.write_bytes(content[: max(20, int(len(content) * share))])
    assert measure_image(path).problem == quick_problem(path) == f"truncated: the {marker} is missing"


def test_thumbnail_does_not_hide_a_truncated_jpeg(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", photograph(480, 640))
    content = path.read_bytes()
    thumbnail = cv2.imencode(".jpg", photograph(16, 16))[1].tobytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Exif\0\0" + thumbnail
    path.write_bytes(content[:2] + segment + content[2 : len(content) // 2])
    assert measure_image(path).problem == "truncated: the JPEG end marker is missing"


def test_bytes_after_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", photograph(480, 640))
    path.write_bytes(path.read_bytes() + b"trailer of a phone" * 10)
    assert measure_image(path).problem is None


def test_damaged_content_is_a_problem(tmp_path: Path) -> None:
    path = save(tmp_path / "x.bmp", photograph(48, 64))
    path.write_bytes(path.read_bytes()[:1000])
    assert measure_image(path).problem == "cannot be decoded as BMP: the content is damaged"


def test_tiny_image_is_a_problem(tmp_path: Path) -> None:
    measured = measure_image(save(tmp_path / "x.png", photograph(9, 64)))
    assert measured.problem == "only 64×9 px: training needs at least 10 on each side"


def test_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert measure_image(tmp_path / "x.jpg").problem == quick_problem(tmp_path / "x.jpg") == "file not found"


def test_many_files_are_measured_in_order(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{number}.png", photograph(20, 20 + number)) for number in range(30)]
    assert [measured.width for measured in measure_images(paths)] == list(range(20, 50))


def test_no_files_give_no_measurements() -> None:
    assert measure_images([]) == []
