"""`.dvc/config.local` for as long as a job needs it: where its credentials come from the environment."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from runner.adapters.dvc.cache_place import LOCAL_CONFIGURATION
from runner.domain.errors import FlywheelError, Where

VARIABLE = "FLYWHEEL_DVC_CONFIG"
_SECRET_CHARACTERS = 6  # shorter values are options
# Source: `dvc.config_schema` of DVC 3.67, the options of remotes that grant access.
_SECRET = re.compile(r"secret|passw|passphrase|token|(^|_)key|connection_string|sas|credential")
_PLACE = re.compile(r"(path|file)$|^ask_")
_IN_URL = re.compile(r"://[^/@\s:]*:([^/@\s]+)@")


@contextmanager
def local_configuration(root: Path, variables: MutableMapping[str, str]) -> Iterator[list[str]]:
    """Writes the variable's text to `.dvc/config.local`, readable by its owner alone, and removes it however the block ends.

    The variable is taken away meanwhile, so that no process that is started inherits it. Nothing happens where it is
    not set, or empty.

    Yields:
        What in it is secret: no file that leaves the job may hold one of these.

    Raises:
        FlywheelError: there is such a file already, or no folder for it.
    """
    text = variables.pop(VARIABLE, "")
    if not text.strip():
        yield []
        return
    path = root / LOCAL_CONFIGURATION
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        variables[VARIABLE] = text
        raise FlywheelError(
            f"{VARIABLE} cannot be written there: {error.strerror}",
            where=Where(LOCAL_CONFIGURATION),
            hint=f"remove it, or leave {VARIABLE} away: the job would not change a file that is yours",
        ) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else f"{text}\n")
        yield secrets_of(text)
    finally:
        path.unlink(missing_ok=True)
        variables[VARIABLE] = text


def secrets_of(text: str) -> list[str]:
    r"""The values of a DVC configuration that grant access.

    >>> secrets_of("[core]\n  remote = store\n['remote store']\n  url = s3://bucket\n  secret_access_key = canary-1234\n")
    ['canary-1234']
    """
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:  # not for us to judge: then every long word of it is kept back
        return sorted({word for word in text.split() if len(word) >= _SECRET_CHARACTERS})
    options = [option for section in parser.sections() for option in parser.items(section)]
    granting = [value for name, value in options if _SECRET.search(name) and not _PLACE.search(name)]
    values = {value.strip() for value in (*granting, *_IN_URL.findall(text))}
    return sorted(value for value in values if len(value) >= _SECRET_CHARACTERS)
