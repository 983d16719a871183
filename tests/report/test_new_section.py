"""A new stage result with a section costs what docs/adding-a-variant.md says: its steps, followed in a copy of runner/."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RENDERED = """
import json, sys
from pathlib import Path

import msgspec
from msgspec.structs import replace
from planted_report import failing_inputs

from runner.domain.files import decode_json, encode_json
from runner.pullrequests.bundles.bundle import bundled
from runner.record.catalogue import AGREEMENT, Agreement, kept_by_git
from runner.record.report import SprintReport
from runner.report import check, comment, html, markdown, model_card, plots, terminal
from runner.report.build import build
from runner.stages.kinds import SPRINT
from runner.workflow.judging.collect import Sources

folder, inputs = Path(sys.argv[1]), failing_inputs()
AGREEMENT.write(folder, Agreement(shares={"onnx-fp32": 1.0, "openvino-int8": 0.925, "a|b <img>": 0.5}))
sources = Sources(root=folder, folder=folder, project=inputs.project, loaded=None, fresh=frozenset({"predict"}))
built = build(replace(inputs, records=sources.reported))
content = encode_json(decode_json(encode_json(built), SprintReport))
report = decode_json(content, SprintReport)
hostile = replace(report, records={"agreement.json": {"shares": 3}})
try:
    refused = str(hostile.record(AGREEMENT))
except Exception as error:
    refused = str(error)
context = comment.CommentContext(
    sprint=report.sprint, repository_url="https://forge.example/a/b", base_commit="b2" * 20, head_commit="a1" * 20,
    run_url="https://forge.example/a/b/actions/runs/7",
)
card = model_card.CardContext(model="digits", stage="prod", version="v1", repository_url="https://git.example/a/b")
drawn = dict(plots.render(report))
json.dump({
    "again": encode_json(report) == content,
    "outs": SPRINT.stage("predict").records,
    "kept": kept_by_git("agreement.json") and bundled("agreement.json") is AGREEMENT,
    "stale": Sources(root=folder, folder=folder, project=inputs.project, loaded=None, fresh=frozenset()).reported,
    "refused": refused,
    "markdown": markdown.render(report, plots="plots"),
    "short": markdown.render(report, max_bytes=4000),
    "comment": comment.render(report, context),
    "brief": comment.brief(report, context, max_bytes=60000),
    "html": html.render(report, list(drawn.items()), {}),
    "terminal": terminal.render(report, color=False),
    "card": model_card.render(report, card),
    "plots": [name for name in drawn if "agreement" in name],
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The renderings of a report with the section, by a copy of runner/ in which the steps were followed."""
    root = tmp_path_factory.mktemp("copied")
    copied = shutil.copytree(ROOT / "runner", root / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    walk = (ROOT / "docs" / "adding-a-variant.md").read_text().partition("## Walk-through: a stage result")[2]
    record, section = (
        textwrap.dedent(block) for block in re.findall(r" +```python\n(.*?) +```", walk, re.DOTALL)
    )

    def edit(path: str, before: str, after: str) -> None:
        text = (copied / path).read_text()
        assert before in text
        (copied / path).write_text(text.replace(before, after, 1))

    edit(
        "record/catalogue.py",
        "CATALOGUE: tuple",
        f"from runner.domain.records import Record\n{record}\nCATALOGUE: tuple",
    )
    edit("stages/predict.py", "writes=(PREDICTIONS_FOLDER,)", "writes=(PREDICTIONS_FOLDER, AGREEMENT)")
    edit("stages/predict.py", "    PREDICTIONS_FOLDER,\n", "    PREDICTIONS_FOLDER, AGREEMENT,\n")
    (copied / "report" / "sections" / "agreement.py").write_text(section)
    edit("report/sections/catalogue.py", "    champion,\n", "    champion,\n    agreement,\n")
    edit(
        "report/sections/catalogue.py",
        "    targets.TARGETS,\n",
        "    targets.TARGETS,\n    agreement.SECTION,\n",
    )
    (root / "sprint").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RENDERED, str(root / "sprint")],
        env={"PYTHONPATH": f"{root}:{ROOT / 'tests'}", "HOME": str(root), "PATH": ""},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_the_record_travels_without_being_named_elsewhere(rendered: dict[str, Any]) -> None:
    assert rendered["outs"] == ["agreement.json"]
    assert rendered["kept"] is True
    assert rendered["again"] is True  # the same bytes when read and written again
    assert rendered["stale"] == {}  # what an older run left behind is not shown
    assert rendered["refused"].startswith(
        "report.json of 0003-low-light: what it has of agreement.json cannot be read"
    )


def test_every_rendering_shows_the_section(rendered: dict[str, Any]) -> None:
    table = "| Artefact | Same predictions |\n| --- | ---: |\n| <code>a&#124;b &lt;img&gt;</code> | 0.500 |\n| `onnx-fp32` | 1.000 |\n| `openvino-int8` | 0.925 |"
    assert (
        f"### Agreement with torch\n\n{table}\n\n![Share of the predictions of torch by artefact](plots/agreement.svg)"
        in rendered["markdown"]
    )
    assert "### Agreement with torch" not in rendered["short"]  # it has no place in KEPT, so it goes first …
    assert "agreement with torch" in rendered["short"].splitlines()[-1]  # … and is named
    assert (
        f"<details><summary>Agreement of 3 artefacts with torch</summary>\n\n### Agreement with torch\n\n{table}"
        in rendered["comment"]
    )
    assert "plots/agreement.png?raw=true" in rendered["comment"]
    summaries = re.findall("<summary>(.*?)</summary>", rendered["comment"])
    folds = [
        line for line in summaries if line.startswith(("Export targets", "Agreement", "Data and checks"))
    ]
    assert [line.partition(":")[0] for line in folds] == [
        "Export targets",
        "Agreement of 3 artefacts with torch",
        "Data and checks",
    ]
    assert "Agreement" not in rendered["brief"]  # a check's summary is what is in plain sight
    assert '<a href="#agreement-with-torch">Agreement with torch</a>' in rendered["html"]
    assert rendered["html"].count('alt="Share of the predictions of torch by artefact"') == 1
    assert "\nopenvino-int8 agrees with torch: 0.925\n" in rendered["terminal"]
    assert (
        rendered["card"].index("## Export targets")
        < rendered["card"].index(table)
        < rendered["card"].index("## How to reproduce")
    )
    assert rendered["plots"] == ["agreement.svg", "agreement.png"]
