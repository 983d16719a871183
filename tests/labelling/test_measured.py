"""`annotate pull` measures how good the labels are; below the spec's limit it fails, and nothing is trained on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from projects import flywheel

from runner.adapters.pictures.measured_images import see_images
from runner.domain.annotation_quality import AnnotationQuality
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.labelling import GOLD_ARM, BatchImage, task_key
from runner.labelling.pull import pull
from runner.labelling.push import push
from runner.record.catalogue import QUALITY, sprint_folder
from runner.record.labelling import read_answers, read_batch, write_answers, write_batch
from runner.workflow.load import load_written
from runner.workflow.running.agreed_labels import require_agreed_labels
from runner.workflow.verifying.batch_again import BatchAgain
from runner.workflow.verifying.quality_again import quality_again
from tests.labelling.label_projects import POOL, SPRINT, answer, labels, make

CAT, MOVED, DOG = "0 0.5 0.5 0.5 0.5", "0 0.55 0.5 0.5 0.5", "1 0.5 0.5 0.5 0.5"
GOLD_IMAGE = "images/train/00.jpg"  # labelled "0 0.5 0.5 0.25 0.25"
LIMIT = "  quality: {agreement: {metric: class, min: MIN}}\n  strategy: boxes"


def quiet(line: str) -> None:
    """Nobody listens."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images that two annotators are to label, and a gold one; nothing is versioned."""
    monkeypatch.setattr("runner.labelling.pull._track", lambda round_, changed: [])
    monkeypatch.setattr("runner.labelling.pull._commit", lambda *arguments, **options: (None, []))
    make(tmp_path, annotators=2, versioned=False)
    (seen,) = see_images([tmp_path / "data" / GOLD_IMAGE], frozenset())
    gold = BatchImage(
        key=task_key(SPRINT, seen.image_id), path=GOLD_IMAGE, image_id=seen.image_id, arm=GOLD_ARM
    )
    record = sprint_folder(tmp_path, SPRINT)
    write_batch(record, [*read_batch(record), gold])
    limit(tmp_path, 0.8)
    push(tmp_path, SPRINT, say=quiet)
    return tmp_path


def limit(folder: Path, least: float) -> None:
    spec = folder / "specs" / f"{SPRINT}.yaml"
    lines = [line for line in spec.read_text().splitlines() if not line.startswith("  quality")]
    text = "\n".join(lines) + "\n"
    spec.write_text(text.replace("  strategy: boxes", LIMIT.replace("MIN", f"{least}")))


def measured(folder: Path) -> AnnotationQuality:
    return QUALITY.read(sprint_folder(folder, SPRINT))


def answered(folder: Path, second: str) -> None:
    for path in POOL:
        answer(folder, path, CAT)
        answer(folder, path, second, annotator="bob")


def test_agreement_and_gold_are_measured(project: Path) -> None:
    answered(project, MOVED)
    answer(project, GOLD_IMAGE, "0 0.5 0.5 0.25 0.25", "1 0.2 0.2 0.1 0.1")
    before = labels(project)[GOLD_IMAGE]
    found = pull(project, SPRINT, commit=False, say=quiet)
    assert (found.failed, found.review_images) == ([], 1)
    quality = measured(project)
    assert (quality.images, quality.answered, quality.double, quality.gold) == (5, 5, 4, 1)
    assert quality.iou.value == pytest.approx(0.45 / 0.55, abs=0.001)
    assert quality.class_agreement.value == 1
    anna = quality.annotators[0]
    assert (anna.gold_recall.value, anna.gold_precision.value) == (1.0, 0.5)
    assert labels(project)[GOLD_IMAGE] == before  # what is known stays as it is


def test_a_gold_image_that_was_renamed_is_still_known(project: Path) -> None:
    answer(project, GOLD_IMAGE, "0 0.5 0.5 0.25 0.25")
    for path in (GOLD_IMAGE, "labels/train/00.txt"):
        old = project / "data" / path
        old.rename(old.with_stem("renamed"))
    pull(project, SPRINT, commit=False, say=quiet)
    assert measured(project).annotators[0].gold_recall.value == 1


