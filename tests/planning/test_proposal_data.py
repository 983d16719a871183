"""The data of a proposal: counted on a cached index beside what the reference recorded; unknown is None, never 0."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from projects import SPEC, SPRINT, call, commit, flywheel

from runner.adapters.dvc.metafiles import read_lock
from runner.domain.evaluation import Evaluation
from runner.planning.proposal import CountDelta, SplitDelta, SprintProposal
from runner.planning.records import Action
from runner.pullrequests.proposing.propose import IndexCounting, propose
from runner.record.catalogue import sprint_folder

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # DVC has some of its own
]

NEXT = "0002-next"


def proposed(project: Path, spec: str, **more: object) -> SprintProposal:
    (project / "specs" / f"{NEXT}.yaml").write_text(spec)
    call(project, "git", "checkout", "-q", "-B", "work")
    commit(project, "A proposal")
    (sprint,) = propose(project, "main", **more).sprints  # type: ignore[arg-type]
    return sprint


def split(sprint: SprintProposal, name: str) -> SplitDelta:
    return next(each for each in sprint.data if each.split == name)


def counts(deltas: list[CountDelta]) -> dict[str, tuple[int | None, int | None]]:
    return {delta.name: (delta.before, delta.after) for delta in deltas}


def evaluated(project: Path) -> dict[str, int]:
    content = (sprint_folder(project, SPRINT) / "evaluation.json").read_bytes()
    evaluation = msgspec.json.decode(content, type=Evaluation)
    return {part.name: part.overall.images for part in evaluation.targets[0].slices}


def test_the_same_selection_counts_as_was_evaluated(project: Path) -> None:
    sprint = proposed(project, SPEC)
    test = split(sprint, "test")
    known = evaluated(project)
    assert counts(test.slices) == {name: (images, images) for name, images in known.items()}
    assert sum(images for name, images in known.items() if name.startswith("camera=")) == test.images.after
    for each in sprint.data:
        assert each.images.before == each.images.after
        assert sum(delta.after or 0 for delta in each.classes) == each.objects.after
    assert sprint.data_note == f"before: {SPRINT}, its record on the base; after: as selected by the last run"


def test_a_narrower_selection_is_counted_by_class_and_slice(project: Path) -> None:
    sprint = proposed(project, SPEC + "data: {train: {where: \"camera = 'gate'\"}}\n")
    train = split(sprint, "train")
    assert train.images.before is not None
    assert train.images.after is not None
    assert 0 < train.images.after < train.images.before
    slices = counts(train.slices)
    assert slices["camera=gate"] == (train.images.after, train.images.after)
    gone = {
        name: after
        for name, (_, after) in slices.items()
        if name.startswith("camera=") and name != "camera=gate"
    }
    assert gone
    assert set(gone.values()) == {0}  # counted: there are none
    assert (
        sum(before or 0 for name, (before, _) in slices.items() if "camera=" in name) == train.images.before
    )
    assert split(sprint, "test").images.after == split(sprint, "test").images.before


def test_slices_of_objects_are_counted_as_they_are_evaluated(project: Path) -> None:
    small = "evaluate: {slices: [{name: small, objects: area_px < 700}, {by: [camera, lighting]}]}\n"
    sprint = proposed(project, SPEC + small)
    slices = counts(split(sprint, "test").slices)
    before, after = slices["small"]
    assert before is None  # the reference never measured it
    crossed = {name: after for name, (_, after) in slices.items() if ", lighting=" in name}
    assert sum(number or 0 for number in crossed.values()) == split(sprint, "test").images.after
    objects = _objects(project)
    assert after == len({path for path, area in objects if area < 700})


def _objects(project: Path) -> list[tuple[str, float]]:
    """The test split's objects, from what the stages wrote."""
    from runner.adapters.tables.parquet import read_table

    folder = sprint_folder(project, SPRINT)
    manifest = read_table(folder / "selection/manifest.parquet", ["path", "assigned", "selected"])
    chosen = {
        path
        for path, assigned, selected in zip(*(each.tolist() for each in manifest.values()), strict=True)
        if assigned == "test" and selected
    }
    table = read_table(folder / "index/objects.parquet", ["path", "area_px", "crowd"])
    rows = zip(*(each.tolist() for each in table.values()), strict=True)
    return [(path, area) for path, area, crowd in rows if path in chosen and not crowd]


