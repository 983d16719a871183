"""A sprint beside its variants, really run: cached, compared on the same images, recorded, and made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from projects import SPEC, SPRINT, call, commit, flywheel

from runner.planning.holdout import evaluation_digest
from runner.record.catalogue import REPORT_PAGE, USES, VARIANTS, sprint_folder

VARIED = f"""{SPEC}variants:
  plain: {{}}
  wider: {{train: {{imgsz: 96}}}}
  broken: {{data: {{train: {{where: "brightness > 2"}}}}}}
"""
WORKING = "".join(line for line in VARIED.splitlines(True) if "broken" not in line)
WIDER = f"variants/{SPRINT}.wider"


@pytest.fixture
def varied(project: Path) -> Path:
    """The finished project, whose spec has variants that were not made yet."""
    (project / "specs" / f"{SPRINT}.yaml").write_text(VARIED)
    commit(project, "Variants")
    return project


def record(root: Path) -> Any:
    return json.loads((root / VARIANTS.of(SPRINT)).read_text())


def test_variants_are_made_beside_the_sprint_and_compared_with_it(varied: Path) -> None:
    folder = sprint_folder(varied, SPRINT)
    before = (folder / "evaluation.json").read_bytes()
    planned = flywheel(varied, "plan", check=True).stdout
    assert "  wider: RUN train to benchmark (5 of 8 stages, 3 cached); " in planned
    assert "  broken: RUN select to benchmark (7 of 8 stages, 1 cached); " in planned

    result = flywheel(varied, "run", check=True)
    assert "warning: the variant broken was not made: " in result.stderr
    assert (folder / "evaluation.json").read_bytes() == before
    found = record(varied)
    own, wider, broken = found["results"]
    assert (own["name"], own["difference"], own["says"]) == ("plain", None, [])
    assert wider["says"] == ["train.imgsz: 96"]
    assert broken["value"] is None
    assert "failed: " in broken["trouble"]
    assert abs(wider["difference"] - (wider["value"] - own["value"])) < 1e-9
    ends = wider["difference_interval"]
    assert ends["low"] <= wider["difference"] <= ends["high"]
    assert [gate["gate"] for gate in wider["gates"]] == [gate["gate"] for gate in own["gates"]]
    assert wider["train_s"] > 0
    # Each evaluation is a look at the same test images.
    looked = {evaluation_digest(place) for place in (folder, varied / WIDER)}
    assert {use["evaluation_digest"] for use in json.loads((folder / USES.name).read_text())} == looked
    page = (folder / REPORT_PAGE.name).read_text()
    assert "### Variants" in page
    assert "| `wider` | `train.imgsz: 96` |" in page
    assert "Only the spec itself is judged and can be promoted." in page

    (varied / "specs" / f"{SPRINT}.yaml").write_text(WORKING)
    assert " running: " not in flywheel(varied, "run", check=True).stderr
    assert record(varied)["results"] == [own, wider]
    again = flywheel(varied, "run", check=True)
    assert again.stderr == f"{SPRINT}: nothing to run, every stage is unchanged\n"
    commit(varied, "The record")
    assert flywheel(varied, "verify", SPRINT, check=True).returncode == 0
    _check_that_it_is_made_again(varied)


def _check_that_it_is_made_again(root: Path) -> None:
    file = root / VARIANTS.of(SPRINT)
    kept = file.read_text()
    file.write_text(kept.replace('"plain"', '"other"'))
    told = flywheel(root, "verify", SPRINT)
    assert told.returncode == 1
    assert "variants.json" in told.stdout
    file.write_text(kept)
    call(root, "mv", WIDER, str(root.parent / "elsewhere"))
    told = flywheel(root, "verify", SPRINT, check=True)
    assert f"variants.json was not made again: it rests on {WIDER}/" in told.stdout
    call(root, "mv", str(root.parent / "elsewhere"), WIDER)


def test_a_folder_with_what_no_variant_wrote_is_not_worked_in(varied: Path) -> None:
    (varied / "specs" / f"{SPRINT}.yaml").write_text(WORKING)
    folder = varied / WIDER
    folder.mkdir(parents=True)
    (folder / "numpy.py").write_text("raise SystemExit")
    result = flywheel(varied, "run", check=True)
    assert f"warning: the variant wider was not made: {WIDER}/: 'numpy.py' is of no variant" in result.stderr
    assert record(varied)["results"][1]["trouble"] == "it was not run"


def test_a_variant_that_cannot_be_planned_leaves_the_plan_of_the_sprint(varied: Path) -> None:
    spec = varied / "specs" / f"{SPRINT}.yaml"
    spec.write_text(f"{SPEC}variants:\n  tuned: {{train: {{from: champion}}}}\n")
    planned = flywheel(varied, "plan", check=True).stdout
    assert "\n  tuned: not planned: " in planned
    assert "champion" in planned.partition("not planned: ")[2].splitlines()[0]
