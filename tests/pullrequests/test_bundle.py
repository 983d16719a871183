"""Bundles: what is packed is read back, and whatever else a zip can hold is refused, by name and by reason."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from forges.fake_forge import zip_folder
from planted_record import FOLDER, PICTURES, SPRINT, Planted, plant, remanifest

from runner.adapters.dvc.metafiles import read_lock
from runner.adapters.web import archives
from runner.domain.errors import FlywheelError
from runner.domain.records import StageFailure
from runner.pullrequests.bundles.bundle import Bundle, bundled, object_path
from runner.pullrequests.bundles.unpack import BUNDLE_LIMITS, Expected, members, open_bundle, open_outputs
from runner.record.catalogue import RecordFile, sprint_folder
from runner.record.digests import digest_of
from runner.stages import kinds

HINT = "  hint: run the sprint again: /flywheel run, in a comment on the pull request"


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    found = plant(tmp_path)
    found.pack()
    return found


def opened(planted: Planted, source: Path | None = None, **expected: object) -> Bundle:
    into = planted.output / f"opened-{len(list(planted.output.iterdir()))}"
    wanted = Expected(**{"head": planted.head, **expected})
    return open_bundle(source or planted.archive("bundle"), into, wanted)


def refusal(planted: Planted, source: Path | None = None, **expected: object) -> str:
    """What opening says, in the end; nothing but what it refuses may go wrong."""
    with pytest.raises(FlywheelError) as error:
        opened(planted, source, **expected)
    assert error.value.exit_code == 5
    text, hint = str(error.value).split("\n")
    assert hint == HINT
    return text


def spoiled(planted: Planted, write: Callable[[zipfile.ZipFile], None]) -> Path:
    """The bundle's zip with more written into it."""
    archive = planted.archive("bundle")
    with zipfile.ZipFile(archive, "a") as file:
        write(file)
    return archive


# --- what is packed is read back --------------------------------------------------------------------


def test_a_bundle_is_read_back_as_it_was_packed(planted: Planted) -> None:
    bundle = opened(planted, base=planted.base, sprints=[SPRINT])
    assert bundle.manifest.sprints == [SPRINT]
    assert (bundle.manifest.base_commit, bundle.manifest.head_commit) == (planted.base, planted.head)
    assert bundle.report(SPRINT).sprint == SPRINT
    assert not bundle.failed(SPRINT)
    assert bundle.terms(SPRINT) is None
    names = {name.removeprefix(f"{FOLDER}/") for name in bundle.manifest.files}
    assert {"evaluation.json", "dvc.lock", "report.md", "plots/slices.svg", *PICTURES} <= names
    for name in names:
        packed = planted.proposal / FOLDER / name
        assert (bundle.sprint_folder(SPRINT) / name).read_bytes() == packed.read_bytes()


def test_a_folder_is_read_as_its_zip_is(planted: Planted) -> None:
    assert opened(planted, planted.output / "bundle").manifest == opened(planted).manifest


def test_packing_twice_gives_the_same_bytes(planted: Planted, tmp_path: Path) -> None:
    first = {
        path.relative_to(planted.output): path.read_bytes()
        for path in planted.output.rglob("*")
        if path.is_file()
    }
    planted.pack()
    second = {
        path.relative_to(planted.output): path.read_bytes()
        for path in planted.output.rglob("*")
        if path.is_file()
    }
    assert first == second


def test_what_is_no_record_stays_where_it_is(planted: Planted) -> None:
    (planted.proposal / FOLDER / "notes.md").write_text("mine")
    (planted.proposal / FOLDER / "numpy.py").write_text("evil")
    names = planted.pack().files
    assert not [name for name in names if name.endswith(("notes.md", "numpy.py", ".parquet", ".gitignore"))]


def test_every_record_of_a_stage_is_known_to_the_bundle() -> None:
    records = {name for stage in kinds.SPRINT.stages for name in stage.records}
    assert {name for name in records if not bundled(name)} == set()


