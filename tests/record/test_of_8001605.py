"""Whole records as commit 8001605 wrote them: read, verified and promoted by today's code."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET
from projects import call, commit, flywheel, named

from runner.adapters.dvc.metafiles import file_md5
from runner.domain.errors import FlywheelError
from runner.domain.verdict import Outcome
from runner.record.catalogue import (
    DIGESTS,
    EVALUATION,
    EXPORTS,
    LOCK,
    PARAMS,
    RECORDED,
    REPORT,
    VERDICT,
    sprint_folder,
)
from runner.record.digests import digest_of
from runner.workflow.promoting.promote import promote
from runner.workflow.promoting.readiness import Conditions
from runner.workflow.verifying.verify import verify

FIXTURES = Path(__file__).parent / "fixtures"
FIRST, SECOND = "0001-tiny", "0002-second"
Change = Callable[[Path], object]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone of the project, with what `verify` reads of DVC's; and the remote that its tags, and its models, are in."""
    root = tmp_path / "project"
    call(tmp_path, "git", "clone", "-q", "--bare", str(FIXTURES / "8001605.bundle"), "origin.git")
    call(tmp_path, "git", "clone", "-q", "origin.git", "project")
    named(root)
    with tarfile.open(FIXTURES / "8001605.tar.xz") as archive:
        archive.extractall(tmp_path / "stored", filter="data")
    (tmp_path / "stored" / "remote").rename(tmp_path / "remote")
    for folder in (tmp_path / "stored" / "reports").glob("*/*"):
        folder.rename(root / "reports" / folder.parent.name / folder.name)
    return root


@pytest.mark.parametrize("sprint", [FIRST, SECOND])
def test_every_record_is_read(project: Path, sprint: str) -> None:
    folder = sprint_folder(project, sprint)
    there = [file for file in RECORDED if file.format == "json" and (folder / file.name).is_file()]
    assert len(there) >= 13
    for file in there:
        assert file.read(folder) == file.read_at(project, "HEAD", sprint)
    assert VERDICT.read(folder).outcome is Outcome.PASS
    assert EVALUATION.read(folder).near_duplicates is UNSET  # not recorded then


@pytest.mark.parametrize("sprint", [FIRST, SECOND])
def test_the_numbers_follow_and_the_renderings_are_told(project: Path, sprint: str) -> None:
    result = verify(project, sprint)
    assert result.findings == []
    assert not result.identical
    told = {rendering.file.rpartition("/")[2]: rendering.detail for rendering in result.renderings}
    assert told.keys() >= {"params.yaml", "evaluation.json", "verdict.json", "report.json", "report.md"}
    assert told["params.yaml"] == "index.version is 2, rebuilt 3"
    assert told["verdict.json"].startswith("optimizing_interval.low is ")
    done = flywheel(project, "verify", sprint)
    assert done.returncode == 0
    assert "the same numbers and outcomes; another version of flywheel wrote it\n" in done.stdout
    assert (
        f"  rendered otherwise  reports/{sprint}/params.yaml: index.version is 2, rebuilt 3\n" in done.stdout
    )


