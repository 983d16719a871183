"""What every strategy holds to, and what each one chooses of a pool that is known."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from strategies.planted_pool import IMAGES, pool, predictions, unit

from runner.domain.errors import ExitCode, FlywheelError
from runner.strategies.disagreement import Disagreement
from runner.strategies.diversity import Diversity
from runner.strategies.failures import Failures
from runner.strategies.metadata import Metadata
from runner.strategies.mix import KINDS, Mix
from runner.strategies.pool import Strategy
from runner.strategies.random_images import RandomImages
from runner.strategies.rare_classes import RareClasses
from runner.strategies.typicality import Typicality
from runner.strategies.uncertainty import Uncertainty

ALL: list[Strategy] = [
    RandomImages(share=1),
    *(
        Uncertainty(share=1, measure=measure)
        for measure in ("least_confidence", "margin", "entropy", "entropy_sum", "calibrated")
    ),
    Uncertainty(share=1, spread=4),
    *(Disagreement(share=1, between=between) for between in ("seeds", "artefacts", "flips")),
    Diversity(share=1),
    Diversity(share=1, method="clusters"),
    Typicality(share=1),
    RareClasses(share=1),
    Failures(share=1),
    Metadata(share=1, column="camera", weights={"dock": 1, "gate": 3}),
]


def names(strategy: Strategy) -> str:
    return repr(strategy).replace("share=1.0, ", "").replace("share=1", "")


def first(strategy: Strategy, count: int = 1, **changes: object) -> list[int]:
    chosen = strategy.choices(pool(**changes), [], count, 0)
    return [choice.position for choice in islice(chosen, count)]


@pytest.mark.parametrize("strategy", ALL, ids=names)
def test_every_strategy_gives_each_image_once_with_a_reason_and_the_same_again(strategy: Strategy) -> None:
    given = list(strategy.choices(pool(), [3], 6, 0))
    positions = [choice.position for choice in given]
    assert len(set(positions)) == len(positions) <= IMAGES
    assert all(choice.reason and "\n" not in choice.reason for choice in given)
    assert given == list(strategy.choices(pool(), [3], 6, 0))


@pytest.mark.parametrize("ranked", [True, False])
@pytest.mark.parametrize("strategy", ALL, ids=names)
def test_every_strategy_works_for_objects_and_for_images_of_classes(strategy: Strategy, ranked: bool) -> None:
    assert first(strategy, 5, ranked=ranked)


def test_every_kind_of_a_mix_is_under_the_contract() -> None:
    assert {type(strategy) for strategy in ALL} == set(KINDS.values())
    assert set(KINDS) == set(Mix.__struct_fields__)


@pytest.mark.parametrize("measure", ["least_confidence", "margin", "entropy"])
def test_the_least_sure_image_is_first_and_one_without_predictions_last(measure: str) -> None:
    strategy = Uncertainty(share=1, measure=measure)  # type: ignore[arg-type]
    order = [choice.position for choice in strategy.choices(pool(), [], 1, 0)]
    assert (order[0], order[-1]) == (7, 39)


def test_the_sum_of_entropies_prefers_images_with_much_in_them() -> None:
    found = predictions([0, 1, 1, 1], [0, 0, 0, 0], [0.6, 0.8, 0.8, 0.8])
    assert first(Uncertainty(share=1, measure="entropy"), predictions=found) == [0]
    assert first(Uncertainty(share=1, measure="entropy_sum"), predictions=found) == [1]


def test_calibrated_uncertainty_prefers_the_class_that_is_hard_for_the_champion() -> None:
    found = predictions([0, 1], [0, 1], [0.5, 0.5])
    hard = np.array([0.1, 0.9, 0.1])
    assert first(Uncertainty(share=1, measure="calibrated"), predictions=found, difficulty=hard) == [1]
    assert first(
        Uncertainty(share=1, measure="calibrated"), predictions=found, difficulty=hard[::-1] * [1, 0, 0]
    ) == [0]


def test_spread_takes_unlike_ones_among_the_least_sure() -> None:
    score = np.where(np.arange(IMAGES) < 8, 0.5, 0.95)
    found = predictions(np.arange(IMAGES), np.zeros(IMAGES), score)
    chosen = first(Uncertainty(share=1, measure="entropy", spread=2), 4, predictions=found)
    assert all(position < 8 for position in chosen)
    assert len({position % 4 for position in chosen}) == 4  # the four looks of the pool


@pytest.mark.parametrize("between", ["seeds", "artefacts", "flips"])
def test_the_image_on_which_models_see_different_classes_is_first(between: str) -> None:
    assert first(Disagreement(share=1, between=between)) == [11]  # type: ignore[arg-type]


def test_one_model_alone_cannot_disagree_and_it_is_said_what_to_do() -> None:
    alone = {"seeds": {"torch": pool().predictions}}
    with pytest.raises(FlywheelError, match="needs two models or more") as caught:
        first(Disagreement(share=1), others=alone)
    assert "seeds: [0, 1, 2]" in (caught.value.hint or "")
    assert caught.value.exit_code == ExitCode.STAGE_FAILED


def test_k_center_goes_to_the_look_that_has_no_label_first() -> None:
    assert first(Diversity(share=1))[0] % 4 == 3


def test_clusters_give_one_of_each_look() -> None:
    chosen = first(Diversity(share=1, method="clusters"), 4, labelled_vectors=None)
    assert len({position % 4 for position in chosen}) >= 3


def test_the_most_typical_is_of_the_look_without_label_and_near_to_its_like() -> None:
    vectors = np.array(pool().vectors)
    vectors[3] = unit(np.array([[0, 0, 0, 1, 1.5, 0, 0, 0]]))[0]  # of that look, and far out
    chosen = first(Typicality(share=1), 3, vectors=vectors)
    assert chosen[0] % 4 == 3
    assert 3 not in chosen


def test_the_rarest_class_is_first_and_gives_way_once_it_is_rare_no_more() -> None:
    assert first(RareClasses(share=1), 3) == [5, 6, 38]  # then class zero, which has fewer than one
    assert first(RareClasses(share=1), 2, labelled_objects=np.array([50, 5, 4])) == [5, 6]


def test_what_looks_like_a_failure_is_first() -> None:
    assert all(position % 4 == 2 for position in first(Failures(share=1), 5))


def test_a_value_of_twice_the_weight_is_drawn_more_often() -> None:
    strategy = Metadata(share=1, column="camera", weights={"gate": 6, "dock": 1})
    drawn = [
        choice.reason for seed in range(20) for choice in islice(strategy.choices(pool(), [], 9, seed), 9)
    ]
    assert 0.5 < np.mean(["camera = gate" in reason for reason in drawn]) < 0.75  # of all images a quarter
    only = Metadata(share=1, column="camera", weights={"gate": 1})
    assert all(position % 4 == 0 for position in first(only, 10))


def test_a_weight_of_a_value_that_no_image_has_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(FlywheelError, match='did you mean "dock"'):
        first(Metadata(share=1, column="camera", weights={"dok": 1}))


def test_random_is_as_likely_for_each_image() -> None:
    counts = np.zeros(IMAGES)
    for seed in range(600):
        counts[
            [choice.position for choice in islice(RandomImages(share=1).choices(pool(), [], 10, seed), 10)]
        ] += 1
    assert abs(counts - 150).max() < 5 * np.sqrt(150)


@pytest.mark.parametrize(
    ("strategy", "missing", "said"),
    [
        (Uncertainty(share=1), "predictions", "there is no champion"),
        (RareClasses(share=1), "predictions", "there is no champion"),
        (Diversity(share=1), "vectors", "there are none"),
        (Typicality(share=1), "vectors", "there are none"),
        (Failures(share=1), "failure_vectors", "there is none"),
        (Uncertainty(share=1, measure="calibrated"), "difficulty", "measured at for each class"),
    ],
    ids=names,
)
def test_what_is_not_there_is_said_with_what_to_do(strategy: Strategy, missing: str, said: str) -> None:
    with pytest.raises(FlywheelError, match=said) as caught:
        first(strategy, **{missing: None})
    assert caught.value.hint


def test_shares_and_blocks_are_both_arms_the_control_arm_first() -> None:
    mix = Mix(uncertainty=Uncertainty(share=0.5, measure="margin"), diversity=0.3, random=0.2)
    assert [(arm.name, arm.share) for arm in mix.arms] == [
        ("random", 0.2),
        ("uncertainty", 0.5),
        ("diversity", 0.3),
    ]
    assert mix.has_control
    assert not Mix(diversity=1).has_control
