"""What DVC raises about its own files and plugins, as errors that say what to type."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.adapters.dvc.cache_place import CONFIGURATION, LOCAL_CONFIGURATION, invalid_configuration
from runner.domain.conflicts import unfinished_merge
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_text

_READ = (CONFIGURATION, LOCAL_CONFIGURATION, ".dvcignore")
_LIBRARIES = ("dvc_data", "dvc_objects", "scmrepo", "sqltrie", "diskcache", "configobj", "fsspec")
# Scheme of a remote's address → the package that reaches it, and what is imported. Source: DVC 3.67, extras of pyproject.toml.
_PLUGINS = {
    "s3": ("dvc-s3", "dvc_s3"),
    "gs": ("dvc-gs", "dvc_gs"),
    "azure": ("dvc-azure", "dvc_azure"),
    "ssh": ("dvc-ssh", "dvc_ssh"),
    "gdrive": ("dvc-gdrive", "dvc_gdrive"),
    "oss": ("dvc-oss", "dvc_oss"),
    "hdfs": ("dvc-hdfs", "dvc_hdfs"),
    "webhdfs": ("dvc-webhdfs", "dvc_webhdfs"),
    "webdav": ("dvc-webdav", "dvc_webdav"),
    "webdavs": ("dvc-webdav", "dvc_webdav"),
}


def missing_plugin(url: str) -> str | None:
    """The package that reaches a remote's address and is not installed; None where nothing is missing.

    >>> missing_plugin("/mnt/store") is None
    True
    """
    package, module = _PLUGINS.get(url.partition("://")[0] if "://" in url else "", ("", ""))
    return package if package and importlib.util.find_spec(module) is None else None


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turns what DVC says of its configuration, its files, its lock and its plugins into one sentence with a command.

    What it says of a remote that does not answer stays as it is, for whoever asked.

    Raises:
        FlywheelError: a plugin is missing (exit code 4); the configuration is not valid (2); a file is spoiled, or DVC's lock
            is held (3).
    """
    from dvc.config import ConfigError, RemoteConfigError
    from dvc.lock import LockError
    from dvc.utils.serialize import ParseError
    from dvc.utils.strictyaml import YAMLFileCorruptedError, YAMLValidationError
    from dvc_data.hashfile.build import IgnoreInCollectedDirError
    from dvc_objects.fs.errors import ConfigError as RemoteOptionError
    from dvc_objects.fs.errors import RemoteMissingDepsError

    for name in _READ:
        if (root / name).is_file():
            unfinished = unfinished_merge(name, read_text(root / name).encode())
            if unfinished is not None:
                raise unfinished
    try:
        yield
    except RemoteMissingDepsError as error:
        raise _without_plugin(error.protocol) from error
    except ImportError as error:
        scheme = re.match(r"(\w+) is supported, but requires", str(error))
        if scheme is None:
            raise
        raise _without_plugin(scheme[1]) from error
    except RemoteConfigError:
        raise
    except (ConfigError, RemoteOptionError) as error:
        raise invalid_configuration(error, Where(CONFIGURATION)) from error
    except (ParseError, YAMLFileCorruptedError, YAMLValidationError) as error:
        raise _spoiled(root, error) from error
    except IgnoreInCollectedDirError as error:
        raise _ignores(root, error) from error
    except LockError as error:
        raise FlywheelError(
            "another DVC process holds the repository's lock",
            where=Where(".dvc/tmp/lock"),
            hint="wait until it ends (ps aux | grep dvc), then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _LIBRARIES and not _raised_in_dvc(error):
            raise
        raise FlywheelError(
            f"DVC cannot go on, as when one of its files was edited: {type(error).__name__}: {_first_line(error)}",
            where=Where(".dvc"),
            hint="compare them with git's: git status -- '*.dvc' '*dvc.lock' .dvc; then look at it with: dvc status",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def _raised_in_dvc(error: Exception) -> bool:
    """Whether DVC's own code stumbled: a KeyError of its own is no bug of whoever called it."""
    from dvc.exceptions import DvcException

    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    known = isinstance(error, DvcException | OSError)  # for whoever asked
    return not known and module.partition(".")[0] in (*_LIBRARIES, "dvc", "voluptuous", "ruamel")


def pin_state() -> None:
    """DVC's state lies where it does by default, or where the environment says, whatever `core.site_cache_dir` names.

    DVC unpickles, that is executes, what it finds there, and `.dvc/config` may be a pull request's.
    """
    from dvc.dirs import site_cache_dir

    os.environ["DVC_SITE_CACHE_DIR"] = site_cache_dir(None)


def _without_plugin(scheme: str) -> FlywheelError:
    package = _PLUGINS.get(scheme, (f"dvc-{scheme}", ""))[0]
    return FlywheelError(
        f"the remote's address begins with {scheme}://, and DVC's plugin for it is not installed",
        where=Where(CONFIGURATION),
        hint=f"pip install {package}",
        exit_code=ExitCode.MISSING_TOOL,
    )


def _spoiled(root: Path, error: Exception) -> FlywheelError:
    path = str(getattr(error, "relpath", None) or getattr(error, "path", "") or "")
    named = Path(path)
    if named.is_absolute() and named.is_relative_to(root):
        path = named.relative_to(root).as_posix()
    path = path.removeprefix("./")
    content = (root / path).read_bytes() if path and (root / path).is_file() else b""
    unfinished = unfinished_merge(path, content)
    if unfinished is not None:
        return unfinished
    return FlywheelError(
        f"not a file that DVC can read: {_first_line(error)}",
        where=Where(path or "dvc.lock"),
        hint=f"correct it, or take git's: git checkout -- {path}" if path else "look at it with: dvc status",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _ignores(root: Path, error: Exception) -> FlywheelError:
    found = re.search(r"path: '(.*)'$", _first_line(error))
    folder = Path(found[1]) if found else root
    shown = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
    return FlywheelError(
        "DVC accepts no .dvcignore inside a folder that it tracks",
        where=Where(f"{shown}/.dvcignore"),
        hint=f"rm {shown}/.dvcignore; what it leaves out is named in .dvcignore at the repository's top: {shown}/PATTERN",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
