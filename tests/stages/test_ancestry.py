"""What a fine-tuned model has seen may not judge it, and what DVC's cache lacks is said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.adapters.dvc.metafiles import cache_path, file_md5
from runner.adapters.tables.parquet import write_table
from runner.domain.ancestor import Ancestor
from runner.domain.errors import FlywheelError
from runner.stages.ancestry import absent, require_unseen


def manifest(path: Path, images: Mapping[str, str | None]) -> Path:
    """A selection: image id → its split; those in capitals were dropped."""
    write_table(
        path,
        {
            "path": [f"images/{name}.jpg" for name in images],
            "image_id": list(images),
            "assigned": [split.lower() if split else None for split in images.values()],
            "selected": [bool(split) and str(split).islower() for split in images.values()],
            "reason": [""] * len(images),
        },
    )
    return path


def stored(root: Path, images: Mapping[str, str | None]) -> str:
    """A selection in DVC's cache; its hash."""
    file = manifest(root / "made.parquet", images)
    member = file_md5(file)
    listing = json.dumps([{"md5": member, "relpath": "manifest.parquet"}]).encode()
    digest = hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
    for md5, content in ((member, file.read_bytes()), (digest, listing)):
        cache_path(root, md5).parent.mkdir(parents=True, exist_ok=True)
        cache_path(root, md5).write_bytes(content)
    return digest


def one(sprint: str, selection: str, before: Ancestor | None = None) -> Ancestor:
    return Ancestor(
        sprint=sprint, path="weights/seed-0.safetensors", weights="w.dir", selection=selection, before=before
    )


def test_images_that_it_learnt_from_may_not_be_in_the_test_split(tmp_path: Path) -> None:
    own = manifest(tmp_path / "own.parquet", {"a": "train", "b": "test", "c": "test", "d": None})
    clean = one("0001-first", stored(tmp_path, {"a": "train", "b": "test", "c": "TRAIN", "d": "val"}))
    require_unseen(tmp_path, clean, own)
    seen = one("0001-first", stored(tmp_path, {"a": "test", "b": "val"}))
    with pytest.raises(
        FlywheelError, match=r"0001-first.* was trained on 1 images .*: images/b\.jpg"
    ) as found:
        require_unseen(tmp_path, seen, own)
    assert found.value.exit_code == 3
    later = one("0002-next", clean.selection, before=seen)
    with pytest.raises(
        FlywheelError, match="the model of 0001-first, from which training starts, was trained"
    ):
        require_unseen(tmp_path, later, own)


def test_what_is_not_known_is_not_taken_for_clean(tmp_path: Path) -> None:
    own = manifest(tmp_path / "own.parquet", {"a": "test"})
    with pytest.raises(FlywheelError, match="is not here, only its record is"):
        require_unseen(tmp_path, one("0001-first", "0" * 32 + ".dir"), own)
    known = stored(tmp_path, {"b": "train"})
    assert absent(tmp_path, one("0002-next", known, before=one("0001-first", "x.dir"))) == ["w.dir", "x.dir"]
