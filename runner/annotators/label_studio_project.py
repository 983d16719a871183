"""A sprint's project on a server of Label Studio.

Its description names the sprint: by that it is found again. Before anything is sent, the server is asked what it has, so that
a push that was cut off goes on where it ended: an upload is found by the key in its name, a task by the key in its data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from runner.adapters.web.http import Http, HttpResponse
from runner.annotators.annotator import Pulled, Round
from runner.annotators.label_studio_answers import read_tasks
from runner.annotators.label_studio_tasks import KEY, import_task
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.writers.label_studio_tasks import label_config

TOKEN, SERVER = "LABEL_STUDIO_API_KEY", "LABEL_STUDIO_URL"
TITLE_LENGTH = 50
PAGE = 100
AT_ONCE = 50  # tasks of one import
_HERE = ("127.0.0.1", "localhost", "::1")


def push_tasks(url: str, round_: Round) -> list[str]:
    """Makes the project and imports what it lacks.

    Raises:
        FlywheelError: there is no token, the server refuses or cannot be reached, or its project has other classes.
    """
    server = _Server(url)
    project = server.find(round_) or server.create(round_)
    _check_labels(project, round_)
    number = int(project["id"])
    known = {str(task.get("data", {}).get(KEY)) for task in server.tasks(number)}
    missing = [task for task in round_.handed.tasks if task.key not in known and task.key in round_.files]
    uploads = {str(item["file"]) for item in server.uploads(number)} if missing else set[str]()
    for start in range(0, len(missing), AT_ONCE):
        tasks = []
        for task in missing[start : start + AT_ONCE]:
            name = f"{task.key}{round_.files[task.key].suffix.lower()}"
            uploaded = next((file for file in sorted(uploads) if file.endswith(name)), None)
            file = uploaded or server.upload(number, name, round_.files[task.key].read_bytes())
            tasks.append(import_task(task, f"/data/{file}", round_))
        server.import_tasks(number, tasks)
        round_.say(f"{start + len(tasks)} of {len(missing)} images are in Label Studio")
    there = len(round_.handed.tasks) - len(missing)
    said = [f"{url}/projects/{number}" + (f"; {there} tasks were there already" if there else "")]
    if max((task.annotators for task in round_.handed.tasks), default=1) > 1:
        said.append(
            "some images are for two annotators: Label Studio shows each task until so many have submitted it"
        )
    return said


def pull_tasks(url: str, round_: Round) -> Pulled:
    """What annotators submitted, of all tasks.

    Raises:
        FlywheelError: as `push_tasks`; the project is not there.
    """
    server = _Server(url)
    project = server.find(round_)
    if project is None:
        raise FlywheelError(
            f"the server has no project of {round_.handed.sprint}",
            where=Where(url),
            hint=f"flywheel annotate push {round_.handed.sprint}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    tasks = list(server.tasks(int(project["id"])))
    pulled = read_tasks(tasks, round_, f"{url}/projects/{project['id']}")
    known = [str(task.get("data", {}).get(KEY)) for task in tasks]
    lacking = [task.path for task in round_.handed.tasks if task.key not in known]
    if lacking:
        pulled.problems.append(
            f"{url}: {len(lacking)} tasks are not there (any more), such as {lacking[0]}: "
            f"flywheel annotate push {round_.handed.sprint} hands them out again"
        )
    return pulled


class _Server:
    """The calls that are needed of Label Studio's API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        token = _token(self.url)
        if token.count(".") == 2:  # a personal access token, by which one that is valid for minutes is given
            answer = Http(self.url).request("POST", "api/token/refresh", json={"refresh": token})
            self.http = Http(self.url, str(self._said(answer, "the token was not accepted")["access"]))
        else:
            self.http = Http(self.url, token, scheme="Token")

    def find(self, round_: Round) -> dict[str, Any] | None:
        """The sprint's project; None where there is none."""
        for page in self._pages("api/projects", {"page_size": PAGE}, "results"):
            for project in page:
                if project.get("description") == _description(round_):
                    return dict(project)
        return None

    def create(self, round_: Round) -> dict[str, Any]:
        """A new project with the labelling interface of what is drawn."""
        text = round_.guidelines.read_text(encoding="utf-8") if round_.guidelines else ""
        project = {
            "title": f"{round_.handed.sprint} {round_.project}"[:TITLE_LENGTH].strip(),
            "description": _description(round_),
            "label_config": label_config(round_.scheme),
            "expert_instruction": f"<pre>{escape(text)}</pre>" if text else "",
            "show_instruction": bool(text),
            "maximum_annotations": max((task.annotators for task in round_.handed.tasks), default=1),
        }
        answer = self.http.request("POST", "api/projects", json=project)
        return dict(self._said(answer, "the project could not be made"))

    def tasks(self, project: int) -> Iterator[Mapping[str, Any]]:
        """All tasks with their data and annotations."""
        query: dict[str, str | int] = {"project": project, "page_size": PAGE, "fields": "all"}
        for page in self._pages("api/tasks", query, "tasks"):
            yield from page

    def uploads(self, project: int) -> list[Mapping[str, Any]]:
        """Files that were uploaded to a project."""
        answer = self.http.request("GET", f"api/projects/{project}/file-uploads", query={"all": "true"})
        return list(self._said(answer, "uploads could not be listed"))

    def upload(self, project: int, name: str, content: bytes) -> str:
        """Uploads an image without making a task of it; its path on the server."""
        answer = self.http.request(
            "POST",
            f"api/projects/{project}/import",
            query={"commit_to_project": "false"},
            file=(name, content),
        )
        numbers = self._said(answer, f"{name} could not be uploaded").get("file_upload_ids") or []
        answer = self.http.request("GET", f"api/import/file-upload/{numbers[0]}")
        return str(self._said(answer, f"{name} could not be uploaded")["file"])

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Adds tasks; never asked twice, since it would add them twice."""
        answer = self.http.request("POST", f"api/projects/{project}/import", json=tasks)
        found = self._said(answer, "tasks could not be imported")
        if found.get("task_count") != len(tasks):
            raise FlywheelError(
                f"{found.get('task_count')} of {len(tasks)} tasks were imported",
                where=Where(self.url),
                hint="run the same command again: it imports what is missing",
                exit_code=ExitCode.PUBLISH_FAILED,
            )

    def _pages(self, path: str, query: Mapping[str, str | int], key: str) -> Iterator[list[Any]]:
        page = 1
        while True:
            answer = self.http.request("GET", path, query={**query, "page": page})
            if answer.status == 404 and page > 1:  # how it says that there are no more
                return
            found = self._said(answer, f"{path} could not be listed")[key]
            yield found
            if len(found) < PAGE:
                return
            page += 1

    def _said(self, answer: HttpResponse, otherwise: str) -> Any:
        """The answer's content.

        Raises:
            FlywheelError: it is a refusal.
        """
        if answer.status in (401, 403):
            raise FlywheelError(
                f"Label Studio does not accept the token (HTTP {answer.status})",
                where=Where(self.url),
                hint=f"copy it from Account & Settings into {TOKEN}; older tokens have to be allowed there for the organisation",
                exit_code=ExitCode.PUBLISH_FAILED,
            )
        found = answer.json()
        if answer.status >= 400 or found is None:
            detail = found.get("detail", "") if isinstance(found, dict) else ""
            raise FlywheelError(
                f"{otherwise}: HTTP {answer.status} {str(detail)[:200]}".strip(),
                where=Where(self.url),
                hint="look at the server's log, then run the same command again",
                exit_code=ExitCode.PUBLISH_FAILED,
            )
        return found


def _description(round_: Round) -> str:
    return f"flywheel: {round_.project} / {round_.handed.sprint}"


def _check_labels(project: Mapping[str, Any], round_: Round) -> None:
    """A project that is there may have been made before a class was added, or changed by hand.

    Raises:
        FlywheelError: its interface lacks a class.
    """
    config = str(project.get("label_config", ""))
    lacking = [name for name in round_.scheme.classes if f"value={quoteattr(name)}" not in config]
    if lacking:
        raise FlywheelError(
            f'the project in Label Studio has no label "{lacking[0]}"',
            where=Where(f"project {project.get('id')}"),
            hint="add it there (Settings, Labeling Interface), then run the same command again",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _token(url: str) -> str:
    """From the environment, for the server that the environment names: a spec must not send it elsewhere.

    Raises:
        FlywheelError: there is none, or it is another server's (exit code 4).
    """
    token, server = os.environ.get(TOKEN, "").strip(), os.environ.get(SERVER, "").strip().rstrip("/")
    host = urlsplit(url).hostname or ""
    if not token:
        raise FlywheelError(
            "there is no token for Label Studio",
            where=Where(TOKEN),
            hint=f"export {TOKEN}=… (Account & Settings in Label Studio); it is read from there alone, and never written",
            exit_code=ExitCode.MISSING_TOOL,
        )
    if server != url and not (not server and host in _HERE):
        raise FlywheelError(
            f"the spec names {url}, and {SERVER} names {server or 'no server'}: the token is sent nowhere",
            where=Where(SERVER),
            hint=f"where {url} is meant: export {SERVER}={url}",
            exit_code=ExitCode.MISSING_TOOL,
        )
    return token
