"""A sprint that ran on a pull request, planted without training: git with a bare origin, its record, and DVC's cache."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml
from forges.fake_forge import FakeForge, pull_request, workflow_run, zip_folder
from planted_report import sprint_inputs
from projects import call, commit, environment

from runner.adapters.dvc.metafiles import cache_path, file_md5, folder_md5
from runner.adapters.git import trusted as git_write
from runner.adapters.git.access import Access
from runner.domain.error_analysis import Gallery, GalleryImage
from runner.domain.files import encode_json
from runner.domain.records import StageFailure
from runner.domain.verdict import SplitUse
from runner.forges.forge import PullRequest, WorkflowRun
from runner.pullrequests.bundles import bundle
from runner.record.report import FileDigest
from runner.record.timings import Timings
from runner.report import markdown, plots
from runner.report.build import build
from runner.report.inputs import ReportInputs
from runner.stages import kinds
from tests.done_once import nothing_done_twice

SPRINT = "0003-low-light"
FOLDER = f"reports/{SPRINT}"
SPEC = f"specs/{SPRINT}.yaml"
PICTURES = ("gallery/01.jpg", "gallery/01-cam.jpg", "gallery/02.jpg")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """`proposal` is the checkout where the sprint ran; `trusted` a clone of the default branch; `origin` is bare."""

    proposal: Path
    trusted: Path
    origin: Path
    base: str
    head: str
    output: Path

    def pack(self) -> bundle.BundleManifest:
        """Packs what is in `proposal`, into `output`."""
        return bundle.pack(self.proposal, [SPRINT], self.base, self.head, self.output)

    def archive(self, name: str) -> Path:
        """The zip of the `bundle` or the `outputs`."""
        return zip_folder(self.output / name, self.output / f"{name}.zip")

    def forge(self, **changes: object) -> tuple[FakeForge, PullRequest, WorkflowRun]:
        """A forge with the pull request open, and its finished run with both artifacts."""
        forge = FakeForge()
        pull = forge.add_pull(pull_request(7, head_sha=self.head, base_sha=self.base))
        run = forge.add_run(workflow_run(100, head_sha=self.head, **changes))
        for name in ("bundle", "outputs"):
            if (self.output / name).is_dir():
                forge.add_artifact(run.id, f"flywheel-{name}", self.archive(name))
        return forge, pull, run

    def held(self, ref: str, path: str) -> bytes:
        """A file of the forge's repository; nothing where it has none."""
        command = ["git", "show", f"{ref}:{path}"]
        return subprocess.run(
            command, cwd=self.origin, env=environment(), capture_output=True, check=False
        ).stdout

    def put(self, branch: str, files: Mapping[str, bytes]) -> str:
        """Another job's commit on a branch of the forge, with these files added; flywheel's git follows no bare repository."""
        tip = git_write.fetch_branch(self.trusted, branch, access())
        blobs = {path: git_write.write_blob(self.trusted, content) for path, content in files.items()}
        tree = git_write.tree_with(self.trusted, tip, blobs)
        made = git_write.commit_tree(self.trusted, tree, "Another's", access())
        call(self.trusted, "git", "push", "-q", "--force", "origin", f"{made}:refs/heads/{branch}")
        return made

    def merge(self) -> str:
        """Merges the proposal into the default branch, in `trusted` and in `origin`; the merge's commit."""
        call(self.trusted, "git", "fetch", "-q", "origin", "more-dark")
        call(self.trusted, "git", "merge", "-q", "--no-ff", "-m", "Merge", self.head)
        call(self.trusted, "git", "push", "-q", "origin", "main")
        return git(self.trusted, "rev-parse", "HEAD")


