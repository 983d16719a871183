"""What the commands say that work with embeddings of images: `embed` and `similar`."""

from __future__ import annotations

from runner.domain.records import Record


class EmbeddedImages(Record, frozen=True, kw_only=True):
    """What `embed` ends with.

    Attributes:
        source, digest: the network, and what identifies it with its preparation and runtime.
        images: files; `contents`: how many differ; `new`: for how many of those there was no vector yet.
        unreadable: files that are no usable images.
        numbers: of each vector.
    """

    source: str
    digest: str
    images: int
    contents: int
    new: int
    unreadable: int
    numbers: int


class SimilarImage(Record, frozen=True, kw_only=True):
    """An image that looks alike.

    Attributes:
        cosine: of the two vectors, [-1, 1].
        identical: the files are the same, byte by byte.
    """

    path: str
    split: str | None
    cosine: float
    identical: bool


class SimilarImages(Record, frozen=True, kw_only=True):
    """What `similar` ends with.

    Attributes:
        image: as it was named, or relative to the dataset's folder where it is one of it.
        source: the network whose vectors were compared.
        nearest: the nearest first; images of the same content by their paths.
        sheet: the contact sheet's file, relative to the repository's top where it lies below.
    """

    image: str
    source: str
    nearest: list[SimilarImage]
    sheet: str
