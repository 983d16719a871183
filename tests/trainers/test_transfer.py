"""A model made ready for another class map: rows go with names, everything else stays."""

from __future__ import annotations

from typing import Any

import pytest

from runner.adapters.models.torch_models import architecture_named, new_module
from runner.adapters.models.transfer import for_classes
from runner.domain.task import TaskName


def state(module: Any) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(
    ("task", "rows"),
    [("detect", "model.23.cv3.0.2"), ("segment", "model.23.cv3.1.2"), ("classify", "model.10.linear")],
)
def test_classes_keep_what_is_known_of_them_by_name(task: TaskName, rows: str) -> None:
    suffix = {"detect": "", "segment": "-seg", "classify": "-cls"}[task]
    module = new_module(task, architecture_named(f"yolo11n{suffix}.yaml", task), ["cat", "dog", "hen"])
    before = state(module)
    assert for_classes(module, ["cat", "dog", "hen"]) is module
    made = for_classes(module, ["hen", "owl", "cat"])
    after = state(made)
    assert list(made.names.values()) == ["hen", "owl", "cat"]
    for part in ("weight", "bias"):
        old, new = before[f"{rows}.{part}"], after[f"{rows}.{part}"]
        assert new[0].equal(old[2])
        assert new[2].equal(old[0])
    assert not after[f"{rows}.weight"][1].equal(before[f"{rows}.weight"][1])  # owl learns nothing from dog
    fewer = state(for_classes(module, ["dog"]))
    assert fewer[f"{rows}.weight"].shape[0] == 1
    assert fewer[f"{rows}.weight"][0].equal(before[f"{rows}.weight"][1])
    others = [name for name in before if not name.startswith(("model.23.cv3", "model.10.linear"))]
    assert len(others) > 100
    assert all(after[name].equal(before[name]) and fewer[name].equal(before[name]) for name in others)


def test_the_class_branch_stays_as_wide_as_it_was() -> None:
    """Ultralytics makes it as wide as the class count; a narrower one would lose what was learnt."""
    architecture = architecture_named("yolo11n.yaml", "detect")
    module = new_module("detect", architecture, [f"class {n}" for n in range(90)])
    made = for_classes(module, ["class 7"])
    name = "model.23.cv3.0.1.1.conv.weight"
    assert made.state_dict()[name].equal(module.state_dict()[name])
    assert made.base_classes == 90
