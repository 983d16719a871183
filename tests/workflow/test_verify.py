"""`flywheel verify`: what is stored is made again, and every byte that does not belong is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from projects import SPRINT, environment, flywheel

from runner.adapters.dvc.metafiles import folder_md5, read_lock
from runner.adapters.tables.parquet import read_table, write_table
from runner.domain.errors import FlywheelError
from runner.record.digests import digest_of
from runner.workflow.verifying.verify import Verification, verify

FOLDER = f"reports/{SPRINT}"
WITHOUT = ("torch", "torchvision", "ultralytics", "cv2", "onnxruntime", "openvino", "dvc")
PROBE = f"""
import sys
sys.modules.update(dict.fromkeys({WITHOUT!r}))
from runner.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def own(path: Path) -> Path:
    """The file as one that can be changed: DVC may have linked it to its cache, where it is read-only."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(own(path).read_bytes())
    content[int(len(content) * at)] ^= 1
    path.write_bytes(content)


def replace(path: Path, old: str, new: str) -> None:
    text = own(path).read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def found(result: Verification) -> dict[str, set[str]]:
    """Problem → the files that have it, without the sprint's folder in front."""
    problems: dict[str, set[str]] = {}
    for finding in result.findings:
        problems.setdefault(finding.problem, set()).add(finding.file.removeprefix(f"{FOLDER}/"))
    return problems


def detail(result: Verification, name: str) -> str:
    return next(
        each.detail
        for each in result.findings
        if each.file.endswith(name) and each.problem == "does not follow"
    )


def test_an_undisturbed_sprint_is_identical_without_torch_and_without_the_images(project: Path) -> None:
    shutil.rmtree(project / "data")
    shutil.rmtree(project / ".dvc" / "cache")
    for name in ("weights", "exports"):
        shutil.rmtree(project / FOLDER / name)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "verify", FOLDER],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{SPRINT}: ")
    assert done.stdout.endswith(" made again: identical\n")


@pytest.mark.parametrize(
    ("file", "spoil", "consequence"),
    [
        ("predictions/onnx-fp32.parquet", flip, None),
        ("index/objects.parquet", flip, None),
        ("selection/manifest.parquet", flip, None),
        ("outcomes/resamples.parquet", flip, "outcomes/resamples.parquet"),
        ("evaluation.json", lambda path: replace(path, '"objects": 36', '"objects": 37'), "evaluation.json"),
        ("report.md", lambda path: replace(path, "tests", "texts"), "report.md"),
        ("verdict.json", lambda path: replace(path, "PASS", "FAIL"), "verdict.json"),
        ("report.json", lambda path: flip(path, at=0.0), "report.json"),
        ("params.yaml", lambda path: replace(path, "operating_confidence: 0.25", "operating_confidence: 0.2"), "params.yaml"),
        ("timings.json", lambda path: replace(path, '"seconds": ', '"seconds": 9'), "report.json"),
        ("exports.json", lambda path: replace(path, '"size_mb": ', '"size_mb": 9'), "report.json"),
    ],
)  # fmt: skip
def test_one_changed_byte_is_found_and_named(
    project: Path, file: str, spoil: Callable[[Path], None], consequence: str | None
) -> None:
    spoil(project / FOLDER / file)
    result = verify(project, SPRINT)
    assert not result.identical
    assert found(result)["changed"] == {file}
    if consequence is not None:
        assert consequence in found(result)["does not follow"]


def test_a_changed_threshold_in_the_spec_is_named_and_so_is_what_it_changes(project: Path) -> None:
    replace(project / "specs" / f"{SPRINT}.yaml", "max: 100", "max: 101")
    result = verify(project, SPRINT)
    assert found(result)["changed"] == {f"specs/{SPRINT}.yaml"}
    assert found(result)["does not follow"] == {"verdict.json", "report.json", "report.md"}
    assert detail(result, "verdict.json") == 'gates[0].gate is "size_mb ≤ 100", rebuilt "size_mb ≤ 101"'


def test_a_changed_threshold_in_the_parameters_is_named_with_what_the_spec_says(project: Path) -> None:
    replace(project / FOLDER / "params.yaml", "operating_confidence: 0.25", "operating_confidence: 0.2")
    result = verify(project, SPRINT)
    assert detail(result, "params.yaml") == "evaluate.operating_confidence is 0.2, rebuilt 0.25"
    assert detail(result, "evaluation.json") == "operating_confidence is 0.25, rebuilt 0.2"


def tamper(project: Path) -> str:
    """Makes every prediction a sure one, and the digests agree with it; returns the file."""
    file = f"{FOLDER}/predictions/onnx-fp32.parquet"
    table = read_table(own(project / file))
    write_table(project / file, table | {"score": np.full_like(table["score"], 0.9)})
    agree(project, file)
    return file


def agree(project: Path, file: str) -> None:
    """Makes the digests agree with a file as it is now."""
    digests = json.loads((project / FOLDER / "digests.json").read_text())
    digests[file] = digest_of(project / file)
    (project / FOLDER / "digests.json").write_text(json.dumps(digests))


