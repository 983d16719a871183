"""Tasks on the machines of a Ray cluster: the one that RAY_ADDRESS names, else one of this machine alone.

Machines read the files that tasks name by their paths, in a folder that all of them share; small things travel with the task.
Every machine runs the same flywheel with the same libraries: a result says what made it, and one that something else made is refused.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from runner.adapters.system.machine import cpu_count
from runner.domain.errors import ExitCode, FlywheelError, Where

ADDRESS = "RAY_ADDRESS"
INSTALL = "pip install 'flywheel-vision[ray]'"
TRIES = 5  # of a task whose machine or process is lost
CONNECT_S = 10.0
LOOK_EVERY_S, ALONE_S = 5.0, 60.0  # at the machines while a result is waited for; without any
IN_FLIGHT = 4  # tasks to a worker that are handed out before the first result is asked for
_STORE_BYTES = 256 * 2**20
_LIBRARIES = ("numpy", "numba", "opencv-python", "openvino", "pillow")
_RUNNER = Path(__file__).parents[2]
# Ray counts its users, shows a dashboard and serves metrics; none of it is asked for.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray prints on this process's standard output which machines went away, where a command may be printing JSON.
    "RAY_DEDUP_LOGS": "1",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_enable_metrics_collection": "0",
}
_WITNESS = "executor-"

_connected: RayExecutor | None = None


class RayExecutor:
    """A cluster that this process is connected to."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._work = ray.remote(num_cpus=1, max_retries=TRIES, retry_exceptions=False)(_work)

    @property
    def workers(self) -> int:
        """The CPUs of the cluster as it is now."""
        return max(int(self._ray.cluster_resources().get("CPU", 0)), 1)

    def map(
        self, function: Callable[..., Any], tasks: Sequence[Any], *shared: Any, reads: Path | None = None
    ) -> Iterator[Any]:
        """As `Executor.map`."""
        with _witness(reads) as witness:
            common = [self._ray.put(each) for each in shared]
            waiting: deque[Any] = deque()
            for task in tasks:
                waiting.append(self._work.remote(function, witness, task, *common))
                if len(waiting) >= IN_FLIGHT * self.workers:
                    yield self._result(waiting.popleft())
            while waiting:
                yield self._result(waiting.popleft())

    def _result(self, reference: Any) -> Any:
        self._wait(reference)
        try:
            made_by, machine, failure, value = self._ray.get(reference)
        except (
            self._ray.exceptions.RayTaskError
        ) as error:  # nothing that a task says of itself: as it would be here
            raise (error.cause or error) from error
        except self._ray.exceptions.RayError as error:
            raise FlywheelError(
                f"Ray could not do a task, in {TRIES + 1} tries: {str(error).strip().splitlines()[0]}",
                hint="look at `ray status` and the logs of its machines, then run again: what was done is kept",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
        if made_by != fingerprint():
            raise FlywheelError(
                f"{machine} has another flywheel or other libraries than this machine: {_difference(made_by)}",
                hint="install the same versions on all machines, restart Ray there, and run again",
                exit_code=ExitCode.STAGE_FAILED,
            )
        if failure is not None:
            message, where, hint, exit_code = failure
            raise FlywheelError(
                message, where=where and Where(where), hint=hint, exit_code=ExitCode(exit_code)
            )
        return value

    def _wait(self, reference: Any) -> None:
        """Waits for a result; Ray itself waits for ever where no machine is left."""
        alone_since: float | None = None
        while not self._ray.wait([reference], timeout=LOOK_EVERY_S)[0]:
            if self._ray.cluster_resources().get("CPU", 0) > 0:
                alone_since = None
                continue
            alone_since = alone_since or time.monotonic()
            if time.monotonic() - alone_since > ALONE_S:
                raise FlywheelError(
                    f"no machine of the Ray cluster is left that could go on, for {ALONE_S:.0f} s",
                    hint="start some (ray start), then run again: what was done is kept",
                    exit_code=ExitCode.STAGE_FAILED,
                )


def connected() -> RayExecutor:
    """The cluster, connected to once a process.

    Raises:
        FlywheelError: Ray is not installed (exit code 4), or there is no cluster at the address.
    """
    global _connected
    if _connected is None:
        _connected = RayExecutor(_initialised(os.environ.get(ADDRESS)))
    return _connected


def disconnect() -> None:
    """Leaves the cluster; one that was started here ends."""
    global _connected
    if _connected is not None:
        import ray

        ray.shutdown()
        _connected = None


def _initialised(address: str | None) -> Any:
    import logging

    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ray":
            raise
        raise FlywheelError(
            "this installation is without the extra `ray`, which `compute: {executor: ray}` needs",
            hint=f"{INSTALL}; or take `executor` out of flywheel.yaml",
            exit_code=ExitCode.MISSING_TOOL,
        ) from error
    if address is not None:
        _require_listening(address)
    own: dict[str, Any] = {}
    if address is None:  # sockets lie below it, and their paths may have about a hundred characters
        own = {
            "num_cpus": cpu_count(),
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
            "_temp_dir": str(Path(tempfile.gettempdir()) / "ray"),
        }
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            configure_logging=True,
            namespace="flywheel",
            **own,
        )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unreachable(address, error) from error
    return ray


