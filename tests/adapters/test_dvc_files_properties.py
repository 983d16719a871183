"""What metafiles.py reads and hashes is what DVC itself would say, for whatever a stage holds."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.adapters.dvc import metafiles
from runner.adapters.system import yaml_text

NAMES = st.text("abcXYZ019_-é ", min_size=1, max_size=8).filter(lambda name: name.strip(" .-") == name)
CONTENTS = st.binary(max_size=40)
FOLDERS = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), CONTENTS, min_size=1, max_size=5
).filter(
    lambda files: (
        len({name.casefold() for name in files}) == len(files)
        and not any(other.startswith(f"{name}/") for name in files for other in files)
    )
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text("aeno019.:-+_ é'\"#{}[]~\n", max_size=8)
    | st.sampled_from(
        ["on", "yes", "null", "1e3", "2026-01-02", "0x1f", "012", "1_000", "12:30:45", "~", ""]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["size", "nfiles", "a", "no", "1"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PARAMS = st.dictionaries(st.sampled_from(["train", "index", "size"]), VALUES, min_size=1, max_size=3)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """DVC's own view of a folder without git."""
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("dvc")
    logging.disable(logging.CRITICAL)  # DVC's own handler may hold the stream of a test that is over
    repo = Repo.init(str(folder), no_scm=True)
    with repo.config.edit() as config:
        config["core"]["analytics"] = False
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield repo
    repo.close()
    logging.disable(logging.NOTSET)


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=FOLDERS, outputs=FOLDERS, single=CONTENTS, params=PARAMS)
def test_a_stage_and_its_key_are_read_as_dvc_wrote_them(
    repository: Any,
    inputs: dict[str, bytes],
    outputs: dict[str, bytes],
    single: bytes,
    params: dict[str, Any],
) -> None:
    from dvc.dependency import ParamsDependency
    from dvc.stage.cache import _get_stage_hash

    root = Path(repository.root_dir)
    folder = root / "reports" / "0001-a"
    shutil.rmtree(folder, ignore_errors=True)
    written(folder / "in", inputs)
    written(folder / "out", outputs)
    (folder / "one.bin").write_bytes(single)
    (folder / "params.yaml").write_text(yaml_text.dump(params), "utf-8")
    stages = {"work": {"cmd": "work", "deps": ["in", "one.bin"], "params": sorted(params), "outs": ["out"]}}
    (folder / "dvc.yaml").write_text(yaml_text.dump({"stages": stages}), "utf-8")
    repository._reset()
    stage = repository.stage.load_one(str(folder / "dvc.yaml"), "work")
    with repository.lock:
        stage.save()
        stage.commit()
        stage.dump()

    (locked,) = metafiles.read_lock(folder / "dvc.lock").values()
    files = {
        each.def_path: each.hash_info.value for each in stage.deps if not isinstance(each, ParamsDependency)
    }
    (sections,) = (each.hash_info.value for each in stage.deps if isinstance(each, ParamsDependency))
    (output,) = stage.outs
    assert locked.cmd == stage.cmd
    assert locked.deps == files
    assert locked.outs == {"out": output.hash_info.value}
    assert locked.params == sections
    assert metafiles.folder_md5(folder / "in") == files["in"]
    assert metafiles.file_md5(folder / "one.bin") == files["one.bin"]
    key = metafiles.run_cache_key(locked.cmd, locked.deps, locked.params, list(locked.outs))
    assert key == _get_stage_hash(stage)
    assert metafiles.is_cached(root, locked.outs["out"])
    members = {"/".join(name): entry.value for name, (_, entry) in output.get_obj()._dict.items()}
    assert metafiles.cached_members(root, locked.outs["out"]) == members


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own use of pygtrie
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FOLDERS)
def test_a_pointer_says_what_dvc_added(repository: Any, files: dict[str, bytes]) -> None:
    root = Path(repository.root_dir)
    shutil.rmtree(root / "data", ignore_errors=True)
    written(root / "data", files)
    repository._reset()
    (stage,) = repository.add(str(root / "data"))
    (output,) = stage.outs
    pointer = metafiles.parse_pointer((root / "data.dvc").read_bytes())
    assert pointer is not None
    assert pointer.md5 == output.hash_info.value == metafiles.pointer_md5(root / "data.dvc")
    assert (pointer.files, pointer.bytes) == (len(files), sum(map(len, files.values())))
