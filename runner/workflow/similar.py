"""`similar`: which images of the project look most like one."""

from __future__ import annotations

from pathlib import Path

from runner.adapters.system import executors
from runner.config.project import Project
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_bytes
from runner.embeddings import AnySource
from runner.embeddings.kept import KeptVectors
from runner.record.embedded import SimilarImage, SimilarImages
from runner.workflow.embedding import Pictured, Say, pictured, setting_of

SHEETS = ".flywheel/similar"  # git-ignored
_SHOWN = 26  # of a path below a tile


def similar(
    root: Path,
    project: Project,
    image: Path,
    source: AnySource,
    *,
    top: int,
    sheet: Path | None = None,
    pull: bool = False,
    say: Say,
) -> SimilarImages:
    """The images of the dataset that look most like one, and a contact sheet of them.

    Args:
        image: a file, or the path of an image relative to the dataset's folder.
        top: how many.
        sheet: where the contact sheet is written; in `SHEETS` when None.

    Raises:
        FlywheelError: there is no such image, it cannot be read, or it is alone; the data or the source is not here; a file is
            there already where the sheet is to be written.
    """
    if sheet is not None and sheet.exists():
        raise FlywheelError(
            "it is there already", where=Where(str(sheet)), hint="name another file for --sheet"
        )
    file = _file(root, project, image)
    with executors.chosen(project.compute.executor_name):
        images, _ = pictured(root, project)
    asked = _asked(root, project, file)
    others = [each for each in images if each.path != asked.path]
    if not others:
        raise FlywheelError("there is no other image in the dataset", where=Where(project.dataset.path))
    vectors = KeptVectors(source, setting_of(root, project, pull=pull, say=say))
    with executors.chosen(project.compute.executor_name):
        vectors.complete({each.image_id: each.file for each in others})
    vectors.complete({asked.image_id: asked.file})  # which may lie where no other machine sees it
    near = _nearest(vectors, asked, others, top)
    target = sheet or root / SHEETS / f"{asked.image_id[:16]}.png"
    write_bytes(target, _drawn(asked, near))
    return SimilarImages(
        image=asked.path,
        source=source.name,
        nearest=[
            SimilarImage(
                path=each.path,
                split=each.split,
                cosine=round(cosine, 6),
                identical=each.image_id == asked.image_id,
            )
            for each, cosine in near
        ],
        sheet=target.relative_to(root).as_posix() if target.is_relative_to(root) else str(target),
    )


def _file(root: Path, project: Project, image: Path) -> Path:
    data = root / project.dataset.path
    for file in (image, data / image):
        if file.is_file():
            return file.resolve()
    raise FlywheelError(
        "there is no such image, neither here nor in the dataset",
        where=Where(str(image)),
        hint=f"name a file, or an image by its path in {project.dataset.path}/",
    )


def _asked(root: Path, project: Project, file: Path) -> Pictured:
    """The image that was named, which may be one of the dataset.

    Raises:
        FlywheelError: it is no usable image.
    """
    from runner.adapters.pictures.measured_images import measure_image

    measured = measure_image(file)
    if measured.problem is not None:
        raise FlywheelError(f"it cannot be used: {measured.problem}", where=Where(str(file)))
    data = (root / project.dataset.path).resolve()
    path = file.relative_to(data).as_posix() if file.is_relative_to(data) else str(file)
    return Pictured(path=path, file=file, image_id=measured.image_id, split=None)


def _nearest(
    vectors: KeptVectors, asked: Pictured, others: list[Pictured], top: int
) -> list[tuple[Pictured, float]]:
    from runner.dataset.neighbours import nearest

    found = nearest(vectors.get([asked.image_id]), vectors.get([each.image_id for each in others]), top)
    pairs = zip(found.position[0].tolist(), found.cosine[0].tolist(), strict=True)
    return [(others[position], cosine) for position, cosine in pairs]


def _drawn(asked: Pictured, near: list[tuple[Pictured, float]]) -> bytes:
    from runner.adapters.pictures.contact_sheet import Tile, contact_sheet

    tiles = [Tile(file=asked.file, lines=["the image itself", _end(Path(asked.path).name)])]
    for each, cosine in near:
        same = ", the same file" if each.image_id == asked.image_id else ""
        split = f" ({each.split})" if each.split else ""
        tiles.append(Tile(file=each.file, lines=[f"{cosine:.3f}{split}{same}", _end(each.path)]))
    return contact_sheet(tiles)


def _end(path: str) -> str:
    """The end of a path, which tells more than its beginning.

    >>> _end("images/train/2026-11-30/camera-3/000017.jpg"), _end("a.jpg")
    ('…11-30/camera-3/000017.jpg', 'a.jpg')
    """
    return path if len(path) <= _SHOWN else f"…{path[1 - _SHOWN :]}"
