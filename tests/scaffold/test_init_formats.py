"""`flywheel init` on formats that need more than their layout's name: options in a block, images that are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import mini_datasets
import pytest

from runner.adapters.tables.parquet import write_table
from runner.config.load import load_project, validate
from runner.domain.errors import FlywheelError
from runner.layouts.manifest import ManifestLayout
from runner.layouts.voc import VocLayout
from runner.scaffold.init import initialise
from runner.stages import index

SPLITS = ("train",) * 12 + ("val",) * 4 + ("test",) * 4


def adopt(target: Path, data: Path) -> None:
    initialise(target, data, name=None, weights=None, layout=None)


@pytest.fixture
def remote() -> Iterator[Any]:
    yield (files := fsspec.filesystem("memory"))
    if files.exists("/init"):
        files.rm("/init", recursive=True)


def manifest(folder: Path, uris: list[str]) -> None:
    rows = len(uris)
    columns = {
        "uri": uris, "split": SPLITS[:rows], "classes": [["cat", "dog"]] * rows,
        "boxes": [[[10.0, 10.0, 60.0, 50.0], [64.0, 10.0, 100.0, 50.0]]] * rows,
        "camera": [("north", "south")[row % 2] for row in range(rows)],
    }  # fmt: skip
    write_table(folder / "manifest.parquet", columns)


def test_a_manifest_of_urls_becomes_a_project_with_the_images_in_it(tmp_path: Path, remote: Any) -> None:
    source, target = tmp_path / "pets", tmp_path / "project"
    for number in range(len(SPLITS)):
        mini_datasets.write_image(tmp_path / "a.jpg", number)
        remote.pipe(f"/init/{number:02}.jpg", (tmp_path / "a.jpg").read_bytes())
    source.mkdir()
    uris = [f"memory://init/{number:02}.jpg" for number in range(len(SPLITS))]
    manifest(source, [*uris[:-1], "memory://init/lost.jpg"])
    with pytest.raises(FlywheelError) as refused:
        adopt(target, source)
    assert str(refused.value) == (
        f"{target}/.data.fetched/manifest.parquet: 1 of 20 images could not be fetched:\n"
        "  memory://init/lost.jpg: file not found\n"
        "  hint: correct these rows or the access to them, then run the same command again: what was fetched is kept"
    )
    manifest(source, uris)
    adopt(target, source)
    assert validate(target) == []
    project = load_project(target)
    assert project.dataset.layout == ManifestLayout(metadata=["camera"])
    assert "layout: {format: manifest, metadata: [camera]}" in (target / "flywheel.yaml").read_text()
    images = index.build(target, index.resolve(project)).tables.images
    assert images["readable"].all()
    assert set(images["camera"]) == {"north", "south"}
    assert [path.name for path in source.iterdir()] == ["manifest.parquet"]
    assert not (target / ".data.fetched").exists()
    written = (target / "data.dvc").read_bytes()
    adopt(target, source)  # nothing is fetched or copied again
    assert (target / "data.dvc").read_bytes() == written


def test_options_that_the_folder_needs_are_written_into_the_project(tmp_path: Path) -> None:
    source = tmp_path / "pets"
    for number, split in enumerate(SPLITS):
        mini_datasets.write_image(source / split / f"{number}.jpg", number)
        box = "<xmin>0</xmin><ymin>5</ymin><xmax>60</xmax><ymax>50</ymax>"
        text = f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
        (source / split / f"{number}.xml").write_text(text)
    adopt(tmp_path / "project", source)
    assert validate(tmp_path / "project") == []
    project = load_project(tmp_path / "project")
    assert project.dataset.layout == VocLayout(corners="zero-based")
    objects = index.build(tmp_path / "project", index.resolve(project)).tables.objects
    assert set(objects["x_min"]) == {0.0}
    assert set(objects["y_min"]) == {5.0}
