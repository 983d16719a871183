"""A `python` that has its libraries imported already: it forks where another would start, and import for seconds.

A stage is `python -m runner.stages.run STAGE`, and nine tenths of what it costs in a small project are imports of torch,
pandas and others. In tests that `python` is the client of one server per test run (`python tests/warm.py SOCKET OWNER`),
which forks a process with the caller's streams, folder, arguments and environment. What runs, and that it is DVC which
starts it as a process of its own, is as ever. Tests of what a fresh process does (its environment when it imports, its
modules, how it is killed) are marked `fresh_processes`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import marshal
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock

MODULES = ("runner.stages.run", "runner.stages.benchmark", "runner.cli.main", "dvc")
# Not ultralytics, onnxruntime, openvino and nncf: they read the environment that a stage prepares for them (offline.py).
IMPORTED = (
    "runner.stages.kinds",
    *("dvc.cli", "dvc.repo", "dvc.commands.add"),
    *("numpy", "scipy", "pyarrow.parquet", "duckdb", "pandas", "cv2", "numba", "pycocotools.mask"),
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "great_expectations"),
    *("torch", "torchvision"),
)
START_S = 600
_BEGUN: list[subprocess.Popen[bytes]] = []

CLIENT = """\
#!{python} -IS
import marshal, os, _signal, _socket, struct, sys
arguments = sys.argv[1:]
safe = arguments[:1] == ["-P"]
if arguments[safe:safe + 1] != ["-m"] or arguments[safe + 1] not in {modules!r}:
    os.execv({python!r}, [{python!r}, *arguments])
if not os.path.exists({address!r}):
    if os.path.exists({address!r} + ".failed") or os.spawnv(
        os.P_WAIT, {python!r}, [{python!r}, {server!r}, {address!r}, {owner!r}]
    ):
        os.execv({python!r}, [{python!r}, *arguments])  # a test run without it is slower, and no other
asked = marshal.dumps((arguments[safe + 1:], safe, os.getcwd(), dict(os.environ)))
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({address!r})
streams = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("3i", 0, 1, 2))
server.sendmsg([struct.pack("!I", len(asked))], [streams])
server.sendall(asked)
process, = struct.unpack("!i", server.recv(4))
for number in (_signal.SIGTERM, _signal.SIGINT):
    _signal.signal(number, lambda number, frame: os.kill(process, number))
left = server.recv(4)
status = struct.unpack("!i", left)[0] if left else 70
if status < 0:
    _signal.signal(-status, _signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


def warm_python(folder: Path, owner: int) -> Path:
    """The client program: `python` in `folder/bin`, beside links to the other programs of this environment.

    Its server starts with the first question, if not before (`begin`), and ends when `owner` has ended. Call it under a lock.
    """
    program = folder / "bin" / "python"
    if not program.is_file():
        program.parent.mkdir(parents=True)
        for other in Path(sys.executable).parent.iterdir():
            if not other.name.startswith("python"):
                (program.parent / other.name).symlink_to(other)
        told = {"server": __file__, "address": str(folder / "socket"), "owner": str(owner)}
        program.write_text(CLIENT.format(python=sys.executable, modules=MODULES, **told))
        program.chmod(0o755)
    return program


def begin(folder: Path, owner: int) -> None:
    """Has the server of `warm_python` started now, in a process of its own, and waits for nothing."""
    starting = subprocess.Popen(
        [sys.executable, __file__, str(folder / "socket"), str(owner)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _BEGUN.append(starting)  # one that is forgotten while it runs is a warning


def start(address: Path, owner: str) -> None:
    """Starts the server, where nobody else does, and waits until it answers.

    Raises:
        RuntimeError: it does not start.
    """
    with FileLock(f"{address}.lock"):
        if Path(f"{address}.failed").exists():
            sys.exit(1)
        if address.exists():
            return
        (address.parent / "empty").mkdir(exist_ok=True)
        with (address.parent / "log").open("w") as log:
            server = subprocess.Popen(
                [sys.executable, "-P", __file__, str(address), owner, "serve"],
                cwd=address.parent / "empty",
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "GOMP_SPINCOUNT": "1000"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_S
        while not address.exists():
            if server.poll() is not None or time.monotonic() > until:
                Path(f"{address}.failed").touch()
                raise RuntimeError(f"the warm python did not start: {(address.parent / 'log').read_text()}")
            time.sleep(0.05)


def serve(address: str, owner: int) -> None:
    """Forks a process per question until `owner` is gone."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is never collected is never written, and pages that nobody writes are not copied
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(f"{address}.new")
    listening.listen(64)
    Path(f"{address}.new").rename(address)
    with selectors.DefaultSelector() as waiting:
        waiting.register(listening, selectors.EVENT_READ)
        while Path(f"/proc/{owner}").exists():
            for key, _ in waiting.select(timeout=1):
                if key.data is None:
                    _answer(listening, waiting)
                else:
                    _tell(key, waiting)


def _answer(listening: socket.socket, waiting: selectors.BaseSelector) -> None:
    asking, _ = listening.accept()
    message, streams, _, _ = socket.recv_fds(asking, 4, 3)
    asked = b""
    while len(asked) < struct.unpack("!I", message)[0]:
        asked += asking.recv(1 << 16)
    process = os.fork()
    if process == 0:
        listening.close()
        asking.close()
        _become(streams, *marshal.loads(asked))  # noqa: S302 - from our own client
    for each in streams:
        os.close(each)
    asking.sendall(struct.pack("!i", process))
    waiting.register(os.pidfd_open(process), selectors.EVENT_READ, (process, asking))


def _tell(key: selectors.SelectorKey, waiting: selectors.BaseSelector) -> None:
    """A process ended: whoever asked for it learns how."""
    process, asking = key.data
    waiting.unregister(key.fileobj)
    os.close(key.fd)
    _, status = os.waitpid(process, 0)
    with asking, suppress(OSError):
        asking.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))


def _become(
    streams: list[int], arguments: list[str], safe: bool, folder: str, environment: dict[str, str]
) -> NoReturn:
    """What a new interpreter does with its arguments, without the start."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    sys.executable = str(Path(sys.argv[1]).parent / "bin" / "python")
    sys.path[:0] = environment.get("PYTHONPATH", "").split(os.pathsep) if "PYTHONPATH" in environment else []
    if not safe and not environment.get("PYTHONSAFEPATH"):
        sys.path.insert(0, folder)
    sys.argv = ["-m", *arguments[1:]]
    status: Any = 0
    try:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        status = 1
    if not isinstance(status, int | None):
        print(status, file=sys.stderr)
        status = 1
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    if sys.argv[3:]:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        start(Path(sys.argv[1]), sys.argv[2])
