"""A forge with its git repository, DVC's remote and the machine that runs sprints: what a merge is followed by."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forges.fake_forge import FakeForge, pull_request, workflow_run, zip_folder
from projects import SPRINT, call, commit, flywheel
from promoting import clone

from runner.forges.forge import Review
from runner.jobs import promote as job
from runner.pullrequests.bundles.bundle import pack
from runner.record.catalogue import sprint_folder
from tests.drawn_once import each_plot_drawn_once

A, B = "0002-next", "0003-third"
LATER = "2027-01-02T12:00:00Z"
SPEC = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: A smaller model is asked for
extends: {SPRINT}
gates:
  - {{metric: size_mb, max: 50}}
"""  # nothing of it needs approval, and everything but the verdict is in DVC's run cache


@dataclass
class World:
    """A forge, its git repository, the DVC remote, and the machine that runs sprints."""

    folder: Path
    project: Path
    bare: Path
    forge: FakeForge = field(default_factory=FakeForge)
    merges: dict[int, tuple[str, str]] = field(default_factory=dict)  # number → main before and after

    @classmethod
    def start(cls, folder: Path, finished: Path) -> World:
        """A repository with one sprint on main that was never promoted.

        DVC's remote lies beside every checkout, so that the whole can be copied.
        """
        project, bare = folder / "project", folder / "origin.git"
        shutil.copytree(finished, project, symlinks=True)
        (project / ".gitignore").write_text("/.flywheel/\n/data\n")
        call(folder, "git", "init", "-q", "--bare", "-b", "main", str(bare))
        call(project, "git", "remote", "add", "origin", str(bare))
        call(project, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", "../store")
        commit(project, "Remotes")
        call(project, "git", "push", "-q", "-u", "origin", "main")
        call(project, sys.executable, "-m", "dvc", "push", "-q")
        return cls(folder=folder, project=project, bare=bare)

    def keep(self) -> None:
        """Writes what is in memory beside the rest, for `copied`."""
        (self.folder / "world.pickle").write_bytes(pickle.dumps(self))

    @classmethod
    def copied(cls, kept: Path, folder: Path) -> World:
        """The same state in another folder."""
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        world = pickle.loads((folder / "world.pickle").read_bytes())  # noqa: S301 - our own
        assert isinstance(world, cls)
        world.forge.moved(world.folder, folder)
        world.folder, world.project, world.bare = folder, folder / "project", folder / "origin.git"
        call(world.project, "git", "remote", "set-url", "origin", str(world.bare))
        return world

    def propose(self, number: int, sprint: str, spec: str, **changes: Any) -> None:
        """A pull request whose sprint ran under main's terms, with its bundle and outputs."""
        project = self.project
        call(project, "git", "fetch", "-q", "origin")
        call(project, "git", "checkout", "-q", "-f", "-B", f"pr-{number}", "origin/main")
        (project / "specs" / f"{sprint}.yaml").write_text(spec)
        for path, text in changes.items():
            (project / path).write_text(text)
        commit(project, f"Propose {sprint}")
        call(project, "git", "push", "-q", "-f", "origin", f"pr-{number}")
        base, head = self.sha("origin/main"), self.sha("HEAD")
        result = flywheel(project, "run", sprint, "--base", base)
        assert result.returncode in (0, 1), result.stderr
        out = self.folder / f"run-{number}"
        pack(project, [sprint], base, head, out)
        shutil.rmtree(sprint_folder(project, sprint))
        pull = pull_request(number, head_sha=head, head_ref=f"pr-{number}", base_sha=base, author="alice")
        self.forge.add_pull(pull)
        run = self.forge.add_run(workflow_run(100 + number, head_sha=head, head_branch=f"pr-{number}"))
        for part in ("bundle", "outputs"):
            archive = zip_folder(out / part, self.folder / f"{part}-{number}.zip")
            self.forge.add_artifact(run.id, f"flywheel-{part}", archive)

    def merge(self, number: int) -> None:
        """Merges the pull request on the forge."""
        merging = clone(self.bare, self.folder / f"merging-{number}")
        before = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        call(merging, "git", "merge", "-q", "--no-ff", "-m", f"Merge #{number}", f"origin/pr-{number}")
        call(merging, "git", "push", "-q", "origin", "main")
        after = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        self.forge.change_pull(
            number, state="closed", merged=True, merge_commit=after, merged_at=self.forge.now
        )
        self.merges[number] = (before, after)

    def bring(self, number: int, change: Callable[[Path], None], message: str = "Tidy") -> None:
        """A merged pull request of a stranger's, for which nothing ran."""
        project = self.project
        call(project, "git", "fetch", "-q", "origin")
        call(project, "git", "checkout", "-q", "-f", "-B", f"pr-{number}", "origin/main")
        change(project)
        commit(project, message)
        call(project, "git", "push", "-q", "-f", "origin", f"pr-{number}")
        head = self.sha("HEAD")
        self.forge.add_pull(pull_request(number, head_sha=head, head_ref=f"pr-{number}", author="mallory"))
        self.merge(number)

    def review(self, number: int, at: str) -> None:
        """Somebody who may maintain the repository approves what is proposed."""
        self.forge.permissions |= {"carol": "maintain"}
        commit = self.forge.pulls[number].head_sha
        self.forge.reviewed[number] = [
            Review(author="carol", state="APPROVED", commit=commit, submitted_at=at)
        ]

    def job(self, number: int | None = None, *, name: str = "job", **asked: str) -> int:
        """The promote job, in a clone of its own."""
        root = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        clone(self.bare, root)
        return self.job_in(root, number, **asked)

    def job_in(self, root: Path, number: int | None = None, **asked: str) -> int:
        event = self.folder / "event.json"
        before, after = self.merges[number] if number is not None else ("", "")
        event.write_text(json.dumps({"before": before, "after": after}))
        variables = {
            "GITHUB_REPOSITORY": "acme/digits",
            "GITHUB_SERVER_URL": "https://git.example.org",
            "GITHUB_API_URL": "https://git.example.org/api/v3",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }
        with each_plot_drawn_once(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # DVC has some of its own
            return job.run(
                root,
                sprint=asked.get("sprint"),
                rollback=asked.get("rollback"),
                forge=self.forge,
                variables=variables,
            )

    def sha(self, ref: str) -> str:
        return call(self.project, "git", "rev-parse", f"{ref}^{{commit}}").stdout.strip()

    @property
    def tags(self) -> list[str]:
        return call(self.bare, "git", "tag").stdout.split()

    @property
    def subjects(self) -> list[str]:
        """Of main's commits, the newest first."""
        return call(self.bare, "git", "log", "--first-parent", "--format=%s", "main").stdout.splitlines()

    def said(self, number: int, start: str) -> str:
        """Our comment that begins so."""
        (found,) = [
            each.body
            for each in self.forge.discussion.get(number, [])
            if each.body.startswith(f"<!-- flywheel:{start}")
        ]
        return found


def merged_record(world: World, number: int, message: str) -> None:
    """A merged pull request whose author wrote a record, and ran nothing."""
    record = sprint_folder(world.folder / "run-7" / "bundle", A)

    def bring(project: Path) -> None:
        # Pictures are in DVC: below reports/ git holds records and nothing else.
        pictures = shutil.ignore_patterns("gallery")
        shutil.copytree(record, sprint_folder(project, A), dirs_exist_ok=True, ignore=pictures)
        (project / "specs" / f"{A}.yaml").write_text(SPEC)
        (sprint_folder(project, A) / "report.md").write_text(message)

    world.bring(number, bring, message)
