"""The registry's artifacts: what the top-level dvc.yaml says that a registered name stands for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import yaml

from runner.adapters.dvc.metafiles import cache_path
from runner.adapters.dvc.repo import opened, quiet_dvc
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.records import Record

FILE = "dvc.yaml"


class ModelArtifact(Record, frozen=True, kw_only=True):
    """A model as `dvc artifacts` knows it; `path` is relative to the repository's top."""

    name: str
    path: str
    desc: str = ""
    labels: list[str] = []


def artifact_path(content: bytes, name: str) -> str | None:
    """Where a dvc.yaml's bytes say that an artifact lies; None where it names none, or is no such file.

    Example:
        >>> artifact_path(b"artifacts: {digits: {path: reports/0001-a/exports/onnx-fp32}}", "digits")
        'reports/0001-a/exports/onnx-fp32'
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return str(yaml.load(content.decode(), Loader=loader)["artifacts"][name]["path"])  # noqa: S506 - it is safe
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return None


def sprint_of(path: str | None) -> str | None:
    """The sprint in whose folder a path lies.

    Example:
        >>> sprint_of("reports/0001-a/exports/onnx-fp32")
        '0001-a'
        >>> sprint_of("models/best.onnx")
    """
    parts = (path or "").split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "reports" else None


def put_artifact(root: Path, artifact: ModelArtifact) -> None:
    """Writes the artifact into the top-level dvc.yaml through DVC, which keeps the rest of the file.

    Raises:
        FlywheelError: DVC refuses the name or the file (exit code 3).
    """
    path = root / FILE
    if path.is_symlink():
        raise _refused("it is a symbolic link", f"git rm {FILE}, and commit a file")
    with quiet_dvc(logging.NullHandler()):
        from dvc.annotations import Artifact
        from dvc.exceptions import DvcException

        try:
            with opened(root) as repo:
                repo.artifacts.read()  # DVC's own check of the file, before it is written
                repo.artifacts.add(
                    artifact.name,
                    Artifact(
                        path=artifact.path,
                        type="model",
                        desc=artifact.desc or None,
                        labels=list(artifact.labels),
                    ),
                    dvcfile=str(path),
                )
        except DvcException as error:
            raise _refused(
                str(error).strip().splitlines()[0], f"correct {FILE}, then run the same command again"
            ) from error


def in_remote(root: Path, hashes: Sequence[str]) -> bool | None:
    """Whether DVC's remote holds all objects; None where there is no remote, or it cannot be asked."""
    with quiet_dvc(logging.NullHandler()):
        from dvc.exceptions import DvcException

        try:
            with opened(root) as repo:
                odb = repo.cloud.get_remote_odb()
                return len(set(odb.oids_exist(list(hashes)))) == len(set(hashes))
        except (DvcException, OSError):
            return None


def require_in_remote(root: Path, hashes: Sequence[str], shown: str, hint: str) -> None:
    """Looks before a model is published whether others can fetch it.

    Args:
        shown: what the objects are of.
        hint: what to type where some are not there.

    Raises:
        FlywheelError: DVC has no remote, it cannot be asked, or it lacks some of the objects (exit code 5).
    """
    wanted = set(hashes)
    with quiet_dvc(logging.NullHandler()):
        from dvc.config import NoRemoteError
        from dvc.exceptions import DvcException

        try:
            with opened(root) as repo:
                absent = wanted - set(repo.cloud.get_remote_odb().oids_exist(sorted(wanted)))
        except NoRemoteError as error:
            raise _not_delivered(
                "DVC has no remote",
                "dvc remote add -d store URL, commit .dvc/config, dvc push, then run the same command again",
                ".dvc/config",
            ) from error
        except (DvcException, OSError) as error:
            raise _not_delivered(
                f"DVC's remote could not be asked: {str(error).strip().splitlines()[0]}",
                "look at it with: dvc remote list, dvc push",
                ".dvc/config",
            ) from error
    if absent:
        raise _not_delivered(
            f"DVC's remote lacks {len(absent)} of its {len(wanted)} stored objects",
            f"{hint}, then run the same command again",
            shown,
        )


def _not_delivered(message: str, hint: str, shown: str) -> FlywheelError:
    return FlywheelError(
        f"nothing was pushed, since nobody could fetch the model: {message}",
        where=Where(shown),
        hint=hint,
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def push_objects(root: Path, hashes: Sequence[str]) -> int:
    """Sends stored files from DVC's cache to its remote, a folder's listing after its files; returns how many were new.

    What the cache does not hold is left out; what the remote holds is not sent again.

    Raises:
        FlywheelError: there is no remote, it cannot be reached, or it does not take them (exit code 5).
    """
    wanted = [md5 for md5 in dict.fromkeys(hashes) if cache_path(root, md5).is_file()]
    listings = [md5 for md5 in wanted if md5.endswith(".dir")]
    sent = 0
    with quiet_dvc(logging.NullHandler()):
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        try:
            with opened(root) as repo:
                for part in ([md5 for md5 in wanted if md5 not in listings], listings):
                    result = repo.cloud.push([HashInfo("md5", md5) for md5 in part])
                    if result.failed:
                        raise _not_sent(f"{len(result.failed)} objects were not taken")
                    sent += len(result.transferred)
        except (DvcException, OSError) as error:
            raise _not_sent(str(error).strip().splitlines()[0]) from error
    return sent


def _not_sent(message: str) -> FlywheelError:
    return FlywheelError(
        f"the outputs could not be put into DVC's remote: {message}",
        where=Where(".dvc/config"),
        hint="look at it with: dvc remote list; in CI the secret FLYWHEEL_DVC_CONFIG of the environment `promote` may write",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def _refused(message: str, hint: str) -> FlywheelError:
    return FlywheelError(
        f"DVC could not name the model: {message}",
        where=Where(FILE),
        hint=hint,
        exit_code=ExitCode.STAGE_FAILED,
    )
