"""Records that another version of flywheel wrote: read for what is known, and never emptied of what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.domain.errors import FlywheelError
from runner.domain.files import decode_json, encode_json
from runner.domain.records import SplitCounts, StageTiming
from runner.domain.verdict import SplitUse
from runner.record.catalogue import SELECTION, TIMINGS, USES, VERDICT
from runner.record.timings import Timings
from runner.record.versions import decode_any_version

TIMING = StageTiming(
    stage="train", seconds=1.0, work=2.0, device="cpu", finished_at="2026-11-30T00:00:00+00:00"
)
USE = SplitUse(split_digest="a", evaluation_digest="b", significance=0.025, uses_before=0, spent_before=0.0)


def of_another_version(record: Any, **more: object) -> Any:
    return json.loads(encode_json(record)) | more


def test_an_unknown_field_is_passed_over_wherever_it_stands() -> None:
    selection = {
        "splits": {"test": {"images": 1, "objects": 2, "hue": "red"}},
        "dropped": [{"split": "test", "reason": "dark", "dropped": 1, "why": {"a": [1]}}],
        "digest": "x",
        "split_digests": {"test": "y"},
        "planned": True,
    }
    read = decode_any_version(json.dumps(selection).encode(), SELECTION.type)
    assert read.splits == {"test": SplitCounts(images=1, objects=2)}
    assert read.dropped[0].reason == "dark"


def test_what_a_job_hands_over_is_decoded_strictly_all_the_same() -> None:
    content = json.dumps(of_another_version(TIMING, unknown=1)).encode()
    assert decode_any_version(content, StageTiming) == TIMING
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        decode_json(content, StageTiming)


@pytest.mark.parametrize(
    "content", [b"{", b'"\xed\xa0\x80"', b"[]", b'{"outcome": "PASS"}', b"\xff", b"[" * 5000]
)
def test_what_is_no_such_record_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / VERDICT.name).write_bytes(content)
    with pytest.raises(FlywheelError, match=r"not a Verdict record"):
        VERDICT.read(tmp_path)


def test_what_is_not_there_is_none_and_no_error(tmp_path: Path) -> None:
    assert VERDICT.read_if_there(tmp_path) is None


def test_unknown_fields_are_written_back_with_the_entry_that_they_are_of(tmp_path: Path) -> None:
    (tmp_path / USES.name).write_text(
        json.dumps([of_another_version(USE, reviewer="ann"), of_another_version(USE, evaluation_digest="c")])
    )
    uses = USES.read(tmp_path)
    USES.amend(tmp_path, [*uses, msgspec.structs.replace(USE, evaluation_digest="d")])
    assert [use.get("reviewer") for use in json.loads((tmp_path / USES.name).read_text())] == [
        "ann",
        None,
        None,
    ]
    assert [use.evaluation_digest for use in USES.read(tmp_path)] == ["b", "c", "d"]


def test_a_changed_entry_loses_only_what_was_known_of_the_old_one(tmp_path: Path) -> None:
    old = {"stages": [of_another_version(TIMING, host="a")], "clock": "utc"}
    (tmp_path / TIMINGS.name).write_text(json.dumps(old))
    TIMINGS.amend(tmp_path, Timings(stages=[msgspec.structs.replace(TIMING, seconds=9.0)]))
    written = json.loads((tmp_path / TIMINGS.name).read_text())
    assert written["clock"] == "utc"
    assert written["stages"] == [json.loads(encode_json(msgspec.structs.replace(TIMING, seconds=9.0)))]


def test_a_record_of_today_is_amended_to_the_bytes_that_it_would_be_written_with(tmp_path: Path) -> None:
    uses = [USE, msgspec.structs.replace(USE, evaluation_digest="c", spent_before=1e-7)]
    (tmp_path / USES.name).write_bytes(encode_json(uses[:1]))
    USES.amend(tmp_path, uses)
    assert (tmp_path / USES.name).read_bytes() == encode_json(uses)
