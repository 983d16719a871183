"""The workflows that init writes: for the repository of the remote, and over nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import call, flywheel

from runner.domain.errors import FlywheelError
from runner.scaffold.workflows import (
    home_of,
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


def empty_commit(repository: Path) -> None:
    call(repository, "git", "commit", "-q", "--allow-empty", "-m", "x")


def test_the_default_branch_is_the_remote_s(repository: Path) -> None:
    empty_commit(repository)
    call(repository, "git", "remote", "add", "origin", "git@github.com:team/tiny.git")
    call(repository, "git", "update-ref", "refs/remotes/origin/trunk", "HEAD")
    call(repository, "git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    home = home_of(repository)
    assert (home.branch, home.notes) == ("trunk", [])


@pytest.mark.parametrize(
    ("branches", "likely"),
    [
        (["main"], "main"),
        (["trunk"], "trunk"),
        (["master", "adopt-flywheel"], "master"),  # checked out to set the project up
        (["trunk", "team/next"], "team/next"),
    ],
)
def test_a_default_branch_that_nobody_noted_is_guessed_and_that_is_said(
    repository: Path, branches: list[str], likely: str
) -> None:
    call(repository, "git", "remote", "add", "origin", "git@github.com:team/tiny.git")
    call(repository, "git", "symbolic-ref", "HEAD", f"refs/heads/{branches[0]}")
    empty_commit(repository)
    for branch in branches[1:]:
        call(repository, "git", "switch", "-q", "-c", branch)
    home = home_of(repository)
    assert home.branch == likely
    assert home.notes == [
        f"that the default branch is {likely} is a guess, by the branches of this checkout; "
        "if it is another one: flywheel init --workflows --force --branch NAME"
    ]


def test_a_default_branch_that_is_named_is_no_guess(repository: Path) -> None:
    call(repository, "git", "remote", "add", "origin", "git@github.com:team/tiny.git")
    result = flywheel(repository, "init", "--workflows", "--branch", "trunk", check=True)
    assert result.stdout.startswith("Workflows of team/tiny, default branch trunk\n")
    assert "guess" not in result.stdout
    assert "branches: [trunk]" in (repository / ".github" / "workflows" / "plan.yml").read_text()
    refused = flywheel(repository, "init", "--workflows", "--branch", "a: b")
    assert (refused.returncode, refused.stderr) == (
        2,
        'error: "a: b" cannot stand in a workflow as a branch\n'
        "  hint: letters, digits, . _ - and / only: --branch main\n",
    )


@pytest.mark.parametrize(
    ("origin", "why", "verb"),
    [
        (None, "there is no remote `origin` yet", "add"),
        (
            "https://me:s3cret@host/group/sub/tiny",
            "the remote `origin` is https://host/group/sub/tiny, no address of a forge",
            "set-url",
        ),
        ("/srv/git/tiny.git", "the remote `origin` is /srv/git/tiny.git, no address of a forge", "set-url"),
    ],
)
def test_a_repository_whose_forge_is_not_known_is_told_what_to_type(
    repository: Path, origin: str | None, why: str, verb: str
) -> None:
    if origin:
        call(repository, "git", "remote", "add", "origin", origin)
    assert home_of(repository, "main").notes == [
        f".github/workflows/sprint.yml says OWNER/REPO: {why}; "
        f"git remote {verb} origin https://HOST/OWNER/NAME, then: flywheel init --workflows --force"
    ]


def test_repository_and_branch_are_filled_in() -> None:
    documents = workflow_documents("team/tiny", "trunk")
    assert list(documents) == FILES
    assert "uses: team/tiny/.github/workflows/run-sprint.yml@trunk #" in documents[FILES[-1]]
    assert "branches: [trunk]" in documents[".github/workflows/promote.yml"]
    assert not any("OWNER" in text or "DEFAULT_BRANCH" in text for text in documents.values())


def test_workflows_are_written_into_a_project_that_is_there(repository: Path) -> None:
    call(repository, "git", "remote", "add", "origin", "git@github.com:team/tiny.git")
    (repository / "flywheel.yaml").touch()
    result = flywheel(repository, "init", "--workflows", "--branch", "main")
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


def test_workflows_without_a_project_say_what_comes_first(repository: Path) -> None:
    result = write_workflows(repository, force=False)
    assert "there is no flywheel.yaml yet: the workflows, and flywheel doctor, need a project" in result.notes
    assert result.next[0] == "flywheel init --data PATH            # first the project"


def test_changed_workflows_are_not_replaced_without_force(repository: Path) -> None:
    write_workflows(repository, force=False)
    mine = repository / ".github" / "workflows" / "sprint.yml"
    mine.write_text("mine\n")
    with pytest.raises(FlywheelError) as caught:
        write_workflows(repository, force=False)
    assert caught.value.message == "files would be replaced: .github/workflows/sprint.yml"
    assert caught.value.hint == (
        "commit them, then: flywheel init --workflows --force; git diff shows what of yours was replaced"
    )
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
