"""What a batch is drawn from: the tables of a scoring of the pool, by DVC's hashes, in the workspace or in DVC's cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.dvc import metafiles
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.record.catalogue import LOCK

EMBEDDINGS = "embeddings/"  # what a batch's record calls its vectors by, before their source


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The stored outputs of a scoring.

    Attributes:
        folder: of the scoring, from the repository's top: `scores/0001-first-model-pool`.
        hashes: DVC's hash of each output, by its path inside that folder: `index`, `selection`, `champion`, `committee`.
    """

    root: Path
    folder: str
    hashes: Mapping[str, str]
    _here: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def file(self, out: str, name: str) -> Path:
        """A file of an output.

        Raises:
            FlywheelError: neither the workspace nor DVC's cache has it with that hash.
        """
        found = self._found(out, name)
        if found is None:
            raise FlywheelError(
                f"what the batch was drawn from is not here: {out}/{name} with the hash {self.hashes.get(out, '(none)')}",
                where=Where(f"{self.folder}/{out}"),
                hint=f"dvc fetch --all-commits {self.folder}/{LOCK.name.removesuffix('.lock')}.yaml",
                exit_code=ExitCode.STAGE_FAILED,
            )
        return found

    def members(self, out: str) -> list[str]:
        """The files of an output, by name; none where there is no such output."""
        md5 = self.hashes.get(out, "")
        listed = metafiles.cached_members(self.root, md5)
        if listed is not None:
            return sorted(listed)
        folder = self.root / self.folder / out
        return sorted(path.name for path in folder.iterdir()) if md5 and folder.is_dir() else []

    def absent(self) -> list[str]:
        """The outputs that are neither in the workspace nor in DVC's cache, by their paths from the repository's top."""
        return [
            f"{self.folder}/{out}"
            for out, md5 in sorted(self.hashes.items())
            if not metafiles.is_cached(self.root, md5) and not self._lies_there(out)
        ]

    @property
    def recorded(self) -> dict[str, str]:
        """For the record: path from the repository's top → hash."""
        return {f"{self.folder}/{out}": md5 for out, md5 in sorted(self.hashes.items())}

    def _found(self, out: str, name: str) -> Path | None:
        md5 = self.hashes.get(out, "")
        cached = metafiles.cached_member(self.root, md5, name)
        if cached is not None:
            return cached
        workspace = self.root / self.folder / out / name
        return workspace if self._lies_there(out) and workspace.is_file() else None

    def _lies_there(self, out: str) -> bool:
        """Whether the workspace has an output as it was recorded."""
        if out not in self._here:
            workspace = self.root / self.folder / out
            self._here[out] = workspace.is_dir() and metafiles.folder_md5(workspace) == self.hashes.get(out)
        return self._here[out]


def evidence_in(root: Path, folder: str) -> Evidence:
    """That of a scoring as it lies in the working tree, by its lock file."""
    locked = metafiles.read_lock(root / folder / LOCK.name)
    outs = {out: md5 for stage in locked.values() for out, md5 in stage.outs.items() if md5.endswith(".dir")}
    return Evidence(root=root, folder=folder, hashes=outs)


def evidence_of(root: Path, recorded: Mapping[str, str]) -> Evidence:
    """That of a batch's record, whose vectors are none of DVC's.

    >>> evidence_of(Path(), {"embeddings/lite0": "0a", "scores/pool/index": "a.dir"}).folder
    'scores/pool'
    """
    stored = {path: md5 for path, md5 in recorded.items() if not path.startswith(EMBEDDINGS)}
    folders = {path.rpartition("/")[0] for path in stored}
    return Evidence(
        root=root,
        folder=min(folders, default=""),
        hashes={path.rpartition("/")[2]: md5 for path, md5 in stored.items()},
    )


def vectors_of(recorded: Mapping[str, str]) -> dict[str, str]:
    """The vectors of a batch's record: source → SHA-256.

    >>> vectors_of({"embeddings/lite0": "0a", "scores/pool/index": "a.dir"})
    {'embeddings/lite0': '0a'}
    """
    return {path: digest for path, digest in recorded.items() if path.startswith(EMBEDDINGS)}
