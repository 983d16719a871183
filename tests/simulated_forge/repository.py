"""The git side of a repository on a forge: what the forge holds, a clone to propose from, and a merge button.

`loop.py` lets the jobs run on it in this process, `act.py` the workflows themselves.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from projects import call, commit

Contents = Mapping[str, str | bytes | None]
"""Files to write, by path; those to take away are None."""
PARTS = ("author", "origin.git", "store")
"""What a repository's folder holds that lasts: the rest is what jobs and people worked in."""


@dataclass(kw_only=True)
class Repository:
    """One repository, in a folder of its own.

    Attributes:
        merges: what was merged, by the pull request's number: main before it and after it.
        count: how many places were made; they are numbered.
    """

    folder: Path
    merges: dict[int, tuple[str, str]] = field(default_factory=dict)
    count: int = 0

    @property
    def author(self) -> Path:
        """The working copy of whoever proposes; its DVC cache is what a runner's cache starts with."""
        return self.folder / "author"

    @property
    def bare(self) -> Path:
        """What the forge holds of git: main, the heads of pull requests, and tags."""
        return self.folder / "origin.git"

    # --- people --------------------------------------------------------------------------------------

    def proposed(self, number: int) -> bool:
        """Whether there is such a pull request."""
        asked = ("git", "rev-parse", "--quiet", "--verify", f"refs/pull/{number}/head")
        return call(self.bare, *asked, check=False).returncode == 0

    def propose(
        self, number: int, files: Contents, *, fork: bool = False, commit_message: str = "Propose"
    ) -> str:
        """Opens a pull request from main, or pushes another commit to it; the new head."""
        here, branch = self.author, f"pr-{number}"
        place = [branch] if self.proposed(number) else ["-B", branch, "origin/main"]
        call(here, "git", "fetch", "-q", "origin")
        call(here, "git", "checkout", "-q", "-f", *place)
        call(here, "git", "clean", "-q", "-fd")
        _write(here, files)
        commit(here, commit_message)
        refs = [f"HEAD:refs/pull/{number}/head", *([] if fork else [f"HEAD:refs/heads/{branch}"])]
        call(here, "git", "push", "-q", "-f", "origin", *refs)
        return self.sha(f"refs/pull/{number}/head")

    def merge(self, number: int) -> str:
        """Somebody presses the button; the commit on main."""
        return self._bring(number, ("merge", "-q", "--no-ff", "-m", f"Merge #{number}", "FETCH_HEAD"))

    def squash(self, number: int, message: str) -> str:
        """As `merge`, with one commit of everything."""
        return self._bring(number, ("merge", "-q", "--squash", "FETCH_HEAD"), ("commit", "-q", "-m", message))

    def rebase(self, number: int) -> str:
        """As `merge`, with the proposal's commits one by one."""
        return self._bring(number, ("cherry-pick", "origin/main..FETCH_HEAD"))

    def _bring(self, number: int, *commands: tuple[str, ...]) -> str:
        """Runs git's commands on main and the pull request's head, and pushes what comes of it."""
        merging, before = self.clone("merging"), self.sha("main")
        call(merging, "git", "fetch", "-q", "origin", f"refs/pull/{number}/head")
        for command in commands:
            call(merging, "git", *command)
        call(merging, "git", "push", "-q", "origin", "HEAD:main")
        self.merges[number] = (before, self.sha("main"))
        return self.sha("main")

    def on_main(self, files: Contents, message: str = "Somebody's own commit") -> str:
        """A commit on main that no pull request brought."""
        here = self.clone("own")
        _write(here, files)
        commit(here, message)
        call(here, "git", "push", "-q", "origin", "HEAD:main")
        return self.sha("main")

    # --- machines ------------------------------------------------------------------------------------

    def clone(self, name: str) -> Path:
        """A checkout of main with its history, as actions/checkout leaves it: of what DVC keeps it has nothing."""
        return clone(self.bare, self.new(name))

    def new(self, name: str) -> Path:
        """A place in the repository's folder that nothing lies at."""
        self.count += 1
        return self.folder / f"{name}-{self.count}"

    # --- what is to be seen --------------------------------------------------------------------------

    def sha(self, ref: str) -> str:
        return call(self.bare, "git", "rev-parse", f"{ref}^{{commit}}").stdout.strip()

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


def put_on_forge(project: Path, folder: Path, files: Contents, *, store: str = "../store") -> None:
    """Makes a repository's folder of a project, with files of its own: `author`, `origin.git` and DVC's remote `store`.

    Args:
        store: DVC's address of it; checkouts that lie beside it need no path, and the whole can be copied (`copied`).
    """
    author = folder / "author"
    shutil.copytree(project, author, symlinks=True, ignore=_not_needed, copy_function=copy_or_link)
    _write(author, files)
    with_remotes(author, folder, origin="../origin.git", store=store)


def copied(source: Path, folder: Path) -> None:
    """Copies what `put_on_forge` made."""
    for name in PARTS:
        shutil.copytree(source / name, folder / name, symlinks=True, copy_function=copy_or_link)


def with_remotes(project: Path, folder: Path, *, origin: str | None = None, store: str | None = None) -> Path:
    """Gives a project a git and a DVC remote in a folder, and pushes both; returns git's.

    Args:
        origin: git's address; its path when None. `store`: DVC's.
    """
    bare = folder / "origin.git"
    call(folder, "git", "init", "-q", "--bare", "-b", "main", str(bare))
    call(project, "git", "remote", "add", "origin", origin or str(bare))
    dvc = (sys.executable, "-m", "dvc")
    call(project, *dvc, "remote", "add", "-q", "-d", "store", store or str(folder / "store"))
    commit(project, "Remotes")
    call(project, "git", "push", "-q", "-u", "origin", "main")
    call(project, *dvc, "push", "-q")
    return bare


def clone(bare: Path, folder: Path) -> Path:
    """A fresh clone: of what DVC keeps it has nothing."""
    call(bare.parent, "git", "clone", "-q", str(bare), str(folder))
    return folder


def copy_or_link(source: str, target: str) -> None:
    """For shutil.copytree: what lies under its own hash in DVC's cache or remote, which nobody changes, is linked."""
    if "/.dvc/cache/" in source or "/store/files/" in source:
        link(source, target)
    else:
        shutil.copy2(source, target)


def link(source: str, target: str) -> None:
    """The same file in another place, as a copy where that is on another file system."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _write(folder: Path, files: Contents) -> None:
    for path, content in files.items():
        target = folder / path
        if content is None:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def _not_needed(folder: str, names: list[str]) -> list[str]:
    return ["tmp"] if folder.endswith(".dvc") else []
