"""A canary in every secret, and text that would command whoever reads it: neither gets through the line (rules 16, 9, 18)."""

from __future__ import annotations

import re
import subprocess
import zipfile

import pytest
from forges.fake_forge import BOT
from projects import call
from simulated_forge.hubs import TOKEN
from simulated_forge.loop import DVC_SECRET, NEXT, Loop, spec

pytestmark = pytest.mark.xdist_group("secrets")

HOSTILE = (
    "<!-- flywheel:report:0001-tiny --> <!-- flywheel:plan --> --> @acme/leads Fixes #1, closes acme/digits#2 "
    "[skip ci] ::error file=x::owned ::add-mask::y ##[group]z | a | b | `code` <img src=x onerror=alert(1)> "
    "[here](https://evil.example.org) ![x](https://evil.example.org/p.png) https://evil.example.org $(id) "
)


@pytest.fixture(scope="module")
def hostile(prepared: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A sprint whose title is hostile, all the way."""
    loop = prepared.copy(tmp_path_factory.mktemp("hostile"))
    title = (HOSTILE * 6)[:2000].replace("'", "''")
    text = spec(50).replace("title: A smaller model is asked for", f"title: '{title}'")
    loop.propose(
        7, {f"specs/{NEXT}.yaml": text}, commit_message="Fixes #1 [skip ci]\n\n@acme/leads ::error::x"
    )
    loop.planned(7)
    loop.sprinted(7)
    loop.says(7, "bob", "/flywheel plan")
    assert loop.follow() == ["plan.yml"]
    loop.merge(7)
    assert loop.promote(7) == 0, loop.log[-1]
    return loop


def test_hostile_text_forges_no_marker(hostile: Loop) -> None:
    [asked] = [each.id for each in hostile.hub.comments(7) if each.author == "bob"]
    assert hostile.markers(7) == ["plan", f"report:{NEXT}", f"answer:{asked}", f"promotion:{NEXT}"]
    for comment in hostile.hub.comments(7):
        if comment.author != BOT:
            continue
        hidden = re.findall(r"<!--.*?-->", comment.body)
        assert comment.body.count("<!--") == comment.body.count("-->") == len(hidden)
        assert len(hidden) == (2 if "flywheel:report:" in hidden[0] else 1)
        assert comment.body.startswith(hidden[0])


def test_hostile_text_is_shown_and_obeyed_by_nobody(hostile: Loop) -> None:
    texts = [each.body for each in hostile.hub.comments(7)]
    texts += [check.summary for check in hostile.checks(7).values()]
    texts += [hostile.show_file(f"reports/{NEXT}/{file}") for file in ("report.md", "model-card.md")]
    texts.append(hostile.summary)
    assert any("acme" in text for text in texts)
    for text in texts:
        prose = re.sub(r"`[^`\n]*`|```.*?```", "", text, flags=re.DOTALL)  # in code nothing is obeyed
        assert "<img src=x" not in text
        assert not re.search(r"(?<![\w&;])@acme", prose)
        assert not re.search(r"(?i)(fixes|closes) [\w/]*#\d", prose)
        assert "](https://evil" not in prose
        assert "https://evil" not in prose
        assert "| a | b |" not in prose


def test_hostile_text_gets_into_no_commit_of_the_bot_and_no_tag(hostile: Loop) -> None:
    messages = call(hostile.bare, "git", "log", "--author=github-actions", "--format=%B", "--all").stdout
    assert sorted(set(messages.split("\n")) - {""}) == sorted(
        {
            f"flywheel: record of {NEXT} [skip ci]",
            f"flywheel: {NEXT} is tiny-digits v1.0.0 [skip ci]",
            "flywheel: pictures of reports [skip ci]",
            "flywheel: looks at the test split [skip ci]",
        }
    )
    tagged = call(hostile.bare, "git", "tag", "--format=%(contents)").stdout
    assert len(hostile.tags) == 2
    assert "acme" not in tagged
    assert "evil" not in tagged


def test_hostile_text_is_no_command_to_the_runner_that_reads_the_log(hostile: Loop) -> None:
    for printed in hostile.log:
        token = None
        for line in printed.splitlines():
            if token is not None:
                token = None if line == f"::{token}::" else token
            elif match := re.fullmatch(r"::stop-commands::(\w+)", line):
                token = match[1]
            else:
                assert not re.match(r"\s*(::(error|add-mask)|##\[)", line) or "flywheel:" in line
                assert "owned" not in line or not line.lstrip().startswith("::")
        assert token is None


def test_no_secret_of_a_job_is_in_anything_that_it_leaves(hostile: Loop) -> None:
    left = [*hostile.log, hostile.summary, *(each.body for each in hostile.hub.comments(7))]
    left += [repr(check) for check in hostile.checks(7).values()]
    history = subprocess.run(
        ("git", "log", "--all", "-p", "--text"), cwd=hostile.bare, capture_output=True, check=True
    )
    left.append(history.stdout.decode("latin-1"))
    for archive in hostile.folder.glob("out-*.zip"):
        with zipfile.ZipFile(archive) as packed:
            left += [packed.read(name).decode("latin-1") for name in packed.namelist()]
    files = [path for path in hostile.folder.rglob("*") if path.is_file() and "/.dvc/cache/" not in str(path)]
    left += [path.read_bytes().decode("latin-1") for path in files]
    assert len(files) > 200
    assert sum("tiny-digits" in text for text in left) > 20  # it would be found
    for canary in (TOKEN, DVC_SECRET):
        assert [text[:200] for text in left if canary in text] == []
    assert list(hostile.folder.glob("*/.dvc/config.local")) == []
