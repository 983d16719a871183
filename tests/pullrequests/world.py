"""The whole loop on this machine: people, a git server, DVC's remote, runners, and a forge. Only training is spared."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml
from forges.fake_forge import zip_folder
from projects import PROJECT, SPRINT, call, commit
from promoting import clone
from pullrequests.hubs import Hub, MemoryHub

from runner.domain.errors import FlywheelError
from runner.forges.environment import read_environment
from runner.forges.forge import CheckRun
from runner.jobs import chat, pictures, plan, promote, publish, sprint
from runner.pullrequests.trusted_runs import git_access
from tests.drawn_once import each_plot_drawn_once

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
REPOSITORY = "acme/digits"
POLICY = "policy: {approvals: {gate_loosened: [leads], stale: [leads], policy_loosened: [leads]}, teams: {leads: [carol]}}\n"
PLAN, REPORT, POLICY_CHECK = "plan", "report:", "flywheel / policy"
SMALL, NEXT, THIRD = "0002-small", "0002-next", "0003-third"


def spec(max_mb: float, title: str = "A smaller model is asked for") -> str:
    """Extends the sprint that has run: nothing of it is trained, everything is in DVC's run cache."""
    return f"""\
apiVersion: flywheel/v1
kind: Sprint
title: {title}
extends: {SPRINT}
gates:
  - {{metric: size_mb, max: {max_mb:g}}}
"""


CANARIES = "['remote \"other\"']\n    url = s3://bucket/other\n    secret_access_key = {}\n"
DVC_SECRET = "canary-of-dvc-77f0"  # noqa: S105 - of no server


@dataclass(kw_only=True)
class Run:
    """A CI run: which workflow, with what conclusion."""

    id: int
    workflow: str
    code: int
    out: Path


