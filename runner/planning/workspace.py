"""What the planner may know of a repository: locks, hashes, and what is cached."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Protocol

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.metafiles import LockedStage
from runner.record.catalogue import LOCK


class Workspace(Protocol):
    """The planner's questions."""

    def lock(self) -> dict[str, LockedStage]:
        """The sprint's dvc.lock."""
        ...

    def input_md5(self, path: str) -> str | None:
        """The hash of a file or folder that no stage writes, by its path from the repository's top."""
        ...

    def has(self, path: str, md5: str) -> bool:
        """Whether a stage's record is in the sprint's folder or in DVC's cache."""
        ...

    def is_cached(self, md5: str) -> bool:
        """Whether DVC's cache holds a file, or a folder with all its files."""
        ...

    def earlier_run(self, key: str) -> LockedStage | None:
        """The run that DVC's run cache holds under a key."""
        ...

    def recorded_run(self, key: str) -> LockedStage | None:
        """The run that a sprint's record in git tells of, whether or not what it wrote is here."""
        ...


class Repository:
    """The real workspace of one sprint."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder

    def lock(self) -> dict[str, LockedStage]:
        return metafiles.read_lock(self.folder / LOCK.name)

    def input_md5(self, path: str) -> str | None:
        """From the DVC pointer when there is one (the files themselves may be absent), else from the file."""
        pointed = metafiles.pointer_md5(self.root / f"{path}.dvc")
        if pointed is not None:
            return pointed
        file = self.root / path
        return metafiles.file_md5(file) if file.is_file() else None

    def has(self, path: str, md5: str) -> bool:
        return (self.folder / path).exists() or metafiles.is_cached(self.root, md5)

    def is_cached(self, md5: str) -> bool:
        return metafiles.is_cached(self.root, md5)

    def earlier_run(self, key: str) -> LockedStage | None:
        return metafiles.run_cache_lookup(self.root, key)

    def recorded_run(self, key: str) -> LockedStage | None:
        found = self._recorded.get(key)
        return found.stage if found is not None else None

    @cached_property
    def _recorded(self) -> dict[str, metafiles.RecordedRun]:
        return metafiles.recorded_runs(self.root)