def test_outputs_are_the_objects_that_the_lock_names(planted: Planted, tmp_path: Path) -> None:
    bundle = opened(planted)
    hashes = open_outputs(planted.archive("outputs"), bundle, tmp_path / "cache")
    outs = {
        path: md5 for stage in read_lock(planted.proposal / FOLDER / "dvc.lock").values() for path, md5 in stage.outs.items()
    }  # fmt: skip
    assert bundle.stored(SPRINT) == outs
    assert set(outs.values()) < set(hashes)
    assert set(members(tmp_path / "cache", outs["gallery"])) == {name.split("/")[1] for name in PICTURES}
    for each in hashes:
        content = (tmp_path / "cache" / object_path(each)).read_bytes()
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == each.removesuffix(".dir")


def test_a_failed_sprint_is_packed_without_outputs_and_without_what_an_older_run_left(tmp_path: Path) -> None:
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    manifest = planted.pack()
    assert manifest.objects == {}
    names = {name.removeprefix(f"{FOLDER}/") for name in manifest.files if "/plots/" not in name}
    assert names == {"failure.json", "report.json", "report.md", "params.yaml", "dvc.yaml", "timings.json"}
    bundle = opened(planted)
    assert bundle.failed(SPRINT)
    assert bundle.stored(SPRINT) == {}
    assert list((planted.output / "outputs").iterdir()) == []


@pytest.mark.parametrize("name", ["uses.json", "dvc.lock", "metrics.json"])
def test_a_failed_sprint_brings_no_record_that_nobody_would_verify(tmp_path: Path, name: str) -> None:
    """Uses of the test split that were struck out, or a lock that says what ran before."""
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    planted.pack()
    content = {"uses.json": "[]", "dvc.lock": "schema: '2.0'\nstages: {}\n", "metrics.json": "{}"}[name]
    (planted.output / "bundle" / FOLDER / name).write_text(content)
    remanifest(planted.output / "bundle")
    with pytest.raises(FlywheelError) as refused:
        opened(planted)
    assert refused.value.message == "a run that failed leaves no such file"
    assert str(refused.value.where) == f"{FOLDER}/{name}"


def test_a_sprint_that_was_not_reported_is_not_packed(planted: Planted) -> None:
    (planted.proposal / FOLDER / "report.json").unlink()
    with pytest.raises(FlywheelError) as error:
        planted.pack()
    assert str(error.value) == (
        f"{FOLDER}: the sprint was not reported: there is nothing to pack\n  hint: flywheel run {SPRINT}"
    )


def test_a_link_in_a_record_is_not_followed(planted: Planted, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}")
    path = planted.proposal / FOLDER / "metrics.json"
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(FlywheelError, match="a symbolic link, or no file: it is not packed"):
        planted.pack()


def test_an_output_that_the_cache_lacks_is_named(planted: Planted) -> None:
    md5 = read_lock(planted.proposal / FOLDER / "dvc.lock")["predict"].outs["predictions"]
    (planted.proposal / ".dvc/cache" / object_path(md5)).unlink()
    with pytest.raises(FlywheelError, match="predictions/ is not in DVC's cache"):
        planted.pack()


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../evil.json", "/etc/passwd", "..\\evil.json", "C:/evil.json", "reports/../../x", "a//b", "./a", "é", "a\x00b", "-\n", "x" * 300],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(planted: Planted, name: str) -> None:
    archive = spoiled(planted, lambda file: file.writestr(_named(name), b"{}"))
    assert refusal(planted, archive).endswith(": not a name that is accepted")
    assert not list(planted.output.parent.rglob("evil*"))


def _named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name  # past the constructor, which would tidy it up
    return info


