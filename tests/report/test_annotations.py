"""Annotations: whole lines, escaped as GitHub reads them; what is printed in between is obeyed by nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from runner.planning.proposal import ConfigProblem
from runner.report.annotations import command, of_problems, print_problems, untrusted

HOSTILE = "x\n::set-env name=PATH::/evil\r\n::error::y\n##[add-mask]z 100 %"


def obeyed(lines: list[str]) -> list[str]:
    """What GitHub's runner would obey: as its ActionCommand.TryParseV2 and TryParse, with stop-commands."""
    stopped, found = "", []
    for line in lines:
        plain = line.strip()
        if stopped:
            stopped = "" if plain == f"::{stopped}::" else stopped
        elif plain.startswith("::stop-commands::"):
            stopped = plain.removeprefix("::stop-commands::")
        elif re.match(r"::[a-z-]+( .*)?::", plain) or "##[" in line:
            found.append(line)
    assert not stopped, "the job's own commands would be dead"
    return found


def test_a_problem_is_an_error_at_its_place() -> None:
    problems = [
        ConfigProblem(
            file="specs/0003-a.yaml", line=12, column=3, message='unknown option "epoch"', hint="epochs?"
        ),
        ConfigProblem(file="specs/b,c:d.yaml", message="not a spec's name"),
    ]
    assert of_problems(problems, "vision/") == [
        '::error file=vision/specs/0003-a.yaml,line=12,col=3,title=flywheel%3A not valid::unknown option "epoch"%0Aepochs?',
        "::error file=vision/specs/b%2Cc%3Ad.yaml,title=flywheel%3A not valid::not a spec's name",
    ]


def test_hostile_text_stays_one_command() -> None:
    line = command("warning", HOSTILE, file=HOSTILE, line=1, title=HOSTILE)
    assert "\n" not in line
    assert "\r" not in line
    assert line.endswith("::x%0A::set-env name=PATH::/evil%0D%0A::error::y%0A##[add-mask]z 100 %25")
    assert line.split("::")[1].count(",") == 2  # of file, line and title: none of the text's own


def test_without_a_line_there_is_no_column() -> None:
    assert command("notice", "m", file="a", column=3) == "::notice file=a::m"


def test_untrusted_output_of_this_process_and_of_others_is_not_obeyed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    print("::notice::before")
    with untrusted():
        print(HOSTILE)
        print(HOSTILE, file=sys.stderr)
        subprocess.run([sys.executable, "-c", f"import os; os.write(2, {HOSTILE.encode()!r})"], check=True)
        sys.stdout.flush()
        os.write(1, b"\n::error::no newline at the end")
    print("::notice::after")
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert captured.err == ""
    assert obeyed(lines) == ["::notice::before", "::notice::after"]
    assert "::error::no newline at the end" in lines


def test_the_text_cannot_know_what_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with untrusted():
            print("::stop-commands::guess\n::guess::\n::error::x")
    out = capfd.readouterr().out
    tokens = re.findall(r"^::stop-commands::([0-9a-f]{32})$", out, re.M)
    assert len(set(tokens)) == 2
    assert obeyed(out.splitlines()) == []


def test_streams_are_as_before_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stderr
    with pytest.raises(ZeroDivisionError), untrusted("t"):
        raise ZeroDivisionError
    assert sys.stderr is before
    os.write(2, b"to stderr")
    assert capfd.readouterr() == ("::stop-commands::t\n\n::t::\n", "to stderr")


def test_problems_can_be_read_in_the_log_and_are_annotated(capfd: pytest.CaptureFixture[str]) -> None:
    print_problems([ConfigProblem(file="a.yaml", line=1, column=2, message=HOSTILE, hint="mend it")])
    lines = capfd.readouterr().out.splitlines()
    assert lines[1] == "error: a.yaml:1:2: x"
    assert "  hint: mend it" in lines
    (line,) = obeyed(lines)
    assert line.startswith("::error file=a.yaml,line=1,col=2,title=flywheel%3A not valid::x%0A::set-env")


def test_without_problems_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    print_problems([])
    assert capfd.readouterr().out == ""
