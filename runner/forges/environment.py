"""What a CI job's environment says, parsed once. Every URL of the forge comes from here."""

from __future__ import annotations

from typing import Any

from runner.domain.records import Record

BOT = "github-actions[bot]"  # whom GITHUB_TOKEN writes as


class Environment(Record, frozen=True, kw_only=True):
    """The job that this process runs in.

    Attributes:
        repository: OWNER/NAME.
        server_url, api_url: without a trailing slash; GitHub Enterprise has its own.
        token: None where there is none: then only public reading works.
        event_name, event: what started the job, and its payload (a mapping; {} when unknown).
        run_id: of this run; 0 outside CI.
        summary_path, output_path: where GITHUB_STEP_SUMMARY and GITHUB_OUTPUT point; None outside CI.
        bot: the login that our comments are written by.
    """

    repository: str
    server_url: str
    api_url: str
    token: str | None = None
    event_name: str = ""
    event: dict[str, Any] = {}
    sha: str = ""
    run_id: int = 0
    summary_path: str | None = None
    output_path: str | None = None
    bot: str = BOT
