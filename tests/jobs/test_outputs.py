"""Step outputs and summaries: no value ends itself, names another output, or overflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.forges.environment import Environment
from runner.jobs.outputs import SUMMARY_BYTES, append_summary, set_output


def environment(folder: Path | None) -> Environment:
    return Environment(
        repository="acme/digits",
        server_url="https://git.localhost",
        api_url="https://git.localhost/api",
        output_path=str(folder / "output") if folder else None,
        summary_path=str(folder / "summary") if folder else None,
    )


def read_outputs(path: Path) -> dict[str, str]:
    """As GitHub's runner reads the file (FileCommandManager, `EnvFileKeyValuePairs`): NAME=VALUE, or a heredoc."""
    outputs: dict[str, str] = {}
    lines = path.read_text(encoding="utf-8").split("\n")
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        equals, heredoc = line.find("="), line.find("<<")
        if not line:
            continue
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            outputs[line[:equals]] = line[equals + 1 :]
            continue
        name, delimiter = line.split("<<", 1)
        end = lines.index(delimiter, position)
        outputs[name] = "\n".join(lines[position:end])
        position = end + 1
    return outputs


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "two\nlines",
        "a=b\nother=evil",
        "x\nEOF\nother<<EOF\nevil\nEOF",
        "::error::x\n::set-output name=other::evil",
        "flywheel_0123\nother=evil\nflywheel_0123",
        "ends with a newline\n",
    ],
)
def test_a_value_is_one_output_whatever_is_in_it(value: str, tmp_path: Path) -> None:
    for name in ("first", "second"):
        set_output(environment(tmp_path), name, value)
    assert read_outputs(tmp_path / "output") == {"first": value, "second": value}


def test_every_value_has_a_delimiter_of_its_own(tmp_path: Path) -> None:
    for _ in range(3):
        set_output(environment(tmp_path), "x", "y")
    delimiters = [
        line.split("<<")[1] for line in (tmp_path / "output").read_text().splitlines() if "<<" in line
    ]
    assert len(set(delimiters)) == 3
    assert all(len(each) == len("flywheel_") + 32 for each in delimiters)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a\nb=c", "a<<b", "1a"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FlywheelError, match="not a step output's name"):
        set_output(environment(tmp_path), name, "x")
    assert not (tmp_path / "output").exists()


def test_outside_ci_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_output(environment(None), "x", "y")
    append_summary(environment(None), "text")
    assert list(tmp_path.iterdir()) == []


def test_summaries_of_a_step_follow_one_another(tmp_path: Path) -> None:
    append_summary(environment(tmp_path), "## One")
    append_summary(environment(tmp_path), "## Two\n")
    assert (tmp_path / "summary").read_text() == "## One\n\n## Two\n\n"


def test_a_summary_is_cut_at_a_line_says_so_and_closes_what_is_open(tmp_path: Path) -> None:
    text = "## Head\n\n<details><summary>all</summary>\n\n" + "é line of text\n" * 200_000 + "</details>\n"
    append_summary(environment(tmp_path), text)
    content = (tmp_path / "summary").read_bytes()
    assert SUMMARY_BYTES - 500 < len(content) <= SUMMARY_BYTES
    lines = content.decode().splitlines()
    cut = lines.index("")  # after the heading
    assert set(lines[cut + 3 : -5]) == {"é line of text"}
    assert lines[-5:] == [
        "",
        "</details>",
        "",
        "*Cut here: a step's summary holds no more. The whole is among the run's artifacts.*",
        "",
    ]


def test_a_full_summary_takes_no_more(tmp_path: Path) -> None:
    append_summary(environment(tmp_path), "x\n" * 10, max_bytes=100)
    before = (tmp_path / "summary").read_bytes()
    append_summary(environment(tmp_path), "y\n" * 1000, max_bytes=100)
    assert (tmp_path / "summary").read_bytes() == before
