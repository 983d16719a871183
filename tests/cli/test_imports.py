"""`--help`, `validate` and `plan` start at once: they import nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from projects import environment

from runner.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "torchvision",
    "ultralytics",
    "great_expectations",
    "dvc",
    "pandas",
    "cv2",
    "openvino",
    "nncf",
    "onnx",
)

PROBE = """
import sys
from runner.cli.main import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
commands = [name for name in sys.modules if name.startswith("runner.cli.")]
print("imported:", *sorted({name.partition(".")[0] for name in sys.modules}), *commands, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [("--help",), ("validate",), ("plan",), ("status",)])
def test_command_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    imported = result.stderr.rsplit("imported:", 1)[1].split()
    assert not set(imported) & set(HEAVY)
    commands = {name for name in COMMANDS if f"runner.cli.{name}" in imported}
    assert commands == (set(COMMANDS) if arguments == ("--help",) else set(arguments))
    if arguments == ("--help",):
        assert "msgspec" not in imported
