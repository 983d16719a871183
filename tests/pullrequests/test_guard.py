"""What a proposal may not contain: each way in is refused by name, before git or DVC follows it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import PROJECT, SPEC, SPRINT, call, commit

from runner.config.load import load_project, load_sprint
from runner.domain.errors import ExitCode, FlywheelError
from runner.pipeline.compile import compiled
from runner.planning.resolve import stages_of
from runner.pullrequests.proposing import guard
from runner.pullrequests.proposing.scorings import compiled_scorings
from runner.pullrequests.proposing.variants import compiled_variant
from runner.record.catalogue import sprint_folder

POINTER = "outs:\n- md5: {md5}.dir\n  size: 3\n  nfiles: 1\n  hash: md5\n  path: data\n"
OLD, NEW = POINTER.format(md5="0" * 32), POINTER.format(md5="1" * 32)
LINK = "a symbolic link, through which DVC could be led to write elsewhere"
NAME = "not a spec's name: four digits, `-`, then lower-case letters, digits and `-`, ending in .yaml"
PLAIN = "is not of a plain DVC pointer: it would make DVC run, fetch or write something else"
MODELS = "dvc.yaml: names the registered models: only a promotion writes it, so it must be the base branch's"
BESIDE = "what it points to must lie beside it: a name, without `/`, `\\` and `:`"

Change = Callable[[Path], None]


@pytest.fixture
def proposal(tmp_path: Path) -> Path:
    """A small project on main, and a branch for a proposal. DVC is not set up beyond its files, and no data is there."""
    root = tmp_path / "project"
    (root / "specs").mkdir(parents=True)
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (root / "flywheel.yaml").write_text(PROJECT)
    (root / "specs" / f"{SPRINT}.yaml").write_text(SPEC)
    (root / "data.dvc").write_text(OLD)
    call(root, "git", "init", "-q", "-b", "main")
    commit(root, "A project")
    call(root, "git", "checkout", "-q", "-b", "proposal")
    (tmp_path / "outside").mkdir()
    return root


def proposed(root: Path, change: Change) -> list[str]:
    change(root)
    commit(root, "A change")
    return guard.problems(root, "main")


def write(path: str, text: str) -> Change:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return change


def link(path: str, target: str) -> Change:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)

    return change


def pointer(**changes: str | None) -> Change:
    """data.dvc with other values; None takes a key away, and a key with a blank in it is not of the output."""
    out = {"md5": f"{'1' * 32}.dir", "size": "3", "nfiles": "1", "hash": "md5", "path": "data", **changes}
    inner = "".join(f"  {key}: {value}\n" for key, value in out.items() if value is not None)
    return write("data.dvc", f"outs:\n-{inner[1:]}")


def own_pipeline(root: Path) -> None:
    project = load_project(root)
    text = compiled(stages_of(project, load_sprint(root, SPRINT, project)), f"specs/{SPRINT}.yaml")
    write(f"reports/{SPRINT}/dvc.yaml", text["dvc.yaml"])(root)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (link("data", "../outside"), [f"data: {LINK}"]),
        (link("reports", ".git/hooks"), [f"reports: {LINK}"]),
        (link(f"reports/{SPRINT}/weights", "../../.git/hooks"), [f"reports/{SPRINT}/weights: {LINK}"]),
        (link("specs/0002-a.yaml", "/etc/passwd"), [f"specs/0002-a.yaml: {LINK}"]),
        (
            write(".dvc/config", "[core]\n    remote = evil\n['remote \"evil\"']\n    url = /tmp/evil\n"),
            [".dvc/config: not the base branch's, which says where data comes from (is this branch behind it?)"],
        ),
        (
            write("flywheel.yaml", PROJECT.replace("layout: yolo", "layout: manifest, remote: {prefixes: ['file:///etc/']}")),
            [
                "flywheel.yaml: `dataset.remote` is not the base branch's, which says where images are fetched from (is this "
                "branch behind it?)"
            ],
        ),
        (
            write(".gto", "stages: [dev]\n"),
            [".gto: says which names and stages GTO takes; it is changed in a pull request of its own, without specs"],
        ),
        (
            write("reports/flywheel.yaml", "kind: Project\n"),
            ["reports/flywheel.yaml: a second flywheel.yaml: what lies below it would be taken for another project's"],
        ),
        (
            write(f"reports/{SPRINT}/Agreed.JSON", "[]"),
            [
                f"reports/{SPRINT}/Agreed.JSON: of no record, and below reports/ libraries would take it for configuration or code",
                f"reports/{SPRINT}/Agreed.JSON: says what was approved: only `flywheel promote` writes it",
            ],
        ),
        (write(".dvc/config.local", "[core]\n"), [".dvc/config.local: holds credentials, and is never committed"]),
        (
            write(".dvc/plugins/a.py", ""),
            [".dvc/plugins/a.py: lies in DVC's own folder, which only the base branch changes"],
        ),
        (
            write("sub/.dvc/config", "[core]\n"),
            ["sub/.dvc/config: lies in DVC's own folder, which only the base branch changes"],
        ),
        (
            write(f"reports/{SPRINT}/.numba_config.yaml", "cache_dir: .c\n"),
            [
                f"reports/{SPRINT}/.numba_config.yaml: of no record, and below reports/ libraries would take it for "
                "configuration or code"
            ],
        ),
        (
            write(".dvcignore", "data\n"),
            [".dvcignore: says which files DVC does not look at; it is changed in a pull request of its own, without specs"],
        ),
        (
            write("specs/.gitattributes", "*.yaml filter=lfs\n"),
            [
                f"specs/.gitattributes: {NAME}",
                "specs/.gitattributes: says what git does to files when it checks them out; it is changed in a pull request "
                "of its own, without specs",
            ],
        ),
        (
            write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = https://localhost/x\n'),
            [".gitmodules: names other repositories for git to fetch; it is changed in a pull request of its own, without specs"],
        ),
        (
            write(".lfsconfig", "[lfs]\n\turl = https://localhost\n"),
            [".lfsconfig: names a server for git to fetch from; it is changed in a pull request of its own, without specs"],
        ),
        (
            write("dvc.yaml", "stages: {a: {cmd: touch outside}}\n"),
            ["dvc.yaml: a DVC pipeline: its commands would be executed; pipelines are compiled from specs"],
        ),
        (
            write("dvc.yaml", "artifacts:\n  parcel-digits:\n    path: reports/0001-tiny/weights/best.pt\n    type: model\n"),
            [MODELS],
        ),
        (
            write("dvc.yaml", "artifacts: {a: {path: x}}\nstages: {a: {cmd: touch outside}}\n"),
            ["dvc.yaml: a DVC pipeline: its commands would be executed; pipelines are compiled from specs"],
        ),
        (
            write("tools/dvc.yaml", "artifacts: {a: {path: x}}\n"),
            ["tools/dvc.yaml: a DVC pipeline: its commands would be executed; pipelines are compiled from specs"],
        ),
        (
            write("scores/0001-tiny-pool/dvc.yaml", "stages: {score: {cmd: touch outside}}\n"),
            [
                "scores/0001-tiny-pool/dvc.yaml: not what flywheel.yaml compiles to for a scoring of the pool: its commands would "
                "be executed"
            ],
        ),
        (
            write("tools/Dvcfile", "cmd: touch outside\n"),
            ["tools/Dvcfile: a DVC pipeline: its commands would be executed; pipelines are compiled from specs"],
        ),
        (
            write(f"reports/{SPRINT}/dvc.yaml", "stages: {index: {cmd: touch outside}}\n"),
            [f"reports/{SPRINT}/dvc.yaml: not what specs/{SPRINT}.yaml compiles to: its commands would be executed"],
        ),
        (
            write("reports/0009-none/dvc.yaml", "stages: {}\n"),
            [
                'reports/0009-none/dvc.yaml: cannot be compared with what the spec compiles to: no sprint "0009-none" in '
                f"specs/; sprints: {SPRINT}",
            ],
        ),
        (write("dvc.lock", "schema: '2.0'\n"), ["dvc.lock: a lock file outside a sprint's folder"]),
        (
            write("scores/elsewhere/dvc.lock", "schema: '2.0'\n"),
            [
                "scores/elsewhere/dvc.lock: a lock file outside a sprint's folder",
                "scores/elsewhere/dvc.lock: of no scoring, and below scores/ libraries would take it for configuration or code",
            ],
        ),
        (
            write("scores/pool/numpy.py", "raise SystemExit"),
            ["scores/pool/numpy.py: of no scoring, and below scores/ libraries would take it for configuration or code"],
        ),
        (
            write("variants/0001-tiny.wide/dvc.yaml", "stages: {index: {cmd: touch outside}}\n"),
            ["variants/0001-tiny.wide/dvc.yaml: not what specs/0001-tiny.yaml compiles to: its commands would be executed"],
        ),
        (
            write("variants/0001-tiny.wide/plots/dvc.yaml", "stages: {}\n"),
            [
                "variants/0001-tiny.wide/plots/dvc.yaml: a DVC pipeline: its commands would be executed; pipelines are compiled from specs",
                "variants/0001-tiny.wide/plots/dvc.yaml: of no variant, and below variants/ libraries would take it for configuration "
                "or code",
            ],
        ),
        (
            write("variants/0001-tiny.wide/numpy.py", "raise SystemExit"),
            [
                "variants/0001-tiny.wide/numpy.py: of no variant, and below variants/ libraries would take it for configuration or code"
            ],
        ),
        (write("variants/dvc.lock", "schema: '2.0'\n"), ["variants/dvc.lock: a lock file outside a sprint's folder"]),
        (pointer(cmd="touch outside"), [f"data.dvc: `outs: cmd` {PLAIN}"]),
        (pointer(remote="other"), [f"data.dvc: `outs: remote` {PLAIN}"]),
        (pointer(cloud="{a: 1}"), [f"data.dvc: `outs: cloud` {PLAIN}"]),
        (pointer(path="../outside"), [f"data.dvc: {BESIDE}"]),
        (pointer(path="/tmp/outside"), [f"data.dvc: {BESIDE}"]),
        (pointer(path="s3://bucket/x"), [f"data.dvc: {BESIDE}"]),
        (pointer(path=".."), [f"data.dvc: {BESIDE}"]),
        (pointer(path=".git"), ["data.dvc: DVC would write to .git, which git keeps"]),
        (pointer(path=".DVC"), ["data.dvc: DVC would write to .DVC, which git keeps"]),
        (pointer(path="specs"), ["data.dvc: DVC would write to specs, which git keeps"]),
        (pointer(path="flywheel.yaml"), ["data.dvc: DVC would write to flywheel.yaml, which git keeps"]),
        (pointer(md5="../../x"), ["data.dvc: its md5 is none"]),
        (pointer(md5=None), ["data.dvc: its md5 is none"]),
        (
            write("data.dvc", f"cmd: touch outside\nwdir: ..\ndeps: [{{path: x}}]\n{NEW}"),
            [f"data.dvc: `{key}` {PLAIN}" for key in ("cmd", "deps", "wdir")],
        ),
        (
            write("data.dvc", f"{NEW}- md5: {'2' * 32}\n  path: other\n"),
            ["data.dvc: not a plain DVC pointer, which names one file or folder under `outs`"],
        ),
        (
            write("data.dvc", "outs: &a [*a]\n"),
            ["data.dvc: not a plain DVC pointer, which names one file or folder under `outs`"],
        ),
        (
            write("more.dvc", "[" * 50_000),
            ["more.dvc: not a plain DVC pointer, which names one file or folder under `outs`"],
        ),
        (write("specs/1-a.yaml", SPEC), [f"specs/1-a.yaml: {NAME}"]),
        (write("specs/0002-A.yaml", SPEC), [f"specs/0002-A.yaml: {NAME}"]),
        (write("specs/0002-a.yml", SPEC), [f"specs/0002-a.yml: {NAME}"]),
        (write(f"specs/0002-{'a' * 61}.yaml", SPEC), [f"specs/0002-{'a' * 61}.yaml: {NAME}"]),
        (write("specs/old/0002-a.yaml", SPEC), [f"specs/old/0002-a.yaml: {NAME}"]),
        (write("specs/0002-$(touch outside).yaml", SPEC), [f"specs/0002-$(touch outside).yaml: {NAME}"]),
        (write("specs/0002-a\n::error::.yaml", SPEC), [f"'specs/0002-a\\n::error::.yaml': {NAME}"]),
        (write("specs/0002-a.yaml\u202e", SPEC), [f"'specs/0002-a.yaml\\u202e': {NAME}"]),
    ],
)  # fmt: skip
def test_is_refused(proposal: Path, change: Change, problems: list[str]) -> None:
    assert proposed(proposal, change) == sorted(problems)
    assert list((proposal.parent / "outside").iterdir()) == []
    assert [hook for hook in (proposal / ".git" / "hooks").iterdir() if hook.suffix != ".sample"] == []


def own_scoring(root: Path) -> None:
    """What `flywheel batch` leaves of a pool, and of a champion's predictions there."""
    for at, text in enumerate(compiled_scorings(root)):
        folder = root / "scores" / (f"000{at}-first-pool" if at else "pool")
        folder.mkdir(parents=True)
        (folder / "dvc.yaml").write_bytes(text)
        for name in ("dvc.lock", "params.yaml", "scores.json", "selection.json", ".gitignore"):
            (folder / name).write_text("{}\n")


