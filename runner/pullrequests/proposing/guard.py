"""What a proposal may not contain at all, looked for before anything of its checkout is run or fetched.

A pull request brings a spec, flywheel.yaml and DVC's pointers. Whatever else makes git or DVC write, read or execute
elsewhere is refused here (rules 5, 11, 12 and 13 of the security rules), and what it says of finished runs is put back to
what the base branch holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from runner.adapters.dvc import artifacts
from runner.adapters.dvc.cache_place import CONFIGURATION, LOCAL_CONFIGURATION, cache_folder
from runner.adapters.git import commit_trees, repository
from runner.adapters.git.commit_trees import Entry
from runner.config.load import SPECS, load_project, load_sprint
from runner.config.root import PROJECT_FILE
from runner.config.sprint import SPEC_NAME
from runner.domain.errors import FlywheelError
from runner.domain.files import write_bytes
from runner.pipeline.compile import compiled
from runner.planning.resolve import stages_of
from runner.planning.situation import Situation
from runner.pullrequests.proposing.fetched_from import names_other_places
from runner.pullrequests.proposing.scorings import compiled_scorings, is_of_scoring, scoring_strangers
from runner.pullrequests.proposing.variants import compiled_variant, is_of_variant, variant_strangers
from runner.record.catalogue import AGREED, LOCK, PIPELINE, REPORTS, of_labelling
from runner.record.strangers import committed_strangers
from runner.stages.kinds import SCORING, VARIANT

_SYMLINK, _SUBMODULE = "120000", "160000"  # git's modes
_SPEC_FILE = re.compile(SPEC_NAME.removesuffix("$") + r"\.yaml")
_NOT_SPECS = re.compile(r"[A-Za-z0-9_-]+\.md|\.gitkeep")
_PIPELINES = (PIPELINE.name, "dvcfile")
_OF_BASE = {  # what git and DVC follow wherever it lies
    ".dvcignore": "says which files DVC does not look at",
    ".gitattributes": "says what git does to files when it checks them out",
    ".gitmodules": "names other repositories for git to fetch",
    ".lfsconfig": "names a server for git to fetch from",
    ".gto": "says which names and stages GTO takes",
}
_POINTER_KEYS = {"outs", "meta", "desc", "md5"}
_OUT_KEYS = {"path", "md5", "hash", "size", "nfiles", "isexec", "desc", "type", "labels", "meta"}
_NEVER = {
    ".flywheel": "flywheel's own folder",
    ".dvc/cache": "DVC's cache",
    ".dvc/tmp": "DVC's working files",
}
_BEHIND = "is this branch behind it?"
_PLAIN_NAME = re.compile(r"[^/\\:\x00-\x1f\x7f]+")
_PROTECTED = {".git", ".dvc", ".github", ".flywheel", SPECS, REPORTS, "flywheel.yaml"}
_POINTER_BYTES = 64 * 1024


def require(root: Path, base: str) -> None:
    """Refuses a checked-out proposal that holds what none may hold.

    Raises:
        FlywheelError: with everything that was found.
    """
    refused = problems(root, base)
    if not refused:
        return
    count = f"{len(refused)} thing{'s' * (len(refused) != 1)}"
    raise FlywheelError(
        "\n".join(
            [
                f"the proposal holds {count} that a pull request may not bring",
                *(f"  {sentence}" for sentence in refused),
            ]
        ),
        hint="take them out of the pull request; what the whole project needs is changed in one of its own, without specs",
    )


def problems(root: Path, base: str) -> list[str]:
    """What the checked-out proposal may not contain, each in a sentence that begins with the file; sorted."""
    return sorted(set(_Checkout.of(root, base).problems()))


def restore_records(root: Path, base: str) -> list[str]:
    """Puts everything below reports/ and variants/ to what the base branch holds; returns the paths that were changed or removed.

    A lock that names another model's predictions, or uses of the test split that were struck out, would decide
    otherwise. What has run on the base branch need not run again. What a labelling round wrote is the proposal's own, as its
    labels are: no run says it, and `verify` draws its batch again.
    """
    here, there = (_records(root, commit) for commit in ("HEAD", base))
    restored = sorted(
        path
        for path in {*here, *there}
        if here.get(path) != there.get(path) and not (path in here and of_labelling(path))
    )
    for path in restored:
        (root / path).unlink(missing_ok=True)
    for path in restored:
        content = repository.read_file(root, base, path)
        if content is not None:
            write_bytes(root / path, content)
    return restored


def _records(root: Path, commit: str) -> dict[str, str]:
    """What a commit holds of runs: path → the object's name."""
    files = commit_trees.tree(root, commit)
    return {entry.path: entry.blob for entry in files if _is_of_a_run(entry.path)}


