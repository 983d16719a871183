"""Label Studio without its server: whom the token is sent to, what refusals say, and which annotations count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.adapters.web.http import HttpResponse
from runner.annotators import label_studio_project
from runner.annotators.annotator import Round
from runner.annotators.label_studio import LabelStudio
from runner.annotators.label_studio_answers import read_tasks
from runner.annotators.label_studio_tasks import KEY
from runner.domain.errors import ExitCode, FlywheelError
from tests.annotators.rounds import PATHS, make_round

URL = "http://127.0.0.1:9"
REMOTE = "https://labels.example.org"


class FakeServer:
    """Answers by method and the last word of the path; remembers what was asked, and with which token."""

    def __init__(self, **answers: tuple[int, object]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[str] = []

    def __call__(self, url: str, token: str | None = None, *, scheme: str = "Bearer") -> FakeServer:
        self.tokens.append(f"{scheme} {token}")
        return self

    def request(self, method: str, path: str, **arguments: Any) -> HttpResponse:
        self.asked.append((method, path))
        status, content = self.answers[path.rpartition("/")[2].replace("-", "_")]
        return HttpResponse(status, {}, json.dumps(content).encode())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "secret")
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)


def serve(monkeypatch: pytest.MonkeyPatch, **answers: tuple[int, object]) -> FakeServer:
    fake = FakeServer(**answers)
    monkeypatch.setattr(label_studio_project, "Http", fake)
    return fake


def refused(url: str, root: Path) -> FlywheelError:
    with pytest.raises(FlywheelError) as error:
        LabelStudio(url=url).push(make_round(root, tool="label-studio"))
    assert "secret" not in str(error.value)
    return error.value


def test_without_a_token_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = serve(monkeypatch)
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    error = refused(URL, tmp_path)
    assert (error.message, error.exit_code) == ("there is no token for Label Studio", ExitCode.MISSING_TOOL)
    assert fake.tokens == []


@pytest.mark.parametrize("named", [None, "https://other.example.org"])
def test_a_spec_sends_the_token_nowhere_else(
    named: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever checks a pull request out must not hand their token to a server that it names."""
    fake = serve(monkeypatch)
    if named:
        monkeypatch.setenv("LABEL_STUDIO_URL", named)
    error = refused(REMOTE, tmp_path)
    assert error.message == (
        f"the spec names {REMOTE}, and LABEL_STUDIO_URL names {named or 'no server'}: the token is sent nowhere"
    )
    assert error.hint == f"where {REMOTE} is meant: export LABEL_STUDIO_URL={REMOTE}"
    assert (fake.tokens, fake.asked) == ([], [])


def test_the_server_that_the_environment_names_gets_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = serve(monkeypatch, projects=(401, {"detail": "Invalid token."}))
    monkeypatch.setenv("LABEL_STUDIO_URL", f"{REMOTE}/")
    error = refused(REMOTE, tmp_path)
    assert error.message == "Label Studio does not accept the token (HTTP 401)"
    assert fake.tokens == ["Token secret"]


