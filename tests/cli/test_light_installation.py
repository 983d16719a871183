"""Without the extra `run` everything works but what trains; and what needs it says so."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import mini_datasets
import pytest
from projects import SPRINT, environment

from runner.adapters.system.extras import RUN_EXTRA
from runner.cli.ci import JOBS
from runner.record.catalogue import sprint_folder

ROOT = Path(__file__).parents[2]

# What a light installation lacks: the extra, and what only the extra brings.
PROBE = f"""
import sys

ABSENT = {sorted({*RUN_EXTRA, "sklearn", "polars", "openvino_telemetry"})!r}


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Absent())
"""
COMMAND = PROBE + "from runner.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"


def light(folder: Path, *arguments: str, program: str = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={**environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("--help",), ("validate",), ("plan",), ("status",)], ids=" ".join)
def test_what_needs_no_sprint_works(arguments: tuple[str, ...]) -> None:
    result = light(ROOT, *arguments)
    assert result.returncode == 0, result.stderr


def test_a_finished_sprint_is_judged_reported_and_verified(project: Path) -> None:
    for arguments in (("report", SPRINT), ("verify", f"reports/{SPRINT}"), ("run", SPRINT)):
        result = light(project, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr


def test_a_run_that_would_train_says_what_to_install_before_it_starts(project: Path) -> None:
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 2"))
    result = light(project, "run", SPRINT)
    assert result.returncode == 4
    assert result.stderr.endswith(
        "error: this installation is without the extra `run`, which this command needs: "
        f"{', '.join(RUN_EXTRA.values())}\n  hint: pip install 'flywheel-vision[run]'\n"
    )
    assert not (sprint_folder(project, SPRINT) / "failure.json").exists()


def test_init_which_looks_at_images_says_what_to_install(tmp_path: Path) -> None:
    data = mini_datasets.yolo(tmp_path / "pets", train=20, val=4, test=4)
    result = light(tmp_path, "init", "--data", str(data), "--into", "project")
    assert (result.returncode, result.stderr) == (
        4,
        "error: this installation is without the extra `run`, which this command needs: opencv-python\n"
        "  hint: pip install 'flywheel-vision[run]'\n",
    )


@pytest.mark.parametrize("job", sorted(set(JOBS) - {"sprint"}))
def test_trusted_jobs_can_be_imported(job: str) -> None:
    result = light(ROOT, program=f"{PROBE}\nimport runner.jobs.{job}\n")
    assert result.returncode == 0, result.stderr


def test_the_extra_is_the_one_of_pyproject() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert sorted(RUN_EXTRA.values()) == extras["run"]
