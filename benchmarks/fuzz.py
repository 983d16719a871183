"""Broken files of every kind, one at a time, in a project that has run: which exit codes do the commands give?

Each input is one file of the project (a spec, flywheel.yaml, a record, a DVC file, a label, an image, metadata) with one thing wrong
with it, or one tag of git's; then a command runs in this process. Exit code 70 is a bug, and so is what hangs or escapes. The
same seed gives the same inputs.

    python benchmarks/fuzz.py --project FOLDER --inputs 10000 --seed 1

FOLDER is a project whose newest sprint has run and is committed; it is copied. `make demo && flywheel run` gives one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

LIMIT_S = 600  # a first run compiles, and others may use the machine
READING = (
    *(["status"], ["plan"], ["report"]) * 3,
    *(["verify", "SPRINT"], ["judge", "SPRINT"], ["promote", "SPRINT", "--dry-run"], ["history"]),
)
WRITTEN = (["validate"], ["plan"], ["status"], ["validate", "--format", "json"], ["plan", "--format", "json"])
INDEX = (["index"],)
BYTES = (
    *(
        b"\xff\xfe",
        b"\x00",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\r",
        b"\t",
        b"\xef\xbb\xbf",
        "²".encode(),
        "ｅ".encode(),
    ),
    *(
        b"<<<<<<< HEAD\n",
        b"=======\n",
        b">>>>>>> theirs\n",
        b"[" * 5000,
        b'{"a":' * 3000,
        b"- " * 4000,
        b"9" * 500,
    ),
    *(
        b"null",
        b"nan",
        b"-1",
        b"1e400",
        b"!!python/object:os.system x",
        b"&a [*a]",
        b"\xe2\x80\xae",
        b"'",
        b'"',
        b",",
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        10**20,
        10**400,
        1e308,
        -1e308,
        0.1,
        2**31,
        2**32,
        2**63,
        2**64,
        "",
        " ",
        "x" * 5000,
    ),
    *(
        "²",
        "\u0000",
        "\ud800",
        "\u202e",
        "../../etc/passwd",
        "/etc/passwd",
        "~",
        "*",
        "${x}",
        "%s",
        "a\nb",
        "::error::",
    ),
    *(
        [],
        {},
        [[]],
        {"": None},
        [None],
        {"a": {"b": {"c": []}}},
        "1+" * 300 + "1",
        "NaN",
        "-0",
        "1e5",
        "2026-01-31",
    ),
)


@dataclass
class Target:
    """Files of one kind, and what reads them."""

    name: str
    files: list[Path]
    commands: tuple[list[str], ...]
    share: int = 1


@dataclass
class Outcome:
    """What became of one input."""

    kind: str
    what: str
    command: str
    code: int | str
    said: str


@dataclass
class Table:
    """Exit codes by kind of input."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.counts.setdefault(outcome.kind, Counter())[str(outcome.code)] += 1
        if outcome.code not in (0, 1, 2, 3, 4, 5):
            self.faults.append(outcome)

    def lines(self) -> Iterator[str]:
        codes = sorted({code for counts in self.counts.values() for code in counts})
        yield "| input | " + " | ".join(codes) + " |"
        yield "| --- |" + " ---: |" * len(codes)
        for kind, counts in sorted(self.counts.items()):
            yield f"| {kind} | " + " | ".join(f"{counts[code]:,}" for code in codes) + " |"
        total = sum(self.counts.values(), Counter())
        yield "| all | " + " | ".join(f"{total[code]:,}" for code in codes) + " |"


def targets(root: Path, sprint: str) -> list[Target]:
    """What is broken, of a project that has run."""
    folder = root / "reports" / sprint
    records = sorted([*folder.glob("*.json"), *folder.glob("plots/*.csv")])
    stored = sorted(
        path
        for name in ("index", "selection", "predictions", "outcomes")
        for path in (folder / name).rglob("*.*")
    )
    listings = sorted((root / ".dvc" / "cache" / "files" / "md5").glob("*/*.dir"))
    labels, images = sorted((root / "data").rglob("*.txt")), sorted((root / "data").rglob("*.jpg"))
    return [
        Target("spec", sorted((root / "specs").glob("*.yaml")), WRITTEN, 6),
        Target("flywheel.yaml", [root / "flywheel.yaml"], WRITTEN, 6),
        Target("record", records, READING, 6),
        Target("pipeline", [folder / name for name in ("params.yaml", "dvc.yaml", "dvc.lock")], READING, 3),
        Target("pointer and DVC's configuration", [root / "data.dvc", root / ".dvc" / "config"], (["plan"], ["status"], ["run"]), 2),
        Target("stored table", stored, (["verify", "SPRINT"], ["plan"], ["report"], ["judge", "SPRINT"]), 1),
        Target("listing in DVC's cache", listings, (["plan"], ["verify", "SPRINT"], ["status"]), 1),
        Target("metadata", [root / "data" / "metadata.csv"], (["index"], ["index"], ["validate"]), 2),
        Target("label", labels, INDEX, 2),
        Target("image", images, INDEX, 1),
        Target("dataset that is adopted", _datasets(root), (["init"],), 1),
        Target("tag", [], (["status"], ["history"], ["plan"], ["rollback", "--dry-run"]), 1),
    ]  # fmt: skip