def _require_listening(address: str) -> None:
    """Ray itself would try for more than five minutes."""
    import socket

    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not port.isdecimal():  # `auto`, `local`
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, error: Exception) -> FlywheelError:
    why = (str(error).strip() or type(error).__name__).splitlines()[0]
    if address is None:
        return FlywheelError(f"Ray does not start on this machine: {why}", exit_code=ExitCode.STAGE_FAILED)
    return FlywheelError(
        f"no Ray cluster can be joined at {address} ({ADDRESS}): {why}",
        hint=f"ray start --address={address} on this machine too; a cluster with a token asks everybody for it "
        f"(RAY_AUTH_MODE=token, RAY_AUTH_TOKEN); or, to use this machine alone: unset {ADDRESS}",
        exit_code=ExitCode.STAGE_FAILED,
    )


@contextmanager
def _witness(folder: Path | None) -> Iterator[tuple[str, str] | None]:
    """A file by which a machine knows that it sees this very folder, and not an empty one of the same name."""
    if folder is None:
        yield None
        return
    place = folder / ".flywheel"
    place.mkdir(exist_ok=True)
    token = secrets.token_hex(16)
    file = place / f"{_WITNESS}{os.getpid()}-{token[:8]}"
    file.write_text(token, "ascii")
    try:
        yield str(file.absolute()), token
    finally:
        file.unlink(missing_ok=True)


def _work(function: Callable[..., Any], witness: tuple[str, str] | None, task: Any, *shared: Any) -> Any:
    """One task, on one of the machines: what made the result, where, what went wrong, and the result."""
    import socket

    made_by, machine = fingerprint(), socket.gethostname()
    if witness is not None and not _sees(*witness):
        folder = str(Path(witness[0]).parents[1])
        message = f"{machine} does not see the folder {folder}, as this machine does"
        hint = "Ray's machines read images by their paths: mount the project's folder at the same place on all of them"
        return made_by, machine, (message, None, hint, int(ExitCode.STAGE_FAILED)), None
    try:
        return made_by, machine, None, function(task, *shared)
    except FlywheelError as error:
        where = None if error.where is None else str(error.where)
        return made_by, machine, (error.message, where, error.hint, int(error.exit_code)), None


def _sees(file: str, token: str) -> bool:
    try:
        return Path(file).read_text("ascii") == token
    except OSError:
        return False


@cache
def fingerprint() -> dict[str, str]:
    """What results depend on, inputs aside: flywheel's code, and the libraries that compute."""
    import hashlib
    import platform
    from importlib.metadata import PackageNotFoundError, version

    code = hashlib.sha256()
    for file in sorted(_RUNNER.rglob("*.py")):
        code.update(file.relative_to(_RUNNER).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    found = {"flywheel": code.hexdigest()[:16], "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _difference(other: dict[str, str]) -> str:
    own = fingerprint()
    return ", ".join(
        f"{name} {other.get(name)} there, {own[name]} here" for name in own if other.get(name) != own[name]
    )
