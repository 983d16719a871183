"""DVC's reading of YAML, without what it does again: one run asks for params.yaml and dvc.lock dozens of times.

A text is parsed by DVC's own parser, once per process. To change a dvc.lock, DVC reads it in a way that keeps comments, five
times as slow; a file that DVC wrote has none, and gives the same bytes when it is read plainly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache
from typing import Any

TEXTS = 64
_COMMENT = "#"  # a file that may have one is changed as DVC changes it


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
    dvcfile.modify_yaml = _modifying(dvcfile.modify_yaml, parse, _yaml.dump_yaml)


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
    own: Callable[..., AbstractContextManager[Any]], parse: Callable[..., Any], dump: Callable[..., None]
) -> Callable[..., AbstractContextManager[Any]]:
    @contextmanager
    def modify(path: Any, fs: Any = None) -> Iterator[Any]:
        text = _text(path, fs) if str(path).endswith(".lock") else None
        if text is None or _COMMENT in text:
            with own(path, fs=fs) as data:
                yield data
            return
        data = parse(text, path)
        yield data
        dump(path, data, fs=fs)

    return modify


def _text(path: Any, fs: Any) -> str | None:
    """None where there is no such file, or none that is text: DVC says what is to be said of that."""
    try:
        with (fs.open if fs else open)(path, encoding="utf-8") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError):
        return None
