"""Why a storage gave no file, in words and with what to type: what botocore, s3fs, aiohttp and DVC raise, told by its names.

None of them is imported: which is installed depends on the storage. Source: botocore/exceptions.py, s3fs/errors.py (2026.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["credentials", "refused", "unreachable", "no bucket", "absent", "other"]

_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError"}
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "ClientConnectorError",
    "ClientConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "ConnectionTimeoutError",
    "ServerTimeoutError",
    "TimeoutError",
    "gaierror",
}
_REFUSED = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken", "Forbidden", "403")
_HINTS: dict[Kind, str] = {
    "credentials": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for one of ~/.aws/credentials; then run the "
    "same command again",
    "refused": "take credentials that may read it (s3:GetObject, s3:ListBucket); then run the same command again",
    "unreachable": "check the network and the address (AWS_ENDPOINT_URL, or DVC's: dvc remote list); then run the same command "
    "again: what was fetched is kept",
    "no bucket": "check its name where it is written (DVC's: dvc remote list) and the storage's address (AWS_ENDPOINT_URL)",
    "absent": "where it was made: upload it again (to DVC's remote: dvc push)",
    "other": "run the same command again: what was fetched is kept",
}


@dataclass(frozen=True, kw_only=True)
class StorageFault:
    """Why a file was not had. `words` is one line; `of_all` says that every other file fails for the same reason."""

    kind: Kind
    words: str

    @property
    def of_all(self) -> bool:
        return self.kind in ("credentials", "refused", "unreachable", "no bucket")

    @property
    def hint(self) -> str:
        """What to do."""
        return _HINTS[self.kind]


def fault_of(error: BaseException) -> StorageFault:
    """What an exception of a storage says.

    >>> fault_of(FileNotFoundError("a.jpg")).kind, fault_of(ConnectionRefusedError("no")).kind
    ('absent', 'unreachable')
    """
    chain = list(_chain(error))
    names = {type(each).__name__ for each in chain}
    said = " ".join(str(each) for each in chain)
    if names & _CREDENTIALS:
        return StorageFault(kind="credentials", words="there are no credentials for the storage")
    if "NoSuchBucket" in names or "bucket does not exist" in said:
        return StorageFault(kind="no bucket", words="there is no such bucket")
    if names & _UNREACHABLE:
        return StorageFault(kind="unreachable", words=f"the storage does not answer ({_line(error)})")
    if "PermissionError" in names or any(code in said for code in _REFUSED):
        return StorageFault(kind="refused", words=f"the storage refuses the credentials ({_line(error)})")
    if "FileNotFoundError" in names or "NoSuchKey" in names:
        return StorageFault(kind="absent", words="there is no such object")
    return StorageFault(kind="other", words=f"{type(error).__name__}: {_line(error)}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _line(error: BaseException) -> str:
    line = next(iter(str(error).strip().splitlines()), "no reason was given")
    return re.sub(r"\s+", " ", line)[:200]
