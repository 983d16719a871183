"""What GitHub's refusals mean, and what to do about each."""

from __future__ import annotations

from typing import Any

from runner.adapters.web.http import HttpResponse
from runner.adapters.web.retries import retry_after_s
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import AnswerLost

MAX_MESSAGE = 300


def refused(what: str, answer: HttpResponse, needs: str, now: float) -> FlywheelError:
    """The error for an answer that is not 2xx.

    Args:
        what: the method and path that were asked: no query, since one may hold a secret.
        needs: the `permissions:` of a workflow's job that this needs, when GitHub does not say.
        now: Unix time, for "again in N seconds".
    """
    said = one_line(_message(answer))
    message = f"GitHub answered {answer.status} to {what}" + (f": {said}" if said else "")
    kind = AnswerLost if answer.status >= 500 and not what.startswith("GET ") else FlywheelError
    return kind(message, hint=_hint(answer, needs, now), exit_code=ExitCode.PUBLISH_FAILED)


def one_line(text: str) -> str:
    """Visible text on one line: what a server says is not trusted to be either."""
    line = " ".join(text.split())
    shown = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return shown if len(shown) <= MAX_MESSAGE else f"{shown[: MAX_MESSAGE - 1]}…"


def _message(answer: HttpResponse) -> str:
    body = answer.json()
    if not isinstance(body, dict):
        return ""
    parts = [str(body.get("message") or "")]
    errors = body.get("errors")
    parts.extend(_problem(error) for error in (errors if isinstance(errors, list) else []))
    return "; ".join(part for part in parts if part)


def _problem(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    named = [str(error[key]) for key in ("resource", "field", "code") if error.get(key)]
    return " ".join(named)


def _hint(answer: HttpResponse, needs: str, now: float) -> str:
    wait = retry_after_s(answer.headers, now)
    match answer.status:
        case 401:
            return "the token has expired or is none of this server: give the step `GITHUB_TOKEN: ${{ github.token }}`, or log in again"
        case 403 | 429 if wait is not None:
            return f"too many requests for this token: run the job again in {wait:.0f} seconds"
        case 403:
            return (
                f"the token may not do that: give the job `permissions: {{{_permissions(answer) or needs}}}`"
            )
        case 404:
            return "either it is not there, or the token may not see it: check GITHUB_REPOSITORY, GITHUB_API_URL and the job's `permissions:`"
        case 410:
            return (
                "it has been deleted, as artifacts are after their retention time: run the sprint's job again"
            )
        case 422:
            return "GitHub does not accept what was sent: a mistake in flywheel, or a setting of the repository forbids it"
        case status if status >= 500:
            return "GitHub has a problem of its own, see its status page: run the job again later"
        case _:
            return "run the command again with --debug for the traceback"


def _permissions(answer: HttpResponse) -> str:
    """What GitHub says that it accepts, as a workflow writes it; any one of them is enough.

    Source: GitHub docs, "Troubleshooting the REST API", header X-Accepted-GitHub-Permissions.
    """
    accepted = one_line(answer.headers.get("x-accepted-github-permissions", ""))
    choices = [
        ", ".join(each.strip().replace("_", "-").replace("=", ": ") for each in choice.split(","))
        for choice in accepted.split(";")
        if choice.strip()
    ]
    return "}` or `{".join(choices)