def test_a_personal_token_is_exchanged_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = serve(monkeypatch, refresh=(200, {"access": "short"}), projects=(403, {}))
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "a.b.c")
    refused(URL, tmp_path)
    assert fake.tokens == ["Bearer None", "Bearer short"]
    assert fake.asked[0] == ("POST", "api/token/refresh")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"projects": (500, {"detail": "out of order"})},
            "api/projects could not be listed: HTTP 500 out of order",
        ),
        (
            {
                "projects": (
                    200,
                    {"results": [{"id": 1, "description": "flywheel: pets / 0002-more", "label_config": ""}]},
                )
            },
            'the project in Label Studio has no label "cat"',
        ),
    ],
)
def test_what_the_server_says_is_said(
    answers: dict[str, tuple[int, object]], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(monkeypatch, **answers)
    assert refused(URL, tmp_path).message == message


def test_an_import_that_took_less_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = '<Label value="cat"/><Label value="dog"/>'
    project = {"id": 1, "description": "flywheel: pets / 0002-more", "label_config": config}
    round_ = make_round(tmp_path, tool="label-studio")
    uploads = [
        {"file": f"upload/1/12345678-{key}{path.suffix.lower()}"} for key, path in round_.files.items()
    ]
    fake = serve(
        monkeypatch,
        projects=(200, {"results": [project]}),
        tasks=(200, {"tasks": []}),
        file_uploads=(200, uploads),
        **{"import": (201, {"task_count": 2})},
    )
    with pytest.raises(FlywheelError) as error:
        LabelStudio(url=URL).push(round_)
    assert error.value.message == "2 of 3 tasks were imported"
    assert [path for method, path in fake.asked if method == "POST"] == [
        "api/projects/1/import"
    ]  # no upload again


def test_a_pull_without_a_project_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    serve(monkeypatch, projects=(200, {"results": []}))
    with pytest.raises(FlywheelError) as error:
        LabelStudio(url=URL).pull(make_round(tmp_path, tool="label-studio"))
    assert error.value.hint == "flywheel annotate push 0002-more"


def task(round_: Round, path: str, *annotations: dict[str, Any], **data: str) -> dict[str, Any]:
    key = next(one.key for one in round_.handed.tasks if one.path == path)
    return {"id": 7, "data": data or {"image": "x.jpg", KEY: key}, "annotations": list(annotations)}


def annotation(number: int, by: object, label: str = "cat", **fields: Any) -> dict[str, Any]:
    value = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": [label]}
    region = {
        "id": "r",
        "type": "rectanglelabels",
        "value": value,
        "original_width": 64,
        "original_height": 48,
    }
    return {"id": number, "completed_by": by, "result": [region], **fields}


def test_of_several_annotations_of_one_annotator_the_last_counts(tmp_path: Path) -> None:
    round_ = make_round(tmp_path, tool="label-studio", proposed=False)
    first = annotation(1, 5, "cat", updated_at="2026-01-01T00:00:00Z")
    last = annotation(2, 5, "dog", updated_at="2026-01-02T00:00:00Z", lead_time=3.5)
    found = read_tasks([task(round_, PATHS[0], last), task(round_, PATHS[0], first)], round_, "here")
    (answer,) = found.answers
    assert (answer.annotator, answer.objects[0].class_name, answer.seconds) == ("user-5", "dog", 3.5)
    assert "has 2 annotations of user-5: the last updated, 2, counts" in found.problems[0]


def test_two_annotators_give_two_answers_and_accounts_are_numbers(tmp_path: Path) -> None:
    round_ = make_round(tmp_path, tool="label-studio", proposed=False)
    by = {"id": 6, "email": "ben@example.org"}
    found = read_tasks([task(round_, PATHS[0], annotation(1, 5), annotation(2, by))], round_, "here")
    assert sorted(answer.annotator for answer in found.answers) == ["user-5", "user-6"]
    assert found.problems == []


def test_skipped_is_an_answer_unless_it_was_labelled_too(tmp_path: Path) -> None:
    round_ = make_round(tmp_path, tool="label-studio")
    skipped = annotation(1, 5, was_cancelled=True, updated_at="2026-01-03T00:00:00Z")
    labelled = annotation(2, 5, updated_at="2026-01-02T00:00:00Z")
    (answer,) = read_tasks([task(round_, PATHS[0], skipped)], round_, "here").answers
    assert (answer.skipped, answer.objects) == (True, [])
    (answer,) = read_tasks([task(round_, PATHS[0], skipped, labelled)], round_, "here").answers
    assert not answer.skipped


def test_a_task_without_our_key_is_found_by_its_image_else_named(tmp_path: Path) -> None:
    round_ = make_round(tmp_path, tool="label-studio", proposed=False)
    key = round_.handed.tasks[0].key
    own = task(round_, PATHS[0], annotation(1, 5), image=f"/data/upload/1/12345678-{key}.jpg")
    stranger = task(round_, PATHS[0], annotation(2, 5), image="/data/upload/1/other.jpg")
    found = read_tasks([own, stranger, "no task"], round_, "here")
    assert [answer.key for answer in found.answers] == [key]
    assert found.problems == ["here: 1 annotated tasks are none of the batch's"]


def test_without_a_server_tasks_and_exports_are_files(tmp_path: Path) -> None:
    tool = LabelStudio()
    round_ = make_round(tmp_path, tool="label-studio")
    tool.push(round_)
    tasks = json.loads((round_.folder / "package" / "tasks.json").read_bytes())
    assert [len(one["predictions"]) for one in tasks] == [1, 0, 0]
    assert all("annotations" not in one for one in tasks)  # what is proposed is not an answer
    for one in tasks:
        assert (round_.folder / "package" / one["data"]["image"].partition("?d=")[2]).is_file()
    export = [
        {
            **tasks[0],
            "id": 1,
            "annotations": [{**annotation(3, 5), "result": tasks[0]["predictions"][0]["result"]}],
        },
        {**tasks[1], "id": 2, "annotations": []},
    ]
    answers = round_.folder / "answers" / "anna"
    answers.mkdir()
    (answers / "project-1.json").write_text(json.dumps(export))
    (answers / "notes.json").write_text("{}")
    found = tool.pull(round_)
    assert [(one.annotator, [item.outcome for item in one.objects]) for one in found.answers] == [
        ("anna", ["accepted"])
    ]
    assert "it is no list of tasks" in found.problems[0]
