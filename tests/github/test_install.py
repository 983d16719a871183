"""The action install-flywheel: which flywheel a job gets. pip and python3 are fakes that write down what was asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "install-flywheel"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

PYTHON = """\
#!/bin/sh
echo "python3 $*" >> "$CALLS"
case "$*" in
  -c*) exit "${PYTHON_TOO_OLD:-0}" ;;
  *venv*)
    for place; do :; done
    mkdir -p "$place/bin"
    cp "$0" "$place/bin/python"
    printf '#!/bin/sh\\necho flywheel 9\\n' > "$place/bin/flywheel"
    chmod +x "$place/bin/flywheel" ;;
esac
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A runner's machine with a checkout of the default branch."""

    folder: Path
    checkout: Path

    def install(
        self, requirement: str = "", extra: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(self.checkout / ".github" / "actions" / "install-flywheel" / "install.sh")],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
                "RUNNER_TEMP": str(self.folder / "temp"),
                "GITHUB_PATH": str(self.folder / "path"),
                "CALLS": str(self.folder / "calls"),
                "REQUIREMENT": requirement,
                "EXTRA": extra,
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> str:
        """What pip was asked for."""
        (line,) = [line for line in self._calls() if " pip install " in line]
        return line.partition("--disable-pip-version-check ")[2].replace(str(self.checkout), "CHECKOUT")

    def added_to_path(self) -> str:
        path = self.folder / "path"
        return path.read_text().replace(str(self.folder), "MACHINE") if path.is_file() else ""

    def _calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.is_file() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout = tmp_path / "trusted"
    shutil.copytree(ACTION, checkout / ".github" / "actions" / "install-flywheel")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return Machine(folder=tmp_path, checkout=checkout)


def hold_the_runner(machine: Machine) -> None:
    (machine.checkout / "pyproject.toml").write_text('[project]\nname = "flywheel-vision"\n')


def bring_flywheel(machine: Machine) -> None:
    program = machine.folder / "bin" / "flywheel"
    program.write_text("#!/bin/sh\necho flywheel 1.0 of the image\n")
    program.chmod(0o755)


@pytest.mark.parametrize(("extra", "suffix"), [("", ""), ("run", "[run]")])
def test_a_checkout_that_holds_the_runner_is_installed_with_its_pins(
    machine: Machine, extra: str, suffix: str
) -> None:
    hold_the_runner(machine)
    result = machine.install(extra=extra, requirement="flywheel-vision==1.0")
    assert result.returncode == 0, result.stderr
    assert machine.installed() == f"-c CHECKOUT/constraints.txt CHECKOUT{suffix}"
    assert machine.added_to_path() == "MACHINE/temp/flywheel/bin\n"


@pytest.mark.parametrize(
    ("requirement", "asked"),
    [
        ("flywheel-vision==1.2.3", "flywheel-vision[run]==1.2.3"),
        (
            f"flywheel-vision @ git+https://forge.example/a/b@{COMMIT}",
            f"flywheel-vision[run] @ git+https://forge.example/a/b@{COMMIT}",
        ),
    ],
)
def test_a_pinned_release_is_installed(machine: Machine, requirement: str, asked: str) -> None:
    bring_flywheel(machine)
    assert machine.install(requirement, "run").returncode == 0
    assert machine.installed() == asked


@pytest.mark.parametrize(
    "requirement",
    [
        "flywheel-vision",
        "flywheel-vision>=1.0",
        "flywheel-vision @ git+https://forge.example/a/b@main",
        "flywheel-vision==1.0 --index-url https://forge.example",
        "other==1.0",
        "flywheel-vision==1.0; touch x",
    ],
)
def test_what_pins_no_release_is_refused(machine: Machine, requirement: str) -> None:
    bring_flywheel(machine)
    result = machine.install(requirement)
    assert result.returncode == 4
    assert result.stdout.startswith(
        "::error title=flywheel cannot be installed::The variable FLYWHEEL_REQUIREMENT"
    )
    assert machine.added_to_path() == ""


def test_the_image_s_own_is_used_when_nothing_else_is_named(machine: Machine) -> None:
    bring_flywheel(machine)
    result = machine.install(extra="run")
    assert (result.returncode, result.stdout) == (0, "flywheel 1.0 of the image\n")
    assert machine.added_to_path() == ""


def test_without_any_the_answer_is_what_to_set(machine: Machine) -> None:
    result = machine.install()
    assert result.returncode == 4
    assert result.stdout == (
        "::error title=flywheel cannot be installed::This repository does not hold the runner: set the variable "
        "FLYWHEEL_REQUIREMENT to a pinned release, or use a machine whose image brings flywheel.\n"
    )


def test_another_python_is_refused(machine: Machine) -> None:
    hold_the_runner(machine)
    result = machine.install(PYTHON_TOO_OLD="1")
    assert (result.returncode, result.stdout) == (
        4,
        "::error title=flywheel cannot be installed::Python 3.11 or 3.12 is needed on this machine.\n",
    )
