"""GitHub, and GitHub Enterprise, over the REST API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar
from urllib.parse import quote, urlsplit

from runner.adapters.web.http import Http, HttpResponse, NoAnswer
from runner.adapters.web.retries import Patience
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges import github_answers as answers
from runner.forges.environment import Environment
from runner.forges.forge import (
    AnswerLost,
    Artifact,
    CheckRun,
    Comment,
    Permission,
    PullRequest,
    Review,
    WorkflowRun,
)
from runner.forges.github_errors import refused

API_VERSION = "2022-11-28"
MAX_PAGES = 100  # of 100 entries each: a list that is longer is refused, never cut off silently
ANNOTATIONS = 50  # in one request
CLOCKS = timedelta(minutes=1)  # by which a forge's servers may differ
LOOKS = 3  # at what became of a check whose answer was lost

# The second: by GitHub itself, when the branch that was proposed to went away.
_BASE_CHANGED = ("base_ref_changed", "automatic_base_change_succeeded")
_NEXT = re.compile(r'<([^>]+)>;[^,]*\brel="?next"?')
_SETTING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/%-]*(\?[A-Za-z0-9._=&%-]*)?")
_NOTHING: Mapping[str, str | int] = MappingProxyType({})

T = TypeVar("T")


def session(environment: Environment, patience: Patience | None = None) -> Http:
    """A session with the server that the environment names."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
    return Http(environment.api_url, environment.token, headers=headers, patience=patience)


