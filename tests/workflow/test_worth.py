"""worth.json of a project that ran: written with the report, made again by `verify`, and never believed where it was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
from projects import SPRINT, flywheel
from promoting import NEXT

from runner.record.catalogue import REPORT, WORTH, sprint_folder
from runner.record.digests import digest_of
from runner.workflow.verifying.verify import verify


def _folder(project: Path, sprint: str = NEXT) -> Path:
    return sprint_folder(project, sprint)


def _own(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def test_the_first_sprint_has_none_and_the_second_is_compared_with_the_champion(challenged: Path) -> None:
    assert not (_folder(challenged, SPRINT) / WORTH.name).exists()
    found = WORTH.read(_folder(challenged))
    assert (found.compared_with, found.as_champion) == (SPRINT, True)
    assert found.gains[0].paired
    assert found.curve.missing == 4 - len({point.labels for point in found.curve.points})
    rests = f"reports/{SPRINT}/evaluation.json"
    assert found.rests_on[rests] == digest_of(challenged / rests)
    assert REPORT.read(_folder(challenged)).record(WORTH) == found


def test_verify_makes_it_again_and_says_where_what_it_rests_on_is_not_here(challenged: Path) -> None:
    result = verify(challenged, NEXT)
    assert WORTH.name in result.rebuilt
    assert result.findings == []
    shutil.rmtree(_folder(challenged, SPRINT))
    (challenged / "reports" / SPRINT).mkdir()
    result = verify(challenged, NEXT)
    assert WORTH.name not in result.rebuilt
    assert any(
        note.startswith(f"reports/{NEXT}/worth.json was not made again: it rests on reports/{SPRINT}/")
        for note in result.notes
    )


def test_a_gain_that_somebody_wrote_is_found(challenged: Path) -> None:
    path = _folder(challenged) / WORTH.name
    _own(path)
    told = json.loads(path.read_bytes())
    told["gains"][0]["difference"] += 0.1
    path.write_bytes(msgspec.json.encode(told))
    findings = verify(challenged, NEXT).findings
    assert any(finding.file.endswith("/worth.json") for finding in findings)


def test_reporting_again_changes_nothing(challenged: Path) -> None:
    before = {path: path.read_bytes() for path in _folder(challenged).glob("*.json")}
    flywheel(challenged, "report", NEXT, check=False)
    assert {path: path.read_bytes() for path in _folder(challenged).glob("*.json")} == before


def test_a_sprint_whose_earlier_record_is_broken_says_what_is_missing(challenged: Path) -> None:
    broken = _folder(challenged, SPRINT) / "selection.json"
    _own(broken)
    broken.write_text("{")
    flywheel(challenged, "report", NEXT, check=False)
    found = WORTH.read(_folder(challenged))
    assert [line.partition(":")[0] for line in found.unread] == [SPRINT]
    assert found.effort.labels_added is None
