"""A batch drawn from stored tables: what is read, what it is expected to cost, and what it says where something is not here."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from planted_scoring import (
    CHAMPION,
    FOLDER,
    drawing,
    evidence,
    plant,
    pool_path,
    project,
    to_cache,
    write_predictions,
)

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.labelling import GOLD_ARM, SliceCoverage
from runner.embeddings.lite0 import Lite0
from runner.planning.champion import Champion
from runner.record.catalogue import sprint_folder
from runner.record.labelling import write_batch
from runner.strategies.disagreement import Disagreement
from runner.strategies.metadata import Metadata
from runner.strategies.mix import BatchOptions, Mix
from runner.strategies.uncertainty import Uncertainty
from runner.workflow.drawing import champion_facts, prepare
from runner.workflow.drawing import drawing as drawing_module
from runner.workflow.drawing.evidence import evidence_of
from runner.workflow.drawing.pooled import pool_of


@pytest.fixture(autouse=True)
def _champions_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """What git would say of the champion."""
    monkeypatch.setattr(champion_facts, "operating_confidence", lambda root, champion: 0.25)
    monkeypatch.setattr(champion_facts, "seed_models", lambda root, champion: {"torch": 0, "torch-seed-1": 0})
    monkeypatch.setattr(champion_facts, "artefacts", lambda root, champion: {"torch": 0, "onnx-int8": 0})
    monkeypatch.setattr(champion_facts.ChampionFacts, "objects_per_prediction", 1.0)


def test_the_most_unsure_images_their_labels_and_their_price(tmp_path: Path) -> None:
    batch, images = drawing(tmp_path, plant(tmp_path), Mix(uncertainty=1)).draw()
    # three boxes each, the later ones with lower scores
    assert [image.path for image in images[:3]] == [pool_path(11), pool_path(7), pool_path(3)]
    assert (batch.pool_images, batch.arms, batch.champion) == (12, {"uncertainty": 4}, "0001-first")
    assert (batch.labels, batch.price, batch.currency) == (11.0, 0.55, "EUR")
    assert batch.commit == CHAMPION.commit
    assert batch.coverage == [
        SliceCoverage(slice="dark", batch=3, pool=6),
        SliceCoverage(slice="camera=gate", batch=3, pool=8),
        SliceCoverage(slice="camera=dock", batch=1, pool=4),
    ]


def test_the_condition_narrows_the_pool_for_the_control_arm_too(tmp_path: Path) -> None:
    annotation = {"batch": {"size": 6, "where": "brightness < 0.3"}}
    batch, images = drawing(tmp_path, plant(tmp_path), Mix(random=1), annotation=annotation).draw()
    assert {image.path for image in images} == {pool_path(number) for number in range(6, 12)}
    assert batch.pool_images == 6


def test_a_condition_that_no_image_satisfies_is_said_with_what_to_do(tmp_path: Path) -> None:
    annotation = {"batch": {"size": 6, "where": "brightness < 0.01"}}
    with pytest.raises(FlywheelError, match="none of the 12 images of the pool satisfies") as caught:
        drawing(tmp_path, plant(tmp_path), Mix(random=1), annotation=annotation).draw()
    assert "flywheel query" in (caught.value.hint or "")
    assert caught.value.exit_code == ExitCode.STAGE_FAILED


def test_images_of_another_sprints_batch_are_not_asked_about_twice(tmp_path: Path) -> None:
    found = plant(tmp_path)
    _, first = drawing(tmp_path, found, Mix(random=1), sprint="0003-other").draw()
    write_batch(sprint_folder(tmp_path, "0003-other"), first)
    annotation = {"batch": {"size": 12}}
    batch, images = drawing(
        tmp_path, found, Mix(random=1), annotation=annotation, beside=["0003-other"]
    ).draw()
    assert {image.path for image in images}.isdisjoint(image.path for image in first)
    assert (len(images), batch.pool_images, batch.beside) == (8, 8, ["0003-other"])


def test_labels_are_what_the_champion_predicts_by_how_much_it_finds_of_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = drawing(tmp_path, plant(tmp_path), Mix(uncertainty=1))
    for factor, labels in ((2.0, 22.0), (None, 8.0)):  # half of them found; too little found to tell
        monkeypatch.setattr(champion_facts.ChampionFacts, "objects_per_prediction", factor)
        assert made.draw()[0].labels == labels


def test_without_a_champion_labels_are_those_of_the_mean_labelled_image(tmp_path: Path) -> None:
    batch, _ = drawing(tmp_path, plant(tmp_path), Mix(random=1), champion=None).draw()
    assert (batch.labels, batch.price, batch.tag) == (8.0, 0.4, None)


def test_a_strategy_that_asks_for_a_champion_says_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError, match="there is no champion") as caught:
        drawing(tmp_path, plant(tmp_path), Mix(uncertainty=1), champion=None).draw()
    assert "flywheel promote" in (caught.value.hint or "")


def test_second_annotators_and_gold_images_are_paid_for(tmp_path: Path) -> None:
    annotation = {
        "batch": {"size": 4},
        "quality": {"double_annotated": 0.5, "gold": 0.25, "agreement": {"min": 0.5}},
    }
    batch, images = drawing(
        tmp_path, plant(tmp_path), Mix(random=1), annotation=annotation, champion=None
    ).draw()
    assert sorted(image.annotators for image in images if image.arm != GOLD_ARM) == [1, 1, 2, 2]
    assert [image.path.split("/")[1] for image in images if image.arm == GOLD_ARM] == ["train"]
    assert batch.labels == 2 * (4 + 2 + 1)


def test_a_budget_in_money_needs_a_price(tmp_path: Path) -> None:
    annotation = {"batch": {}, "budget": {"money": 0.35}}
    batch, images = drawing(tmp_path, plant(tmp_path), Mix(uncertainty=1), annotation=annotation).draw()
    assert batch.price is not None
    assert batch.price <= 0.35
    assert len(images) == 2  # three labels each, 0.05 a label
    free = project(costs={"currency": "EUR"})
    with pytest.raises(FlywheelError, match=r"costs\.label\.box is not set"):
        drawing(tmp_path, evidence(tmp_path), Mix(uncertainty=1), annotation=annotation, project=free).draw()


def test_images_of_classes_need_one_label_each_and_are_unsure_over_all_classes(tmp_path: Path) -> None:
    plant(tmp_path)
    rows = [(pool_path(number), 0.5 if number == 4 else 0.9) for number in range(12)]
    write_predictions(tmp_path / FOLDER / "champion" / "predictions.parquet", rows)
    classes = project(task="classify", costs={"currency": "EUR", "label": {"class": 0.02}})
    annotation = {"strategy": "class", "batch": {"size": 4}}
    mix = Mix(uncertainty=Uncertainty(share=1, measure="least_confidence"))
    batch, images = drawing(tmp_path, evidence(tmp_path), mix, annotation=annotation, project=classes).draw()
    assert (images[0].path, images[0].score) == (pool_path(4), 0.5)
    assert (batch.labels, batch.price) == (4.0, 0.08)


def test_rare_classes_are_counted_in_the_train_split(tmp_path: Path) -> None:
    plant(tmp_path)
    write_predictions(tmp_path / FOLDER / "champion" / "predictions.parquet", [(pool_path(5), 0.8)], "dog")
    _, images = drawing(tmp_path, evidence(tmp_path), Mix(rare_classes=1)).draw()
    assert images[0].path == pool_path(5)
    assert "2 of 4 in train" in images[0].reason


def test_weights_of_a_column(tmp_path: Path) -> None:
    mix = Mix(metadata=Metadata(share=1, column="camera", weights={"dock": 1}))
    _, images = drawing(tmp_path, plant(tmp_path), mix).draw()
    assert {image.path for image in images} == {pool_path(number) for number in (0, 3, 6, 9)}


@pytest.mark.parametrize(
    ("between", "tables"),
    [("seeds", ["torch", "torch-seed-1"]), ("artefacts", ["torch", "onnx-int8"]), ("flips", ["mirrored"])],
)
def test_disagreement_reads_what_the_committee_predicted(
    tmp_path: Path, between: str, tables: list[str]
) -> None:
    plant(tmp_path)
    own = [(pool_path(number), 0.9) for number in range(4)]
    for at, name in enumerate(tables):
        write_predictions(tmp_path / FOLDER / "committee" / f"{name}.parquet", own[: 4 - at])
    found = evidence(tmp_path)
    mix = Mix(disagreement=Disagreement(share=1, between=between))  # type: ignore[arg-type]
    batch, images = drawing(tmp_path, found, mix).draw()
    assert f"{FOLDER}/committee" in batch.evidence
    assert images[0].score == 1.0
    if between != "flips":
        assert images[0].path == pool_path(3)  # the only one that one of them does not see


def test_calibrated_uncertainty_reads_how_hard_classes_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path)
    rows = tmp_path / FOLDER / "champion" / "predictions.parquet"
    write_predictions(rows, [(pool_path(1), 0.5)])
    monkeypatch.setattr(champion_facts.ChampionFacts, "difficulty", lambda self: np.array([1.0, 0.0]))
    mix = Mix(uncertainty=Uncertainty(share=1, measure="calibrated"))
    _, images = drawing(tmp_path, evidence(tmp_path), mix).draw()
    assert (images[0].path, images[0].score) == (pool_path(1), 1.2)


def test_the_same_evidence_out_of_dvcs_cache_gives_the_same_batch(tmp_path: Path) -> None:
    found = plant(tmp_path)
    mix = Mix(random=0.25, uncertainty=0.5, rare_classes=0.25)
    before = drawing(tmp_path, found, mix).draw()
    to_cache(tmp_path, found)
    again = evidence_of(tmp_path, before[0].evidence)
    assert drawing(tmp_path, again, mix).draw() == before


def test_evidence_that_is_not_here_or_not_the_same_is_named(tmp_path: Path) -> None:
    found = plant(tmp_path)
    assert found.absent() == []
    shutil.rmtree(tmp_path / FOLDER / "champion")
    write_predictions(tmp_path / FOLDER / "champion" / "predictions.parquet", [])
    changed = evidence_of(tmp_path, found.recorded)
    assert changed.absent() == [f"{FOLDER}/champion"]
    with pytest.raises(FlywheelError, match="what the batch was drawn from is not here"):
        drawing(tmp_path, changed, Mix(uncertainty=1)).draw()


def test_options_that_were_changed_are_named_and_the_usual_mix_is_not_a_change(tmp_path: Path) -> None:
    made = drawing(tmp_path, plant(tmp_path), Mix(random=1))
    batch, _ = made.draw()
    assert drawing_module.changed_options(batch, made.annotation) == []
    other = msgspec.structs.replace(made.annotation, batch=BatchOptions(size=5, seed=1, mix=Mix(random=0.5)))
    assert drawing_module.changed_options(batch, other) == ["size", "mix", "seed"]


@pytest.mark.parametrize(
    ("champion", "mix"), [(CHAMPION, "{random: 0.2, uncertainty: 0.8}"), (None, "{random: 1}")]
)
def test_without_embeddings_the_usual_mix_is_one_without_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, champion: Champion | None, mix: str
) -> None:
    def missing(self: Lite0, setting: object) -> str:
        raise FlywheelError("the extra `embed` is not installed", hint="pip install it")

    monkeypatch.setattr(Lite0, "digest", missing)
    said: list[str] = []
    found = prepare.mix_of(project(), BatchOptions(size=3), champion, lambda: None, said.append)  # type: ignore[arg-type, return-value]
    assert found.describe() == mix
    assert said == [
        "note: images cannot be compared by embeddings, so the mix is one without: the extra `embed` is not installed (pip install it)"
    ]


def test_failures_are_looked_for_among_the_labelled_images_whose_vectors_are_computed(tmp_path: Path) -> None:
    tables = drawing(tmp_path, plant(tmp_path), Mix(failures=1)).tables
    vectors: Any = SimpleNamespace(of=lambda rows: np.zeros((len(rows), 2), np.float32))
    asked: list[set[str]] = []
    facts: Any = SimpleNamespace(confidence=0.25, failures=lambda known: asked.append(known) or [])
    pool = pool_of(tables, vectors, Mix(failures=1), facts, None, None)
    assert asked == [{"images/train/t0-00.jpg", "images/train/t1-00.jpg"}]
    assert len(pool) == 12
