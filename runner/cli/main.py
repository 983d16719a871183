"""The console script `flywheel`: arguments, and the one boundary where errors become exit codes."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner import __version__
from runner.domain.errors import ConfigurationErrors, ExitCode, FlywheelError

if TYPE_CHECKING:  # `build_parser` imports them by name
    from runner.cli import (  # noqa: F401
        ablate,
        annotate,
        batch,
        ci,
        clean,
        compare,
        convert,
        doctor,
        embed,
        history,
        init,
        judge,
        plan,
        promote,
        query,
        report,
        rollback,
        run,
        score,
        select,
        similar,
        simulate,
        split,
        status,
        validate,
        verify,
    )

# What the system refuses to whoever writes; the rest is met while reading.
_WRITING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOTDIR)
_OURS = (None, errno.EINVAL, errno.EBADF, errno.EDOM)  # nobody's files, permissions or disks

COMMANDS = (
    "init",
    "convert",
    "split",
    "validate",
    "plan",
    "run",
    "report",
    "judge",
    "verify",
    "status",
    "next",
    "compare",
    "promote",
    "rollback",
    "history",
    "query",
    "select",
    "score",
    "batch",
    "annotate",
    "clean",
    "ablate",
    "simulate",
    "embed",
    "similar",
    "doctor",
    "ci",
)

EPILOG = """\
example:
  flywheel plan 0001-first-model     what will run, and why
  flywheel run 0001-first-model      run it, and print the report

exit codes:
  0 every gate passed   1 a gate failed, was inconclusive or not measured   2 invalid configuration
  3 a stage failed      4 a tool or an extra is missing                     5 publishing failed
  70 a bug in flywheel  130 interrupted
"""


def build_parser(asked: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; of the one that is asked for alone, where there is such a command: so it starts sooner."""
    parser = argparse.ArgumentParser(
        prog="flywheel",
        description="Declarative sprints for data-centric vision AI: one YAML spec each, judged on evidence.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"flywheel {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        importlib.import_module(f"runner.cli.{name}").add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the process's exit code."""
    _tolerate_any_encoding()
    asked = sys.argv[1:] if arguments is None else arguments
    options = build_parser(next(iter(asked), None)).parse_args(asked)
    try:
        code = int(options.execute(options))
        sys.stdout.flush()
        return code
    except ConfigurationErrors as errors:
        return _configuration_errors(errors)
    except FlywheelError as error:
        if options.debug:
            raise
        print(f"error: {_from_here(error)}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted; nothing that was finished is lost: run the same command again", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.PASS)
    except (OSError, MemoryError) as error:
        if options.debug or (isinstance(error, OSError) and error.errno in _OURS):
            return _bug(error, debug=options.debug)
        refused = _refused(error)
        print(f"error: {_from_here(refused)}", file=sys.stderr)
        return int(refused.exit_code)
    except Exception as error:  # the one boundary: whatever else happens is a bug, said in one line
        return _bug(error, debug=options.debug)


def _refused(error: OSError | MemoryError) -> FlywheelError:
    """What the system does not allow, or has no room for, is nobody's bug."""
    from runner.domain.files import read_error, write_error

    if isinstance(error, MemoryError):
        return FlywheelError(
            "memory ran out",
            hint="close what else runs, or use a machine with more memory; nothing that was finished is lost",
            exit_code=ExitCode.STAGE_FAILED,
        )
    here = _here()
    if here is None:
        return FlywheelError(
            "this folder was removed",
            hint="cd into one that is there, then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        )
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else here
    return write_error(path, error) if error.errno in _WRITING else read_error(path, error)


def _tolerate_any_encoding() -> None:
    """A terminal or pipe of another encoding than UTF-8 gets `?` for what it has no character for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if stream is sys.stdout else "backslashreplace")


def _bug(error: Exception, *, debug: bool) -> int:
    if debug:
        raise error
    if isinstance(error, ModuleNotFoundError):
        from runner.adapters.system.extras import missing_extra

        missing = missing_extra(error)
        if missing is not None:  # a light installation: no bug
            print(f"error: {missing}", file=sys.stderr)
            return int(missing.exit_code)
    print(f"error: unexpected {type(error).__name__}: {error}", file=sys.stderr)
    print(
        "  hint: this is a bug in flywheel; run again with --debug and report the traceback", file=sys.stderr
    )
    return int(ExitCode.BUG)


def _configuration_errors(errors: ConfigurationErrors) -> int:
    for error in errors.errors:
        print(f"error: {_from_here(error)}", file=sys.stderr)
    count = len(errors.errors)
    print(f"{count} configuration error{'s' if count != 1 else ''}; nothing was run", file=sys.stderr)
    return int(ExitCode.INVALID_CONFIGURATION)


def _from_here(error: FlywheelError) -> str:
    """The error's text, its paths as one would type them in this folder."""
    here = _here()
    return str(error) if here is None else str(error).replace(f"{here}{os.sep}", "")


def _here() -> Path | None:
    """The working folder; None when it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