def own_variant(root: Path) -> None:
    """What a run leaves of a sprint's variant."""
    write(f"specs/{SPRINT}.yaml", f"{SPEC}variants:\n  wide: {{train: {{imgsz: 96}}}}\n")(root)
    [text] = compiled_variant(root, f"{SPRINT}.wide")
    folder = root / "variants" / f"{SPRINT}.wide"
    folder.mkdir(parents=True)
    (folder / "dvc.yaml").write_bytes(text)
    for name in ("dvc.lock", "params.yaml", "evaluation.json", ".gitignore", "timings.json"):
        (folder / name).write_text("{}\n")


@pytest.mark.parametrize(
    "change",
    [
        write("specs/0002-dark.yaml", SPEC),
        write("specs/README.md", "What the sprints are."),
        write("flywheel.yaml", PROJECT.replace("0.3", "0.25")),
        write("data.dvc", NEW),
        write(
            "weights/start.pt.dvc", f"outs:\n- md5: {'3a' * 16}\n  size: 9\n  hash: md5\n  path: start.pt\n"
        ),
        write("weights/.gitignore", "/start.pt\n"),
        write(f"reports/{SPRINT}/dvc.lock", "schema: '2.0'\nstages: {}\n"),
        write("docs/guidelines.md", "Draw boxes."),
        own_pipeline,
        own_scoring,
        own_variant,
        lambda root: (root / "data.dvc").unlink(),
    ],
)
def test_is_what_proposals_are_made_of(proposal: Path, change: Change) -> None:
    assert proposed(proposal, change) == []