def test_a_symbolic_link_is_refused(planted: Planted) -> None:
    def link(file: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(f"{FOLDER}/checks2.json")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")

    assert refusal(planted, spoiled(planted, link)) == f"{FOLDER}/checks2.json: a symbolic link"


def test_a_link_in_a_folder_is_refused(planted: Planted, tmp_path: Path) -> None:
    (sprint_folder(planted.output / "bundle", "more")).symlink_to(tmp_path)
    assert refusal(planted, planted.output / "bundle") == "reports/more: a symbolic link"


def test_a_file_that_would_fill_the_disk_is_refused_before_it_is_unpacked(planted: Planted) -> None:
    bomb = planted.output / "bundle.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{FOLDER}/bomb.json", b"0" * 20_000_000)
    assert bomb.stat().st_size < 20_000
    said = "more than 100 times larger than the archive: it would fill the disk"
    assert refusal(planted, bomb) == f"{FOLDER}/bomb.json: {said}"


def test_a_large_table_of_zeros_is_no_bomb(planted: Planted) -> None:
    path = planted.output / "bundle" / FOLDER / "plots" / "class_curves.csv"
    path.write_text("class,at\n" + "zero,0.00\n" * 1_000_000)
    remanifest(planted.output / "bundle")
    assert (opened(planted).folder / FOLDER / "plots" / "class_curves.csv").stat().st_size > 9_000_000


def test_a_file_that_lies_about_its_size_yields_no_more_than_it_said(planted: Planted) -> None:
    name = f"{FOLDER}/metrics.json"
    archive = planted.archive("bundle")
    content = bytearray(archive.read_bytes())
    at = content.rindex(name.encode()) - 46  # its entry in the list of contents
    assert content[at : at + 4] == b"PK\x01\x02"
    content[at + 24 : at + 28] = struct.pack("<L", 10)  # its size when unpacked
    archive.write_bytes(content)
    assert refusal(planted, archive).startswith(f"{name}: ")


def test_a_file_larger_than_is_accepted_is_refused(planted: Planted) -> None:
    size = BUNDLE_LIMITS.file_bytes + 1
    stored = spoiled(planted, lambda file: file.writestr(f"{FOLDER}/x.json", b"0" * size))
    assert (
        refusal(planted, stored) == f"{FOLDER}/x.json: {size:,} bytes when unpacked: 33,554,432 are accepted"
    )


def test_too_many_files_and_too_much_of_all_are_refused(planted: Planted) -> None:
    few = archives.Limits(files=3, file_bytes=2**25, total_bytes=2**30)
    with (
        pytest.raises(FlywheelError, match="one file too many: 3 are accepted"),
        archives.opened(planted.archive("bundle"), few),
    ):
        pass
    small = archives.Limits(files=300, file_bytes=2**25, total_bytes=10_000)
    with (
        pytest.raises(FlywheelError, match="more than 10,000 bytes when unpacked"),
        archives.opened(planted.archive("bundle"), small),
    ):
        pass


@pytest.mark.parametrize("keep", [0, 10, 2000, -10])
def test_a_zip_that_is_cut_off_is_refused(planted: Planted, keep: int) -> None:
    archive = planted.archive("bundle")
    archive.write_bytes(archive.read_bytes()[:keep])
    assert refusal(planted, archive).startswith("bundle.zip: it is no zip archive that can be read: ")


def test_a_list_of_contents_that_would_fill_the_memory_is_not_read(planted: Planted) -> None:
    archive, size = planted.archive("bundle"), 17 * 2**20
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, 0, 0)
    archive.write_bytes(bytes(size) + end)
    assert refusal(planted, archive) == (
        "bundle.zip: it is no zip archive that can be read: its list of contents is too long"
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["metrics.json", "METRICS.json"])
def test_a_name_that_is_there_twice_is_refused(planted: Planted, name: str) -> None:
    twice = spoiled(planted, lambda file: file.writestr(f"{FOLDER}/{name}", b"{}"))
    assert refusal(planted, twice) == f"{FOLDER}/{name}: this name is there twice"


