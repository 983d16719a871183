"""Copies that are a part of another picture, or turned: corners propose them and pixels confirm; nothing else is confirmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures.feature_votes import FEWEST_CORNERS, Corners, proposals
from runner.dataset.altered import Pictures, altered_copies
from runner.dataset.leaks import SelectedImages, find_leaks
from runner.domain.errors import FlywheelError
from runner.domain.files import write_json
from runner.domain.leaking import AlteredPair, Copies

SIDE = 240
cv2: Any = pytest.importorskip("cv2")


def photograph(seed: int) -> Any:
    """Shapes of all sizes before a soft background."""
    random = np.random.default_rng(seed)
    image = cv2.resize(
        random.integers(60, 200, (6, 6, 3), dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
    )
    for _ in range(60):
        place, colour = random.integers(0, SIDE, 2).tolist(), random.integers(0, 256, 3).tolist()
        size = int(random.integers(4, 40))
        corner = (place[0] + size, place[1] + int(random.integers(4, 40)))
        cv2.rectangle(image, place, corner, colour, -1) if random.random() < 0.5 else cv2.circle(
            image, place, size, colour, -1
        )
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def written(tmp_path: Path, **images: Any) -> tuple[list[str], Pictures]:
    files = []
    for name, image in images.items():
        files.append(tmp_path / f"{name}.png")
        cv2.imwrite(str(files[-1]), image)
    return list(images), Pictures(tmp_path, files, [f"id-of-{name}" for name in images])


@pytest.fixture
def known() -> dict[str, Any]:
    return {f"known{seed}": photograph(seed) for seed in range(4)}


def test_parts_turned_and_mirrored_copies_are_found_and_nothing_else(
    tmp_path: Path, known: dict[str, Any]
) -> None:
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 4, 1.2)
    names, pictures = written(
        tmp_path,
        cropped=known["known0"][30:190, 50:210],
        mirrored=np.ascontiguousarray(known["known1"][20:220, 10:230][:, ::-1]),
        turned=cv2.warpAffine(known["known2"], turn, (SIDE, SIDE)),
        other=photograph(99),
        **known,
    )
    found = altered_copies(pictures, [(range(4), range(4, 8))])
    assert {(names[copy.at], names[copy.near], copy.words) for copy in found} == {
        ("cropped", "known0", "cropped"),
        ("mirrored", "known1", "flipped, cropped"),
        ("turned", "known2", "cropped, turned"),
    }


def test_what_is_known_of_a_content_is_not_read_again(
    tmp_path: Path, known: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, pictures = written(tmp_path, cropped=known["known0"][30:190, 50:210], **known)
    before = altered_copies(pictures, [([0], range(1, 5))])
    monkeypatch.setattr("runner.dataset.altered.local_features", None)
    assert altered_copies(Pictures(tmp_path, pictures.files, pictures.ids), [([0], range(1, 5))]) == before


@pytest.mark.parametrize("lost", ["the folder cannot be written", "a part is damaged meanwhile"])
def test_what_cannot_be_kept_is_looked_at_all_the_same(
    tmp_path: Path, known: dict[str, Any], lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, pictures = written(tmp_path, cropped=known["known0"][30:190, 50:210], **known)
    if lost.startswith("the folder"):
        (tmp_path / ".flywheel").write_text("a file in its place")
    else:
        monkeypatch.setattr("runner.dataset.kept.KeptTable.find", lambda self, keys: ([], {}))
    (copy,) = altered_copies(pictures, [([0], range(1, 5))])
    assert (copy.at, copy.near, copy.words) == (0, 1, "cropped")


def test_a_file_that_is_gone_is_no_picture_without_corners(tmp_path: Path, known: dict[str, Any]) -> None:
    """What is said of its content would be kept, and believed when the file is back."""
    _, pictures = written(tmp_path, **known)
    pictures.files[0].unlink()
    with pytest.raises(FlywheelError):
        altered_copies(pictures, [([0], [1, 2])])


def test_an_image_is_no_copy_of_itself_or_of_the_same_file(tmp_path: Path, known: dict[str, Any]) -> None:
    _, pictures = written(tmp_path, **known)
    assert altered_copies(pictures, [(range(4), range(4))]) == []
    same = Pictures(tmp_path, pictures.files[:1] * 2, ["one"] * 2)
    assert altered_copies(same, [([0], [1])]) == []


def test_a_file_that_is_no_image_and_one_without_structure_have_no_copies(
    tmp_path: Path, known: dict[str, Any]
) -> None:
    _, pictures = written(tmp_path, grey=np.full((80, 80, 3), 90, np.uint8), broken=known["known0"], **known)
    pictures.files[1].write_bytes(b"no image")
    assert altered_copies(pictures, [([0, 1], range(2, 6))]) == []


def test_corners_that_many_pictures_have_count_less() -> None:
    """Everyone has corners 0 to 19; the second picture of theirs alone also has those that ours has besides."""
    random = np.random.default_rng(0)
    common, own = (random.integers(0, 256, (count, 32), dtype=np.uint8) for count in (20, FEWEST_CORNERS))
    others = [
        np.concatenate([common, random.integers(0, 256, (FEWEST_CORNERS, 32), dtype=np.uint8)])
        for _ in range(5)
    ]
    others[1] = np.concatenate([common, own])

    def corners(*pictures: Any) -> Corners:
        return Corners.of(np.stack(pictures), np.array([len(each) for each in pictures]))

    ours, nothing = (
        corners(np.concatenate([common, own])),
        Corners.of(np.zeros((1, 1, 32), np.uint8), np.zeros(1, np.int64)),
    )
    assert proposals(ours, nothing, corners(*others), 1).tolist() == [[1]]
    assert proposals(nothing, ours, corners(*others), 1).tolist() == [[1]]
    assert proposals(ours, nothing, corners(*others), 1, np.array([1])).tolist() != [[1]]
    assert proposals(nothing, nothing, corners(*others), 2).tolist() == [[-1, -1]]
    few = corners(own[: FEWEST_CORNERS - 1])
    assert proposals(few, nothing, corners(*others), 1).tolist() == [[-1]]


def test_what_the_check_found_is_a_leak_of_its_own_kind(tmp_path: Path) -> None:
    write_json(
        tmp_path / "copies.json",
        Copies(looked=True, altered=[AlteredPair(path="t", near_path="a", how="cropped")]),
    )
    from runner.dataset.leaks import _altered

    paths = ["a", "t"]
    images = SelectedImages(
        paths=paths,
        splits=np.array(["train", "test"], object),
        image_ids=["1", "2"],
        groups=paths,
        taken=None,
        looks=None,
        altered=_altered(tmp_path, paths),
    )
    (leak,) = find_leaks(images, distance=4)
    assert (leak.path, leak.kind, leak.near_path, leak.distance) == ("t", "altered copy", "a", None)
    assert _altered(tmp_path / "another", paths) == []