def _datasets(root: Path) -> list[Path]:
    """Two small datasets beside the project, in the layouts YOLO and COCO; the files that say what is in them."""
    images = sorted((root / "data" / "images").rglob("*.jpg"))[:8]
    for layout in ("yolo", "coco"):
        place = root.parent / layout / "images" / "train"
        place.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            shutil.copy(image, place / f"{number}.jpg")
    labels = root.parent / "yolo" / "labels" / "train"
    labels.mkdir(parents=True, exist_ok=True)
    for number in range(len(images)):
        (labels / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.2 0.3\n0 0.2 0.2 0.1 0.1\n")
    described = root.parent / "yolo" / "data.yaml"
    described.write_text("path: .\ntrain: images/train\nnames: {0: cat, 1: dog}\n")
    annotations = root.parent / "coco" / "annotations" / "instances_train.json"
    annotations.parent.mkdir(exist_ok=True)
    document = {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "width": 320, "height": 240} for n in range(len(images))
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1 + n % 2,
                "bbox": [10, 10, 20, 30],
                "area": 600,
                "iscrowd": 0,
            }
            for n in range(len(images))
        ],
    }
    annotations.write_text(json.dumps(document))
    return [described, annotations, annotations, *sorted(labels.glob("*.txt"))[:3]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one kind of input")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="flywheel-fuzz-") as temporary:
        root = Path(shutil.copytree(options.project, Path(temporary) / "project", symlinks=True))
        table = fuzz(root, options.inputs, options.seed, options.only)
    print(f"seed {options.seed}, {sum(sum(counts.values()) for counts in table.counts.values()):,} inputs\n")
    print("\n".join(table.lines()))
    for fault in table.faults:
        print(f"\n{fault.code}: {fault.kind}, {fault.what}; flywheel {fault.command}\n  {fault.said}")
    return bool(table.faults)


def fuzz(root: Path, inputs: int, seed: int, only: str | None = None) -> Table:
    """Breaks one thing after the other, and puts it back."""
    chance, table = random.Random(seed), Table()
    sprint = max(path.name for path in (root / "reports").iterdir() if path.is_dir())
    shutil.copytree(root / "reports" / sprint, root.parent / "kept", symlinks=True)
    chosen = [target for target in targets(root, sprint) if only in (None, target.name)]
    shares = [target.share for target in chosen]
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))  # then it tells what was seen
    for number in range(inputs):
        (target,) = chance.choices(chosen, shares)
        command = [sprint if word == "SPRINT" else word for word in chance.choice(target.commands)]
        if stopped:
            break
        if target.files:
            file = chance.choice(target.files)
            outcome = _with_broken(root, sprint, target.name, file, command, chance)
        else:
            outcome = _with_tag(root, target.name, command, chance)
        table.add(outcome)
        if number % 100 == 99:
            print(f"{number + 1:,} of {inputs:,}, {len(table.faults)} faults", file=sys.stderr, flush=True)
    return table


def _with_broken(
    root: Path, sprint: str, kind: str, file: Path, command: list[str], chance: random.Random
) -> Outcome:
    before = file.read_bytes()
    what, content = broken(before, file.suffix, chance)
    file.unlink()  # a hard link's other name keeps its bytes
    if content is None:
        what, _ = "a folder in its place", file.mkdir()
    else:
        file.write_bytes(content)
    try:
        if command == ["init"]:
            code, said = _adopted(root, file)
        else:
            code, said = _stage(root, sprint) if command == ["index"] else run(root, command)
    finally:
        if file.is_dir():
            file.rmdir()
        file.write_bytes(before)
        if command[0] not in ("validate", "plan", "status", "history"):  # these write nothing
            _put_back(root, sprint)
    return Outcome(kind, f"{file.relative_to(root.parent)}: {what}", " ".join(command), code, said)


def _with_tag(root: Path, kind: str, command: list[str], chance: random.Random) -> Outcome:
    ends = ["²", "01", "-1", "99999999999999999999", "x", "\udcff", "é", "١", "1!", "#", "", "0"]
    starts = ["tiny-digits", "tiny", "é", "\udcfe", "a=b", "reports"]
    form = chance.choice(
        ["{0}#prod#{1}", "{0}@v{1}", "{0}@{1}", "{0}#prod", "{0}#{1}", "{0}@v1.{1}.0", "{0}@deprecated#{1}"]
    )
    name = form.format(chance.choice(starts), chance.choice(ends))
    subprocess.run(["git", "tag", os.fsencode(name)], cwd=root, capture_output=True, check=False)
    try:
        code, said = run(root, command)
    finally:
        subprocess.run(["git", "tag", "-d", os.fsencode(name)], cwd=root, capture_output=True, check=False)
    return Outcome(kind, ascii(name), " ".join(command), code, said)