def plant(folder: Path, *, failure: StageFailure | None = None) -> Planted:
    """A project on main, a proposal that adds a sprint, and that sprint's finished record in the proposal's checkout."""
    origin, proposal = folder / "origin.git", folder / "proposal"
    call(folder, "git", "init", "-q", "--bare", "-b", "main", str(origin))
    call(folder, "git", "clone", "-q", str(origin), str(proposal))
    call(proposal, "git", "checkout", "-q", "-b", "main")
    (proposal / "specs").mkdir()
    (proposal / "flywheel.yaml").write_text("# the project\n")
    (proposal / "data.dvc").write_text("outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n  path: data\n")
    (proposal / ".gitignore").write_text("/.dvc/cache\n/.dvc/tmp\n/.dvc/config.local\n/.flywheel/\n")
    (proposal / ".dvc").mkdir()
    (proposal / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    commit(proposal, "A project")
    call(proposal, "git", "push", "-q", "origin", "main")
    call(proposal, "git", "checkout", "-q", "-b", "more-dark")
    (proposal / SPEC).write_text("# a spec\n")
    commit(proposal, "Propose a sprint")
    call(proposal, "git", "push", "-q", "origin", "more-dark")
    record(proposal, failure=failure)
    call(folder, "git", "clone", "-q", str(origin), str(folder / "trusted"))
    return Planted(
        proposal=proposal,
        trusted=folder / "trusted",
        origin=origin,
        base=git(proposal, "rev-parse", "main"),
        head=git(proposal, "rev-parse", "HEAD"),
        output=folder / "out",
    )


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    return call(folder, "git", *arguments).stdout.strip()


def record(root: Path, *, failure: StageFailure | None = None, **more: object) -> None:
    """Writes the record of a run of the sprint into a checkout, outputs and DVC's cache included."""
    folder = root / FOLDER
    spec = FileDigest(path=SPEC, sha256=sha256(root / SPEC))
    gallery = Gallery(
        target="openvino-int8",
        images=[
            GalleryImage(image="images/test/7.jpg", picture=PICTURES[0], cam=PICTURES[1], loss=0.9, errors={}, caption="missed"),
            GalleryImage(image="images/test/8.jpg", picture=PICTURES[2], loss=0.8, errors={}, caption="missed"),
        ],
    )  # fmt: skip
    own = {"sprint_name": SPRINT, "spec": spec, "guidelines": None, "gallery": gallery, "failure": failure}
    inputs = sprint_inputs(**{**own, **({"verdict": None} if failure else {}), **more})
    report = build(inputs)
    _outputs(root, folder)
    uses = [
        SplitUse(
            split_digest="5" * 64,
            evaluation_digest="e" * 64,
            significance=0.025,
            uses_before=3,
            spent_before=0.075,
        )
    ]
    files = {
        **_records(inputs),
        "report.json": report,
        "timings.json": Timings(stages=inputs.timings),
        "uses.json": uses,
    }
    if failure is not None:
        files["failure.json"] = failure
    for name, value in files.items():
        (folder / name).write_bytes(encode_json(value))
    (folder / "report.md").write_text(markdown.render(report, plots="plots"))
    with nothing_done_twice():
        for name, content in plots.render(report):
            (folder / "plots" / name).write_bytes(content)
    if failure is None:
        (folder / "digests.json").write_bytes(encode_json(_digests(root)))


def _records(inputs: ReportInputs) -> dict[str, object]:
    values = {
        "selection.json": inputs.selection,
        "checks.json": inputs.checks,
        "training.json": inputs.training,
        "exports.json": inputs.exports,
        "evaluation.json": inputs.evaluation,
        "errors.json": inputs.errors,
        "metrics.json": {"torch": {"map50": 0.5}, "slices": {"torch": {"dark": {"map50": None}}}},
        "gallery.json": inputs.gallery,
        "benchmark.json": inputs.benchmark,
        "verdict.json": inputs.verdict,
    }
    return {name: value for name, value in values.items() if value is not None}


def _outputs(root: Path, folder: Path) -> None:
    """What DVC keeps, in the folder and in the cache; and the files that name it."""
    for name in ("index/images.parquet", "selection/manifest.parquet", "weights/seed-0.safetensors"):
        _write(folder / name, f"the bytes of {name}".encode())
    for name in ("exports/onnx-fp32/model.onnx", "predictions/torch.parquet", "outcomes/resamples.parquet"):
        _write(folder / name, f"the bytes of {name}".encode() * 100)
    for number, name in enumerate(PICTURES):
        _write(folder / name, jpeg(number))
    _write(folder / "plots" / "training.csv", b"seed,epoch,map50\n0,1,0.5\n")
    _write(folder / "plots" / "precision_recall.csv", b"target,recall,precision\ntorch,0.0,1.0\n")
    stages = {}
    for stage in kinds.SPRINT.stages:
        outs = [_stored(root, folder / out) for out in stage.outs if (folder / out).is_dir()]
        stages[stage.name] = {"cmd": f"python -m runner.stages.run {stage.name}", "outs": outs}
    lock = {"schema": "2.0", "stages": stages}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "params.yaml").write_text("evaluate: {operating_confidence: 0.25}\n")


def _stored(root: Path, folder: Path) -> dict[str, object]:
    files = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    listing = [{"md5": file_md5(path), "relpath": name} for name, path in sorted(files.items())]
    md5 = folder_md5(folder)
    _write(cache_path(root, md5), json.dumps(listing, sort_keys=True).encode())
    for path in files.values():
        _write(cache_path(root, file_md5(path)), path.read_bytes())
    return {"path": folder.name, "hash": "md5", "md5": md5, "size": 1, "nfiles": len(files)}


def _digests(root: Path) -> Mapping[str, str]:
    folder = root / FOLDER
    left_out = ("weights", "exports", "digests.json")
    own = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in left_out
    ]
    files = [root / "flywheel.yaml", root / "data.dvc", root / SPEC, *own]
    return dict(sorted((path.relative_to(root).as_posix(), sha256(path)) for path in files))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def jpeg(number: int = 0, size: tuple[int, int] = (40, 30), *, note: str = "") -> bytes:
    """A picture; `note` goes into its metadata."""
    from PIL import Image

    picture = Image.new("RGB", size, (number * 40 % 256, 80, 120))
    exif = Image.Exif()
    exif[0x010E] = note  # ImageDescription
    content = io.BytesIO()
    picture.save(content, format="JPEG", exif=exif, comment=note.encode())
    return content.getvalue()


def access() -> Access:
    """How git reaches a bare repository beside it: without anything."""
    return Access(server_url="https://git.example.org", repository="acme/digits")


def remanifest(folder: Path, **changes: object) -> None:
    """Makes a bundle's manifest agree with its files again, and changes it as asked."""
    path = folder / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=bundle.BundleManifest)
    files = {
        each.relative_to(folder).as_posix(): sha256(each)
        for each in folder.rglob("*")
        if each.is_file() and each != path
    }
    path.write_bytes(encode_json(msgspec.structs.replace(manifest, **{"files": files, **changes})))