class GitHub:
    """The `Forge` of one repository. What it raises and returns is said there."""

    def __init__(self, environment: Environment, http: Http) -> None:
        self._http = http
        self._repository = f"repos/{environment.repository}"
        self._app = environment.bot.removesuffix("[bot]")
        self._answered_at: datetime | None = None

    def pull_request(self, number: int) -> PullRequest:
        return self._one(f"pulls/{number}", answers.Pull, "pull-requests: read").record()

    def pull_requests_with_head(self, sha: str) -> list[PullRequest]:
        # Not commits/SHA/pulls: it knows nothing of a fork's commits.
        query = {"state": "open", "sort": "updated", "direction": "desc"}
        return [pull for pull in self._pulls("pulls", query) if pull.head_sha == sha]

    def pull_requests_of_branch(self, repository: str, branch: str) -> list[PullRequest]:
        owner = repository.partition("/")[0]
        pulls = self._pulls("pulls", {"state": "all", "head": f"{owner}:{branch}"})
        return [
            pull for pull in pulls if pull.head_ref == branch and pull.head_repository in (repository, None)
        ]

    def changed_base(self, number: int) -> bool:
        pages = self._pages(f"issues/{number}/events", list[answers.IssueEvent], "pull-requests: read")
        return any(each.event in _BASE_CHANGED for page in pages for each in page)

    def pull_requests_merged_by(self, commit: str) -> list[PullRequest]:
        found = [pull for pull in self._pulls(f"commits/{quote(commit, safe='')}/pulls") if pull.merged]
        if found:
            return found
        # GitHub's index of commits lags behind a merge by some seconds, its list of pull requests does not.
        query: dict[str, str | int] = {"state": "closed", "sort": "updated", "direction": "desc"}
        recent = self._one("pulls", list[answers.Pull], "pull-requests: read", {**query, "per_page": 50})
        return [pull for pull in (each.record() for each in recent) if pull.merge_commit == commit]

    def comments(self, number: int) -> list[Comment]:
        pages = self._pages(f"issues/{number}/comments", list[answers.IssueComment], "pull-requests: read")
        return [comment.record() for page in pages for comment in page]

    def post_comment(self, number: int, body: str) -> Comment:
        path = f"issues/{number}/comments"
        answer = self._ask("POST", path, "pull-requests: write", json={"body": body})
        return answers.decoded(answer.body, answers.IssueComment, self._what("POST", path)).record()

    def edit_comment(self, comment: int, body: str) -> Comment:
        path = f"issues/comments/{comment}"
        answer = self._ask("PATCH", path, "pull-requests: write", json={"body": body}, repeatable=True)
        return answers.decoded(answer.body, answers.IssueComment, self._what("PATCH", path)).record()

    def react(self, comment: int, reaction: Literal["+1", "-1", "eyes", "rocket", "confused"]) -> None:
        # Repeatable: GitHub answers 200 where the reaction is there.
        path = f"issues/comments/{comment}/reactions"
        self._ask("POST", path, "pull-requests: write", json={"content": reaction}, repeatable=True)

    def reviews(self, number: int) -> list[Review]:
        pages = self._pages(f"pulls/{number}/reviews", list[answers.PullReview], "pull-requests: read")
        return [review.record() for page in pages for review in page]

    def permission(self, login: str) -> Permission:
        path = f"collaborators/{quote(login, safe='')}/permission"
        answer = self._ask("GET", path, "metadata: read", missing=True)
        if answer.status == 404:
            return "none"
        return answers.decoded(answer.body, answers.Role, self._what("GET", path)).level()

    def put_check_run(self, check: CheckRun) -> None:
        for look in range(1, LOOKS + 1):
            try:
                self._settle(check)
                return
            except AnswerLost:  # the next look sees what became of it
                if look == LOOKS:
                    raise

    def check_runs(self, sha: str) -> list[CheckRun]:
        return [check.record() for check in self._own_checks(sha) if check.status == "completed"]

    def workflow_run(self, run: int) -> WorkflowRun:
        return self._one(f"actions/runs/{run}", answers.Run, "actions: read").record()

    def workflow_runs(
        self, workflow: str, *, head_sha: str | None = None, event: str | None = None
    ) -> list[WorkflowRun]:
        path = f"actions/workflows/{quote(workflow, safe='')}/runs"
        asked = {"head_sha": head_sha, "event": event}
        query = {name: value for name, value in asked.items() if value is not None}
        pages = self._pages(path, answers.Runs, "actions: read", query)
        return [run.record() for page in pages for run in page.workflow_runs]

    def artifacts(self, run: int) -> list[Artifact]:
        pages = self._pages(f"actions/runs/{run}/artifacts", answers.Artifacts, "actions: read")
        return [artifact.record() for page in pages for artifact in page.artifacts]

    def download(self, artifact: int, destination: Path, *, max_bytes: int) -> Path:
        path = f"{self._repository}/actions/artifacts/{artifact}/zip"
        answer = self._http.download(path, destination, max_bytes=max_bytes)
        if answer.status != 200:
            raise refused(f"GET /{path}", answer, "actions: read", self._http.now())
        return destination

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, str]) -> None:
        path = f"actions/workflows/{quote(workflow, safe='')}/dispatches"
        self._ask("POST", path, "actions: write", json={"ref": ref, "inputs": inputs})

    def default_branch(self) -> str:
        return self._one("", answers.Settings, "metadata: read").default_branch

    def get(self, path: str) -> object | None:
        if not _SETTING.fullmatch(path) or ".." in path:
            raise ValueError(f"not a path below a repository: {path!r}")
        answer = self._ask("GET", path, "administration: read", missing=True)
        if answer.status == 404:
            return None
        return answers.decoded(answer.body, object, self._what("GET", path))

    # --- checks ------------------------------------------------------------------------------------

    def _own_checks(self, sha: str, name: str | None = None) -> list[answers.Check]:
        """The newest check run of each name among ours."""
        query = {"filter": "latest"} | ({} if name is None else {"check_name": name})
        pages = self._pages(
            f"commits/{quote(sha, safe='')}/check-runs", answers.Checks, "checks: read", query
        )
        newest: dict[str, answers.Check] = {}
        for check in (check for page in pages for check in page.check_runs):
            # A workflow can give its check any time: with one to come, nothing would ever be said after it.
            if self._answered_at is not None and check.is_after(self._answered_at + CLOCKS):
                continue
            known = newest.get(check.name)
            if check.made_by(self._app) and (known is None or check.id > known.id):
                newest[check.name] = check
        return list(newest.values())

    def _settle(self, check: CheckRun) -> None:
        """Brings the commit's check to what it should be, from whatever is there."""
        known = next(iter(self._own_checks(check.head_sha, check.name)), None)
        if known is not None and (known.external_id or "") != check.external_id:
            known = None
        there = self._notes(known) if known is not None else []
        missing = [note for note in check.annotations if not any(each.same_as(note) for each in there)]
        # GitHub adds annotations and takes none away: with others on it, the check is made anew.
        others = [each for each in there if not any(each.same_as(note) for note in check.annotations)]
        batches = [missing[start : start + ANNOTATIONS] for start in range(0, len(missing), ANNOTATIONS)]
        number = known.id if known is not None and not others else None
        completed_at = known.completed_at if known is not None else check.completed_at
        for batch in batches or [[]]:
            body = _check_body(check, completed_at)
            body["output"] = {**_output(check), "annotations": [answers.note(note) for note in batch]}
            if number is None:
                made = self._ask(
                    "POST", "check-runs", "checks: write", json={**body, "head_sha": check.head_sha}
                )
                number = answers.decoded(made.body, answers.Check, self._what("POST", "check-runs")).id
            else:
                # Not repeatable: the annotations would be there twice.
                self._ask("PATCH", f"check-runs/{number}", "checks: write", json=body)

    def _notes(self, check: answers.Check) -> list[answers.CheckAnnotation]:
        if not check.output.annotations_count:
            return []
        path = f"check-runs/{check.id}/annotations"
        pages = self._pages(path, list[answers.CheckAnnotation], "checks: read")
        return [note for page in pages for note in page]

    # --- asking ------------------------------------------------------------------------------------

    def _pulls(self, path: str, query: Mapping[str, str | int] = _NOTHING) -> list[PullRequest]:
        pages = self._pages(path, list[answers.Pull], "pull-requests: read", query)
        return [pull.record() for page in pages for pull in page]

    def _one(self, path: str, kind: type[T], needs: str, query: Mapping[str, str | int] = _NOTHING) -> T:
        answer = self._ask("GET", path, needs, query=query)
        return answers.decoded(answer.body, kind, self._what("GET", path))

    def _pages(
        self, path: str, kind: type[T], needs: str, query: Mapping[str, str | int] = _NOTHING
    ) -> Iterator[T]:
        what = self._what("GET", path)
        answer = self._ask("GET", path, needs, query={**query, "per_page": 100})
        for _ in range(MAX_PAGES):
            yield answers.decoded(answer.body, kind, what)
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            answer = self._ask("GET", following[1], needs)
        raise FlywheelError(
            f"{what}: more than {MAX_PAGES * 100:,} entries",
            hint="no list of the loop is that long: is GITHUB_REPOSITORY the right one?",
            exit_code=ExitCode.PUBLISH_FAILED,
        )

    def _ask(
        self,
        method: str,
        path: str,
        needs: str,
        *,
        query: Mapping[str, str | int] = _NOTHING,
        json: object = None,
        repeatable: bool = False,
        missing: bool = False,
    ) -> HttpResponse:
        """A request below the repository, or of a list's next page; `missing` says that 404 is an answer."""
        url = path if "://" in path else f"{self._repository}/{path}".rstrip("/")
        what = self._what(method, path)
        try:
            answer = self._http.request(method, url, query=query, json=json, repeatable=repeatable)
        except NoAnswer as error:
            if method == "GET":
                raise
            self._http.rest()
            raise AnswerLost(error.message, hint=error.hint, exit_code=error.exit_code) from error
        self._answered_at = answer.date()
        if answer.status < 300 or (missing and answer.status == 404):
            return answer
        refusal = refused(what, answer, needs, self._http.now())
        if isinstance(refusal, AnswerLost):
            self._http.rest()
        raise refusal

    def _what(self, method: str, path: str) -> str:
        """What was asked, for people: without a query, which may hold a secret."""
        place = urlsplit(path).path if "://" in path else f"/{self._repository}/{path.partition('?')[0]}"
        return f"{method} {place}".rstrip("/")


def _check_body(check: CheckRun, completed_at: str | None) -> dict[str, object]:
    body: dict[str, object] = {
        "name": check.name,
        "status": "completed",
        "conclusion": check.conclusion,
        "external_id": check.external_id,
    }
    if check.details_url is not None:
        body["details_url"] = check.details_url
    if completed_at is not None:
        body["completed_at"] = completed_at
    return body


def _output(check: CheckRun) -> dict[str, object]:
    output: dict[str, object] = {"title": check.title, "summary": check.summary}
    if check.text:
        output["text"] = check.text
    return output