def test_an_encrypted_file_is_refused(planted: Planted) -> None:
    archive = planted.archive("bundle")
    content = bytearray(archive.read_bytes())
    at = content.rindex(f"{FOLDER}/metrics.json".encode()) - 46
    content[at + 8] |= 1
    archive.write_bytes(content)
    assert refusal(planted, archive) == f"{FOLDER}/metrics.json: encrypted"


def test_a_way_of_packing_that_is_not_known_is_refused(planted: Planted) -> None:
    packed = spoiled(
        planted, lambda file: file.writestr(f"{FOLDER}/x.json", b"{}", compress_type=zipfile.ZIP_BZIP2)
    )
    assert refusal(planted, packed) == f"{FOLDER}/x.json: packed in a way that is not accepted (method 12)"


def test_an_extra_file_is_refused(planted: Planted) -> None:
    extra = spoiled(planted, lambda file: file.writestr(f"{FOLDER}/more.json", b"{}"))
    assert (
        refusal(planted, extra)
        == f"{FOLDER}/more.json: the bundle holds it, and manifest.json does not name it"
    )


def test_an_extra_file_that_the_manifest_names_is_refused_all_the_same(planted: Planted) -> None:
    folder = planted.output / "bundle"
    (folder / FOLDER / "numpy.py").write_text("import os")
    remanifest(folder)
    assert refusal(planted) == f"{FOLDER}/numpy.py: no file of the record of a sprint in this bundle"


def test_a_record_of_another_sprint_is_refused(planted: Planted) -> None:
    folder = planted.output / "bundle"
    (sprint_folder(folder, "0001-champion")).mkdir()
    (sprint_folder(folder, "0001-champion") / "verdict.json").write_text("{}")
    remanifest(folder)
    text = "reports/0001-champion/verdict.json: no file of the record of a sprint in this bundle"
    assert refusal(planted) == text


def test_a_missing_file_is_named(planted: Planted) -> None:
    (planted.output / "bundle" / FOLDER / "metrics.json").unlink()
    assert (
        refusal(planted) == f"{FOLDER}/metrics.json: manifest.json names it, and the bundle does not hold it"
    )
    remanifest(planted.output / "bundle")
    (planted.output / "bundle" / FOLDER / "verdict.json").unlink()
    remanifest(planted.output / "bundle")
    assert refusal(planted) == f"{FOLDER}/verdict.json: it is missing"


def test_a_bundle_without_a_manifest_is_refused(planted: Planted) -> None:
    (planted.output / "bundle" / "manifest.json").unlink()
    assert refusal(planted) == "manifest.json: it is missing"


def test_an_altered_file_is_refused(planted: Planted) -> None:
    path = planted.output / "bundle" / FOLDER / "metrics.json"
    path.write_text(path.read_text() + " ")
    assert refusal(planted) == f"{FOLDER}/metrics.json: not the bytes that manifest.json names"
    remanifest(planted.output / "bundle")
    assert refusal(planted) == f"{FOLDER}/metrics.json: not the bytes that digests.json names"


def test_the_commit_is_never_the_bundles_to_say(planted: Planted) -> None:
    folder = planted.output / "bundle"
    remanifest(folder, head_commit="f" * 40)
    assert refusal(planted) == (
        f"manifest.json: it is about commit {'f' * 40}, and the run was of {planted.head}"
    )
    remanifest(folder, head_commit=planted.head, base_commit="f" * 40)
    assert refusal(planted, base=planted.base) == (
        f"manifest.json: it was judged by {'f' * 40}, and not by {planted.base}"
    )


def test_sprints_that_the_pull_request_does_not_change_are_refused(planted: Planted) -> None:
    assert refusal(planted, sprints=["0001-first"]) == (
        f"manifest.json: the pull request does not change {SPRINT}"
    )