@dataclass(kw_only=True)
class Loop:
    """One repository.

    Attributes:
        author: the working copy of whoever proposes; its DVC cache is what the runners' caches start with.
        bare: what the forge holds of git.
        log: everything that any job printed.
    """

    folder: Path
    author: Path
    bare: Path
    hub: Hub
    log: list[str] = field(default_factory=list)
    merges: dict[int, tuple[str, str]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    count: int = 0

    def copy(self, folder: Path) -> Loop:
        """The same state in another folder; with a forge in memory only."""
        copied(self.folder, folder)
        author, bare = folder / "author", folder / "origin.git"
        hub = copy.deepcopy(self.memory)
        for number, archive in hub.fake.archives.items():
            hub.fake.archives[number] = folder / f"artifact-{number}.zip"
            _link(str(archive), str(hub.fake.archives[number]))
        merges, numbers = dict(self.merges), list(self.numbers)
        return Loop(
            folder=folder, author=author, bare=bare, hub=hub, merges=merges, numbers=numbers, count=self.count
        )

    def keep(self) -> None:
        """Writes what is in memory beside the rest; `kept` reads it, wherever the folder is by then."""
        (self.folder / "loop.pickle").write_bytes(pickle.dumps(self))

    @classmethod
    def kept(cls, folder: Path) -> Loop:
        loop = pickle.loads((folder / "loop.pickle").read_bytes())  # noqa: S301 - our own
        assert isinstance(loop, cls)
        loop.memory.fake.moved(loop.folder, folder)
        loop.folder, loop.author, loop.bare = folder, folder / "author", folder / "origin.git"
        call(loop.author, "git", "remote", "set-url", "origin", str(loop.bare))
        return loop

    @property
    def memory(self) -> MemoryHub:
        assert isinstance(self.hub, MemoryHub)
        return self.hub

    # --- people --------------------------------------------------------------------------------------

    def propose(
        self,
        number: int,
        files: Mapping[str, str | None],
        *,
        author: str = "alice",
        fork: bool = False,
        commit_message: str = "Propose",
    ) -> str:
        """Opens a pull request from main, or pushes another commit to it; the new head."""
        here, branch = self.author, f"pr-{number}"
        known = number in self.numbers
        call(here, "git", "fetch", "-q", "origin")
        call(here, "git", "checkout", "-q", "-f", *([branch] if known else ["-B", branch, "origin/main"]))
        call(here, "git", "clean", "-q", "-fd")
        for path, text in files.items():
            target = here / path
            if text is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        commit(here, commit_message)
        refs = [f"HEAD:refs/pull/{number}/head", *([] if fork else [f"HEAD:refs/heads/{branch}"])]
        call(here, "git", "push", "-q", "-f", "origin", *refs)
        head = call(here, "git", "rev-parse", "HEAD").stdout.strip()
        if known:
            self.hub.set_pull(number, head_sha=head)
        else:
            self.hub.set_pull(
                number,
                head_sha=head,
                head_ref=branch,
                head_repository="stranger/digits" if fork else REPOSITORY,
                base_ref="main",
                base_sha=self.sha("main"),
                author="stranger" if fork else author,
            )
            self.numbers.append(number)
        return head

    def merge(self, number: int) -> str:
        """Somebody presses the button; the commit on main."""
        merging = clone(self.bare, self._new("merging"))
        before = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        call(merging, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        call(merging, "git", "merge", "-q", "--no-ff", "-m", f"Merge #{number}", "FETCH_HEAD")
        return self._merged(merging, number, before)

    def squash(self, number: int, message: str) -> str:
        """As `merge`, with one commit of everything."""
        merging = clone(self.bare, self._new("merging"))
        before = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        call(merging, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        call(merging, "git", "merge", "-q", "--squash", "FETCH_HEAD")
        call(merging, "git", "commit", "-q", "-m", message)
        return self._merged(merging, number, before)

    def rebase(self, number: int) -> str:
        """As `merge`, with the proposal's commits one by one."""
        merging = clone(self.bare, self._new("merging"))
        before = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        call(merging, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        call(merging, "git", "cherry-pick", f"{before}..FETCH_HEAD")
        return self._merged(merging, number, before)

    def _merged(self, merging: Path, number: int, before: str) -> str:
        call(merging, "git", "push", "-q", "origin", "HEAD:main")
        after = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        self.hub.set_pull(number, state="closed", merged=True, merge_commit=after)
        self.merges[number] = (before, after)
        return after

    def on_main(self, files: Mapping[str, str], message: str = "Somebody's own commit") -> str:
        """A commit on main that no pull request brought."""
        here = clone(self.bare, self._new("own"))
        for path, text in files.items():
            (here / path).parent.mkdir(parents=True, exist_ok=True)
            (here / path).write_text(text)
        commit(here, message)
        call(here, "git", "push", "-q", "origin", "HEAD:main")
        return self.sha("main")

    def says(self, number: int, author: str, body: str, *, edited: bool = False) -> str:
        """Somebody comments, and the job `chat` runs; what it answers, "" for nothing."""
        payload = self.hub.write(number, author, body, edited=edited)
        variables = self.environment("chat", "answer", "issue_comment", payload)
        root = self.trusted()
        with self.logged():
            chat.run(root, forge=self.hub.forge(variables), variables=variables)
        marker = f"answer:{payload['comment']['id']}"
        answers = self.said(number, marker)
        return answers[0].partition("\n")[2].strip() if answers else ""

    # --- workflows -----------------------------------------------------------------------------------

    def planned(self, number: int, *, by_hand: bool = False) -> Run:
        """plan.yml for the pull request's head, and report.yml behind it."""
        return self.reported(self.plan_run(number, by_hand=by_hand))

    def plan_run(self, number: int, *, by_hand: bool = False) -> Run:
        """plan.yml alone."""
        head = self.hub.pull(number)["head_sha"]
        proposal, out = self.proposal(number, head), self._new("out")
        variables = self.environment("plan", "plan", "pull_request", {})
        with self.logged():
            try:
                code = plan.run(
                    proposal, base="refs/remotes/origin/main", head=head, output=out, variables=variables
                )
            except FlywheelError as error:
                code = int(error.exit_code)
                print(error)
        return self._ran("plan", number, head, code, out, by_hand=by_hand, left={"flywheel-plan": out})

    def sprinted(self, number: int, *, by_hand: bool = False) -> Run:
        """sprint.yml for the pull request's head, and report.yml behind it."""
        return self.reported(self.sprint_run(number, by_hand=by_hand))

    def sprint_run(self, number: int, *, by_hand: bool = False) -> Run:
        """sprint.yml alone."""
        head = self.hub.pull(number)["head_sha"]
        proposal, out = self.proposal(number, head), self._new("out")
        event = "workflow_dispatch" if by_hand else "pull_request"
        variables = self.environment("run-sprint", "run", event, {})
        variables["FLYWHEEL_DVC_CONFIG"] = CANARIES.format(DVC_SECRET)
        base = call(proposal, "git", "rev-parse", "refs/remotes/origin/main").stdout.strip()
        with self.logged():
            code = sprint.run(proposal, base=base, head=head, output=out, variables=variables)
        left = {f"flywheel-{part}": out / part for part in ("bundle", "outputs", "html")}
        return self._ran("sprint", number, head, code, out, by_hand=by_hand, left=left)

    def once_more(self) -> int:
        """The newest run of sprint.yml run again, with the same outcome; its number."""
        fake, known = self.memory.fake, self.newest()
        self.count += 1
        run = 100 + self.count
        old = next(each for each in fake.runs if each.id == known)
        fake.add_run(msgspec.structs.replace(old, id=run))
        fake.left[run] = fake.left[known]
        return run

    def run_again(self) -> int:
        """*Re-run all jobs* of the newest run of sprint.yml, with the same outcome; its number, which it keeps."""
        self.memory.later()
        fake, known = self.memory.fake, self.newest()
        old = next(each for each in fake.runs if each.id == known)
        fake.runs.remove(old)
        fake.add_run(msgspec.structs.replace(old, attempt=old.attempt + 1, started_at=fake.now))
        for left in list(fake.left[known]):
            fake.add_artifact(known, left.name, fake.archives[left.id])
        return known

    def _ran(
        self,
        workflow: str,
        number: int,
        head: str,
        code: int,
        out: Path,
        *,
        by_hand: bool,
        left: Mapping[str, Path],
    ) -> Run:
        self.count += 1
        pull, run = self.hub.pull(number), 100 + self.count
        self.hub.set_run(
            run,
            path=f".github/workflows/{workflow}.yml",
            event="workflow_dispatch" if by_hand else "pull_request",
            head_sha=self.sha("main") if by_hand else head,
            head_branch="main" if by_hand else pull["head_ref"],
            head_repository=REPOSITORY if by_hand else pull["head_repository"],
            status="completed",
            conclusion="failure" if code else "success",
            title=f"{workflow} #{number} {head}",
        )
        for name, folder in left.items():
            if folder.is_dir():
                self.hub.leave(run, name, zip_folder(folder, out.with_name(f"{out.name}-{name}.zip")))
        return Run(id=run, workflow=workflow, code=code, out=out)

    def reported(self, run: Run) -> Run:
        """report.yml: the pictures where there are some, then the comments and checks."""
        if run.workflow == "sprint":
            with contextlib.suppress(FlywheelError):  # the job is red, and `publish` runs all the same
                self.show(run.id)
        with contextlib.suppress(FlywheelError):
            self.publish(run.id)
        return run

    def show(self, run: int) -> int:
        """The job `pictures`."""
        variables = self.environment("report", "pictures", "workflow_run", {"workflow_run": {"id": run}})
        forge, access = self.hub.forge(variables), git_access(read_environment(variables))
        with self.logged():
            return pictures.publish(self.trusted(), forge, access, run)

    def publish(self, run: int) -> int:
        """The job `publish`; what it raises is logged, as the command line would print it."""
        variables = self.environment("report", "publish", "workflow_run", {"workflow_run": {"id": run}})
        with self.logged():
            return publish.run(
                self.trusted(), run_id=run, forge=self.hub.forge(variables), variables=variables
            )

    def promote(self, number: int | None = None, *, root: Path | None = None, **asked: str) -> int:
        """promote.yml: for the push that merged a pull request, or started by hand (sprint=, rollback=)."""
        before, after = self.merges[number] if number is not None else ("", "")
        event = {"before": before, "after": after, "ref": "refs/heads/main"} if number is not None else {}
        name = "push" if number is not None else "workflow_dispatch"
        variables = self.environment("promote", "promote", name, event)
        variables["FLYWHEEL_DVC_CONFIG"] = CANARIES.format(DVC_SECRET)
        root = root or self.trusted()
        self.hub.know(call(self.bare, "git", "rev-list", "main").stdout.split())
        with self.logged():
            return promote.run(
                root,
                sprint=asked.get("sprint") or None,
                rollback=asked.get("rollback") or None,
                forge=self.hub.forge(variables),
                variables=variables,
            )

    def follow(self) -> list[str]:
        """Runs the workflows that were started by hand meanwhile; their names."""
        names = []
        for workflow, inputs in self.hub.take_dispatched():
            match workflow:
                case "plan.yml":
                    self.planned(int(inputs["pr"]), by_hand=True)
                case "sprint.yml":
                    self.sprinted(int(inputs["pr"]), by_hand=True)
                case "promote.yml":
                    self.promote(**inputs)
            names.append(workflow)
        return names

    # --- machines ------------------------------------------------------------------------------------

    def trusted(self) -> Path:
        """A checkout of main with its history, as actions/checkout leaves it."""
        return clone(self.bare, self._new("trusted"))

    def proposal(self, number: int, head: str) -> Path:
        """A checkout of the pull request's head with all branches, on a machine that has run sprints before."""
        root = clone(self.bare, self._new("proposal"))
        call(root, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        call(root, "git", "checkout", "-q", "--detach", head)
        shutil.copytree(self.author / ".dvc" / "cache", root / ".dvc" / "cache", copy_function=_link)
        return root

    def environment(self, workflow: str, job: str, event: str, payload: dict[str, Any]) -> dict[str, str]:
        """The variables of a job, with a token of the permissions that its file asks for."""
        granted = yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text())["jobs"][job]["permissions"]
        path = self._new("event").with_suffix(".json")
        path.write_text(json.dumps(payload))
        self.count += 1
        return {
            **self.hub.variables(granted),
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_RUN_ID": str(100 + self.count),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }

    @contextmanager
    def logged(self) -> Iterator[None]:
        """Keeps what a job and its processes print, and the error that the command line would print."""
        path = self._new("log")
        with printed_to(path), each_plot_drawn_once(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # DVC has some of its own
            try:
                yield
            except FlywheelError as error:
                print(f"error: {error}", file=sys.stderr)
                raise
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                self.log.append(path.read_text())

    def _new(self, name: str) -> Path:
        self.count += 1
        return self.folder / f"{name}-{self.count}"

    # --- what is to be seen --------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """The steps' summaries of all jobs."""
        path = self.folder / "summary.md"
        return path.read_text() if path.is_file() else ""

    def sha(self, ref: str) -> str:
        return call(self.bare, "git", "rev-parse", f"{ref}^{{commit}}").stdout.strip()

    def newest(self, workflow: str = "sprint") -> int:
        """The newest run of a workflow."""
        runs = self.memory.fake.runs
        return max(run.id for run in runs if run.path == f".github/workflows/{workflow}.yml")

    def show_file(self, path: str, ref: str = "main") -> str:
        return call(self.bare, "git", "show", f"{ref}:{path}").stdout

    def files(self, ref: str = "main", below: str = "") -> list[str]:
        listed = call(self.bare, "git", "ls-tree", "-r", "--name-only", ref, check=False).stdout.splitlines()
        return [path for path in listed if path.startswith(below)]

    @property
    def tags(self) -> list[str]:
        return call(self.bare, "git", "tag").stdout.split()

    @property
    def subjects(self) -> list[str]:
        """Of main's own commits, the newest first."""
        return call(self.bare, "git", "log", "--first-parent", "--format=%s", "main").stdout.splitlines()

    def said(self, number: int, marker: str) -> list[str]:
        """Our comments with this marker."""
        start = f"<!-- flywheel:{marker} -->"
        return [
            each.body
            for each in self.hub.comments(number)
            if each.author.endswith("[bot]") and each.body.startswith(start)
        ]

    def comment(self, number: int, marker: str) -> str:
        """Our one comment with this marker."""
        [found] = self.said(number, marker)
        return found

    def markers(self, number: int) -> list[str]:
        """What our comments are found by, the oldest first."""
        return [
            each.body.split("\n", 1)[0].removeprefix("<!-- flywheel:").removesuffix(" -->")
            for each in self.hub.comments(number)
            if each.author.endswith("[bot]")
        ]

    def checks(self, number: int) -> dict[str, CheckRun]:
        """Of the pull request's head."""
        return self.hub.checks(self.hub.pull(number)["head_sha"])

    def conclusions(self, number: int) -> dict[str, str]:
        return {name: str(check.conclusion) for name, check in sorted(self.checks(number).items())}

    def findings(self, number: int) -> list[str]:
        """The ids that the newest check of the policy names."""
        return re.findall(r"[a-z_]+-[0-9a-f]{32}", self.checks(number)[POLICY_CHECK].summary)


@contextmanager
def printed_to(path: Path) -> Iterator[None]:
    """Sends both standard streams into one file, those of processes that are started too."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("a", encoding="utf-8", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield
        finally:
            for descriptor, before in zip((1, 2), kept, strict=True):
                os.dup2(before, descriptor)
                os.close(before)


def _link(source: str, target: str) -> None:
    try:
        Path(target).hardlink_to(source)
    except OSError:  # on another file system
        shutil.copy2(source, target)


def start(folder: Path, finished: Path) -> None:
    """A repository whose main has run one sprint, with a policy: `author`, `origin.git` and DVC's remote `store`.

    The remote's address is relative: every checkout lies beside it, and the whole can be copied.
    """
    author, bare = folder / "author", folder / "origin.git"
    shutil.copytree(finished, author, symlinks=True, ignore=_not_needed)
    (author / ".gitignore").write_text("/.flywheel/\n/data\n")
    (author / "flywheel.yaml").write_text(PROJECT + POLICY)
    call(folder, "git", "init", "-q", "--bare", "-b", "main", str(bare))
    call(author, "git", "remote", "add", "origin", str(bare))
    call(author, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", "../store")
    commit(author, "Policy and remotes")
    call(author, "git", "push", "-q", "-u", "origin", "main")
    call(author, sys.executable, "-m", "dvc", "push", "-q")


def copied(source: Path, folder: Path) -> None:
    """Copies what `start` made; the cache's files, which nobody changes, as links."""
    for name in ("author", "origin.git", "store"):
        shutil.copytree(source / name, folder / name, symlinks=True, copy_function=_copy)
    call(folder / "author", "git", "remote", "set-url", "origin", str(folder / "origin.git"))


def _copy(source: str, target: str) -> None:
    if "/.dvc/cache/" in source:
        _link(source, target)
    else:
        shutil.copy2(source, target)


def _not_needed(folder: str, names: list[str]) -> list[str]:
    return ["tmp"] if folder.endswith(".dvc") else []
