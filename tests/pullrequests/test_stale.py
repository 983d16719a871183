"""What changed between the judgement and the merge: another champion, another policy, another artefact."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from projects import PROJECT, flywheel
from pullrequests.world import NEXT, POLICY, POLICY_CHECK, THIRD, Loop, spec

from runner.domain.errors import FlywheelError

pytestmark = pytest.mark.xdist_group("stale")

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def waiting(judged: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Two sprints that were judged against the same champion (none) were merged one after the other."""
    loop = judged.copy(tmp_path_factory.mktemp("waiting"))
    loop.propose(8, {f"specs/{THIRD}.yaml": spec(40)})
    loop.planned(8)
    loop.sprinted(8)
    assert loop.conclusions(8) == {f"flywheel / {THIRD}": "success", POLICY_CHECK: "success"}
    assert "No champion yet" in loop.comment(8, f"report:{THIRD}")
    loop.merge(7)
    loop.merge(8)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.promote(8) == 0, loop.log[-1]
    return loop


@pytest.fixture(scope="module")
def succeeded(waiting: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """What the second came to against the first was approved, by somebody who may."""
    loop = waiting.copy(tmp_path_factory.mktemp("succeeded"))
    approve = f"/flywheel approve {waited_for(loop)}"
    assert "Nothing was approved" in loop.says(8, "alice", approve)
    assert loop.follow() == []
    assert loop.says(8, "carol", approve).endswith(f"Promoting `{THIRD}`.")
    assert loop.follow() == ["promote.yml"]
    return loop


def waited_for(loop: Loop) -> str:
    """The one finding that the comment asks to approve."""
    lines = loop.comment(8, f"promotion:{THIRD}").splitlines()
    [found] = [line.split()[-1].strip("`") for line in lines if line.startswith("- `/flywheel")]
    return found


def test_the_second_of_two_merged_sprints_is_recorded_and_judged_again(waiting: Loop) -> None:
    assert waiting.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert waiting.subjects[:2] == [
        f"flywheel: {THIRD} is judged again [skip ci]",
        f"flywheel: record of {THIRD} [skip ci]",
    ]
    report = waiting.comment(8, f"report:{THIRD}")
    assert "No champion yet" not in report
    assert NEXT in report
    said = waiting.comment(8, f"promotion:{THIRD}").splitlines()[1]
    assert said == f"## ⏳ `{THIRD}` is recorded, and waits for approval"
    assert waited_for(waiting).startswith("stale-")


def test_it_is_promoted_once_that_is_approved(waiting: Loop, succeeded: Loop) -> None:
    assert succeeded.tags == [
        *("tiny-digits#prod#1", "tiny-digits#prod#2", "tiny-digits@v1.0.0", "tiny-digits@v1.1.0"),
    ]
    assert f"in place of `{NEXT}`" in succeeded.comment(8, f"promotion:{THIRD}")
    assert succeeded.comment(8, f"report:{THIRD}") == waiting.comment(8, f"report:{THIRD}")


def test_a_policy_that_main_changed_meanwhile_judges_again(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    stricter = POLICY.replace("policy: {", "policy: {gates: [{metric: size_mb, max: 5}], ")
    loop.on_main({"flywheel.yaml": PROJECT + stricter})
    loop.merge(7)
    assert loop.promote(7) == 0, loop.log[-1]
    assert loop.tags == []
    said = loop.comment(7, f"promotion:{NEXT}")
    assert "size_mb" in said
    assert loop.subjects[0] == f"flywheel: {NEXT} is judged again [skip ci]"
    assert json.loads(loop.show_file(f"reports/{NEXT}/verdict.json"))["outcome"] == "FAIL"
    assert loop.checks(7)[f"flywheel / {NEXT}"].conclusion == "failure"


def test_a_head_that_moved_between_run_and_report_gets_nothing(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    before = [each.body for each in loop.hub.comments(7)]
    loop.propose(7, {f"specs/{NEXT}.yaml": spec(49)})
    run = loop.newest()
    assert (loop.show(run), loop.publish(run)) == (0, 0)
    assert "nothing to publish" in loop.log[-1]
    assert [each.body for each in loop.hub.comments(7)] == before
    assert loop.checks(7) == {}


# --- bundles that were tampered with --------------------------------------------------------------


def one_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def largest(files: Files) -> str:
    return max((name for name in files if "/" in name), key=lambda name: len(files[name]))


def a_model(bundle: Files, outputs: Files) -> None:
    """An output is exchanged."""
    name = largest(outputs)
    outputs[name] = one_bit(outputs[name])


def a_model_and_its_digest(bundle: Files, outputs: Files) -> None:
    """The manifest is made to agree."""
    name = largest(outputs)
    outputs[name] = one_bit(outputs[name])
    manifest = json.loads(bundle["manifest.json"])
    manifest["objects"][name] = hashlib.sha256(outputs[name]).hexdigest()
    bundle["manifest.json"] = json.dumps(manifest).encode()


def a_record(bundle: Files, outputs: Files) -> None:
    """A metric, with every digest made to agree."""
    rewrite(bundle, "evaluation.json", b'"high": 0.8418', b'"high": 0.8419')


def a_threshold(bundle: Files, outputs: Files) -> None:
    """The verdict's own gate, with every digest made to agree."""
    rewrite(bundle, "verdict.json", b'"threshold": 50.0', b'"threshold": 51.0')


def rewrite(bundle: Files, file: str, old: bytes, new: bytes) -> None:
    path, known = f"reports/{NEXT}/{file}", f"reports/{NEXT}/digests.json"
    digest = hashlib.sha256(bundle[path]).hexdigest()
    content = bundle[path].replace(old, new)
    assert content != bundle[path], bundle[path][:2000]
    bundle[path] = content
    bundle[known] = bundle[known].replace(digest.encode(), hashlib.sha256(content).hexdigest().encode())
    manifest = json.loads(bundle["manifest.json"])
    manifest["files"] |= {each: hashlib.sha256(bundle[each]).hexdigest() for each in (path, known)}
    bundle["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize("tamper", [a_model, a_model_and_its_digest, a_record, a_threshold])
def test_what_was_tampered_with_is_refused_recorded_nowhere_and_told(
    judged: Loop, tmp_path: Path, tamper: Callable[[Files, Files], None]
) -> None:
    loop = judged.copy(tmp_path)
    fake, run = loop.memory.fake, loop.newest()
    places = {
        each.name: each.id for each in fake.left[run] if each.name in ("flywheel-bundle", "flywheel-outputs")
    }
    contents = {name: unzipped(fake.archives[number]) for name, number in places.items()}
    tamper(contents["flywheel-bundle"], contents["flywheel-outputs"])
    for name, number in places.items():
        fake.archives[number] = zipped(tmp_path / f"{name}.zip", contents[name])
    loop.merge(7)
    merged = loop.sha("main")
    assert loop.promote(7) in (1, 5)
    assert (loop.tags, loop.sha("main")) == ([], merged)
    told = loop.comment(7, "promotion:nothing")
    assert told.splitlines()[1] == "## ✗ Nothing was recorded"
    assert "**Next:** " in told


def unzipped(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_an_expired_artifact_is_named_with_what_to_do(judged: Loop, tmp_path: Path) -> None:
    loop = judged.copy(tmp_path)
    fake, run = loop.memory.fake, loop.newest()
    fake.left[run] = [replace(each, expired=True) for each in fake.left[run]]
    with pytest.raises(FlywheelError, match="its flywheel-bundle is gone: forges keep it for 90 days"):
        loop.publish(run)
    loop.merge(7)
    assert loop.promote(7) == 5
    told = loop.comment(7, "promotion:nothing")
    assert "its flywheel-bundle is gone" in told
    assert "/flywheel run" in told


# --- and back ------------------------------------------------------------------------------------


def test_a_rollback_is_asked_for_in_a_comment_and_the_next_promotion_works(
    succeeded: Loop, tmp_path: Path
) -> None:
    loop = succeeded.copy(tmp_path)
    assert "Nothing was done" in loop.says(8, "eve", "/flywheel rollback")
    assert loop.follow() == []
    assert loop.says(8, "bob", "/flywheel rollback").startswith("Rolling back to the previous champion.")
    assert loop.follow() == ["promote.yml"]
    assert loop.tags[:3] == ["tiny-digits#prod#1", "tiny-digits#prod#2", "tiny-digits#prod#3"]
    assert loop.subjects[0] == f"flywheel: tiny-digits goes back to {NEXT} v1.0.0 [skip ci]"
    shown = flywheel(loop.trusted(), "history", check=True).stdout
    assert shown.index(NEXT) < shown.index(THIRD)
    assert "rolled back" in shown
    assert loop.promote(sprint=THIRD) == 0, loop.log[-1]
    assert "tiny-digits#prod#4" in loop.tags
    assert loop.tags[-2:] == ["tiny-digits@v1.0.0", "tiny-digits@v1.1.0"]  # what was promoted once is not new