def test_a_remote_that_the_base_names_for_the_same_data_may_stay(proposal: Path) -> None:
    call(proposal, "git", "checkout", "-q", "main")
    (proposal / "data.dvc").write_text(f"{OLD}  remote: store\n")
    commit(proposal, "A remote of its own")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    assert proposed(proposal, write("data.dvc", f"{NEW}  remote: store\n")) == []
    assert proposed(proposal, write("data.dvc", f"{NEW}  remote: other\n")) == [
        f"data.dvc: `outs: remote` {PLAIN}"
    ]


def test_what_the_base_branch_holds_is_the_base_branchs(proposal: Path) -> None:
    call(proposal, "git", "checkout", "-q", "main")
    write("dvc.yaml", "artifacts: {}\n")(proposal)
    write(".gitattributes", "*.jpg binary\n")(proposal)
    commit(proposal, "Of the whole project")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    assert proposed(proposal, write("specs/0002-dark.yaml", SPEC)) == []


def test_a_cache_inside_the_repository_is_dvcs_wherever_it_lies(proposal: Path) -> None:
    """A run that it holds is believed, so none is brought by a pull request."""
    call(proposal, "git", "checkout", "-q", "main")
    write(".dvc/config", "[cache]\n    dir = ../Kept/cache\n")(proposal)
    commit(proposal, "A cache beside the data")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    assert proposed(proposal, write("kept/Cache/runs/aa/aabb/x", "cmd: true\n")) == [
        "kept/Cache/runs/aa/aabb/x: lies in DVC's cache, of which nothing is ever committed"
    ]


