"""Loading: typed models, extended specs, and the places that gates were written at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.config.load import (
    dropped_entries,
    list_sprints,
    load_project,
    load_sprint,
    sprint_name,
    validate,
)
from runner.config.merging import merge
from runner.config.numbers import shared_numbers
from runner.config.root import find_root
from runner.domain.errors import ConfigurationErrors, FlywheelError
from runner.gates.text import describe
from runner.record.catalogue import sprint_folder

Break = Callable[[str, str, str], Path]
SPEC = "specs/0001-first-model.yaml"
EXTENDING = "specs/0002-longer.yaml"

START = "training starts from exactly one of `model` (an architecture or a weights file) and `from` (a sprint or `champion`)"


def test_the_root_is_found_from_below(repository: Path) -> None:
    assert find_root(repository / "specs") == repository.resolve()


def test_a_project_inside_another_is_refused_from_wherever_it_is_seen(repository: Path) -> None:
    (repository / ".git").mkdir()
    inside = sprint_folder(repository, "0001-first-model")
    inside.mkdir(parents=True)
    (sprint_folder(repository, "flywheel.yaml")).write_text("kind: Project\n")
    for start in (inside, repository / "reports"):
        with pytest.raises(FlywheelError) as refused:
            find_root(start)
        assert str(refused.value) == (
            f"{repository.resolve()}/reports/flywheel.yaml: {repository.resolve()} has one too, and a project inside another is "
            "none: what lies here would be judged by this file\n"
            f"  hint: git rm reports/flywheel.yaml (in {repository.resolve()}); projects lie side by side"
        )
    assert find_root(repository / "specs") == repository.resolve()


def test_a_file_above_the_repository_makes_no_project_of_it(repository: Path) -> None:
    inner = repository / "cloned"
    (inner / ".git").mkdir(parents=True)
    (inner / "flywheel.yaml").write_text("kind: Project\n")
    assert find_root(inner) == inner.resolve()


def test_without_a_project_the_next_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        find_root(tmp_path)
    assert str(caught.value) == (
        f"no flywheel.yaml in {tmp_path.resolve()} or above it\n"
        "  hint: go into a flywheel project, or start one: flywheel init --data PATH"
    )


def test_a_project_is_typed(repository: Path) -> None:
    project = load_project(repository)
    assert project.classes == ["zero", "one", "two"]
    assert project.splits.test == "split = 'test'"
    assert project.costs.label.class_label == 0.02
    assert project.compute.threads == 2


def test_a_spec_is_typed_and_knows_where_its_gates_stand(repository: Path) -> None:
    loaded = load_sprint(repository, "0001-first-model", load_project(repository))
    assert loaded.name == "0001-first-model"
    assert loaded.path == SPEC
    assert [export.name for export in loaded.sprint.export] == ["onnx-fp32", "openvino-int8"]
    assert loaded.sprint.gates[1].class_name == "one"
    assert loaded.gate_sources == [f"{SPEC}:{line}:5" for line in range(23, 28)]
    assert loaded.policy_sources == ["flywheel.yaml:19:11"]
    assert loaded.raw_sha256 == hashlib.sha256((repository / SPEC).read_bytes()).hexdigest()


def test_an_extending_spec_merges_blocks_replaces_lists_and_takes_away_with_null(repository: Path) -> None:
    loaded = load_sprint(repository, "0002-longer", load_project(repository))
    train = loaded.sprint.train
    assert (train.epochs, train.freeze, train.augment.mosaic) == (60, None, 0.5)
    assert loaded.sprint.title == "Longer"
    assert loaded.sprint.extends == "0001-first-model"
    assert loaded.sprint.data.exclude == "sharpness < 12"
    assert [gate.slice for gate in loaded.sprint.gates] == ["weather=fog"]
    assert loaded.gate_sources == [f"{EXTENDING}:7:5"]


def test_a_claim_is_the_specs_own(repository: Path, break_file: Break) -> None:
    break_file(
        SPEC, "title: A first model", "title: x\nexpect: {metric: recall, slice: dark, min_gain: 0.05}"
    )
    project = load_project(repository)
    first = load_sprint(repository, "0001-first-model", project)
    assert first.sprint.expect is not None
    assert (first.sprint.expect.min_gain, first.claim_source) == (0.05, f"{SPEC}:4:9")
    assert load_sprint(repository, "0002-longer", project).sprint.expect is None


def test_inherited_gates_are_located_where_they_are_written(repository: Path, break_file: Break) -> None:
    break_file(EXTENDING, "gates:\n  - {metric: recall, slice: weather=fog, min: 0.5}\n", "")
    loaded = load_sprint(repository, "0002", load_project(repository))
    assert loaded.gate_sources == [f"{SPEC}:{line}:5" for line in range(23, 28)]


def test_what_an_extension_breaks_in_an_inherited_part_is_located_there(
    repository: Path, break_file: Break
) -> None:
    break_file(EXTENDING, "train: {epochs: 60, freeze: null}", "evaluate: {slices: []}\nexport: []")
    assert [str(error) for error in validate(repository, ["0002"])] == [
        f'{EXTENDING}:8:29: gates[0].slice: unknown slice "weather=fog"; slices: *, camera=<value>, dark, small'
    ]


def test_what_an_extension_breaks_in_the_extended_spec_is_told_of_the_extension(
    repository: Path, break_file: Break
) -> None:
    """The gate is right where it is written: what is wrong is that another spec takes its artefact away."""
    break_file(EXTENDING, "gates:\n  - {metric: recall, slice: weather=fog, min: 0.5}\n", "export: []\n")
    heir = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0002-longer\n"
    (repository / "specs" / "0003-more.yaml").write_text(heir)
    told = f'{EXTENDING}:4:10: extends: gates[3].target ({SPEC}:26:50): unknown export target "openvino-int8"; targets: torch'
    for names in (["0002"], ["0003"], None):
        assert [str(error) for error in validate(repository, names)] == [told]
    assert validate(repository, ["0001"]) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("extends: 0001-first-model", "extends: 0001-frist-model", '4:10: extends: no sprint "0001-frist-model"; did you mean "0001-first-model"?'),
        ("extends: 0001-first-model", "extends: 0002-longer", "4:10: extends: extends itself: 0002-longer → 0002-longer"),
        ("extends: 0001-first-model", "extends: ../x", "4:10: extends: a sprint's name looks like 0001-first-model"),
        ("title: Longer\n", "", '1:1: missing key "title"'),
        ("epochs: 60", "epcohs: 60", '5:9: train.epcohs: unknown key; did you mean "epochs"?'),
        ("freeze: null", "model: null", f"4:10: extends: train: {START}"),
        ("freeze: null", "from: 0003-gone", '5:27: train.from: no sprint "0003-gone"; sprints: 0001-first-model'),
        ("freeze: null", "from: 0002-longer", "5:27: train.from: training would start from its own model: 0002-longer → 0002-longer"),
        ("freeze: null", "from: yolo26n.pt", "5:27: train.from: `champion`, or a sprint's name: 0001-first-model"),
        ("freeze: null", "model: reports/0001-first-model/weights/seed-0.safetensors", "5:28: train.model: reports/0001-first-model/weights/seed-0.safetensors lies in a sprint's outputs: it is there only where it was made\n  hint: write `from: 0001-first-model` in place of `model`: its weights are fetched through DVC, in any clone"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_extension(break_file: Break, old: str, new: str, message: str) -> None:
    found = [str(error) for error in validate(break_file(EXTENDING, old, new), ["0002-longer"])]
    assert found[0] == f"{EXTENDING}:{message}"


def test_what_a_spec_starts_from_takes_the_place_of_what_it_extends(
    repository: Path, break_file: Break
) -> None:
    """Who extends a sprint and fine-tunes it need not take away its `model`; both in one spec are refused."""
    project = load_project(break_file(EXTENDING, "freeze: null", "from: 0001-first-model"))
    train = load_sprint(repository, "0002-longer", project).sprint.train
    assert (train.ancestor, train.weights_file, train.start) == ("0001-first-model", None, "0001-first-model")
    heir = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0002-longer\n"
    (repository / "specs" / "0003-more.yaml").write_text(heir)
    assert load_sprint(repository, "0003", project).sprint.train.ancestor == "0001-first-model"
    (repository / "specs" / "0003-more.yaml").write_text(heir + "train: {model: yolo11s.yaml}\n")
    assert load_sprint(repository, "0003", project).sprint.train.start == "yolo11s.yaml"
    (repository / "specs" / "0003-more.yaml").write_text(
        heir + "train: {model: yolo11s.yaml, from: champion}\n"
    )
    assert [str(error) for error in validate(repository, ["0003"])] == [
        f"specs/0003-more.yaml:4:10: extends: train: {START}"
    ]


def test_a_sprint_without_a_record_is_nothing_to_start_from(repository: Path, break_file: Break) -> None:
    break_file(EXTENDING, "freeze: null", "from: 0001-first-model")
    assert [str(error) for error in validate(repository, ["0002"])] == [
        f"{EXTENDING}:5:27: train.from: 0001-first-model has not run: there is no model on record to start from\n"
        "  hint: flywheel run 0001-first-model, and commit its record"
    ]
    record = sprint_folder(repository, "0001-first-model") / "training.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert validate(repository, ["0002"]) == []


def test_sprints_that_start_from_one_another_are_refused(repository: Path, break_file: Break) -> None:
    break_file(SPEC, "model: yolo11n.yaml", "from: 0002-longer")
    break_file(EXTENDING, "freeze: null", "from: 0001-first-model")
    assert [str(error) for error in validate(repository)] == [
        f"{SPEC}:12:9: train.from: training would start from its own model: 0001-first-model → 0002-longer → 0001-first-model",
        f"{EXTENDING}:5:27: train.from: training would start from its own model: 0002-longer → 0001-first-model → 0002-longer",
    ]


def test_circles_are_refused(repository: Path, break_file: Break) -> None:
    break_file(SPEC, "title: A first model", "title: x\nextends: 0002-longer")
    assert [str(error) for error in validate(repository)] == [
        f"{SPEC}:4:10: extends: extends itself: 0002-longer → 0001-first-model → 0002-longer",
        f"{EXTENDING}:4:10: extends: extends itself: 0001-first-model → 0002-longer → 0001-first-model",
    ]


def test_errors_of_the_extended_spec_are_told_once(repository: Path, break_file: Break) -> None:
    break_file(SPEC, "epochs: 30", "epochs: 0")
    break_file(SPEC, "slice: dark", "slice: drak")
    assert len(validate(repository)) == 2
    assert len(validate(repository, ["0002-longer"])) == 1  # its own gates replace the wrong one


def test_a_merged_spec_must_be_complete(repository: Path, break_file: Break) -> None:
    (repository / "specs" / "0003-more.yaml").write_text(
        "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0002-longer\nannotation: {budget: {money: 3}}\n"
    )
    assert [str(error) for error in validate(repository, ["0003"])] == [
        'specs/0003-more.yaml:4:10: extends: annotation: missing key "strategy"'
    ]


def test_load_raises_everything_at_once(repository: Path, break_file: Break) -> None:
    project = load_project(repository)
    break_file(SPEC, "epochs: 30", "epochs: 0")
    break_file(SPEC, "slice: dark", "slice: drak")
    with pytest.raises(ConfigurationErrors) as caught:
        load_sprint(repository, "0001", project)
    assert [str(error).partition(": ")[0] for error in caught.value.errors] == [
        f"{SPEC}:13:11",
        f"{SPEC}:24:29",
    ]
    assert int(caught.value.exit_code) == 2
    break_file("flywheel.yaml", "task: detect", "task: x")
    with pytest.raises(ConfigurationErrors):
        load_project(repository)


def test_sprints_are_found_by_name_number_and_path(repository: Path) -> None:
    assert list_sprints(repository) == ["0001-first-model", "0002-longer"]
    for given in ("0001", "0001-first-model", "0001-first-model.yaml", SPEC, str(repository / SPEC)):
        assert sprint_name(repository, given) == "0001-first-model"


def test_a_sprint_is_found_from_inside_its_folder(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = sprint_folder(repository, "0001-first-model") / "plots"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    assert sprint_name(repository, ".") == sprint_name(repository, "./") == "0001-first-model"
    monkeypatch.chdir(folder)
    assert sprint_name(repository, "..") == "0001-first-model"
    with pytest.raises(FlywheelError, match='no sprint "plots" in specs/'):
        sprint_name(repository, ".")


def test_specs_that_share_a_number_are_named(repository: Path) -> None:
    assert shared_numbers(repository) == []
    for name in ("0001-other", "0001-zebra"):
        (repository / "specs" / f"{name}.yaml").write_text((repository / EXTENDING).read_text())
    assert [str(warning) for warning in shared_numbers(repository)] == [
        f"specs/{name}.yaml: has the number of 0001-first-model: the number alone names neither\n"
        "  hint: if it has not run yet, give it the next number"
        for name in ("0001-other", "0001-zebra")
    ]
    assert validate(repository) == []


def test_an_unknown_sprint_names_the_nearest(repository: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        sprint_name(repository, "0001-frist-model")
    assert str(caught.value) == 'no sprint "0001-frist-model" in specs/; did you mean "0001-first-model"?'
    assert [sprint_name(repository, number) for number in ("1", "0001", "2")] == [
        "0001-first-model",
        "0001-first-model",
        "0002-longer",
    ]
    (repository / "specs" / "0001-second.yaml").write_text("")
    with pytest.raises(FlywheelError) as caught:
        sprint_name(repository, "1")
    assert str(caught.value) == (
        "more than one sprint has the number 0001: 0001-first-model, 0001-second\n  hint: give its whole name"
    )


def test_a_spec_with_a_wrong_name_is_told_so(repository: Path) -> None:
    (repository / "specs" / "first.yaml").write_text("")
    with pytest.raises(FlywheelError, match="not a spec's name"):
        sprint_name(repository, "specs/first.yaml")


def test_merge_does_not_change_what_it_is_given() -> None:
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}, "d": {"e": None, "f": 1}}) == {"a": {"b": 1, "c": 2}, "d": {"f": 1}}
    assert base == {"a": {"b": 1}}


# --- lists: in place of inherited ones, or added to them -------------------------------------------

HEIR = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0001-first-model\n"
HEIR_FILE = "specs/0003-heir.yaml"


def heir(repository: Path, rest: str) -> Path:
    (repository / HEIR_FILE).write_text(HEIR + rest)
    return repository


def test_a_list_of_its_own_says_what_is_no_longer_inherited(repository: Path) -> None:
    heir(repository, "gates:\n  - {metric: map50_95, min: 0.3}\n")
    (warning,) = dropped_entries(repository, ["0003-heir"])
    inherited = load_sprint(repository, "0001", load_project(repository))
    lost = [
        f"{describe(gate)} ({source})"
        for gate, source in zip(inherited.sprint.gates, inherited.gate_sources, strict=True)
        if (gate.metric, gate.slice, gate.target, gate.against) != ("map50_95", None, None, None)
    ]
    count = f"{len(lost)} of the {len(inherited.sprint.gates)}"
    assert str(warning) == (
        f"{HEIR_FILE}:5:1: `gates` takes the place of the list of 0001-first-model: {count} are no longer there: "
        f"{', '.join(lost)}\n"
        "  hint: to keep them, write what is new under `add: {gates: […]}` in place of `gates`"
    )
    assert validate(repository, ["0003"]) == []  # it may be meant


def test_what_is_added_comes_after_what_is_inherited(repository: Path) -> None:
    project = load_project(repository)
    parent = load_sprint(repository, "0001", project)
    heir(
        repository,
        "add:\n  gates:\n    - {metric: recall, slice: murky, min: 0.5}\n"
        "  slices: [{name: murky, where: brightness < 0.1}]\n  export: [{format: onnx, precision: fp16}]\n",
    )
    assert validate(repository, ["0003"]) == []
    assert dropped_entries(repository, ["0003-heir"]) == []
    loaded = load_sprint(repository, "0003", project)
    assert loaded.sprint.gates[:-1] == parent.sprint.gates
    assert loaded.gate_sources == [*parent.gate_sources, f"{HEIR_FILE}:7:7"]
    assert [part.name for part in loaded.sprint.evaluate.slices if part.name][-1:] == ["murky"]
    assert [target.name for target in loaded.sprint.export][-1] == "onnx-fp16"
    (repository / "specs" / "0004-more.yaml").write_text(
        HEIR.replace("0001-first-model", "0003-heir") + "add: {gates: [{metric: map50, min: 0.1}]}\n"
    )
    further = load_sprint(repository, "0004", project)
    assert further.gate_sources == [*loaded.gate_sources, "specs/0004-more.yaml:5:15"]


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (
            "add: {gates: [{metric: recall, slice: gone, min: 0.5}]}\n",
            '5:39: add.gates[0].slice: unknown slice "gone"',
        ),
        ("add: {gates: [{metric: recall, minimum: 0.5}]}\n", "5:32: add.gates[0].minimum: unknown key"),
        ("add: {gate: []}\n", '5:7: add.gate: unknown key; did you mean "gates"?'),
        (
            "add: {export: [{format: onnx}]}\n",
            '5:16: add.export[0]: the export target "onnx-fp32" is named twice',
        ),
    ],
)
def test_what_is_wrong_with_an_addition_is_told_where_it_is_written(
    repository: Path, rest: str, message: str
) -> None:
    found = [str(error) for error in validate(heir(repository, rest), ["0003"])]
    assert found[0].startswith(f"{HEIR_FILE}:{message}")


def test_only_what_extends_can_add(repository: Path, break_file: Break) -> None:
    break_file(SPEC, "title: A first model", "title: x\nadd: {gates: []}")
    (error,) = validate(repository, ["0001"])
    assert str(error).endswith(
        "add: `add` lengthens inherited lists: it belongs to a spec that `extends` another"
    )