@pytest.mark.parametrize("name", ["verdict.json", "evaluation.json", "timings.json"])
def test_a_field_that_no_record_of_today_has_is_refused(planted: Planted, name: str) -> None:
    """Records in git are read whichever version wrote them; what a job hands over is not."""
    path = planted.output / "bundle" / FOLDER / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"reviewed": True}))
    remanifest(planted.output / "bundle")
    assert refusal(planted) == (
        f"{FOLDER}/{name}: not the record that it should be: Object contains unknown field `reviewed`"
    )


def test_a_number_in_the_manifest_is_no_field(planted: Planted) -> None:
    path = planted.output / "bundle" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pull_request": 1}))
    assert refusal(planted) == (
        "manifest.json: not the record that it should be: Object contains unknown field `pull_request`"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sprints": ["../../x"]}, "its sprints are not names of specs: ['../../x']"),
        ({"sprints": []}, "its sprints are not names of specs: []"),
        ({"sprints": [SPRINT, SPRINT]}, "its sprints are not names of specs: []"),
        ({"base_commit": "main"}, "a commit or a digest in it is none"),
        ({"objects": {"files/md5/aa/../../x": "0" * 64}}, "an object in it is none of DVC's"),
    ],
)
def test_a_manifest_that_says_odd_things_is_refused(
    planted: Planted, changes: dict[str, object], said: str
) -> None:
    remanifest(planted.output / "bundle", **changes)
    assert refusal(planted) == f"manifest.json: {said}"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("metrics.json", "[" * 100_000, "not the record that it should be: "),
        ("metrics.json", '{"a": {"b": {"c": {"d": {"e": 1}}}}}', "not the record that it should be: "),
        ("evaluation.json", "{}", "not the record that it should be: Object missing required field"),
        ("timings.json", '{"stages": "many"}', "not the record that it should be: "),
        ("params.yaml", "a: &a [1]\nb: *a\n", "anchor &a: anchors and aliases are not allowed"),
        ("dvc.lock", "stages: !!python/object/apply:os.system [id]\n", "tag !!python/object/apply:os.system"),
        ("dvc.yaml", "a: 1\na: 2\n", "a: duplicate key, first written in line 1"),
        ("plots/training.csv", "a,b\n1\n", "line 2 is none of its table"),
        ("plots/training.csv", 'a,b\n"1,2\n', "not a table: unexpected end of data"),
        ("report.md", b"\xff\xfe", "not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    planted: Planted, name: str, content: str | bytes, said: str
) -> None:
    path = planted.output / "bundle" / FOLDER / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    remanifest(planted.output / "bundle")
    assert refusal(planted, planted.output / "bundle").startswith(f"{FOLDER}/{name}: {said}")


def test_records_that_contradict_each_other_are_refused(planted: Planted) -> None:
    folder = planted.output / "bundle" / FOLDER
    verdict = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps(verdict | {"outcome": "FAIL"}))
    remanifest(planted.output / "bundle")
    assert refusal(planted) == f"{FOLDER}/verdict.json: report.json has another verdict"
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(report | {"sprint": "0001-champion"}))
    remanifest(planted.output / "bundle")
    assert refusal(planted) == f"{FOLDER}/report.json: it is the report of '0001-champion'"


