"""An S3-compatible server in threads of this process: moto's, which speaks S3's protocol over HTTP and keeps objects in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

BUCKET = "pictures"
KEY = "flywheel-test"


@dataclass(frozen=True)
class ObjectStore:
    """A running server with one bucket."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What tells any S3 client to go there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def __setitem__(self, key: str, content: bytes) -> None:
        _backend().put_object(BUCKET, key, content)

    def __getitem__(self, key: str) -> bytes:
        return bytes(_backend().get_object(BUCKET, key).value)

    def __delitem__(self, key: str) -> None:
        _backend().delete_object(BUCKET, key)


def _backend() -> Any:
    """The server's own memory, which needs no request."""
    from moto.s3.models import s3_backends

    return s3_backends["123456789012"]["aws"]


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    pytest.importorskip("s3fs", reason="pip install 'flywheel-vision[s3]'")
    pytest.importorskip("dvc_s3", reason="pip install 'flywheel-vision[s3]'")
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        _backend().create_bucket(BUCKET, "us-east-1")
        host, port = running.get_host_and_port()
        yield ObjectStore(url=f"http://{host}:{port}")
    finally:
        _backend().reset()
        running.stop()