def _is_of_a_run(path: str) -> bool:
    return path.startswith(f"{REPORTS}/") or is_of_variant(PurePosixPath(path).parts)


@dataclass(frozen=True, kw_only=True)
class _Checkout:
    """A proposal as the commit holds it that is checked out.

    Attributes:
        files: by path.
        changed: the paths that the proposal itself adds, changes or removes.
        older: those that the base has changed since, and that are here as they were before.
    """

    root: Path
    base: str
    files: Mapping[str, Entry]
    changed: Sequence[str]
    older: Sequence[str]

    @classmethod
    def of(cls, root: Path, base: str) -> _Checkout:
        return cls(
            root=root,
            base=commit_trees.commit_of(root, base),
            files={entry.path: entry for entry in commit_trees.tree(root, "HEAD")},
            changed=commit_trees.changed_files(root, base, "HEAD"),
            older=commit_trees.older_files(root, base, "HEAD"),
        )

    def problems(self) -> Iterator[str]:
        yield from self._links()
        yield from self._configuration()
        yield from self._above()
        cache = _cache_inside(self.root) if self._configured_as_base() else None
        for path in self.files:
            yield from (f"{_shown(path)}: {problem}" for problem in _never(path, cache))
        for path in committed_strangers(path for path, entry in self.files.items() if entry.mode != _SYMLINK):
            yield f"{_shown(path)}: of no record, and below {REPORTS}/ libraries would take it for configuration or code"
        for path in scoring_strangers(self.files):
            yield f"{_shown(path)}: of no scoring, and below {SCORING.folder}/ libraries would take it for configuration or code"
        for path in variant_strangers(self.files):
            yield f"{_shown(path)}: of no variant, and below {VARIANT.folder}/ libraries would take it for configuration or code"
        for path in self.changed:
            yield from (f"{_shown(path)}: {problem}" for problem in self._of(path))
        for path in self.older:
            yield from (f"{_shown(path)}: {problem}" for problem in self._of_older(path))

    def content(self, path: str) -> bytes | None:
        """A file's bytes as they were committed; None for what is no file, or not there."""
        regular = path in self.files and self.files[path].mode.startswith("100")
        return repository.read_file(self.root, "HEAD", path) if regular else None

    def _above(self) -> Iterator[str]:
        """Of the rest of a larger repository, what git does to the project's files too."""
        for path in commit_trees.changed_outside(self.root, self.base, "HEAD"):
            name = PurePosixPath(path).name.lower()
            if name in _OF_BASE:
                yield f"{_shown(path)}: {_OF_BASE[name]}; it is changed in a pull request of its own, without specs"

    def _links(self) -> Iterator[str]:
        for path, entry in self.files.items():
            if entry.mode == _SYMLINK:
                yield f"{_shown(path)}: a symbolic link, through which DVC could be led to write elsewhere"
            elif entry.mode == _SUBMODULE and path in self.changed:
                yield f"{_shown(path)}: a submodule: another repository's files"

    def _configuration(self) -> Iterator[str]:
        """DVC's configuration says where data comes from and goes to."""
        if not self._configured_as_base():
            yield f"{CONFIGURATION}: not the base branch's, which says where data comes from ({_BEHIND})"
        if names_other_places(
            self.content(PROJECT_FILE), repository.read_file(self.root, self.base, PROJECT_FILE)
        ):
            yield f"{PROJECT_FILE}: `dataset.remote` is not the base branch's, which says where images are fetched from ({_BEHIND})"
        if LOCAL_CONFIGURATION in self.files:
            yield f"{LOCAL_CONFIGURATION}: holds credentials, and is never committed"

    def _configured_as_base(self) -> bool:
        return self.content(CONFIGURATION) == repository.read_file(self.root, self.base, CONFIGURATION)

    def _of_older(self, path: str) -> Iterator[str]:
        """What git and DVC follow is the base's of today: a state between two merges may be one that nobody approved."""
        parts, content = PurePosixPath(path).parts, self.content(path)
        name = parts[-1].lower()
        if content is None:
            return
        if name in _OF_BASE:
            yield f"{_OF_BASE[name]}, and is not the base branch's ({_BEHIND})"
        elif _is_record(parts) or is_of_scoring(parts) or is_of_variant(parts):
            return
        elif name in (*_PIPELINES, LOCK.name):
            yield f"of a DVC pipeline, and not the base branch's ({_BEHIND})"
        elif name.endswith(".dvc"):
            yield from self._pointer(path, content)

    def _of(self, path: str) -> Iterator[str]:
        """What is wrong with a path that the proposal changes."""
        parts = PurePosixPath(path).parts
        name = parts[-1].lower()  # where file names have no case, so has what git and DVC read
        content = self.content(path)
        if name in _OF_BASE:
            yield f"{_OF_BASE[name]}; it is changed in a pull request of its own, without specs"
        elif ".dvc" in [part.lower() for part in parts[:-1]]:
            if not any(_never(path)) and path not in (CONFIGURATION, LOCAL_CONFIGURATION):
                yield "lies in DVC's own folder, which only the base branch changes"
        elif content is None:
            return
        elif name in _PIPELINES:
            yield from self._pipeline(path, content)
        elif name == AGREED.name and parts[0].lower() == REPORTS:
            yield "says what was approved: only `flywheel promote` writes it"
        elif name == PROJECT_FILE and path != PROJECT_FILE:
            yield f"a second {PROJECT_FILE}: what lies below it would be taken for another project's"
        elif name == LOCK.name and not (_is_record(parts) or is_of_scoring(parts) or is_of_variant(parts)):
            yield "a lock file outside a sprint's folder"
        elif name.endswith(".dvc"):
            yield from self._pointer(path, content)
        if parts[0] == SPECS and not _may_lie_in_specs(parts[1:]):
            yield "not a spec's name: four digits, `-`, then lower-case letters, digits and `-`, ending in .yaml"
        elif any("\udc80" <= letter <= "\udcff" for letter in path):
            yield "its name is not UTF-8: DVC and git would not mean the same file"

    def _pipeline(self, path: str, content: bytes) -> Iterator[str]:
        """A pipeline's commands are executed by whoever types `dvc repro`: only the compiled one may be committed."""
        parts = PurePosixPath(path).parts
        if path == artifacts.FILE and _names_models_alone(content):
            yield "names the registered models: only a promotion writes it, so it must be the base branch's"
            return
        if is_of_scoring(parts) and parts[-1] == PIPELINE.name:
            if content not in compiled_scorings(self.root):
                yield "not what flywheel.yaml compiles to for a scoring of the pool: its commands would be executed"
            return
        of_variant = is_of_variant(parts)
        if not (_is_record(parts) or of_variant) or parts[2:] != (PIPELINE.name,):
            yield "a DVC pipeline: its commands would be executed; pipelines are compiled from specs"
            return
        try:
            allowed = compiled_variant(self.root, parts[1]) if of_variant else _compiled(self.root, parts[1])
        except FlywheelError as error:
            yield f"cannot be compared with what the spec compiles to: {error.message.splitlines()[0]}"
            return
        if content not in allowed:
            sprint = parts[1].partition(".")[0] if of_variant else parts[1]
            yield f"not what specs/{sprint}.yaml compiles to: its commands would be executed"

    def _pointer(self, path: str, content: bytes) -> Iterator[str]:
        """A `.dvc` file may say where one file or folder of this repository is stored, and nothing else."""
        document = _plain_yaml(content)
        outs = document.get("outs") if isinstance(document, dict) else None
        if not isinstance(outs, list) or len(outs) != 1 or not isinstance(outs[0], dict):
            yield "not a plain DVC pointer, which names one file or folder under `outs`"
            return
        out = outs[0]
        before = repository.read_file(self.root, self.base, path)
        if "remote" in out and before is not None and _remote(before) == out["remote"]:
            out = {key: value for key, value in out.items() if key != "remote"}
        for key in sorted(
            [
                *(f"{key}" for key in {*document} - _POINTER_KEYS),
                *(f"outs: {key}" for key in {*out} - _OUT_KEYS),
            ]
        ):
            yield f"`{_shown(key)}` is not of a plain DVC pointer: it would make DVC run, fetch or write something else"
        yield from self._stored(path, out)

    def _stored(self, path: str, out: Mapping[Any, Any]) -> Iterator[str]:
        name, md5 = out.get("path"), out.get("md5")
        if not isinstance(md5, str) or not re.fullmatch(r"[0-9a-f]{32}(\.dir)?", md5):
            yield "its md5 is none"
        if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name) or name in (".", ".."):
            yield "what it points to must lie beside it: a name, without `/`, `\\` and `:`"
            return
        place = PurePosixPath(path).parent / name
        ours = {part.lower() for part in place.parts} & _PROTECTED
        if ours or any(file == str(place) or file.startswith(f"{place}/") for file in self.files):
            yield f"DVC would write to {_shown(str(place))}, which git keeps"