def without_data(project: Path) -> None:
    """The project as a hosted machine has it: git's files, and a remote that can be read without a secret."""
    remote = project.parent / "remote"
    call(project, sys.executable, "-m", "dvc", "remote", "add", "-d", "shared", str(remote))
    call(project, sys.executable, "-m", "dvc", "push", "-q", "data.dvc")
    commit(project, "A remote")
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "data")
    for name in ("index", "selection", "weights", "exports", "predictions", "outcomes", "gallery"):
        shutil.rmtree(sprint_folder(project, SPRINT) / name, ignore_errors=True)


def test_without_an_index_only_the_reference_is_known(project: Path) -> None:
    without_data(project)
    sprint = proposed(project, SPEC)
    test = split(sprint, "test")
    assert test.images.before is not None
    assert test.images.after is None
    assert counts(test.slices) == {name: (images, None) for name, images in evaluated(project).items()}
    assert "not known before the index is built" in sprint.data_note


def test_a_selection_that_stays_is_known_from_its_record(project: Path) -> None:
    """On a hosted machine, where a sprint's training alone is changed."""
    without_data(project)
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(SPEC.replace("batch: 8", "batch: 4"))
    (sprint,) = propose(project, "main").sprints
    assert [(each.images.before, each.images.after) for each in sprint.data] == [(16, 16), (6, 6), (10, 10)]
    assert sprint.plan is not None
    assert [stage.stage for stage in sprint.plan.stages if stage.absent_only][:3] == [
        "index",
        "select",
        "check",
    ]


def test_counting_fetches_the_data_and_builds_the_index_that_a_run_then_finds(project: Path) -> None:
    without_data(project)
    told: list[str] = []
    sprint = proposed(project, SPEC, counting=IndexCounting(say=told.append))
    assert told == ["fetching data through DVC", "indexing data"]
    known = evaluated(project)
    assert counts(split(sprint, "test").slices) == {name: (images, images) for name, images in known.items()}
    assert sprint.plan is not None
    assert sprint.plan.stages[0].action is Action.CACHED
    assert [*read_lock(sprint_folder(project, NEXT) / "dvc.lock")] == ["index"]
    again = flywheel(project, "plan", NEXT, check=True).stdout
    assert "index      CACHED" in again


def test_data_that_is_too_large_is_left_alone(project: Path) -> None:
    without_data(project)
    told: list[str] = []
    sprint = proposed(project, SPEC, counting=IndexCounting(say=told.append, max_bytes=1000))
    assert not (project / "data").exists()
    assert told == []
    assert "data is larger than 0 MB" in sprint.data_note
    assert split(sprint, "test").images.after is None


def test_data_that_cannot_be_had_is_said_and_no_problem(project: Path) -> None:
    without_data(project)
    shutil.rmtree(project.parent / "remote")
    (project / "specs" / f"{NEXT}.yaml").write_text(SPEC)
    commit(project, "A proposal")
    proposal = propose(project, "HEAD~1", counting=IndexCounting(say=lambda line: None))
    (sprint,) = proposal.sprints
    assert proposal.problems == []
    assert sprint.plan is not None
    assert "could not be counted here" in sprint.data_note
    assert split(sprint, "test").images.after is None


def test_counting_never_runs_for_what_is_refused(project: Path) -> None:
    without_data(project)
    (project / "specs/link.yaml").symlink_to("/etc/passwd")
    told: list[str] = []
    sprint = proposed(project, SPEC, counting=IndexCounting(say=told.append))
    assert told == []
    assert sprint.plan is None
    assert not (project / "data").exists()


def test_planning_a_proposal_imports_nothing_heavy(project: Path) -> None:
    (project / "specs" / f"{NEXT}.yaml").write_text(SPEC)
    code = (
        "import sys; from pathlib import Path; from runner.pullrequests.proposing.propose import propose;"
        "propose(Path('.'), 'main');"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert not {"torch", "dvc", "pandas", "cv2", "ultralytics", "great_expectations"} & set(
        result.stdout.split()
    )
