"""What dvc.yaml's commands call: `python -m runner.stages.run STAGE`, inside the sprint's folder."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner.adapters.system import yaml_text
from runner.adapters.system.extras import missing_extra
from runner.adapters.system.private_folders import leave_working_folder
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_text, write_error
from runner.domain.records import StageFailure
from runner.record.catalogue import FAILURE, PARAMS, SELECTION
from runner.stages.kinds import Kind, kind_in
from runner.stages.stage import Stage, StageContext
from runner.stages.timings import record_timing

RUN_PID_VARIABLE = "FLYWHEEL_RUN_PID"
ORPHAN_WAIT_S = 30.0


def main(arguments: list[str]) -> int:
    """Runs one stage and returns the process's exit code; a failure is also written to failure.json."""
    folder = Path.cwd()
    kind = kind_in(folder)
    stage = kind.stage(arguments[0])
    root = folder.parents[
        1
    ]  # pipelines lie in reports/<sprint>/: no file on the way there makes another project
    _stop_with_the_run()
    leave_working_folder()  # libraries look there for configuration, which a commit may have brought
    try:
        with _only_stage_process(root, folder):
            _run(kind, stage, StageContext(root=root, folder=folder))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OSError as error:
        return _fail(root, folder, stage.name, write_error(Path(error.filename or folder), error))
    except FlywheelError as error:
        return _fail(root, folder, stage.name, error)
    except Exception as error:  # the process's boundary: every failure must reach the report
        missing = missing_extra(error) if isinstance(error, ModuleNotFoundError) else None
        if missing is not None:
            return _fail(root, folder, stage.name, missing)
        traceback.print_exc()
        bug = FlywheelError(
            f"unexpected {type(error).__name__}: {error}",
            hint="this is a bug in flywheel: please report it with the traceback above",
            exit_code=ExitCode.BUG,
        )
        return _fail(root, folder, stage.name, bug)
    return ExitCode.PASS


def _run(kind: Kind[Any], stage: Stage[Any], context: StageContext) -> None:
    (context.folder / FAILURE.name).unlink(missing_ok=True)
    document = yaml_text.load(read_text(context.folder / PARAMS.name))
    params = stage.params(document[stage.name])
    started = time.monotonic()
    stage.run(context, params)
    seconds = time.monotonic() - started
    selection = None
    with contextlib.suppress(FlywheelError):
        selection = SELECTION.read(context.folder)
    record_timing(context.folder, kind, stage.name, seconds, stage.work_of(params, selection))


def failure_of(root: Path, stage: str, error: FlywheelError) -> StageFailure:
    """An error as the record of a failure: it goes to git and into the report, where this machine's paths mean nothing."""
    return StageFailure(
        stage=stage,
        message=_shown(root, error.message),
        hint=_shown(root, error.hint) if error.hint else None,
        where=_shown(root, error.where) if error.where else None,
        exit_code=int(error.exit_code),
    )


def _shown(root: Path, text: object) -> str:
    return str(text).replace(f"{root}{os.sep}", "")


def _fail(root: Path, folder: Path, stage: str, error: FlywheelError) -> int:
    print(f"error: {stage}: {_shown(root, error)}", file=sys.stderr)
    failure = failure_of(root, stage, error)
    # A full disk may refuse this file too; the message is on stderr in any case.
    with contextlib.suppress(FlywheelError, OSError):
        FAILURE.write(folder, failure)
    return error.exit_code


@contextlib.contextmanager
def _only_stage_process(root: Path, folder: Path) -> Iterator[None]:
    """Waits for a stage process that a killed run left behind; it ends by itself within a second."""
    locks = root / ".flywheel" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(locks / f"{folder.parent.name}-{folder.name}.stage.lock", timeout=ORPHAN_WAIT_S):
            yield
    except Timeout:
        raise FlywheelError(
            "another process is running a stage of this sprint",
            hint="wait for it, or end it, and run again",
            exit_code=ExitCode.STAGE_FAILED,
        ) from None


def _stop_with_the_run() -> None:
    """Ends this process when the `flywheel run` that started it is gone, so that no orphan writes outputs."""
    run = os.environ.get(RUN_PID_VARIABLE)
    if run is None:
        return

    def watch(pid: int) -> None:
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                os._exit(ExitCode.INTERRUPTED)
            except PermissionError:
                return
            time.sleep(0.5)

    threading.Thread(target=watch, args=(int(run),), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
