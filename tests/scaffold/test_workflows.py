"""The workflows that init writes: for the repository of the remote, and over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import call, flywheel

from runner.domain.errors import FlywheelError
from runner.scaffold.workflows import (
    default_branch_of,
    repository_of,
    workflow_documents,
    write_workflows,
)

FILES = [
    ".github/actions/install-flywheel/action.yml",
    ".github/actions/install-flywheel/install.sh",
    ".github/workflows/chat.yml",
    ".github/workflows/plan.yml",
    ".github/workflows/promote.yml",
    ".github/workflows/report.yml",
    ".github/workflows/run-sprint.yml",
    ".github/workflows/sprint.yml",
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    call(folder, "git", "init", "-q", "-b", "main")
    return folder


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/team/tiny.git", "team/tiny"),
        ("https://github.com/team/tiny", "team/tiny"),
        ("https://token@forge.example:8443/team/tiny.dock/", "team/tiny.dock"),
        ("git@github.com:team/tiny.git", "team/tiny"),
        ("ssh://git@forge.example:22/team/tiny.git", "team/tiny"),
        ("../elsewhere", None),
        ("/srv/git/team/tiny.git", None),
        ("https://github.com/team/tiny/extra.git", None),
        ("https://github.com/team/$(touch x)", None),
    ],
)
def test_the_repository_is_read_from_the_remote(repository: Path, url: str, found: str | None) -> None:
    call(repository, "git", "remote", "add", "origin", url)
    assert repository_of(repository) == found


def test_the_default_branch_is_the_remote_s(repository: Path) -> None:
    assert default_branch_of(repository) == "main"
    call(
        repository,
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    )
    call(repository, "git", "branch", "-m", "master")
    assert default_branch_of(repository) == "master"
    call(repository, "git", "update-ref", "refs/remotes/origin/trunk", "HEAD")
    call(repository, "git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    call(repository, "git", "switch", "-q", "-c", "work")
    assert default_branch_of(repository) == "trunk"


def test_repository_and_branch_are_filled_in() -> None:
    documents = workflow_documents("team/tiny", "trunk")
    assert list(documents) == FILES
    assert "uses: team/tiny/.github/workflows/run-sprint.yml@trunk #" in documents[FILES[-1]]
    assert "branches: [trunk]" in documents[".github/workflows/promote.yml"]
    assert not any("OWNER" in text or "DEFAULT_BRANCH" in text for text in documents.values())


def test_workflows_are_written_into_a_project_that_is_there(repository: Path) -> None:
    call(repository, "git", "remote", "add", "origin", "git@github.com:team/tiny.git")
    result = flywheel(repository, "init", "--workflows")
    assert result.stdout == (
        "Workflows of team/tiny, default branch main\n"
        "\n"
        "Written\n" + "".join(f"  {path}\n" for path in FILES) + "\n"
        "Next\n"
        "  flywheel doctor                      # what is to be set up on the forge\n"
    )
    for path, text in workflow_documents("team/tiny", "main").items():
        assert (repository / path).read_text() == text
    assert write_workflows(repository, force=False).unchanged == FILES


def test_changed_workflows_are_not_replaced_without_force(repository: Path) -> None:
    write_workflows(repository, force=False)
    mine = repository / ".github" / "workflows" / "sprint.yml"
    mine.write_text("mine\n")
    with pytest.raises(FlywheelError) as caught:
        write_workflows(repository, force=False)
    assert caught.value.message == "files would be replaced: .github/workflows/sprint.yml"
    assert mine.read_text() == "mine\n"
    assert write_workflows(repository, force=True).written == [".github/workflows/sprint.yml"]


def test_a_folder_below_the_repository_s_top_is_refused(repository: Path) -> None:
    (repository / "vision").mkdir()
    with pytest.raises(FlywheelError) as caught:
        write_workflows(repository / "vision", force=False)
    assert str(caught.value) == (
        f"{repository / 'vision'}: not the top of a git repository: GitHub reads workflows only there\n"
        f"  hint: cd {repository}"
    )
    assert not (repository / "vision" / ".github").exists()