def test_a_further_record_in_a_report_is_what_the_catalogue_says_or_refused(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    further = RecordFile("agreement.json", dict[str, float], "predict", reported=True)
    monkeypatch.setattr("runner.pullrequests.bundles.unpack.REPORTED", (further,))
    path = planted.output / "bundle" / FOLDER / "report.json"
    report = json.loads(path.read_text())
    path.write_text(json.dumps(report | {"records": {"agreement.json": {"onnx-fp32": "all"}}}))
    remanifest(planted.output / "bundle")
    assert refusal(planted).startswith(
        f"{FOLDER}/report.json: what it has of agreement.json cannot be read: Expected"
    )


def test_digests_of_files_outside_the_repository_are_refused(planted: Planted) -> None:
    path = planted.output / "bundle" / FOLDER / "digests.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"../../etc/passwd": "0" * 64}))
    remanifest(planted.output / "bundle")
    said = "it names '../../etc/passwd', which is outside the repository"
    assert refusal(planted) == f"{FOLDER}/digests.json: {said}"


# --- outputs ------------------------------------------------------------------------------------------


def refused_outputs(planted: Planted) -> str:
    bundle = opened(planted)
    with pytest.raises(FlywheelError) as error:
        open_outputs(planted.archive("outputs"), bundle, planted.output / "cache")
    assert error.value.exit_code == 5
    return str(error.value).split("\n")[0]


def lay(planted: Planted, path: str, content: bytes) -> None:
    """Replaces an object: it may be a link to the cache."""
    target = planted.output / "outputs" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.write_bytes(content)


def weights(planted: Planted) -> str:
    md5 = hashlib.md5(b"the bytes of weights/seed-0.safetensors", usedforsecurity=False).hexdigest()
    return object_path(md5)


def test_an_altered_object_is_refused(planted: Planted) -> None:
    lay(planted, weights(planted), b"evil")
    assert refused_outputs(planted) == f"{weights(planted)}: not the object that dvc.lock names"


def test_an_object_is_compared_with_the_manifest_as_well(planted: Planted) -> None:
    folder = planted.output / "bundle"
    objects = json.loads((folder / "manifest.json").read_text())["objects"]
    remanifest(folder, objects={**objects, weights(planted): "0" * 64})
    assert refused_outputs(planted) == f"{weights(planted)}: not the bytes that manifest.json names"


def test_an_extra_object_and_a_missing_one_are_refused(planted: Planted) -> None:
    extra = "files/md5/aa/" + "b" * 30
    lay(planted, extra, b"more")
    assert refused_outputs(planted) == f"{extra}: the archive holds it, and manifest.json does not name it"
    (planted.output / "outputs" / extra).unlink()
    (planted.output / "outputs" / weights(planted)).unlink()
    said = "manifest.json names it, and the archive does not hold it"
    assert refused_outputs(planted) == f"{weights(planted)}: {said}"


def test_a_listing_that_leads_out_of_its_folder_is_refused(planted: Planted) -> None:
    listing = json.dumps([{"md5": "0" * 32, "relpath": "../../../.git/hooks/pre-push"}]).encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"
    lock = planted.output / "bundle" / FOLDER / "dvc.lock"
    old = read_lock(lock)["predict"].outs["predictions"]
    lock.write_text(lock.read_text().replace(old, md5))
    known = lock.with_name("digests.json")
    digests = json.loads(known.read_text()) | {f"{FOLDER}/dvc.lock": digest_of(lock)}
    known.write_text(json.dumps(digests))
    remanifest(planted.output / "bundle")
    lay(planted, object_path(md5), listing)
    said = "it lists '../../../.git/hooks/pre-push', which is no file of a folder"
    assert refused_outputs(planted) == f"{object_path(md5)}: {said}"


def test_an_altered_listing_is_refused(planted: Planted) -> None:
    md5 = read_lock(planted.proposal / FOLDER / "dvc.lock")["predict"].outs["predictions"]
    lay(planted, object_path(md5), b"[]")
    assert refused_outputs(planted) == f"{object_path(md5)}: not what dvc.lock names"


def test_outputs_are_for_a_disk_that_holds_them(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = opened(planted)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(FlywheelError, match=r"GiB are free on the disk") as error:
        open_outputs(planted.archive("outputs"), bundle, planted.output / "cache")
    assert error.value.exit_code == 3


def test_a_zip_of_a_whole_folder_is_no_bundle(planted: Planted, tmp_path: Path) -> None:
    assert (
        refusal(planted, zip_folder(planted.output, tmp_path / "all.zip")) == "manifest.json: it is missing"
    )
