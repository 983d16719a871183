"""The report as JSON: the record itself."""

from __future__ import annotations

from runner.domain.files import encode_json
from runner.report.record import SprintReport


def render(report: SprintReport) -> bytes:
    """Indented UTF-8 JSON of `SprintReport`, which `read_json` reads back."""
    return encode_json(report)
