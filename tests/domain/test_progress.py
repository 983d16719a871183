"""Progress goes to stderr alone: a bar with the time left on a terminal, nothing elsewhere unless it is asked for."""

from __future__ import annotations

import io
import sys

import pytest

from runner.domain.progress import ProgressLines, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("predict", 4, "image") as bar:
        bar.update(2)
        bar.refresh()  # type: ignore[attr-defined]
    assert "  predict:  50%" in terminal.getvalue()
    assert "2/4 [" in terminal.getvalue()
    assert "<" in terminal.getvalue().split("2/4 [")[1]  # elapsed<left
    assert capsys.readouterr().out == ""


def test_nothing_is_said_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FLYWHEEL_PROGRESS", raising=False)
    with progress_bar("predict", 4, "image") as bar:
        bar.update()
        bar.set_postfix_str("torch")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_log_gets_a_line_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    lines = ProgressLines("predict", 8, "image", clock=lambda: now[0])
    for second in range(10, 81, 10):
        now[0] = float(second)
        lines.update()
    assert capsys.readouterr().err.splitlines() == [
        "  predict: 3 of 8 images, about 50 s left",
        "  predict: 6 of 8 images, about 20 s left",
    ]
    monkeypatch.setenv("FLYWHEEL_PROGRESS", "1")
    with progress_bar("predict", 1, "image") as bar:
        assert isinstance(bar, ProgressLines)
