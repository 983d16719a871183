"""What differs from the champion's data is measured by split, and is checked with Great Expectations and without it alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_bias import CLASSES, PlantedImages

from runner.adapters.tables.frames import frame_of
from runner.checks.champion_rules import champion_rules
from runner.checks.champion_tables import Drifted, measured_drift
from runner.checks.described_images import described_images
from runner.checks.rule import expect, run_rules
from runner.checks.without_library import run_limits
from runner.domain.drift import SplitChange
from runner.domain.records import CheckResult, Severity

RULES = champion_rules("detection", 0.2, Severity.WARNING)


def measured(tmp_path: Path, ours: PlantedImages, theirs: PlantedImages) -> Drifted:
    tables = [images.write(tmp_path / name) for name, images in (("ours", ours), ("theirs", theirs))]
    return measured_drift(*(described_images(each, CLASSES, "scene", ids=True) for each in tables), CLASSES)


def checked(found: Drifted) -> dict[str, CheckResult]:
    """By Great Expectations; and the same without it."""
    results = run_rules({name: frame_of(columns) for name, columns in found.tables.items()}, RULES)
    assert run_limits(found.tables, RULES) == results
    return {result.id.removeprefix("detection."): result for result in results}


def test_the_same_data_differs_in_nothing(tmp_path: Path) -> None:
    found = measured(tmp_path, PlantedImages(), PlantedImages())
    assert all(result.success and not result.rows for result in checked(found).values())
    assert found.shifts == found.new_values == []
    assert {(each.new, each.gone) for each in found.images} == {(0, 0)}


def test_what_is_new_of_a_split_is_set_beside_the_champions(tmp_path: Path) -> None:
    """Twice as many images in test: the new ones are darker, of a camera and a class that the champion has not met."""
    champion, images, new = PlantedImages(), PlantedImages(), PlantedImages(seed=5, scenes=20, prefix="new-")
    champion.label[:] = 0
    new.split[:] = "test"
    new.columns["brightness"] -= 0.3
    new.columns["camera"][:] = "roof"
    images.extend(new)
    found = measured(tmp_path, images, champion)
    before = int((champion.split == "test").sum())
    assert found.images[2] == SplitChange(split="test", new=80, shared=before, gone=0)
    results = checked(found)
    assert (
        results["champion_shift"]
        .rows[0]
        .startswith("brightness: new images of test differ from the champion's: mean 0.1")
    )
    assert {shift.column for shift in found.shifts if shift.shift} == {"brightness", "camera"}
    assert {shift.of for shift in found.shifts} == {"test"}
    camera = next(shift for shift in found.shifts if shift.column == "camera")
    assert camera.distance == pytest.approx(80 / (80 + before))  # none of the new ones is as before
    rows = results["new_to_champion"].rows
    assert rows[0] == "images/new-000-0.jpg: camera = roof, new to the champion; in 80 of test"
    assert [row.split(": ")[1].split(",")[0] for row in rows] == ["camera = roof", "class = dog"]
    assert not results["champion_shift"].success
    assert not results["new_to_champion"].success


def test_images_that_are_gone_are_counted(tmp_path: Path) -> None:
    images = PlantedImages()
    images.split[images.split == "val"] = "unused"
    found = measured(tmp_path, images, PlantedImages())
    assert found.images[1] == SplitChange(
        split="val", new=0, shared=0, gone=int((PlantedImages().split == "val").sum())
    )
    assert checked(found)["new_to_champion"].success


def test_more_rows_than_are_shown_and_missing_numbers_are_told_alike() -> None:
    count = 30
    tables = {
        "champion_shifts": {
            "of": ["test"] * count,
            "column": [f"c{at}" for at in range(count)],
            "distance": [0.123456789] * count,
            "chance": [0.1] * count,
            "shift": [0.3 if at % 2 else 0.1 for at in range(count)],
            "words": ["more"] * count,
        },
        "champion_values": {"column": [], "value": [], "images": [], "path": [], "unseen": []},
    }
    results = run_limits(tables, RULES)
    frames = {name: frame_of(columns) for name, columns in tables.items()}
    assert results == run_rules(frames, RULES)
    assert (results[0].unexpected, len(results[0].rows), results[1].success) == (15, 15, True)


def test_another_expectation_is_refused() -> None:
    other = RULES[0].__class__(
        **{
            **vars(RULES[0]),
            "expectation": expect("expect_column_values_to_be_null", column="shift", max_value=1),
        }
    )
    with pytest.raises(ValueError, match="is no limit"):
        run_limits({"champion_shifts": {"shift": []}}, [other])