def test_pulling_again_measures_the_same(project: Path) -> None:
    answered(project, MOVED)
    pull(project, SPRINT, commit=False, say=quiet)
    first = (sprint_folder(project, SPRINT) / QUALITY.name).read_bytes()
    pull(project, SPRINT, commit=False, say=quiet)
    assert (sprint_folder(project, SPRINT) / QUALITY.name).read_bytes() == first


def test_below_the_limit_pull_fails_and_no_model_is_trained(project: Path) -> None:
    answered(project, DOG)
    found = pull(project, SPRINT, commit=False, say=quiet)
    assert found.failed == [
        "share of objects that two annotators call the same is 0.000 (0.00 to 0.60) on 4 images, below 0.8"
    ]
    assert [one.path for one in found.review] == sorted(one.path for one in found.review)
    assert len(found.review) == 4
    with pytest.raises(FlywheelError) as refused:
        require_agreed_labels(load_written(project, SPRINT))
    assert refused.value.exit_code == ExitCode.GATE_NOT_PASSED
    assert refused.value.message.endswith("below 0.8: no model is trained on these labels")
    assert "its `review` names 4 images" in str(refused.value.hint)
    limit(project, 0.0)  # the limit is the spec's, as it is now
    require_agreed_labels(load_written(project, SPRINT))


def test_a_sprint_without_a_limit_trains_on_what_it_has(project: Path) -> None:
    require_agreed_labels(load_written(project, SPRINT))  # nothing was pulled
    answered(project, DOG)
    pull(project, SPRINT, commit=False, say=quiet)
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text("\n".join(line for line in spec.read_text().splitlines() if "quality" not in line))
    require_agreed_labels(load_written(project, SPRINT))


def test_the_command_says_what_to_review_and_ends_with_1(project: Path) -> None:
    answered(project, DOG)
    said = flywheel(project, "annotate", "pull", "--no-commit")
    assert said.returncode == 1, said.stdout + said.stderr
    assert "FAIL  share of objects that two annotators call the same is 0.000" in said.stdout
    assert "To review, of 4 images:" in said.stdout
    assert "cat at 50 %, 50 %: anna says cat, bob says dog" in said.stdout
    assert "lower annotation.quality.agreement.min" in said.stdout


def measured_again(folder: Path) -> BatchAgain:
    situation = load_written(folder, SPRINT)
    return quality_again(folder, situation.project, situation.loaded)


def test_it_is_measured_again_from_the_answers(project: Path) -> None:
    assert measured_again(project) == BatchAgain(how="measured")  # nothing was pulled
    answered(project, DOG)
    assert pull(project, SPRINT, commit=False, say=quiet).failed
    limit(project, 0.0)  # of another day than the pull's
    prices = (project / "flywheel.yaml").read_text() + "costs: {label: {box: 0.05}}\n"
    assert measured_again(project) == BatchAgain(how="measured", rebuilt=[QUALITY.name])
    (project / "flywheel.yaml").write_text(prices)
    assert measured_again(project) == BatchAgain(how="measured")  # priced otherwise by now

    record = sprint_folder(project, SPRINT)
    whole = measured(project)
    better = replace(whole, class_agreement=replace(whole.class_agreement, value=0.9), failed=[])
    QUALITY.write(record, better)
    (found,) = measured_again(project).findings
    assert (found.file, found.problem) == (f"reports/{SPRINT}/{QUALITY.name}", "does not follow")
    assert "class_agreement" in found.detail
    QUALITY.write(record, replace(whole, failed=[]))
    assert "failed" in measured_again(project).findings[0].detail
    QUALITY.write(record, whole)
    write_answers(record, read_answers(record)[1:])
    assert measured_again(project).findings


def test_what_rests_on_gold_labels_is_not_measured_again(project: Path) -> None:
    answered(project, MOVED)
    answer(project, GOLD_IMAGE, "0 0.5 0.5 0.25 0.25", "1 0.2 0.2 0.1 0.1")
    pull(project, SPRINT, commit=False, say=quiet)
    again = measured_again(project)
    assert (again.findings, again.rebuilt) == ([], [])
    assert again.notes == [
        f"reports/{SPRINT}/{QUALITY.name} was measured again without its gold images: their labels may have been corrected since"
    ]
    whole = measured(project)
    QUALITY.write(sprint_folder(project, SPRINT), replace(whole, iou=replace(whole.iou, value=0.99)))
    assert "iou" in measured_again(project).findings[0].detail
