"""DVC's reading of YAML, without what it does again: one run asks for params.yaml and dvc.lock dozens of times.

A text is parsed by DVC's own parser, once per process. To change a dvc.lock, DVC reads it in a way that keeps comments, five
times as slow; a file that DVC wrote has none, and gives the same bytes when it is read plainly. Of such a file only the stages
that changed are written anew: a run changes it once per stage.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache
from typing import Any

TEXTS = 64
# A file that may have one is changed as DVC changes it.
_COMMENT = re.compile(r"(?:^|\s)#", re.MULTILINE)
_STAGES = "stages:\n"
_STAGE = re.compile(r"^  (?=\S)", re.MULTILINE)
_NAME = re.compile(r"  ([A-Za-z_][\w-]*):\n")
_SHARED = re.compile(r"[&*]id\d")  # a value that stands in two places is written in one of them


@cache
def read_once() -> None:
    """Has DVC read like that, from now on in this process."""
    from dvc import dvcfile
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    own = _yaml.parse_yaml
    parse = _remembering(own)
    _yaml.parse_yaml = strictyaml.parse_yaml = parse
    _yaml.parse_yaml_for_update = lambda text, path: own(text, path, typ="rt")
    dvcfile.modify_yaml = _modifying(dvcfile.modify_yaml, parse, _yaml._dump)


def _remembering(own: Callable[..., Any]) -> Callable[..., Any]:
    import pickle

    @lru_cache(maxsize=TEXTS)
    def pickled(text: str) -> bytes:
        return pickle.dumps(own(text, ""))

    def parse(text: Any, path: Any, typ: str = "safe") -> Any:
        if typ != "safe" or not isinstance(text, str):
            return own(text, path, typ=typ)
        try:
            return pickle.loads(pickled(text))  # noqa: S301 - our own; a copy, which DVC may change
        except Exception:  # the error is to name this file
            return own(text, path)

    return parse


def _modifying(
    own: Callable[..., AbstractContextManager[Any]],
    parse: Callable[..., Any],
    dump: Callable[[Any, io.StringIO], Any],
) -> Callable[..., AbstractContextManager[Any]]:
    def dumped(data: Any) -> str:
        stream = io.StringIO()
        dump(data, stream)
        return stream.getvalue()

    @contextmanager
    def modify(path: Any, fs: Any = None) -> Iterator[Any]:
        text = _text(path, fs) if str(path).endswith(".lock") else None
        if text is None or _COMMENT.search(text):
            with own(path, fs=fs) as data:
                yield data
            return
        data = parse(text, path)
        yield data
        written = _with_changed_stages(text, parse(text, path), data, dumped) or dumped(data)
        with (fs.open if fs else open)(path, "w+", encoding="utf-8") as file:
            file.write(written)

    return modify


def _with_changed_stages(text: str, before: Any, data: Any, dumped: Callable[[Any], str]) -> str | None:
    """The lock file's text with the stages that changed; None where it is not as DVC writes it, or more changed than stages."""
    head, found, body = text.partition(_STAGES)
    blocks = {}
    for block in _STAGE.split(body)[1:]:
        name = _NAME.match(f"  {block}")
        if name is None:
            return None
        blocks[name[1]] = f"  {block}"
    stages = data.get("stages")
    if (
        list(data) != ["schema", "stages"]
        or repr(data["schema"]) != repr(before.get("schema"))
        or not found
        or list(blocks) != list(before["stages"] or ())
        or list(stages)[: len(blocks)] != list(blocks)
    ):
        return None
    # Not by equality: 1, 1.0 and true are written otherwise.
    changed = [
        name for name in stages if name not in blocks or repr(stages[name]) != repr(before["stages"][name])
    ]
    if changed:
        new = dumped({"schema": data["schema"], "stages": {name: stages[name] for name in changed}})
        _, _, written = new.partition(_STAGES)
        blocks.update(zip(changed, (f"  {block}" for block in _STAGE.split(written)[1:]), strict=True))
    made = head + found + "".join(blocks[name] for name in stages)
    return None if _SHARED.search(made) else made


def _text(path: Any, fs: Any) -> str | None:
    """None where there is no such file, or none that is text: DVC says what is to be said of that."""
    try:
        with (fs.open if fs else open)(path, encoding="utf-8") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError):
        return None
