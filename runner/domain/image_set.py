"""A set of images as one line of text: small enough for git, exact enough to tell whether two sets share an image."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable

DIGEST_BYTES = 8
"""Of each image. Two sets of 50,000 images that share none seem to share one in 1 of 7 billion cases."""


def packed(image_ids: Iterable[str]) -> str:
    """The sorted digests of the ids, one after the other, in Base64: 10.7 characters per image; the empty text of none.

    Example:
        >>> packed(["a", "b"]) == packed(["b", "a", "b"])
        True
    """
    digests = {hashlib.sha256(image_id.encode()).digest()[:DIGEST_BYTES] for image_id in image_ids}
    return b64encode(b"".join(sorted(digests))).decode("ascii")


def unpacked(text: str) -> frozenset[bytes]:
    """The digests of a packed set.

    Raises:
        ValueError: the text is no packed set.

    Example:
        >>> len(unpacked(packed(["a", "b"])))
        2
    """
    try:
        content = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is no Base64") from error
    if len(content) % DIGEST_BYTES:
        raise ValueError("it is cut off")
    return frozenset(content[at : at + DIGEST_BYTES] for at in range(0, len(content), DIGEST_BYTES))
