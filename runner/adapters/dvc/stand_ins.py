"""Inputs that are not here, taken by DVC for what their pointers record: what a stage needs of them lies elsewhere.

DVC 3.67 has no partial checkout: `dvc repro` calls a folder with some of its files "modified", and one that is away
"deleted". Source: `Dependency` of dvc/dependency/base.py, and `Stage.changed_deps` and `save_deps` of dvc/stage/__init__.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.adapters.dvc.metafiles import Pointer


@contextmanager
def standing_in(root: Path, inputs: Mapping[str, Pointer]) -> Iterator[None]:
    """While it lasts, DVC finds these inputs as their pointers say, and records that in the locks that it writes.

    Args:
        inputs: by path from the repository's top. Each is to be away: one that is here is compared as ever.
    """
    if not inputs:
        yield
        return
    from dvc.dependency.base import Dependency
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta

    recorded = {str(root / path): pointer for path, pointer in inputs.items()}
    own_status, own_save, own_hash = Dependency.workspace_status, Dependency.save, Dependency._get_hash_meta

    def pointer_of(dependency: Any) -> Pointer | None:
        return None if dependency.exists else recorded.get(dependency.fs_path)

    def workspace_status(self: Any) -> dict[str, str]:
        pointer = pointer_of(self)
        if pointer is None:
            return dict(own_status(self))
        return {} if self.hash_info.value == pointer.md5 else {str(self): "modified"}

    def save(self: Any) -> None:
        pointer = pointer_of(self)
        if pointer is None:
            own_save(self)
            return
        self.hash_name = "md5"
        self.meta, self.hash_info = hash_meta(self)

    def hash_meta(self: Any) -> Any:
        pointer = pointer_of(self)
        if pointer is None:
            return own_hash(self)
        is_folder = pointer.md5.endswith(".dir")
        return Meta(size=pointer.bytes, nfiles=pointer.files, isdir=is_folder), HashInfo("md5", pointer.md5)

    Dependency.workspace_status, Dependency.save = workspace_status, save
    Dependency._get_hash_meta = hash_meta
    try:
        yield
    finally:
        Dependency.workspace_status, Dependency.save = own_status, own_save
        Dependency._get_hash_meta = own_hash
