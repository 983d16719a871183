"""What changed between the judgement and the merge: another champion, another policy, another artefact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from planted_bundle import zipped
from projects import PROJECT, call, flywheel
from simulated_forge.loop import NEXT, POLICY, POLICY_CHECK, THIRD, Loop, spec

Files = dict[str, bytes]


def test_two_sprints_are_judged_against_the_same_champion(rivals: Loop) -> None:
    assert rivals.conclusions(8) == {f"flywheel / {THIRD}": "success", POLICY_CHECK: "success"}
    assert "No champion yet" in rivals.comment(8, f"report:{THIRD}")


def test_the_second_of_two_merged_sprints_is_recorded_and_judged_again(waiting: Loop) -> None:
    assert waiting.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert waiting.subjects[:2] == [
        f"flywheel: {THIRD} is judged again [skip ci]",
        f"flywheel: record of {THIRD} [skip ci]",
    ]
    report = waiting.comment(8, f"report:{THIRD}")
    assert "No champion yet" not in report
    assert NEXT in report
    assert waiting.comment(8, f"promotion:{THIRD}").startswith(
        f"<!-- flywheel:promotion:{THIRD} -->\n## ⏳ `{THIRD}` is recorded, and waits for approval\n"
    )
    finding = waiting.waits_for(8, THIRD)
    assert finding.startswith("stale-")
    assert finding in report
    assert waiting.checks(8)[f"flywheel / {THIRD}"].external_id.startswith("judged-again-")


def test_neither_what_was_approved_before_that_nor_the_authors_own_approval_counts(
    waiting: Loop, tmp_path: Path
) -> None:
    loop = waiting.copy(tmp_path)
    [review] = loop.memory.fake.reviewed[8]
    assert (review.author, review.commit) == ("dave", loop.hub.pull(8)["head_sha"])
    before = loop.sha("main")
    loop.hub.write(8, "alice", f"/flywheel approve {loop.waits_for(8, THIRD)}")
    assert loop.promote(sprint=THIRD) == 0
    assert (loop.sha("main"), loop.tags) == (before, waiting.tags)
    assert "it is the author's own" in loop.comment(8, f"promotion:{THIRD}").replace("&#39;", "'")


def test_it_is_promoted_once_that_is_approved(waiting: Loop, succeeded: Loop) -> None:
    assert succeeded.tags == [
        *("tiny-digits#prod#1", "tiny-digits#prod#2", "tiny-digits@v1.0.0", "tiny-digits@v1.1.0"),
    ]
    assert f"in place of `{NEXT}`" in succeeded.comment(8, f"promotion:{THIRD}")
    assert succeeded.comment(8, f"report:{THIRD}") == waiting.comment(8, f"report:{THIRD}")
    contents = call(succeeded.bare, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#2").stdout
    assert f"approvals: {waiting.waits_for(8, THIRD)} by dave" in contents


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
    places = {each.name: each.id for each in fake.left[run]}
    contents = {name: loop.artifact(name) for name in ("flywheel-bundle", "flywheel-outputs")}
    tamper(*contents.values())
    for name, files in contents.items():
        fake.archives[places[name]] = zipped(tmp_path / f"{name}.zip", files)
    loop.merge(7)
    merged = loop.sha("main")
    assert loop.promote(7) in (1, 5)
    assert (loop.tags, loop.sha("main")) == ([], merged)
    told = loop.comment(7, "promotion:nothing")
    assert told.splitlines()[1] == "## ✗ Nothing was recorded"
    assert "**Next:** " in told


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
    done = (loop.tags, loop.sha("main"))
    assert loop.promote(rollback="previous") == 0  # it is done once
    assert (loop.tags, loop.sha("main")) == done
    shown = flywheel(loop.clone("trusted"), "history", check=True).stdout
    assert shown.index(NEXT) < shown.index(THIRD)
    assert "rolled back" in shown
    assert loop.promote(sprint=THIRD) == 0, loop.log[-1]
    assert "tiny-digits#prod#4" in loop.tags
    assert loop.tags[-2:] == ["tiny-digits@v1.0.0", "tiny-digits@v1.1.0"]  # what was promoted once is not new