def test_predictions_changed_along_with_their_digest_are_named_by_dvcs_lock(project: Path) -> None:
    tamper(project)
    result = verify(project, SPRINT)
    assert found(result)["changed"] == {"predictions"}
    assert {"evaluation.json", "outcomes/onnx-fp32-detections.parquet"} <= found(result)["does not follow"]


def test_predictions_changed_along_with_every_digest_no_longer_lead_to_the_evaluation(project: Path) -> None:
    tamper(project)
    lock = project / FOLDER / "dvc.lock"
    md5 = read_lock(lock)["predict"].outs["predictions"]
    lock.write_text(lock.read_text().replace(md5, folder_md5(project / FOLDER / "predictions")))
    agree(project, f"{FOLDER}/dvc.lock")
    result = verify(project, SPRINT)
    assert set(found(result)) == {"does not follow"}
    assert "evaluation.json" in found(result)["does not follow"]
    assert detail(result, "evaluation.json").startswith("targets[1].overall.")


def test_another_model_in_the_lock_is_found_and_so_is_one_that_the_digests_agree_with(project: Path) -> None:
    lock = project / FOLDER / "dvc.lock"
    outs = {out: md5 for stage in read_lock(lock).values() for out, md5 in stage.outs.items()}
    lock.write_text(lock.read_text().replace(outs["exports"], outs["predictions"]))
    result = verify(project, SPRINT)
    assert found(result) == {"changed": {"dvc.lock"}}
    exports = f"path: exports\n      hash: md5\n      md5: {outs['predictions']}"
    text = lock.read_text()
    assert exports in text
    lock.write_text(text.replace(exports, exports.replace(outs["predictions"], outs["exports"]), 1))
    agree(project, f"{FOLDER}/dvc.lock")
    result = verify(project, SPRINT)
    assert found(result) == {"does not follow": {"dvc.lock"}}
    assert "read another exports than export wrote" in detail(result, "dvc.lock")


def test_missing_and_extra_files_are_named(project: Path) -> None:
    (project / FOLDER / "metrics.json").unlink()
    (project / FOLDER / "predictions" / "another.parquet").write_bytes(b"")
    result = verify(project, SPRINT)
    assert found(result) == {
        "missing": {"metrics.json"},
        "extra": {"predictions/another.parquet"},
        "does not follow": {"metrics.json"},
    }


def test_outputs_that_are_only_in_dvc_are_asked_for(project: Path) -> None:
    for name in ("index", "predictions"):
        shutil.rmtree(project / FOLDER / name)
    result = flywheel(project, "verify", SPRINT)
    assert result.returncode == 3
    assert result.stderr == (
        f"error: {FOLDER}: index/, predictions/ are not here, only in DVC\n"
        f"  hint: dvc pull {FOLDER}/index {FOLDER}/predictions\n"
    )


def test_a_sprint_that_was_not_reported_cannot_be_verified(project: Path) -> None:
    (project / FOLDER / "digests.json").unlink()
    with pytest.raises(FlywheelError, match=r"has no digests\.json"):
        verify(project, SPRINT)


def test_findings_as_text_and_as_json(project: Path) -> None:
    replace(project / FOLDER / "metrics.json", "{", "{ ")
    text = flywheel(project, "verify", FOLDER)
    assert text.returncode == 1
    assert text.stdout.splitlines()[1:] == [
        f"  changed          {FOLDER}/metrics.json: its bytes are not those that were reported on",
        f"  does not follow  {FOLDER}/metrics.json: written differently",
    ]
    parsed = json.loads(flywheel(project, "verify", FOLDER, "--format", "json").stdout)
    assert parsed["identical"] is False
    assert parsed["hint"] is None
    assert {finding["file"] for finding in parsed["findings"]} == {f"{FOLDER}/metrics.json"}


def test_where_the_project_moved_on_the_commit_of_the_record_is_named(project: Path) -> None:
    replace(project / "flywheel.yaml", "cpu_hour: 0.1", "cpu_hour: 0.2")
    text = flywheel(project / FOLDER, "verify", ".").stdout
    command = f"git checkout $(git log -1 --format=%H -- {FOLDER}) && flywheel verify {FOLDER}"
    assert "  changed          flywheel.yaml: its bytes are not those that were reported on\n" in text
    assert text.endswith(f"  hint: to verify with the project as it was recorded: {command}\n")
    assert verify(project, SPRINT).hint == command


def test_a_run_that_changes_nothing_leaves_the_digests_as_they_were(project: Path) -> None:
    before = json.loads((project / FOLDER / "digests.json").read_text())
    flywheel(project, "run", SPRINT, check=True)
    flywheel(project, "run", SPRINT, check=True)
    assert json.loads((project / FOLDER / "digests.json").read_text()) == before


def test_a_changed_digest_is_told_from_a_changed_file(project: Path) -> None:
    path = project / FOLDER / "digests.json"
    digests = json.loads(path.read_text())
    file = f"{FOLDER}/outcomes/resamples.parquet"
    path.write_text(json.dumps(digests | {file: digests[file][::-1]}))
    [finding] = verify(project, SPRINT).findings
    assert (finding.file, finding.problem) == (f"{FOLDER}/digests.json", "changed")
    assert (
        finding.detail
        == "its digest of outcomes/resamples.parquet is wrong: made again, that file is the same"
    )
