"""Who holds a stage: our answer and GTO's own are one, over whatever anybody tagged."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pygit2
import pytest
from gto import api
from gto.exceptions import ArtifactNotFound, ManyVersions
from gto.tag import parse_name
from projects import call

from runner.adapters.git.registry_tags import UnreadableTags, full_name, parse, read_tags

COMMITS = 4
STAGES = ("prod", "dev")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few commits, one second after the other."""
    root = tmp_path_factory.mktemp("registry")
    call(root, "git", "init", "-q", "-b", "main")
    for number in range(COMMITS):
        call(
            *(root, "env", f"GIT_COMMITTER_DATE=@{1000 + number} +0000"),
            *("git", "commit", "-q", "--allow-empty", "-m", "x"),
        )
    return root


def commits(root: Path) -> list[str]:
    return call(root, "git", "rev-list", "--reverse", "HEAD").stdout.split()


def tag_all(root: Path, tags: list[tuple[str, str, int]]) -> None:
    """Replaces all tags by these: name, commit, time; a time of 0 makes a lightweight one."""
    repository = pygit2.Repository(str(root))
    for ref in [name for name in repository.references if name.startswith("refs/tags/")]:
        repository.references.delete(ref)
    for name, commit, time in tags:
        text = f"object {commit}\ntype commit\ntag {name}\ntagger t <t@x> {time} +0000\n\nx\n"
        target = repository.write(pygit2.enums.ObjectType.TAG, text.encode()) if time else commit
        repository.references.create(f"refs/tags/{name}", target)


def gto_says(root: Path, model: str) -> dict[str, set[str]] | str:
    """The commits that `gto show` has for each stage; "?" where it fails."""
    try:
        shown = api.show(str(root), name=full_name(model))
    except ArtifactNotFound:
        shown = []
    except ManyVersions:
        return "?"
    held = [stage for version in shown for stage in version["stages"]]
    return {name: {each["commit_hexsha"] for each in held if each["stage"] == name} for name in STAGES}


def we_say(root: Path, model: str) -> dict[str, set[str]] | str:
    tags = read_tags(root, model)
    try:
        return {stage: {tag.commit for tag in (tags.holder(stage),) if tag is not None} for stage in STAGES}
    except UnreadableTags:
        return "?"


def history(random_: random.Random, model: str, there: list[str]) -> list[tuple[str, str, int]]:
    """Tags as they might have been made, times that are equal or go back included."""
    tags: dict[str, tuple[str, int]] = {}
    for number in range(random_.randint(1, 9)):
        version = f"v{random_.randint(0, 1)}.{random_.randint(0, 10)}.0"
        stage = random_.choice(STAGES)
        name = random_.choice(
            [
                *[f"{model}@{version}", f"{model}#{stage}#{number + 1}"] * 3,
                *(f"{model}@{version}!", f"{model}@{version}!#{number + 1}", f"{model}#{stage}"),
                *(f"{model}#{stage}!#{number + 1}", f"{model}#{stage}!", f"{model}@deprecated#{number + 1}"),
                *("other@v1.0.0", f"{model}#prod#x", f"{model}-2#prod#1", f"{model}@v1.0.0-rc.1"),
            ]
        )
        tags.setdefault(name, (random_.choice(there), random_.choice([0, *range(1000, 1012)])))
    return [(name, *rest) for name, rest in tags.items()]


@pytest.mark.parametrize("model", ["digits", "ml/v1=digits"])
def test_over_random_histories_gto_and_we_name_the_same_commit(repository: Path, model: str) -> None:
    random_ = random.Random(len(model))
    there, answers = commits(repository), []
    for _ in range(int(os.environ.get("FLYWHEEL_GTO_HISTORIES", "40"))):
        tags = history(random_, model, there)
        tag_all(repository, tags)
        expected = gto_says(repository, model)
        assert we_say(repository, model) == expected, tags
        answers.append(expected)
    assert "?" in answers
    assert len({str(answer) for answer in answers}) > 10


def test_a_tags_name_means_to_us_what_it_means_to_gto() -> None:
    """Also one with digits that are none, or bytes that are no text."""
    names = [
        "m#prod#1",
        "m#prod#²",
        "m@v1.0.0",
        "m@v1.²",
        "m#prod",
        "m!",
        "m@deprecated#3",
        "a/b=m#prod!#2",
        "m\udcff#prod#1",
    ]
    for name in names:
        theirs, ours = parse_name(name, raise_on_fail=False), parse(name)
        assert (ours is None) == (not theirs), name
        if ours is not None:
            assert (full_name(ours[0]), ours[1]) == (theirs["name"], theirs["action"].value)
            assert (ours[2], ours[3], ours[4]) == (
                *(theirs.get("version", ""), theirs.get("stage", "")),
                theirs.get("counter", 0),
            )


def test_a_tag_that_names_no_commit_leaves_it_unknown_who_holds_the_stage(repository: Path) -> None:
    call(repository, "git", "tag", "-f", "-a", "trees#prod#1", "-m", "x", "HEAD^{tree}")
    with pytest.raises(UnreadableTags) as caught:
        read_tags(repository, "trees")
    assert str(caught.value) == (
        "refs/tags: trees#prod#1 names no commit\n"
        "  hint: git tag --delete 'trees#prod#1', and git push --delete REMOTE 'trees#prod#1'"
    )


@pytest.mark.parametrize("content", ["", "garbage", "1" * 40])
def test_a_broken_tag_is_no_absent_one(repository: Path, content: str) -> None:
    path = repository / ".git" / "refs" / "tags" / "broken#prod#1"
    path.write_text(content + "\n")
    try:
        with pytest.raises(UnreadableTags, match="the tags of broken could not be read"):
            read_tags(repository, "broken")
    finally:
        path.unlink()
