"""docs/policy.md: an anchor for every kind of finding, and an example that is valid."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import yaml
from policy.mutations import PROJECT

from runner.config.load import validate
from runner.config.project import Policy
from runner.domain.policy import FindingKind

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


def test_every_kind_of_finding_has_its_anchor_with_what_to_do() -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert list(sections) == [str(kind) for kind in FindingKind]
    assert [kind for kind, text in sections.items() if "**To do:**" not in text] == []


def test_the_example_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    policy = msgspec.convert(yaml.safe_load(example)["policy"], Policy)
    assert policy.frozen_splits == ("test", "val")
    start, end = PROJECT.index("policy:"), PROJECT.index("model:")
    (tmp_path / "flywheel.yaml").write_text(PROJECT[:start] + example + PROJECT[end:])
    (tmp_path / "data.dvc").write_text("outs: []\n")
    assert validate(tmp_path) == []
