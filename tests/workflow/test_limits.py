"""A run past its limit is stopped, whatever its stages are doing, and reported; the next one goes on from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import SPRINT, commit, flywheel

from runner.config.project import Compute, Costs
from runner.domain.errors import ExitCode
from runner.domain.files import read_json
from runner.domain.records import StageFailure
from runner.record.catalogue import sprint_folder
from runner.record.report import SprintReport
from runner.workflow.executing.limits import Limit, limit_of, watched

VARIABLE = "FLYWHEEL_TEST_RUN"

# Deaf to being asked, and inside C code that never lets another thread of its own run.
STUBBORN = """
import re, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
re.match("(a+)+$", "a" * 60 + "b")
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


def hours(compute: Compute, costs: Costs) -> float | None:
    limit = limit_of(compute, costs)
    return limit.seconds / 3600 if limit else None


@pytest.mark.parametrize(
    ("compute", "costs", "expected"),
    [
        (Compute(), Costs(gpu_hour=2), None),
        (Compute(time_limit="6h"), Costs(), 6),
        (Compute(time_limit="90m"), Costs(), 1.5),
        (Compute(cost_limit=5), Costs(gpu_hour=2, cpu_hour=0.1), 2.5),
        (Compute(cost_limit=5, device="cpu"), Costs(gpu_hour=2, cpu_hour=0.1), 50),
        (Compute(cost_limit=5, device="cuda:1"), Costs(gpu_hour=2, cpu_hour=0.1), 2.5),
        (Compute(cost_limit=0), Costs(gpu_hour=2), 0),
        (Compute(cost_limit=5), Costs(), None),
        (Compute(cost_limit=5, time_limit="1h"), Costs(gpu_hour=2), 1),
        (Compute(cost_limit=1, time_limit="1h"), Costs(gpu_hour=2), 0.5),
    ],
)
def test_the_limit_that_is_reached_first_counts(
    compute: Compute, costs: Costs, expected: float | None
) -> None:
    assert hours(compute, costs) == expected


def test_limits_are_named_as_they_are_set() -> None:
    time, money = (
        limit_of(Compute(time_limit="90m"), Costs()),
        limit_of(Compute(cost_limit=12), Costs(gpu_hour=2)),
    )
    assert time is not None
    assert money is not None
    assert (time.name, time.option) == ("time limit of 90 min", "compute.time_limit")
    assert (money.name, money.option) == ("cost limit of 12.00 EUR", "compute.cost_limit")


def test_what_the_report_says_of_a_stopped_run() -> None:
    limit = Limit(seconds=21600, name="time limit of 6 h", option="compute.time_limit")
    assert limit.failure("train", ["index", "select"], "flywheel run 0002-dark") == StageFailure(
        stage="train",
        message="time limit of 6 h: the run was stopped in this stage; finished before: index, select",
        hint="run again, and it goes on after what is finished: flywheel run 0002-dark; or raise compute.time_limit in "
        "flywheel.yaml on the base branch, or train less",
        exit_code=3,
    )
    assert limit.failure("index", [], "flywheel run 0002-dark").message == (
        "time limit of 6 h: the run was stopped in this stage; no stage was finished before"
    )


def at_once() -> Limit:
    return Limit(seconds=0, name="time limit of 0 s", option="compute.time_limit")


def test_a_process_that_is_deaf_inside_c_code_is_killed_with_what_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psutil

    monkeypatch.setenv(VARIABLE, str(os.getpid()))
    command = [sys.executable, "-c", PARENT, STUBBORN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stage:
        assert stage.stdout is not None
        grandchild = psutil.Process(int(stage.stdout.readline()))
        with watched(at_once(), VARIABLE, grace_s=0) as watch:
            assert stage.wait() < 0
            assert grandchild.wait() is None or not grandchild.is_running()
    assert watch.reached is not None


def test_other_processes_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        monkeypatch.setenv(VARIABLE, str(os.getpid()))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as stage:
            with watched(at_once(), VARIABLE, grace_s=0):
                assert stage.wait() < 0
            assert other.poll() is None
        other.communicate(b"\n")
        assert other.returncode == 0


def test_a_limit_that_is_not_reached_stops_nothing() -> None:
    with watched(Limit(seconds=3600, name="time limit of 1 h", option=""), VARIABLE) as watch:
        pass
    assert watch.reached is None


@pytest.mark.fresh_processes
def test_a_run_past_its_limit_is_killed_and_reported_and_goes_on_next_time(project: Path) -> None:
    config, spec = project / "flywheel.yaml", project / "specs" / f"{SPRINT}.yaml"
    before = config.read_text()
    config.write_text(before.replace("compute: {threads: 1}", "compute: {threads: 1, time_limit: 1s}"))
    spec.write_text(spec.read_text().replace("epochs: 1,", "epochs: 1000,"))
    commit(project, "A limit, and more than it allows")
    folder = sprint_folder(project, SPRINT)

    stopped = flywheel(project, "run", SPRINT)

    assert stopped.returncode == ExitCode.STAGE_FAILED, stopped.stderr
    assert "train      stopped: time limit of 1 s" in stopped.stderr
    failure = read_json(folder / "failure.json", StageFailure)
    assert failure.message == (
        "time limit of 1 s: the run was stopped in this stage; finished before: index, select, check"
    )
    report = read_json(folder / "report.json", SprintReport)
    assert (report.failure, report.verdict) == (failure, None)
    assert (folder / "report.md").read_text().startswith(f"## ✗ STAGE FAILED — {SPRINT}")
    assert "time limit of 1 s" in flywheel(project, "status").stdout

    config.write_text(before)
    spec.write_text(spec.read_text().replace("epochs: 1000,", "epochs: 1,"))
    again = flywheel(project, "run", SPRINT, check=True)
    for stage in ("index", "select", "check"):
        assert f"{stage:<9}  cached (unchanged)" in again.stderr
    assert not (folder / "failure.json").exists()