def _plain_yaml(content: bytes) -> Any:
    """A small document without anchors and tags; None for any other."""
    if len(content) > _POINTER_BYTES or re.search(rb"[&*!]", content):
        return None
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        return None


def _names_models_alone(content: bytes) -> bool:
    """Whether a dvc.yaml is what a promotion writes: it holds artifacts, and nothing that DVC would execute."""
    document = _plain_yaml(content)
    return isinstance(document, dict) and set(document) == {"artifacts"}


def _remote(pointer: bytes) -> Any:
    """The remote that a pointer of the base branch names: one that its configuration knows."""
    document = _plain_yaml(pointer)
    try:
        return document["outs"][0].get("remote")
    except (TypeError, KeyError, IndexError, AttributeError):
        return None


def _compiled(root: Path, sprint: str) -> list[bytes]:
    """The pipelines that the spec may have: beside the champion, or as it was before there was one."""
    project = load_project(root)
    loaded = load_sprint(root, f"{sprint}.yaml", project)
    champion = Situation(root, project, loaded).incumbent.known()
    champions = [None] if champion is None else [champion, None]
    return [
        compiled(stages_of(project, loaded, champion), loaded.path)[PIPELINE.name].encode()
        for champion in champions
    ]


def _may_lie_in_specs(parts: tuple[str, ...]) -> bool:
    return len(parts) == 1 and bool(_SPEC_FILE.fullmatch(parts[0]) or _NOT_SPECS.fullmatch(parts[0]))


def _cache_inside(root: Path) -> str | None:
    """DVC's cache by its path from the repository's top, where the configuration puts it inside: what it holds is believed."""
    folder, top = cache_folder(root).resolve(), root.resolve()
    return folder.relative_to(top).as_posix().lower() if folder.is_relative_to(top) else None


def _never(path: str, cache: str | None = None) -> Iterator[str]:
    """DVC and flywheel take what they find there for their own, whoever brought it, and however long ago."""
    if cache not in (None, ".dvc/cache") and f"{path.lower()}/".startswith(f"{cache}/"):
        yield f"lies in {_NEVER['.dvc/cache']}, of which nothing is ever committed"
    for name, whose in _NEVER.items():
        if f"/{name}/" in f"/{path.lower()}/":
            yield f"lies in {whose}, of which nothing is ever committed"


def _is_record(parts: tuple[str, ...]) -> bool:
    return len(parts) == 3 and parts[0] == REPORTS


def _shown(path: str) -> str:
    return path if path.isprintable() else ascii(path)
