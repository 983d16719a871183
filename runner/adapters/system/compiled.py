"""numba, without what it would read from the working folder and the environment, and with a cache of this code's own.

numba's cache is unpickled, that is executed, and both `.numba_config.yaml` in the working folder and NUMBA_CACHE_DIR say where it
lies. It also takes a function for unchanged when what it calls in another file has changed: the cache is one for each state of
`runner/evaluation/` and of what else is compiled.
"""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runner.adapters.system.private_folders import cache_folder, out_of_reach

_PREFIX = "NUMBA_"
_RUNNER = Path(__file__).parents[2]
_COMPILED = (
    "evaluation/*.py",
    "adapters/models/decoding/greedy.py",
    "adapters/pictures/hash_pairs.py",
    "adapters/pictures/feature_votes.py",
    "adapters/tables/draws.py",
)


def code_key() -> str:
    """Of the code that is compiled: what evaluates, its compiler, and the interpreter; 16 hex digits."""
    digest = hashlib.sha256(f"{sys.version} {version('numba')}".encode())
    for path in sorted(path for pattern in _COMPILED for path in _RUNNER.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _import_numba() -> Any:
    for name in [name for name in os.environ if name.startswith(_PREFIX)]:
        del os.environ[name]
    folder = cache_folder(f"numba-{code_key()}")
    os.environ[f"{_PREFIX}CACHE_DIR"] = str(folder)  # also for what the processes started from here import
    with out_of_reach():
        import numba
        from numba.core import config
    # It looks again before each compilation, in the working folder of that moment.
    config._config_fname = str(folder / "no-configuration.yaml")
    config.reload_config()
    return numba


_NUMBA = _import_numba()
njit, prange = _NUMBA.njit, _NUMBA.prange
"""Numba's; the only way by which code here gets them."""