def _put_back(root: Path, sprint: str) -> None:
    """What the command itself wrote or took away."""
    subprocess.run(["git", "checkout", "-q", "--", "reports"], cwd=root, check=False, capture_output=True)
    folder, kept = root / "reports" / sprint, root.parent / "kept"
    if _files(folder) != _files(kept):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder, symlinks=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def broken(content: bytes, suffix: str, chance: random.Random) -> tuple[str, bytes | None]:
    """One thing that is wrong, and the file with it; None for a folder of the file's name."""
    ways: list[Callable[[bytes, random.Random], tuple[str, bytes | None]]] = [
        _inserted,
        _inserted,
        _cut,
        _line,
        _bits,
    ]
    if suffix in (".json", ".dir"):
        ways += [_json_value] * 6
    elif suffix in (".yaml", ".dvc", ".lock", ".csv", ".txt", ""):
        ways += [_text_value] * 5
    if chance.random() < 0.01:
        return "a folder", None
    return chance.choice(ways)(content, chance)


def _inserted(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    at, piece = chance.randint(0, len(content)), chance.choice(BYTES)
    return f"{piece[:20]!r} inserted at {at}", content[:at] + piece + content[at:]


def _cut(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    at = chance.randint(0, max(len(content) - 1, 0))
    return f"cut at {at}", content[:at]


def _bits(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return "some bytes changed", bytes(changed)


def _line(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    lines = content.split(b"\n")
    at = chance.randrange(len(lines))
    if chance.random() < 0.5:
        return f"line {at + 1} away", b"\n".join(lines[:at] + lines[at + 1 :])
    return f"line {at + 1} twice", b"\n".join([*lines[:at], lines[at], *lines[at:]])


def _text_value(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    """The value after a colon, comma or blank is another one."""
    places = [at for at, byte in enumerate(content) if byte in b": ,"]
    if not places:
        return _inserted(content, chance)
    at = chance.choice(places) + 1
    ends = [end for mark in b"\n ,}]" if (end := content.find(bytes([mark]), at + 1)) >= 0]
    end = min(ends, default=len(content))
    value = json.dumps(chance.choice(VALUES)).encode()
    return f"{value[:30]!r} at {at}", content[:at] + b" " + value + content[end:]


def _json_value(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    """A value at some depth is another one, or its key is gone."""
    try:
        document = json.loads(content)
    except ValueError:
        return _inserted(content, chance)
    parent, key, value = None, None, document
    while isinstance(value, dict | list) and value and (parent is None or chance.random() < 0.85):
        parent, key = value, chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = parent[key]
    if parent is None:
        return "another document", json.dumps(chance.choice(VALUES)).encode()
    if chance.random() < 0.2:
        del parent[key]
        return f"{key!r} away", json.dumps(document).encode()
    parent[key] = chance.choice(VALUES)
    return f"{key!r} is {str(parent[key])[:30]!a}", json.dumps(document).encode()


class _Hangs(BaseException):
    """The command did not end."""


def _alarm(number: int, frame: FrameType | None) -> None:
    raise _Hangs


def run(root: Path, command: list[str]) -> tuple[int | str, str]:
    """A command's exit code, and its last words."""
    from runner.cli.main import main as flywheel

    return _observed(root, lambda: flywheel(command))


def _adopted(root: Path, file: Path) -> tuple[int | str, str]:
    """`init` of the dataset that a file is of, into a new folder."""
    dataset = root.parent / file.relative_to(root.parent).parts[0]
    new = root.parent / "adopted"
    new.mkdir()
    try:
        return run(new, ["init", "--data", str(dataset)])
    finally:
        shutil.rmtree(new)


def _stage(root: Path, sprint: str) -> tuple[int | str, str]:
    """The stage that reads data, by itself."""
    from runner.stages.run import main as stage

    return _observed(root / "reports" / sprint, lambda: stage(["index"]))


def _observed(folder: Path, call: Callable[[], int]) -> tuple[int | str, str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    before = signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LIMIT_S)
    code: int | str
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = int(call())
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 2
    except _Hangs:
        code = "hangs"
    except Exception as error:
        code = f"escaped: {type(error).__name__}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    err.flush()
    said = err.buffer.getvalue().decode("utf-8", "replace").strip()  # type: ignore[attr-defined]
    return code, " ".join(said.split())[-400:]


if __name__ == "__main__":
    sys.exit(main())
