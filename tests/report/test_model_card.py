"""The model card: the front matter that hubs read, and what somebody must know who uses the model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Outcome
from runner.record.report import SprintReport
from runner.report import model_card
from runner.report.model_card import CardContext

GOLDEN = Path(__file__).parent / "golden"
LOOSENED = Finding(
    kind=FindingKind.GATE_LOOSENED, subject="gate recall", message="the gate recall was loosened to 0.65"
)
RAISED = Finding(kind=FindingKind.LIMIT_RAISED, subject="compute.time_limit", message="6h instead of 2h")
CONTEXT = CardContext(
    model="parcel-digits",
    stage="prod",
    version="v0.4.0",
    repository_url="https://git.example.org/acme/parcels",
    findings=[LOOSENED],
    approved={LOOSENED.id: "bob"},
)


def front_matter(text: str) -> dict[str, object]:
    start, matter, _ = text.split("---\n", 2)
    assert start == ""
    loaded: dict[str, object] = yaml.safe_load(matter)
    return loaded


@pytest.mark.parametrize("name", ["passing", "classifying"])
def test_the_whole_card_is_as_agreed(name: str, request: pytest.FixtureRequest) -> None:
    """FLYWHEEL_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it."""
    text = model_card.render(request.getfixturevalue(name), CONTEXT)
    path = GOLDEN / f"model-card-{name}.md"
    if os.environ.get("FLYWHEEL_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_front_matter_is_what_hubs_read(passing: SprintReport) -> None:
    matter = front_matter(model_card.render(passing, CONTEXT))
    assert matter["license"] == "agpl-3.0"
    assert matter["pipeline_tag"] == "object-detection"
    assert matter["tags"] == ["flywheel", "ultralytics", "yolo26n", "object-detection"]
    assert matter["metrics"] == ["map50_95", "map50", "precision", "recall", "f1"]
    (model,) = msgspec.convert(matter["model-index"], list[dict[str, Any]])
    (result,) = model["results"]
    assert result["metrics"][0] == {"type": "map50_95", "name": "mAP50-95", "value": 0.594}


def test_another_framework_does_not_get_its_licence(passing: SprintReport) -> None:
    assert passing.training is not None
    report = replace(passing, training=replace(passing.training, framework="torchvision"))
    assert front_matter(model_card.render(report, CONTEXT))["license"] == "other"


def test_every_artefact_has_its_whole_digest(passing: SprintReport) -> None:
    text = model_card.render(passing, CONTEXT)
    assert passing.training is not None
    for digest in (
        *(each.digest for each in passing.exports),
        *(model.state_digest for model in passing.training.models),
    ):
        assert digest in text


def test_it_says_how_to_get_it(passing: SprintReport) -> None:
    text = model_card.render(passing, CONTEXT)
    command = "dvc artifacts get https://git.example.org/acme/parcels parcel-digits --stage prod"
    assert f"```sh\n{command}\n```" in text
    assert "`--rev v0.4.0` in place of `--stage prod`" in text


def test_limitations_name_the_weakest_slices_the_open_gates_and_who_accepted_what(
    failing: SprintReport,
) -> None:
    context = replace(CONTEXT, findings=[LOOSENED, RAISED])
    text = model_card.render(failing, context).replace("\N{NO-BREAK SPACE}", " ")
    limits = text.partition("## Limitations\n\n")[2].partition("\n\n## ")[0].splitlines()
    assert limits[0] == "- Weak on dark: mAP50-95 0.240 (0.13 to 0.34), 22 test images."
    assert "- Not measured, for want of images: weather=fog." in limits
    assert "- FAIL: recall ≥ 0.30 on dark." in limits
    assert "- INCONCLUSIVE: recall ≥ 0.50 on camera=dock, class two." in limits
    assert f"- Accepted by bob: the gate recall was loosened to 0.65 (`{LOOSENED.id}`)" in limits
    assert f"- Open: 6h instead of 2h (`{RAISED.id}`)" in limits
    assert limits[-1].startswith("- Images unlike those of the test split were not measured")


def test_a_gate_whose_loosening_was_approved_is_none_of_its_gates(passing: SprintReport) -> None:
    assert passing.verdict is not None
    kept = replace(passing.verdict.gates[0], gate="recall ≥ 0.70", outcome=Outcome.FAIL, finding=LOOSENED.id)
    verdict = replace(passing.verdict, outcome=Outcome.FAIL, gates=[*passing.verdict.gates, kept])
    text = model_card.render(replace(passing, verdict=verdict), CONTEXT)
    assert "Verdict: **PASS**." in text
    assert "recall ≥ 0.70" not in text


def test_hostile_text_adds_no_key_heading_or_tag(hostile: SprintReport) -> None:
    context = replace(CONTEXT, model="x\n---\nlicense: mit\n# planted <img>")
    text = model_card.render(hostile, context)
    matter = front_matter(text)
    assert set(matter) == {"license", "library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    assert matter["license"] == "other"  # no framework of that name is known
    body = text.split("---\n", 2)[2]
    assert "<img" not in body
    assert "\n# planted" not in text
    assert "<!--" not in body


def test_a_sprint_that_was_not_evaluated_has_a_card_without_numbers(stopped: SprintReport) -> None:
    text = model_card.render(stopped, CONTEXT)
    assert front_matter(text)["metrics"] == []
    assert "It was not evaluated." in text


@pytest.mark.parametrize(
    "tail", ["; it judges as before until this is approved", "; the base's judges this proposal"]
)
def test_what_was_approved_is_not_said_to_wait_for_approval(passing: SprintReport, tail: str) -> None:
    finding = replace(LOOSENED, message=f"{LOOSENED.message}{tail}")
    text = model_card.render(passing, replace(CONTEXT, findings=[finding]))
    assert text == model_card.render(passing, CONTEXT)
    waiting = model_card.render(passing, replace(CONTEXT, findings=[finding], approved={}))
    assert tail.replace("'", "&#39;") in waiting or tail in waiting