HIDDEN = {
    ".dvc/cache/runs/aa/aabb/x": "lies in DVC's cache, of which nothing is ever committed",
    ".dvc/tmp/rwlock": "lies in DVC's working files, of which nothing is ever committed",
    ".flywheel/state/0002-dark.json": "lies in flywheel's own folder, of which nothing is ever committed",
    ".dvc/plugins/a.py": "lies in DVC's own folder, which only the base branch changes",
    ".dvcignore": "says which files DVC does not look at; it is changed in a pull request of its own, without specs",
    "sub/.gitattributes": "says what git does to files when it checks them out; it is changed in a pull request of its own, "
    "without specs",
    "dvc.yaml": "a DVC pipeline: its commands would be executed; pipelines are compiled from specs",
    "evil.dvc": "not a plain DVC pointer, which names one file or folder under `outs`",
}  # fmt: skip
BEHIND = "is not the base branch's (is this branch behind it?)"
OLDER = {
    ".dvc/cache/runs/aa/aabb/x": HIDDEN[".dvc/cache/runs/aa/aabb/x"],
    ".dvc/tmp/rwlock": HIDDEN[".dvc/tmp/rwlock"],
    ".flywheel/state/0002-dark.json": HIDDEN[".flywheel/state/0002-dark.json"],
    ".dvcignore": f"says which files DVC does not look at, and {BEHIND}",
    "sub/.gitattributes": f"says what git does to files when it checks them out, and {BEHIND}",
    "dvc.yaml": "of a DVC pipeline, and not the base branch's (is this branch behind it?)",
    "evil.dvc": HIDDEN["evil.dvc"],
}


