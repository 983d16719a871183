"""The committed JSON Schemas: fresh, valid, and the same answer from every tool."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from runner.config.accepts import UnknownKeywordError, accepts
from runner.config.generate import KINDS, main, stale_files
from runner.config.project import Project
from runner.config.schema import Kind, load_schema, schema_path
from runner.config.sprint import Sprint
from runner.config.yaml_loader import parse_document

FILES: dict[Kind, str] = {"project": "flywheel.yaml", "sprint": "specs/0001-first-model.yaml"}


def test_generated_files_are_not_stale() -> None:
    """If this fails: python -m runner.config.generate."""
    assert stale_files() == []
    assert main(["--check"]) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_valid_draft_2020_12(kind: Kind) -> None:
    from jsonschema import Draft202012Validator

    schema = load_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("kind", KINDS)
def test_every_block_refuses_unknown_keys_and_says_what_its_options_mean(kind: Kind) -> None:
    for name, definition in load_schema(kind)["$defs"].items():
        if name in ("Check", "Expectation", "People"):
            continue
        assert definition["additionalProperties"] is False, name
        for key, value in definition["properties"].items():
            assert value.get("description"), f"{name}.{key} has no description: add one to the model"


@pytest.mark.parametrize("kind", KINDS)
def test_no_option_accepts_null_except_where_a_spec_takes_away(kind: Kind) -> None:
    for name, definition in load_schema(kind)["$defs"].items():
        if not name.endswith("Extension"):
            assert "null" not in json.dumps(definition), name


def test_every_link_of_the_reference_leads_somewhere() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()
    anchors = re.findall(r'<a id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    headings = [
        re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-")
        for text in re.findall(r"^#+ (.+)$", page, re.M)
    ]
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= {*anchors, *headings}


VARIANTS: dict[Kind, list[tuple[str, str, bool]]] = {
    "project": [("layout: yolo", "layout: yolo", True), ("layout: yolo", "layout: yollo", False)],
    "sprint": [
        ("epochs: 30", "epochs: 30", True),
        ("epochs: 30", "epochs: 30.0", True),
        ("epochs: 30", "epcohs: 30", False),
        ("epochs: 30", "cos_lr: on", False),
        ("min: 0.45", "min: 0.45, max: 0.5", False),
        ("min: 0.45", "max_drop: 0.1", False),
        ("{format: onnx}", "{format: openvino, precision: int8}", False),
        ("{by: weather}", "{by: weather, name: x}", False),
        ("preset: detection", "detection: preset", False),
        ("title: A first model", "title: A first model\nextends: 0002-x", True),
        ("title: A first model", 'title: A first model\nextends: "0002-x\\n"', False),
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_check_jsonschema_and_the_runner_agree(repository: Path, kind: Kind) -> None:
    """One run of its command line over every variant: what an editor or a pre-commit hook would say."""
    text = (repository / FILES[kind]).read_text()
    files = []
    for index, (old, new, _) in enumerate(VARIANTS[kind]):
        assert text.count(old) == 1
        files.append(repository / f"variant-{index}.yaml")
        files[-1].write_text(text.replace(old, new))
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--output-format", "json"]
    command += ["--schemafile", str(schema_path(kind)), *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    answer = json.loads(run.stdout)
    assert answer["parse_errors"] == []
    refused = {Path(error["filename"]).name for error in answer["errors"]}
    for file, (_, new, valid) in zip(files, VARIANTS[kind], strict=True):
        assert (file.name not in refused) is valid, new
        assert accepts(load_schema(kind), parse_document(file.read_bytes(), file.name).data) is valid, new


def test_what_the_schema_accepts_the_models_accept(repository: Path) -> None:
    for kind, model in (("project", Project), ("sprint", Sprint)):
        data = parse_document((repository / FILES[kind]).read_bytes(), "x").data  # type: ignore[index]
        msgspec.convert(data, model)


@pytest.mark.parametrize(
    ("kind", "smallest"),
    [
        (
            "project",
            {
                "apiVersion": "flywheel/v1",
                "kind": "Project",
                "name": "x",
                "task": "detect",
                "classes": ["a"],
                "dataset": {"path": "data", "layout": "yolo"},
            },
        ),
        (
            "sprint",
            {
                "apiVersion": "flywheel/v1",
                "kind": "Sprint",
                "title": "x",
                "train": {"framework": "ultralytics", "model": "yolo11n.yaml"},
            },
        ),
    ],
)
def test_defaults_written_out_are_accepted_too(kind: Kind, smallest: dict[str, object]) -> None:
    assert accepts(load_schema(kind), smallest)
    model = Project if kind == "project" else Sprint
    written = without_nulls(msgspec.to_builtins(msgspec.convert(smallest, model)))
    assert accepts(load_schema(kind), written)


def without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [without_nulls(entry) for entry in value] if isinstance(value, list) else value


def test_an_unknown_keyword_is_not_passed_over() -> None:
    with pytest.raises(UnknownKeywordError):
        accepts({"$defs": {}, "uniqueItems": True}, [1, 1])


def test_check_says_which_file_is_stale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("docs/reference.md")
    monkeypatch.setattr("runner.config.generate.stale_files", lambda: [path])
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/reference.md: stale; run: python -m runner.config.generate\n"
