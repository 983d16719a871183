"""`variants` of a spec: what each comes to, and what is refused, each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import PROJECT, SPEC, SPRINT

from runner.config.load import load_project, load_sprint, validate
from runner.config.variants import made_beside, own_name, project_of, said_by, variant_of


def written(root: Path, variants: str, *more: tuple[str, str]) -> Path:
    (root / "flywheel.yaml").write_text(
        PROJECT.replace(", metadata: data/metadata.csv, group_by: scene", "").replace(
            "  - {by: camera}\n", ""
        )
    )
    (root / "data.dvc").write_text("outs: [{path: data, md5: 0123456789abcdef0123456789abcdef.dir}]\n")
    (root / "specs").mkdir()
    (root / "specs" / f"{SPRINT}.yaml").write_text(f"{SPEC}variants:\n{variants}")
    for name, spec in more:
        (root / "specs" / f"{name}.yaml").write_text(spec)
    return root


def test_a_variant_is_the_spec_with_what_it_says(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        "  small: {}\n"
        "  larger: {train: {imgsz: 96, epochs: null, seeds: [0, 1]}, data: {train: {sample: {size: 9}}}}\n",
    )
    loaded = load_sprint(root, SPRINT, load_project(root))
    assert (own_name(loaded.sprint), made_beside(loaded.sprint)) == ("small", ["larger"])
    larger = variant_of(loaded, "larger")
    assert (larger.sprint.train.imgsz, larger.sprint.train.seeds) == (96, [0, 1])
    assert larger.sprint.train.epochs != loaded.sprint.train.epochs  # the default again
    assert larger.sprint.data.train.sample is not None
    assert larger.sprint.data.test == loaded.sprint.data.test
    assert (larger.sprint.gates, larger.sprint.export) == (loaded.sprint.gates, loaded.sprint.export)
    assert made_beside(larger.sprint) == []
    assert said_by(loaded.sprint, "larger") == [
        "train.imgsz: 96",
        "train.epochs: null",
        "train.seeds: [0, 1]",
        "data.train.sample.size: 9",
    ]


def test_from_takes_the_place_of_the_model(tmp_path: Path) -> None:
    root = written(tmp_path, "  tuned: {train: {from: champion}}\n")
    tuned = variant_of(load_sprint(root, SPRINT, load_project(root)), "tuned").sprint.train
    assert (bool(tuned.model), tuned.ancestor) == (False, "champion")


def test_another_spec_does_not_inherit_them(tmp_path: Path) -> None:
    below = f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\nextends: {SPRINT}\n"
    root = written(tmp_path, "  wide: {train: {imgsz: 96}}\n", ("0002-next", below))
    assert made_beside(load_sprint(root, "0002-next", load_project(root)).sprint) == []


@pytest.mark.parametrize(
    ("variants", "place", "message"),
    [
        ("  Wide: {train: {imgsz: 96}}\n", "14:3", "variants.Wide: a variant's name has lower-case letters"),
        ("  a: {gates: []}\n", "14:7", "variants.a.gates: unknown key; keys not used yet: annotation, data, train"),
        ("  a: {train: {epoch: 3}}\n", "14:15", "variants.a.train.epoch: unknown key"),
        ("  a: {train: {epochs: -3}}\n", "14:23", "variants.a.train.epochs: must be at least 1, found -3"),
        ("  a: {train: {model: none.pt}}\n", "14:22", "variants.a.train.model: none.pt is not in the repository"),
        ("  a: {train: {from: 0009-x}}\n", "14:21", 'variants.a.train.from: no sprint "0009-x"'),
        ("  a: {data: {test: {sample: {size: 3}}}}\n", "14:14", "variants.a.data.test: a variant is measured on the"),
        ("  a: {data: {train: {where: brightnes < 1}}}\n", "14:29", "variants.a.data.train.where: the table"),
        ("  a: {train: {epochs: 1}}\n", "14:3", "variants.a: it comes to the same as the spec itself"),
        ("  a: {}\n  b: {}\n", "15:3", "variants.b: it comes to the same as the variant a"),
        ("  a: {train: {imgsz: 96}}\n  b: {train: {imgsz: 96}}\n", "15:3", "variants.b: it comes to the same as the"),
        ("  a: {annotation: {strategy: boxes}}\n", "14:30", "variants.a.annotation.strategy: a variant is trained on the"),
        ("  a: {annotation: {budget: {money: 1}}}\n", "14:20", "variants.a.annotation.budget: of `annotation` a variant"),
        ("  a:\n", "14:5", "variants.a: expected a mapping, found nothing"),
    ],
)  # fmt: skip
def test_is_refused_at_its_place(tmp_path: Path, variants: str, place: str, message: str) -> None:
    errors = [str(error) for error in validate(written(tmp_path, variants))]
    assert len(errors) == 1
    assert errors[0].startswith(f"specs/{SPRINT}.yaml:{place}: {message}")


def test_boxes_of_masks_are_another_task_without_checks_and_gates(tmp_path: Path) -> None:
    root = written(tmp_path, "  boxes: {annotation: {strategy: boxes}, train: {model: yolo11n.yaml}}\n")
    project = root / "flywheel.yaml"
    project.write_text(project.read_text().replace("task: detect", "task: segment"))
    spec = root / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("yolo11n.yaml, epochs", "yolo11n-seg.yaml, epochs"))
    assert [str(error) for error in validate(root)] == []
    loaded = load_sprint(root, SPRINT, load_project(root))
    boxes = variant_of(loaded, "boxes")
    assert project_of(load_project(root), loaded.sprint, "boxes").task == "detect"
    assert (boxes.sprint.checks, boxes.sprint.gates, boxes.gate_sources) == ([], [], [])
    assert boxes.sprint.annotation is not None
    spec.write_text(spec.read_text().replace("{model: yolo11n.yaml}", "{imgsz: 96}"))
    [error] = validate(root)
    assert "variants.boxes.train.model: " in str(error)
    spec.write_text(spec.read_text().replace("strategy: boxes", "strategy: masks"))
    [error] = validate(root)
    assert str(error).endswith("of those of task segment a variant makes boxes alone")


def test_what_is_wrong_with_the_spec_is_told_once(tmp_path: Path) -> None:
    root = written(tmp_path, "  wide: {train: {imgsz: 96}}\n")
    spec = root / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 0"))
    assert len(validate(root)) == 1