def taken_back(root: Path) -> str:
    """Brings what is refused, and takes it back; the commit between the two."""
    for path in HIDDEN:
        write(path, "evil: 1\n")(root)
    call(root, "git", "add", "-A", "-f")
    commit(root, "What is refused")
    between = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    call(root, "git", "revert", "--no-edit", "HEAD")
    return between


def test_what_a_merged_proposal_took_back_is_refused_in_the_next(proposal: Path) -> None:
    between = taken_back(proposal)
    call(proposal, "git", "checkout", "-q", "main")
    call(proposal, "git", "merge", "-q", "--no-ff", "-m", "Merge #1", "proposal")
    call(proposal, "git", "checkout", "-q", "-b", "next", between)
    found = proposed(proposal, write("specs/0002-dark.yaml", SPEC))
    assert found == sorted(f"{path}: {problem}" for path, problem in HIDDEN.items())


def test_what_the_base_held_for_a_moment_is_refused_all_the_same(proposal: Path) -> None:
    """A pull request that was rebased brings its commits one by one: one within it is a state of the branch, too."""
    between = taken_back(proposal)
    call(proposal, "git", "checkout", "-q", "main")
    call(proposal, "git", "merge", "-q", "--ff-only", "proposal")
    call(proposal, "git", "checkout", "-q", "-b", "next", between)
    found = proposed(proposal, write("specs/0002-dark.yaml", SPEC))
    assert found == sorted(f"{path}: {problem}" for path, problem in OLDER.items())


def test_what_may_never_lie_there_is_refused_in_any_case_of_letters_and_even_if_the_base_has_it(
    proposal: Path,
) -> None:
    call(proposal, "git", "checkout", "-q", "main")
    write("sub/.DVC/Cache", "a file\n")(proposal)
    commit(proposal, "A mistake")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    assert proposed(proposal, write("specs/0002-dark.yaml", SPEC)) == [
        "sub/.DVC/Cache: lies in DVC's cache, of which nothing is ever committed"
    ]


def test_a_branch_that_is_behind_may_hold_older_pointers_records_and_files_of_dvc(proposal: Path) -> None:
    call(proposal, "git", "checkout", "-q", "main")
    write(".dvc/.gitignore", "/tmp\n")(proposal)
    write(f"reports/{SPRINT}/dvc.yaml", "stages: {}\n")(proposal)
    commit(proposal, "As it was")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    call(proposal, "git", "checkout", "-q", "main")
    write(".dvc/.gitignore", "/tmp\n/cache\n")(proposal)
    write(f"reports/{SPRINT}/dvc.yaml", "stages: {index: {cmd: x}}\n")(proposal)
    write("data.dvc", NEW)(proposal)
    write(".gitattributes", "*.jpg binary\n")(proposal)  # which the branch does not have
    commit(proposal, "As it is")
    call(proposal, "git", "checkout", "-q", "next")
    assert proposed(proposal, write("specs/0002-dark.yaml", SPEC)) == []


