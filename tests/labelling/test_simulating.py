"""`flywheel simulate`: rounds replayed over a planted world, policies as they are typed, and one real run that can be killed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from projects import SPRINT, call, flywheel

from runner.adapters.tables.parquet import write_table
from runner.config.load import load_project
from runner.domain.errors import FlywheelError
from runner.domain.evaluation import Metrics
from runner.domain.files import decode_json, write_json
from runner.domain.simulation import Simulation
from runner.domain.task import BOX
from runner.labelling.simulating import simulate as command
from runner.labelling.simulating.policies import mix_of, policies
from runner.labelling.simulating.replay import Plan, Policy, compared, first_images, replayed, weakest_end
from runner.labelling.simulating.simulate import Asked, simulate
from runner.labelling.simulating.trainings import KEPT, Result, Trainings
from runner.report.simulated import picture, render
from runner.strategies.mix import RANDOM_ONLY, Mix
from runner.workflow.locking import work_lock

GOOD, BAD = Mix(uncertainty=1.0), Mix(diversity=1.0)
PLAN = Plan(start=10, size=10, rounds=4, seeds=[0, 1, 2], price=0.5)


class Planted:
    """200 images of which every second one teaches something; a policy takes these first, last, or as they come."""

    def __init__(self) -> None:
        self.images: Sequence[str] = [f"{number:03d}" for number in range(200)]
        self.learnt: list[tuple[int, frozenset[str]]] = []

    def paid(self, path: str, seed: int) -> tuple[int, float]:
        del seed
        return (3 if path.endswith("1") else 2), 36.0

    def learn(self, labelled: Collection[str], seed: int) -> float:
        self.learnt.append((seed, frozenset(labelled)))
        return sum(1 for path in labelled if int(path) % 2) / 100

    def value(self, learned: float) -> float | None:
        return learned

    def draw(self, mix: Mix, labelled: Collection[str], learned: float, seed: int) -> Mapping[str, str]:
        del learned
        free = [path for path in self.images if path not in set(labelled)]
        if mix == RANDOM_ONLY:
            free = first_images(free, len(free) and min(10, len(free)), seed)
        else:
            free.sort(key=lambda path: (int(path) % 2 == 0) == (mix == GOOD))
        return dict.fromkeys(free[:10], mix.arms[0].name)


def planted(plan: Plan = PLAN, target: float | None = None) -> Simulation:
    chosen = [
        Policy(name="random", mix=RANDOM_ONLY),
        Policy(name="good", mix=GOOD),
        Policy(name="bad", mix=BAD),
    ]
    replays = replayed(Planted(), chosen, plan, lambda line: None)
    return Simulation(
        sprint="0001-a",
        task="detect",
        metric="map50",
        target=target or weakest_end(replays[0][1]),
        target_given=target is not None,
        pool=200,
        start=plan.start,
        size=plan.size,
        rounds=plan.rounds,
        seeds=list(plan.seeds),
        recipe={"epochs": 2},
        annotators=[],
        currency="EUR",
        policies=compared(replays, target or weakest_end(replays[0][1]), msgspec.to_builtins),
    )


def test_policies_of_one_seed_begin_with_the_same_images_and_another_seed_with_others() -> None:
    world = Planted()
    replayed(world, [Policy(name="a", mix=GOOD), Policy(name="b", mix=BAD)], PLAN, lambda line: None)
    firsts = {(seed, images) for seed, images in world.learnt if len(images) == PLAN.start}
    assert len(firsts) == len(PLAN.seeds)
    assert max(len(images) for _, images in world.learnt) == PLAN.start + PLAN.rounds * PLAN.size
    assert len(world.learnt) == len(PLAN.seeds) * 2 * (PLAN.rounds + 1)  # of which the first ones are kept


def test_a_policy_that_teaches_nothing_is_a_loss_in_every_seed_and_is_shown_as_one() -> None:
    found = planted()
    _, good, bad = found.policies
    assert [run.beside for run in good.runs] == ["fewer"] * 3
    assert all(run.share is not None and run.share < 0 for run in good.runs)
    assert [run.beside for run in bad.runs] == ["more"] * 3
    assert [run.needed for run in bad.runs] == [None] * 3
    text = render(found, ".flywheel/simulate/0001-a")
    assert "bad beside random: the target is not reached in the median" in text
    assert "More labels than random in 3 of 3 seeds." in text
    assert re.search(r"good beside random: \d+% fewer labels in the median; -\d+%.*in 0 of 3 seeds", text)
    assert re.search(r"^bad .* 0 of 3 ", text, re.MULTILINE)


def test_costs_are_of_what_is_in_training_and_none_where_there_is_no_price() -> None:
    run = planted().policies[0].runs[0]
    assert [one.images for one in run.rounds] == [10, 20, 30, 40, 50]
    assert run.rounds[0].money == run.rounds[0].labels * 0.5
    assert run.rounds[0].hours == pytest.approx(0.1)
    assert run.money == pytest.approx((run.needed or 0) * 0.5, abs=0.02)
    unpriced = planted(Plan(start=10, size=10, rounds=1, seeds=[0]))
    assert unpriced.policies[0].runs[0].money is None
    assert "EUR" not in render(unpriced, "x")


def test_a_pool_that_runs_dry_ends_a_run_and_a_target_that_nobody_reaches_tells_nothing() -> None:
    dry = planted(Plan(start=100, size=10, rounds=30, seeds=[0]), target=0.99)
    assert [len(policy.runs[0].rounds) for policy in dry.policies] == [11] * 3
    none = planted(target=0.999)
    assert {run.beside for policy in none.policies for run in policy.runs} == {"unknown"}
    assert "nothing to tell in the median; neither reached" in render(none, "x")


def test_the_target_is_what_the_weakest_seed_of_random_reaches_and_nothing_is_none() -> None:
    found = planted()
    ends = [max(one.value or 0 for one in run.rounds) for run in found.policies[0].runs]
    assert found.target == min(ends)
    assert [run.beside for run in found.policies[0].runs] == ["same"] * 3
    empty = [
        msgspec.structs.replace(run, rounds=[msgspec.structs.replace(run.rounds[0], value=0.0)])
        for run in found.policies[0].runs
    ]
    assert weakest_end(empty) is None


def test_the_picture_is_of_the_same_bytes() -> None:
    drawn = picture(planted())
    assert drawn.png.startswith(b"\x89PNG")
    assert drawn.svg == picture(planted()).svg


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uncertain=1", 'uncertain is no strategy; did you mean "uncertainty"?'),
        ("uncertainty", "'uncertainty' is no arm with its share"),
        ("uncertainty=1,uncertainty=2", "named twice"),
        ("uncertainty=-1", "`float` > 0"),
        ("{uncertainty: {share: 1, measure: nothing}}", "Invalid enum value"),
        ("{uncertainty", "is no block of arms"),
        ("{}", "names no arm"),
        ("metadata=1", "metadata"),
    ],
)
def test_mixes_that_are_none(text: str, message: str) -> None:
    with pytest.raises(FlywheelError) as raised:
        mix_of(text)
    assert message in raised.value.message
    assert "--mix" in (raised.value.hint or "")


def test_random_is_always_there_once_and_arms_that_cannot_be_replayed_are_refused(project: Path) -> None:
    found = load_project(project)
    names = [one.name for one in policies(["random=3", "uncertainty=1"], found, vectors=True)]
    assert names == ["random", "uncertainty 1"]
    options = "{uncertainty: {share: 0.8, measure: margin}, random: 0.2}"
    assert policies([options], found, vectors=True)[1].name == "random 0.2 + uncertainty 0.8 (measure margin)"
    assert [one.name for one in policies([], found, vectors=False)][1] == "random 0.2 + uncertainty 0.8"
    for text, message in (
        ("failures=1", "simulated rounds have no report"),
        ("{disagreement: {share: 1, between: artefacts}}", "export nothing"),
        ("{metadata: {share: 1, column: n_zero, weights: {'0': 1}}}", "known of labelled images only"),
    ):
        with pytest.raises(FlywheelError, match=message):
            policies([text], found, vectors=True)
    with pytest.raises(FlywheelError, match="stands there twice"):
        policies(["uncertainty=1", "uncertainty=1"], found, vectors=True)


def test_what_cannot_be_simulated_is_said_before_anything_is_trained(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainings, "_train", lambda *arguments: pytest.fail("a training was begun"))
    spec = project / "specs" / f"{SPRINT}.yaml"
    for asked, message, hint in (
        (
            Asked(mixes=["uncertainty=1"], rounds=9, size=4),
            "and the train split has 16 with labels",
            "--rounds 3",
        ),
        (Asked(mixes=["uncertainty=1"], rounds=20, size=24), "has 16 with", "--start 4 --size 1 --rounds 12"),
        (
            Asked(mixes=["uncertainty=1"], metric="map5"),
            'has no such metric; did you mean "map50"?',
            "map50_95",
        ),
        (Asked(mixes=["uncertainty=1"], imgsz=33), "training with {'imgsz': 33}", "--imgsz"),
        (Asked(mixes=["disagreement=1"], size=4), "the recipe trains one", "between: flips"),
    ):
        with pytest.raises(FlywheelError) as raised:
            simulate(project, SPRINT, asked, lambda line: None)
        assert message in raised.value.message
        assert hint in (raised.value.hint or "")
    with work_lock(project, KEPT.as_posix()), pytest.raises(FlywheelError, match="is under way"):
        simulate(project, SPRINT, Asked(mixes=["uncertainty=1"], size=2, rounds=1), lambda line: None)
    other = spec.with_name("0002-finer.yaml")
    other.write_text(spec.read_text().replace("model: yolo11n.yaml", f"from: {SPRINT}"))
    with pytest.raises(FlywheelError, match="has seen the labels which are hidden here"):
        simulate(project, "0002-finer", Asked(), lambda line: None)


def test_a_killed_simulation_goes_on_and_changes_nothing_of_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = call(project, "git", "status", "--porcelain").stdout
    asked = (
        "simulate",
        "--rounds",
        "1",
        "--size",
        "6",
        "--seeds",
        "1",
        "--mix",
        "uncertainty=1",
        "--format",
        "json",
    )
    trained: list[list[str]] = []
    train = Trainings._train

    def killed_later(self: Trainings, labelled: Collection[str], seed: int, out: Path) -> None:
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(sorted(labelled))
        train(self, labelled, seed, out)

    monkeypatch.setattr(Trainings, "_train", killed_later)
    assert flywheel(project, *asked).returncode == 130
    monkeypatch.setattr(Trainings, "_train", train)
    first = flywheel(project, *asked, check=True).stdout
    monkeypatch.setattr(Trainings, "_train", lambda *arguments: pytest.fail("trained again"))
    assert flywheel(project, *asked, check=True).stdout == first
    found = decode_json(first.encode(), Simulation)
    assert [len(policy.runs[0].rounds) for policy in found.policies] == [2, 2]
    assert found.policies[0].runs[0].rounds[0] == found.policies[1].runs[0].rounds[0]
    assert trained == [first_images(_train_images(project), 6, 0)]
    kept = project / KEPT
    assert json.loads((kept / SPRINT / command.RECORD).read_text()) == json.loads(first)
    assert {path.name for path in kept.glob("models/*/*")} == {"result.json", "predictions.parquet"}
    assert call(project, "git", "status", "--porcelain").stdout == before
    shutil.rmtree(kept)


def test_a_batch_goes_by_what_the_rounds_own_model_predicts_on_hidden_images(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is unsure of the images whose names end last: these are drawn, and their labels are the annotators'."""
    labelled_by_round: list[list[str]] = []

    def planted_model(self: Trainings, labelled: Collection[str], seed: int, out: Path) -> None:
        labelled_by_round.append(sorted(labelled))
        hidden = [path for path in self.images if path not in set(labelled)]
        rank = {path: at for at, path in enumerate(self.images)}
        scores = [0.99 - 0.45 * rank[path] / len(rank) for path in hidden]
        boxes = {name: [value] * len(hidden) for name, value in zip(BOX, (1.0, 1.0, 9.0, 9.0), strict=True)}
        write_table(
            out / "predictions.parquet",
            {"path": hidden, "class_id": [0] * len(hidden), "score": scores, **boxes},
        )
        metrics = Metrics(images=6, objects=6, map50=len(labelled) / 16, map50_95=len(labelled) / 32)
        write_json(out / "result.json", Result(overall=metrics, per_class={}))

    monkeypatch.setattr(Trainings, "_train", planted_model)
    spec = project / "specs" / f"{SPRINT}.yaml"
    batch = "annotation: {strategy: boxes, batch: {size: 9, where: brightness < 0}}\n"
    spec.write_text(spec.read_text() + batch)  # neither is the simulation's
    asked = Asked(mixes=["uncertainty=1"], rounds=2, size=3, seeds=1, metric="map50")
    found = simulate(project, SPRINT, asked, lambda line: None).simulation
    first, second, third = labelled_by_round[0], labelled_by_round[-2], labelled_by_round[-1]
    for before, after in ((first, second), (second, third)):
        drawn = sorted(set(after) - set(before))
        passed = [path for path in _train_images(project) if path > drawn[0] and path not in after]
        scenes = {path.rpartition("_")[0] for path in after}
        assert all(
            path.rpartition("_")[0] in scenes for path in passed
        )  # they look like one that is labelled
        assert len(drawn) == 3
    rounds = found.policies[1].runs[0].rounds
    assert [one.arms for one in rounds] == [{"random": 3}, {"uncertainty": 3}, {"uncertainty": 3}]
    assert [one.value for one in rounds] == [3 / 16, 6 / 16, 9 / 16]
    perfect = simulate(project, SPRINT, replace(asked, perfect=True), lambda line: None).simulation
    key = {path: len(labels(project, path)) for path in third}
    assert perfect.policies[1].runs[0].rounds[-1].labels == sum(key.values())
    assert perfect.annotators == []
    assert found.annotators[0]["missed"] == 0.04
    at_once = simulate(project, SPRINT, replace(asked, target=0.1), lambda line: None).simulation
    assert any("in 1 of 1 seed the first images reach the target" in note for note in at_once.notes)
    assert not any("first images reach" in note for note in found.notes)


def labels(project: Path, path: str) -> list[str]:
    return (project / "data" / path.replace("images", "labels")).with_suffix(".txt").read_text().splitlines()


def _train_images(project: Path) -> list[str]:
    return sorted(f"images/train/{path.name}" for path in (project / "data" / "images" / "train").iterdir())
