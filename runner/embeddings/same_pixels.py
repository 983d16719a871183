"""Images that show the same pixels: their vectors propose pairs, and registration of the pictures confirms them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.dataset.kept import KeptTable, kept_folder
from runner.domain.errors import FlywheelError, Where
from runner.domain.progress import progress_bar
from runner.embeddings.kept import KeptVectors
from runner.embeddings.lite0 import Lite0
from runner.embeddings.source import Setting

if TYPE_CHECKING:
    from runner.adapters.pictures.alignment import Grey

NEIGHBOURS = 5  # of each image, by their vectors, that are looked at
TABLE = "registrations"
_CHUNK = 256  # pairs between two writes: what a killed process loses at most
_GREYS = 2048  # pictures of 36 KB that are kept in memory
_OTHER, _SAME = "other", "same"


class SamePixels:
    """Looks into a dataset's images. What was found out about a pair is kept for the project, by both images' content.

    Args:
        root: the project's, in whose `.flywheel/` it is kept.
        dataset: the folder that paths are relative to.
    """

    def __init__(self, root: Path, dataset: str) -> None:
        self._root, self._dataset = root, dataset

    def pairs(self, paths: Sequence[str], image_ids: Sequence[str]) -> list[tuple[int, int, str]]:
        """The pairs of images that show the same pixels: two positions, the smaller first, and what was done to the one; as
        `flipped`; nothing where it was only saved, scaled or brightened anew.

        Args:
            paths: `(N,)`. `image_ids`: `(N,)`, each once.

        Raises:
            FlywheelError: the dataset or the extra `embed` is not here, or an image cannot be read any more.
        """
        from runner.dataset.neighbours import propose_pairs

        folder = self._root / self._dataset
        if not folder.is_dir():
            raise FlywheelError(
                f"{self._dataset}/ is not here: `dedupe: {{method: embedding}}` looks at the images themselves",
                where=Where(self._dataset),
                hint=f"fetch it: dvc pull {self._dataset}.dvc",
            )
        if len(paths) < 2:
            return []
        files = {image_id: folder / path for path, image_id in zip(paths, image_ids, strict=True)}
        vectors = KeptVectors(Lite0(), self._setting())
        vectors.complete(files)
        proposed = propose_pairs(vectors.get(image_ids), NEIGHBOURS)
        pairs = list(zip(proposed.first.tolist(), proposed.second.tolist(), strict=True))
        said = self._registered([(image_ids[one], image_ids[other]) for one, other in pairs], files)
        found = zip(pairs, said, strict=True)
        return [
            (one, other, "" if changes == _SAME else changes)
            for (one, other), changes in found
            if changes != _OTHER
        ]

    def _registered(self, pairs: Sequence[tuple[str, str]], files: dict[str, Path]) -> list[str]:
        """Of each pair what was done to get the one from the other; `other` where they show something else."""
        table = KeptTable(kept_folder(self._root), TABLE, registering_version())
        keys = ["-".join(sorted(pair)) for pair in pairs]
        known: dict[str, str] = {}
        places, columns = table.find(keys)
        if places:
            known = dict(zip((keys[at] for at in places), map(str, columns["changes"]), strict=True))
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        register = _Registering(files)
        with (
            ThreadPoolExecutor(self._threads()) as pool,
            progress_bar("register", len(missing), "pair") as bar,
        ):
            for start in range(0, len(missing), _CHUNK):
                chunk = missing[start : start + _CHUNK]
                changes = list(pool.map(register, chunk))
                table.put(chunk, {"changes": changes})
                known |= dict(zip(chunk, changes, strict=True))
                bar.update(len(chunk))
        return [known[key] for key in keys]

    def _setting(self) -> Setting:
        from runner.adapters.system.machine import cpu_device

        def nobody() -> Path:
            raise AssertionError("lite0 asks for no champion")

        return Setting(
            root=self._root,
            device=lambda: cpu_device(None),
            threads=self._threads(),
            champion=nobody,
        )

    def _threads(self) -> int:
        from runner.adapters.system.machine import cpu_count

        return cpu_count()


class _Registering:
    """Registers a pair of contents, always the same one upon the other."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self._grey = lru_cache(_GREYS)(self._read)

    def _read(self, image_id: str) -> Grey | None:
        from runner.adapters.pictures.registration import read_grey

        return read_grey(self._files[image_id])

    def __call__(self, key: str) -> str:
        from runner.adapters.pictures.registration import register

        one, other = map(self._grey, key.split("-"))
        if one is None or other is None:
            gone = next(self._files[name] for name in key.split("-") if self._grey(name) is None)
            raise FlywheelError("the image cannot be read any more", where=Where(str(gone)))
        found = register(one, other)
        if found is None:
            return _OTHER
        return ", ".join(found.changes) or _SAME


@lru_cache(1)
def registering_version() -> str:
    """Another one where the code that registers is another; 16 hex digits."""
    from runner.adapters.pictures import alignment, registration

    digest = hashlib.sha256()
    for module in (registration, alignment):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]