def test_a_submodule_is_refused(proposal: Path) -> None:
    head = call(proposal, "git", "rev-parse", "HEAD").stdout.strip()
    call(proposal, "git", "update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    call(proposal, "git", "commit", "-q", "-m", "A submodule")
    assert guard.problems(proposal, "main") == ["vendor: a submodule: another repository's files"]


def test_everything_is_told_in_one_error(proposal: Path) -> None:
    def change(root: Path) -> None:
        link("data", "../outside")(root)
        write("specs/0002-A.yaml", SPEC)(root)

    proposed(proposal, change)
    with pytest.raises(FlywheelError) as caught:
        guard.require(proposal, "main")
    assert str(caught.value) == (
        "the proposal holds 2 things that a pull request may not bring\n"
        f"  data: {LINK}\n"
        f"  specs/0002-A.yaml: {NAME}\n"
        "  hint: take them out of the pull request; what the whole project needs is changed in one of its own, without specs"
    )
    assert caught.value.exit_code is ExitCode.INVALID_CONFIGURATION


def test_nothing_is_raised_for_a_plain_proposal(proposal: Path) -> None:
    proposed(proposal, write("specs/0002-dark.yaml", SPEC))
    guard.require(proposal, "main")


def test_records_are_put_back_to_what_the_base_branch_holds(proposal: Path) -> None:
    call(proposal, "git", "checkout", "-q", "main")
    for name in ("0001-tiny/uses.json", "0001-tiny/dvc.lock"):
        write(f"reports/{name}", "[]\n")(proposal)
    commit(proposal, "A record")
    call(proposal, "git", "checkout", "-q", "-b", "next")
    (sprint_folder(proposal, "0001-tiny") / "uses.json").unlink()
    write("reports/0001-tiny/dvc.lock", "another model's\n")(proposal)
    write("reports/0002-dark/msgspec.py", "raise SystemExit('executed')\n")(proposal)
    write("reports/0002-dark/batch.csv", "key\n")(proposal)  # a labelling round's, no run's
    write("variants/0001-tiny.wide/evaluation.json", "{}\n")(proposal)
    write("variants/notes.md", "of somebody's\n")(proposal)
    commit(proposal, "Forged")
    assert guard.restore_records(proposal, "main") == [
        "reports/0001-tiny/dvc.lock",
        "reports/0001-tiny/uses.json",
        "reports/0002-dark/msgspec.py",
        "variants/0001-tiny.wide/evaluation.json",
    ]
    found = {path: path.read_text() for path in (proposal / "reports").rglob("*") if path.is_file()}
    assert {path.name: text for path, text in found.items()} == {
        "uses.json": "[]\n",
        "dvc.lock": "[]\n",
        "batch.csv": "key\n",
    }


def test_a_folder_cannot_hide_behind_a_case(proposal: Path) -> None:
    assert proposed(proposal, write(".GITATTRIBUTES", "* filter=x\n")) == [
        ".GITATTRIBUTES: says what git does to files when it checks them out; it is changed in a pull request of its own, "
        "without specs"
    ]


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_name_that_is_no_text_is_shown_and_breaks_nothing(proposal: Path) -> None:
    def change(root: Path) -> None:
        Path(os.fsdecode(os.fsencode(root / "specs") + b"/0002-\xff.yaml")).write_text(SPEC)

    assert proposed(proposal, change) == [f"'specs/0002-\\udcff.yaml': {NAME}"]


def test_what_an_earlier_merge_brought_below_reports_is_refused_all_the_same(proposal: Path) -> None:
    """Two pull requests: the first brings the file and runs nothing, the second would run beside it."""
    call(proposal, "git", "checkout", "-q", "main")
    write(f"reports/{SPRINT}/.c/evaluation_0/x.nbi", "")(proposal)
    commit(proposal, "Merged")
    call(proposal, "git", "checkout", "-q", "-b", "second")
    assert proposed(proposal, write("specs/0002-b.yaml", SPEC)) == [
        f"reports/{SPRINT}/.c/evaluation_0/x.nbi: of no record, and below reports/ libraries would take it for "
        "configuration or code"
    ]
