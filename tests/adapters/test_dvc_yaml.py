"""DVC reads a text of YAML once, and what it writes to dvc.lock are the bytes that it writes without us."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runner.adapters.dvc import yaml_reading

LONG = (
    "a condition of more than eighty characters, with 'quotes', \"others\", a colon: and so on and on and on"
)
STAGE = {
    "cmd": "python -m runner.stages.run train",
    "deps": [{"path": "data", "hash": "md5", "md5": "0123456789" * 3 + "e1.dir", "size": 1, "nfiles": 2}],
    "params": {
        "params.yaml": {
            "numbers": [1e-05, 1.5e20, 0.1, 1.0, -0.0, 12, 10**20, True, False, None, float("inf")],
            "texts": ["on", "~", "007", "1e3", "0o17", "null", "=", "<<", "", " ", "*", "&a", "a: b", "2026-11-30"],
            "hard": [LONG, "ünï – cödé", "two\nlines", "tab\there", "ends with a space ", "- dash", "'", '"', "%"],
            "empty": [[], {}],
            "dates": [datetime.date(2026, 11, 30), datetime.datetime(2026, 11, 30, 12, 0)],
            7: "a key that is a number",
        }
    },
}  # fmt: skip


@pytest.fixture
def yaml() -> Iterator[ModuleType]:
    """DVC's module, as it is, with the names that are replaced put back at the end."""
    from dvc import dvcfile
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (_yaml, "parse_yaml"),
            (_yaml, "parse_yaml_for_update"),
            (strictyaml, "parse_yaml"),
            (dvcfile, "modify_yaml"),
        ):
            patch.setattr(module, name, getattr(module, name))
        yield _yaml


@pytest.fixture
def both(yaml: ModuleType) -> tuple[Callable[..., AbstractContextManager[Any]], ...]:
    """How a lock file is changed: by DVC alone, and as `read_once` has it."""
    from dvc import dvcfile

    yaml_reading.read_once.__wrapped__()
    return yaml.modify_yaml, dvcfile.modify_yaml


def changed(modify: Callable[..., AbstractContextManager[Any]], path: Path, text: str | None) -> str:
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")
    for number, name in enumerate(("train", "export", "train")):
        with modify(path) as data:
            data.setdefault("schema", "2.0")
            data["stages"] = data.get("stages", {})
            data["stages"].update({name: {**STAGE, "cmd": f"{STAGE['cmd']} {number}"}})
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [None, "", "schema: '2.0'\n", "# mine\nschema: '2.0'\nstages:\n  old: {cmd: x}\n"],
    ids=["no file", "nothing", "no stages", "a comment"],
)
def test_a_lock_file_is_changed_to_the_same_bytes(both: Any, tmp_path: Path, text: str | None) -> None:
    theirs, ours = (changed(modify, tmp_path / "dvc.lock", text) for modify in both)
    assert ours == theirs
    assert ("# mine" in ours) == (text is not None and "# mine" in text)


SHARED = ["zero", "one"]


@pytest.mark.parametrize(
    "changes",
    [
        [{"cmd": "a"}, {"cmd": "b"}, {"cmd": "c"}],
        [{"params": 1}, {"params": 1.0}, {"params": True}],
        [{"champion": "tiny-digits#prod#1"}, {"champion": "tiny-digits#prod#2"}],
        [{"said": "a text with a # in it"}, {"said": "none"}, {"said": "# at its start"}],
        [{"one": SHARED, "two": SHARED}, {"one": SHARED, "two": SHARED}],
        [{"block": "two\nlines\n", "stages": {"train": 1}}, {"block": "a\n\n  train:\n  b", "stages": None}],
        [{}, {"cmd": LONG}, {}],
    ],
)
def test_stages_that_change_in_turn_leave_the_same_bytes(
    both: Any, tmp_path: Path, changes: list[dict[str, Any]]
) -> None:
    written: list[list[str]] = []
    for number, modify in enumerate(both):
        lock = tmp_path / f"{number}" / "dvc.lock"
        lock.parent.mkdir()
        written.append([])
        for change in changes:
            for names in (["index"], ["train", "1st"], ["index", "train"], ["train"]):
                with modify(lock) as data:
                    data.setdefault("schema", "2.0")
                    data["stages"] = data.get("stages", {})
                    data["stages"].update({name: {"cmd": name, **change} for name in names})
                written[-1].append(lock.read_text(encoding="utf-8"))
            with modify(lock) as data:
                del data["stages"]["index"]
            written[-1].append(lock.read_text(encoding="utf-8"))
    assert written[1] == written[0]


def test_what_else_stands_in_a_lock_file_stays(both: Any, tmp_path: Path) -> None:
    written = []
    for number, modify in enumerate(both):
        lock = tmp_path / f"{number}.lock"
        lock.write_text("schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets:\n- name: d\n", encoding="utf-8")
        with modify(lock) as data:
            data["stages"]["a"]["cmd"] = "y"
        written.append(lock.read_text(encoding="utf-8"))
    assert written[1] == written[0]
    assert "name: d" in written[1]


def test_every_read_is_a_copy_and_of_one_parsing(yaml: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    own = yaml.parse_yaml

    def counting(text: str, path: str, typ: str = "safe") -> Any:
        parsed.append(text)
        return own(text, path, typ)

    monkeypatch.setattr(yaml, "parse_yaml", counting)
    yaml_reading.read_once.__wrapped__()
    for _ in range(3):
        read = yaml.parse_yaml("a: [1, 2]", "params.yaml")
        assert read == {"a": [1, 2]}
        read["a"].append(3)
    assert parsed == ["a: [1, 2]"]


def test_a_file_that_is_no_yaml_is_named(both: Any, tmp_path: Path) -> None:
    from dvc.utils.serialize import YAMLFileCorruptedError

    (tmp_path / "dvc.lock").write_text("a: [")
    for modify in both:
        with pytest.raises(YAMLFileCorruptedError, match=r"dvc\.lock"), modify(tmp_path / "dvc.lock"):
            pytest.fail("it was read")


def test_what_is_no_text_and_what_is_written_half_way_is_as_dvc_has_it(both: Any, tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_bytes(b"\xff")
    for modify in both:
        with pytest.raises(Exception, match="is not valid utf-8"), modify(lock):
            pytest.fail("it was read")
    lock.write_text("schema: '2.0'\n")
    for modify in both:
        with pytest.raises(ZeroDivisionError), modify(lock) as data:
            data["stages"] = 1 / 0
        assert lock.read_text() == "schema: '2.0'\n"