def edit(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def without(name: str, *path: str | int) -> Change:
    def change(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        inside = document
        for step in path[:-1]:
            inside = inside[step]
        del inside[path[-1]]
        (folder / name).write_text(json.dumps(document))

    return change


def agree(project: Path, sprint: str, name: str) -> None:
    """digests.json and dvc.lock as somebody would write them who changed a file."""
    folder = sprint_folder(project, sprint)
    known = DIGESTS.read(folder)
    before = call(project, "git", "show", f"HEAD:reports/{sprint}/{name}").stdout.encode()
    (folder / "before").write_bytes(before)
    lock = (folder / LOCK.name).read_text().replace(file_md5(folder / "before"), file_md5(folder / name))
    (folder / "before").unlink()
    (folder / LOCK.name).write_text(lock)
    for changed in (name, LOCK.name):
        known[f"reports/{sprint}/{changed}"] = digest_of(folder / changed)
    DIGESTS.write(folder, known)


@pytest.mark.parametrize(
    ("change", "file", "detail"),
    [
        (edit(VERDICT.name, '"value": 0.', '"value": 0.9'), VERDICT.name, "gates[0].value is 0.9"),
        (edit(VERDICT.name, '"threshold": ', '"threshold": 1'), VERDICT.name, "gates[0].threshold is 1"),
        (edit(VERDICT.name, '"outcome": "PASS"', '"outcome": "FAIL"'), VERDICT.name, 'outcome is "FAIL"'),
        (without(VERDICT.name, "gates", 2), VERDICT.name, "gates[2] is absent"),
        (without(VERDICT.name, "gates", 0, "reference"), VERDICT.name, "gates[0].reference is absent"),
        (edit(EVALUATION.name, '"objects": ', '"objects": 9'), EVALUATION.name, "targets[0].overall.objects is 9"),
        (without(EVALUATION.name, "targets", 0, "slices", 1), EVALUATION.name, "targets[0].slices["),
        (edit(REPORT.name, '"recall": 0.', '"recall": 0.9'), REPORT.name, "evaluation.targets[0].overall.recall is 0.9"),
        (without(REPORT.name, "evaluation"), REPORT.name, "evaluation is absent"),
        (edit(PARAMS.name, "operating_confidence: 0.25", "operating_confidence: 0.2"), PARAMS.name, "evaluate.operating_confidence is 0.2"),
        (edit(PARAMS.name, "version: 4", "version: 3"), None, ""),  # an older version still: it gains nothing by it
    ],
)  # fmt: skip
def test_what_decides_does_not_pass_for_another_versions_rendering(
    project: Path, change: Change, file: str | None, detail: str
) -> None:
    folder = sprint_folder(project, SECOND)
    name = file or PARAMS.name
    change(folder)
    agree(project, SECOND, name)
    result = verify(project, SECOND)
    if file is None:
        assert result.findings == []
        return
    told = {finding.file.rpartition("/")[2]: finding.detail for finding in result.findings}
    assert told[file].startswith(detail)
    assert result.renderings == []  # and everything else is compared to the byte


def test_a_promotion_today_of_a_record_of_then(project: Path) -> None:
    done = promote(project, SECOND, Conditions(), push=True)
    assert (done.result, done.tag) == ("promoted", "tiny-digits#prod#2")
    there = call(project, "git", "ls-remote", "--tags", "origin").stdout
    assert "refs/tags/tiny-digits#prod#2" in there
    assert flywheel(project, "status").returncode == 0
    assert "PASS, map50_95 0." in flywheel(project, "history").stdout


def test_a_job_takes_no_report_that_reads_otherwise_than_it_is_rendered_here(project: Path) -> None:
    """Whoever can write a bundle could write another text for people: in CI one version runs and promotes."""
    done = promote(project, SECOND, Conditions(under_terms=True), push=False)
    assert done.result == "altered"
    assert any("rendered otherwise" in reason for reason in done.reasons)


def test_a_record_of_then_that_was_tampered_with_is_not_promoted(project: Path) -> None:
    edit(VERDICT.name, '"value": 0.', '"value": 0.9')(sprint_folder(project, SECOND))
    agree(project, SECOND, VERDICT.name)
    commit(project, "A better value")
    done = promote(project, SECOND, Conditions(), push=False)
    assert done.result == "altered"
    assert "verdict.json does not follow: gates[0].value is 0.9" in "\n".join(done.reasons)


def test_a_champions_record_that_cannot_be_read_is_an_error_and_not_nothing(project: Path) -> None:
    assert EXPORTS.read_at(project, "HEAD", "0009-nothing") is None
    (sprint_folder(project, FIRST) / EXPORTS.name).write_text('[{"target": 1}]')
    commit(project, "Spoiled")
    with pytest.raises(FlywheelError, match="it cannot be read at HEAD") as refused:
        EXPORTS.read_at(project, "HEAD", FIRST)
    assert str(refused.value.where) == f"reports/{FIRST}/exports.json"
