"""Where the images of a manifest are: relative paths as they are, URLs below `remote/`."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

REMOTE = "remote"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_UNSAFE = re.compile(r"[^A-Za-z0-9._/ ()+=-]|(?<![^/])\.+(?![^/])|(?<![^/])\.")


def is_remote(uri: str) -> bool:
    """Whether it is a URL.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("images/a.jpg")
    (True, False)
    """
    return bool(_SCHEME.match(uri))


def local_path(uri: str) -> str | None:
    """Where an image lies, relative to the dataset; None for a path that leads elsewhere.

    A URL's place says where it came from; a digest is added where characters had to be left out of it.

    >>> local_path("images/a.jpg"), local_path("../a.jpg"), local_path("/a.jpg")
    ('images/a.jpg', None, None)
    >>> local_path("s3://bucket/x/a.jpg")
    'remote/s3/bucket/x/a.jpg'
    >>> local_path("https://host/a.jpg?size=2")
    'remote/https/host/a-de7171fe.jpg'
    """
    match = _SCHEME.match(uri)
    if match is None:
        path = PurePosixPath(uri.replace("\\", "/"))
        inside = (
            path.parts and not path.is_absolute() and ".." not in path.parts and path.parts[0][1:2] != ":"
        )
        return path.as_posix() if inside else None
    plain = uri[match.end() :].split("?")[0].split("#")[0]
    safe = PurePosixPath(_UNSAFE.sub("_", plain.lstrip("/")) or "image")
    if safe.as_posix() != uri[match.end() :].lstrip("/"):
        digest = hashlib.sha256(uri.encode()).hexdigest()[:8]
        safe = safe.with_name(f"{safe.stem}-{digest}{safe.suffix}")
    return PurePosixPath(REMOTE, match.group(1).lower(), safe).as_posix()
