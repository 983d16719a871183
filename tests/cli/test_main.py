"""The command line's own behaviour: help, exit codes, one boundary for errors."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.cli import main as cli
from runner.cli.main import COMMANDS, build_parser, main
from runner.domain.errors import ConfigurationErrors, ExitCode, FlywheelError, Where
from runner.record.catalogue import sprint_folder

NAMES = (
    "init",
    "convert",
    "validate",
    "plan",
    "run",
    "report",
    "verify",
    "status",
    "next",
    "judge",
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
    "split",
    "doctor",
    "ci",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_commands_help_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  {'mkdir' if name == 'init' else 'flywheel ' + name}" in capsys.readouterr().out


def test_every_command_speaks_json() -> None:
    assert len(COMMANDS) == len(NAMES)
    for name in NAMES:
        extra = {
            "init": ["--data", "x"],
            "convert": ["x", "y"],
            "annotate": ["push"],
            "similar": ["x"],
            "judge": ["0001-a"],
            "verify": ["0001-a"],
            "promote": ["0001-a"],
            "compare": ["0001-a", "0002-b"],
            "ci": ["plan"],
            "query": ["true"],
        }.get(name, [])
        assert build_parser().parse_args([name, "--format", "json", *extra]).format == "json"


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def execute(options: object) -> int:
        raise error

    return doing(execute, monkeypatch)


def doing(execute: Callable[[object], int], monkeypatch: pytest.MonkeyPatch) -> int:
    """`flywheel status`, which does something else."""
    parser = build_parser()
    monkeypatch.setattr(cli, "build_parser", lambda asked: parser)
    parse = parser.parse_args

    def parse_args(arguments: list[str]) -> object:
        options = parse(arguments)
        options.execute = execute
        return options

    monkeypatch.setattr(parser, "parse_args", parse_args)
    return main(["status"])


def test_an_expected_error_is_told_with_place_and_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = FlywheelError(
        "is wrong", where=Where("a.yaml", 3, 7), hint="mend it", exit_code=ExitCode.STAGE_FAILED
    )
    assert failing(error, monkeypatch) == 3
    assert capsys.readouterr().err == "error: a.yaml:3:7: is wrong\n  hint: mend it\n"


def test_all_configuration_errors_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = ConfigurationErrors(
        [FlywheelError("one", where=Where("a", 1, 1)), FlywheelError("two", where=Where("a", 2, 1))]
    )
    assert failing(errors, monkeypatch) == 2
    assert (
        capsys.readouterr().err
        == "error: a:1:1: one\nerror: a:2:1: two\n2 configuration errors; nothing was run\n"
    )


def test_a_bug_is_one_line_without_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(ZeroDivisionError("division by zero"), monkeypatch) == 70
    assert capsys.readouterr().err.startswith(
        "error: unexpected ZeroDivisionError: division by zero\n  hint: this is a bug"
    )


def test_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(KeyboardInterrupt(), monkeypatch) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_paths_are_told_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lock = sprint_folder(tmp_path, "dvc.lock")
    error = FlywheelError("is broken", where=Where(str(lock)), hint=f"git checkout -- {lock}")
    assert failing(error, monkeypatch) == 2
    assert (
        capsys.readouterr().err
        == "error: reports/dvc.lock: is broken\n  hint: git checkout -- reports/dvc.lock\n"
    )


def test_what_the_system_refuses_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    error = OSError(errno.EROFS, "Read-only file system", str(tmp_path / ".flywheel"))
    assert failing(error, monkeypatch) == 3
    assert capsys.readouterr().err == (
        "error: .flywheel: could not be written: Read-only file system\n"
        "  hint: check the folder's permissions, then run the same command again\n"
    )
    assert failing(OSError(errno.EINVAL, "Invalid argument", "x"), monkeypatch) == 70


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on the device while writing"),
        (OSError(errno.EIO, "Input/output error", "data/a.jpg"), "data/a.jpg: could not be read: Input/output error"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", b"reports"), "reports: could not be read: Too many"),
        (OSError(errno.EMFILE, "Too many open files"), "could not be read: Too many open files"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "specs/x"), "specs/x: could not be read: No such"),
        (PermissionError(errno.EACCES, "Permission denied", "reports"), "reports: could not be written: Permission denied"),
        (MemoryError(), "memory ran out"),
    ],
)  # fmt: skip
def test_what_the_machine_lacks_is_said(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error, monkeypatch) == 3
    said = capsys.readouterr().err
    assert message in said
    assert "hint: " in said


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_output_that_is_not_utf8_has_replaced_characters(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under PYTHONIOENCODING=cp1252, or in a pipe on Windows."""

    def execute(options: object) -> int:
        print("≤ 0.5 → \udcff é")
        print("error ≤", file=sys.stderr)
        return 0

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert doing(execute, monkeypatch) == 0
    err.flush()
    assert out.buffer.getvalue().startswith(b"? 0.5 ? ? ")  # type: ignore[attr-defined]
    assert err.buffer.getvalue().startswith(b"error \\u2264")  # type: ignore[attr-defined]


def test_a_working_folder_that_was_removed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["status"]) == 3
    assert capsys.readouterr().err.startswith(
        "error: this folder was removed\n  hint: cd into one that is there"
    )


def test_a_reason_for_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "0001-a", "--reason", "we need it"]) == 2
    assert "--reason says why something is approved, and nothing is" in capsys.readouterr().err
