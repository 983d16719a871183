"""The whole loop on this machine: people, a git server, DVC's remote, runners, and a forge. Only training is spared."""

from __future__ import annotations

import contextlib
import copy
import json
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
from forges.emulator import REPOSITORY
from forges.fake_forge import unzipped, zip_folder
from projects import PROJECT, SPRINT, call, into
from simulated_forge.hubs import Hub, MemoryHub
from simulated_forge.repository import PARTS, Contents, Repository, copied, copy_or_link, link, put_on_forge

from runner.domain.errors import FlywheelError
from runner.forges.environment import read_environment
from runner.forges.forge import CheckRun
from runner.jobs import chat, pictures, plan, promote, publish, sprint
from runner.pullrequests.trusted_runs import git_access
from tests.done_once import nothing_done_twice

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
POLICY = "policy: {approvals: {gate_loosened: [leads], policy_loosened: [leads]}, teams: {leads: [carol]}}\n"
"""What it does not name, as a report that is stale, is for people who may maintain the repository (`hubs.PEOPLE`)."""
POLICY_CHECK = "flywheel / policy"
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
class Loop(Repository):
    """One repository, whose jobs run in this process.

    Attributes:
        log: everything that any job printed.
    """

    hub: Hub
    log: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, finished: Path) -> Loop:
        """Main has run one sprint, and has a policy; the forge is in memory."""
        policy = {".gitignore": "/.flywheel/\n/data\n", "flywheel.yaml": PROJECT + POLICY}
        put_on_forge(finished, folder, policy)
        return cls(folder=folder, hub=MemoryHub())

    def copy(self, folder: Path) -> Loop:
        """The same state in another folder; with a forge in memory only."""
        copied(self.folder, folder)
        hub = copy.deepcopy(self.memory)
        for number, archive in hub.fake.archives.items():
            hub.fake.archives[number] = folder / f"artifact-{number}.zip"
            link(str(archive), str(hub.fake.archives[number]))
        return Loop(folder=folder, hub=hub, merges=dict(self.merges), count=self.count)

    def keep(self) -> None:
        """Writes what is in memory beside what lasts; `kept` reads it, wherever the folder is by then."""
        lasting = {*PARTS, *(archive.name for archive in self.memory.fake.archives.values())}
        for path in self.folder.iterdir():
            if path.name not in lasting:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.folder / "loop.pickle").write_bytes(pickle.dumps(self))

    @classmethod
    def kept(cls, folder: Path) -> Loop:
        loop = pickle.loads((folder / "loop.pickle").read_bytes())  # noqa: S301 - our own
        assert isinstance(loop, cls)
        loop.memory.fake.moved(loop.folder, folder)
        loop.folder = folder
        return loop

    @property
    def memory(self) -> MemoryHub:
        assert isinstance(self.hub, MemoryHub)
        return self.hub

    # --- people --------------------------------------------------------------------------------------

    def propose(
        self,
        number: int,
        files: Contents,
        *,
        fork: bool = False,
        commit_message: str = "Propose",
        author: str = "alice",
    ) -> str:
        """Opens a pull request from main, or pushes another commit to it; the new head."""
        opened = {
            "head_ref": f"pr-{number}",
            "head_repository": "stranger/digits" if fork else REPOSITORY,
            "base_ref": "main",
            "base_sha": self.sha("main"),
            "author": "stranger" if fork else author,
        }
        known = self.proposed(number)
        head = super().propose(number, files, fork=fork, commit_message=commit_message)
        self.hub.set_pull(number, head_sha=head, **({} if known else opened))
        return head

    def _bring(self, number: int, *commands: tuple[str, ...]) -> str:
        after = super()._bring(number, *commands)
        self.hub.set_pull(number, state="closed", merged=True, merge_commit=after)
        return after

    def says(self, number: int, author: str, body: str, *, edited: bool = False) -> str:
        """Somebody comments, and the job `chat` runs; what it answers, "" for nothing."""
        payload = self.hub.write(number, author, body, edited=edited)
        variables = self.environment("chat", "answer", "issue_comment", payload)
        root = self.clone("trusted")
        with self.logged():
            chat.run(root, forge=self.hub.forge(variables), variables=variables)
        marker = f"answer:{payload['comment']['id']}"
        answers = self.said(number, marker)
        return answers[0].partition("\n")[2].strip() if answers else ""

    # --- workflows -----------------------------------------------------------------------------------

    def run_proposal(self, number: int, files: Contents) -> None:
        """A push to the pull request, and all that follows it: plan, run and reports."""
        self.propose(number, files)
        self.planned(number)
        self.sprinted(number)

    def planned(self, number: int, *, by_hand: bool = False) -> Run:
        """plan.yml for the pull request's head, and report.yml behind it."""
        return self.reported(self.plan_run(number, by_hand=by_hand))

    def plan_run(self, number: int, *, by_hand: bool = False) -> Run:
        """plan.yml alone."""
        head = self.hub.pull(number)["head_sha"]
        proposal, out = self.proposal(number, head), self.new("out")
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
        proposal, out = self.proposal(number, head), self.new("out")
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
            return pictures.publish(self.clone("trusted"), forge, access, run)

    def publish(self, run: int) -> int:
        """The job `publish`; what it raises is logged, as the command line would print it."""
        variables = self.environment("report", "publish", "workflow_run", {"workflow_run": {"id": run}})
        with self.logged():
            return publish.run(
                self.clone("trusted"), run_id=run, forge=self.hub.forge(variables), variables=variables
            )

    def promote(self, number: int | None = None, *, root: Path | None = None, **asked: str) -> int:
        """promote.yml: for the push that merged a pull request, or started by hand (sprint=, rollback=)."""
        before, after = self.merges[number] if number is not None else ("", "")
        event = {"before": before, "after": after, "ref": "refs/heads/main"} if number is not None else {}
        name = "push" if number is not None else "workflow_dispatch"
        variables = self.environment("promote", "promote", name, event)
        variables["FLYWHEEL_DVC_CONFIG"] = CANARIES.format(DVC_SECRET)
        root = root or self.clone("trusted")
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

    def proposal(self, number: int, head: str) -> Path:
        """A checkout of the pull request's head with all branches, on a machine that has run sprints before."""
        root = self.clone("proposal")
        call(root, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        call(root, "git", "checkout", "-q", "--detach", head)
        shutil.copytree(self.author / ".dvc" / "cache", root / ".dvc" / "cache", copy_function=copy_or_link)
        return root

    def environment(self, workflow: str, job: str, event: str, payload: dict[str, Any]) -> dict[str, str]:
        """The variables of a job, with a token of the permissions that its file asks for."""
        granted = yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text())["jobs"][job]["permissions"]
        path = self.new("event").with_suffix(".json")
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
        path = self.new("log")
        with (
            into(1, "stdout", path),
            into(2, "stderr", path),
            nothing_done_twice(),
            warnings.catch_warnings(),
        ):
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

    # --- what is to be seen --------------------------------------------------------------------------

    @property
    def summary(self) -> str:
        """The steps' summaries of all jobs."""
        path = self.folder / "summary.md"
        return path.read_text() if path.is_file() else ""

    def newest(self, workflow: str = "sprint") -> int:
        """The newest run of a workflow."""
        runs = self.memory.fake.runs
        return max(run.id for run in runs if run.path == f".github/workflows/{workflow}.yml")

    def artifact(self, name: str) -> dict[str, bytes]:
        """The files of an artifact of the newest run of sprint.yml."""
        fake = self.memory.fake
        [found] = [each.id for each in fake.left[self.newest()] if each.name == name]
        return unzipped(fake.archives[found])

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

    def waits_for(self, number: int, sprint: str) -> str:
        """The one finding that the comment on a recorded sprint asks to approve."""
        lines = self.comment(number, f"promotion:{sprint}").splitlines()
        [found] = [line.split()[-1].strip("`") for line in lines if line.startswith("- `/flywheel approve")]
        return found
