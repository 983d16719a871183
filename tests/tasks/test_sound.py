"""What cannot be measured is refused by file and row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import Keypoints, TaskSpec
from runner.tasks.sound import require_sound

FILE = "reports/0002-x/predictions/torch.parquet"
SPEC = TaskSpec(name="pose", classes=["cat", "dog"], keypoints=Keypoints(names=["nose"]))


def objects(*values: Any) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def table(**changed: Any) -> dict[str, np.ndarray]:
    """Three sound rows, of which the second has these values."""
    columns: dict[str, np.ndarray] = {
        "path": objects("1.jpg", "2.jpg", "2.jpg"),
        "class": objects("cat", "dog", "cat"),
        "score": np.array([0.0, 0.5, 1.0], np.float32),
        "x_min": np.array([0, 1, 2], np.float32),
        "y_min": np.array([0, 1, 2], np.float32),
        "x_max": np.array([0, 9, 9], np.float32),
        "y_max": np.array([0, 9, 9], np.float32),
        "keypoints": objects([1.0, 2.0, 0.5], [1.0, 2.0, 0.5], [1.0, 2.0, 0.5]),
        "corners": objects(*[[0.0] * 8] * 3),
        "mask_rle": objects("0", "0", "0"),
    }
    for name, value in changed.items():
        columns[name] = columns[name].copy() if columns[name].dtype != object else objects(*columns[name])
        if isinstance(value, str | list) or value is None:
            columns[name] = objects(*columns[name].tolist())
        columns[name][1] = value
    return columns


def refused(predictions: dict[str, np.ndarray]) -> FlywheelError:
    with pytest.raises(FlywheelError) as error:
        require_sound(predictions, SPEC, ["1.jpg", "2.jpg"], file=FILE, hint="flywheel run 0002-x")
    return error.value


def test_sound_predictions_are_taken_boxes_without_an_area_too() -> None:
    require_sound(table(), SPEC, ["1.jpg", "2.jpg"], file=FILE, hint="")
    require_sound({name: values[:0] for name, values in table().items()}, SPEC, [], file=FILE, hint="")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"score": np.nan}, "its score is NaN, not a number from 0 to 1"),
        ({"score": np.inf}, "its score is infinite, not a number from 0 to 1"),
        ({"score": -np.inf}, "its score is infinite, not a number from 0 to 1"),
        ({"score": -0.1}, "its score is -0.1, not a number from 0 to 1"),
        ({"score": 1.5}, "its score is 1.5, not a number from 0 to 1"),
        ({"score": "high"}, "its score is NaN, not a number from 0 to 1"),
        ({"score": None}, "its score is NaN, not a number from 0 to 1"),
        ({"x_min": np.nan}, "its x_min is NaN, not a finite number"),
        ({"y_max": np.inf}, "its y_max is infinite, not a finite number"),
        ({"x_max": 0.5}, "its box has a negative size: -0.5 × 8 pixels"),
        ({"class": "fox"}, "class 'fox' is not a class of the project"),
        ({"class": None}, "class (nothing) is not a class of the project"),
        ({"path": "7.jpg"}, "path '7.jpg' is not a test image"),
        ({"keypoints": [1.0, np.nan, 0.5]}, "its keypoints are not all finite numbers"),
        ({"keypoints": [1.0, 2.0]}, "its keypoints are 2 numbers, not 3"),
        ({"keypoints": None}, "its keypoints are 0 numbers, not 3"),
        ({"corners": [np.inf] * 8}, "its corners are not all finite numbers"),
        ({"corners": [0.0] * 6}, "its corners are 6 numbers, not 8"),
        ({"mask_rle": None}, "it has no mask"),
    ],
)
def test_a_row_that_cannot_be_measured_is_named(changed: dict[str, Any], what: str) -> None:
    error = refused(table(**changed))
    shown = changed.get("path", "2.jpg")
    assert str(error) == f"{FILE}: row 2 of 3 ('{shown}'): {what}\n  hint: flywheel run 0002-x"
    assert error.exit_code is ExitCode.STAGE_FAILED


def test_the_first_such_row_is_named_whatever_is_wrong_with_it() -> None:
    columns = table(score=np.nan)
    columns["x_max"][0] = -1
    assert refused(columns).message == "row 1 of 3 ('1.jpg'): its box has a negative size: -1 × 0 pixels"
