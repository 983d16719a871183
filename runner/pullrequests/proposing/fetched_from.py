"""Where a proposal would have images fetched from: as DVC's remotes, places are named by the base branch alone."""

from __future__ import annotations

from typing import Any

from runner.config.node import Node
from runner.config.root import PROJECT_FILE
from runner.config.yaml_loader import parse_document


def names_other_places(proposed: bytes | None, base: bytes | None) -> bool:
    """Whether flywheel.yaml as proposed has another `dataset.remote` than the base branch's."""
    return bool(_remote(proposed) != _remote(base))


def _remote(content: bytes | None) -> Any:
    if content is None:
        return None
    return Node(parse_document(content, PROJECT_FILE).data).get("dataset", "remote").value
