"""The plain part of SQL's boolean expressions, read without DuckDB.

`flywheel validate` sees mostly conditions like `split = 'train' AND brightness < 0.25`; importing DuckDB for
them would take longer than all the rest. What this does not recognise is left to DuckDB's own parser, so it
may be narrow, but whatever it accepts is valid DuckDB, harmless, and names exactly these columns. A test
holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

# DuckDB's reserved words, and those that stand for a function or a type where a column could: never
# columns here.
_RESERVED = (
    "all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary "
    "bit boolean both by case cast char character check coalesce collate collation column columns "
    "concurrently constraint create cross current_catalog current_date current_localtime "
    "current_localtimestamp current_role current_schema current_time current_timestamp current_user date "
    "day days dec decimal default deferrable desc describe distinct do else end except exclude exists "
    "extract false fetch file_index file_row_number filename filter float for foreign freeze from full "
    "generated glob grant group grouping grouping_id having hour ilike in initially inner inout int "
    "integer intersect interval into is isnull join lambda lateral leading left like limit localtime "
    "localtimestamp map minute month national natural nchar none not notnull null nullif numeric offset "
    "on only or order out outer over overlaps overlay pivot pivot_longer pivot_wider placing position "
    "positional precision primary qualify real recursive references rename replace returning right row "
    "rowid second select semi session_user setof show similar smallint some struct substring summarize "
    "symmetric table tablesample then time timestamp timestamptz to trailing treat trim true try try_cast "
    "tuple union unique unknown unpack unpivot user using values varchar variadic verbose when where "
    "window with within without xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces "
    "xmlparse xmlpi xmlroot xmlserialize xmltable year "
)
RESERVED_WORDS = frozenset(_RESERVED.split())
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?\d{1,15}(?:\.\d{1,15})?(?![\w.]))
      | (?P<text>'[^'\\\x00-\x1f]*'(?!'))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?![\w."'($]))
      | (?P<sign><=|>=|<>|!=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS = frozenset(("=", "<>", "!=", "<", "<=", ">", ">="))
_MAX_DEPTH = 50


class Use(Struct, frozen=True):
    """How a condition uses a column: the literal that it is compared with, or that it stands alone."""

    column: str
    kind: Literal["number", "text", "pattern", "boolean", "alone", "null"]
    literal: str = ""


class _NotPlainError(Exception):
    pass


def plain_uses(condition: str) -> frozenset[Use] | None:
    """The columns of a condition made of comparisons of columns with literals, AND, OR, NOT and parentheses.

    None when it says anything else, whether right or wrong.

    >>> sorted((use.column, use.kind) for use in plain_uses("split = 'val' AND NOT (labelled OR width > 1)"))
    [('labelled', 'alone'), ('split', 'text'), ('width', 'number')]
    >>> plain_uses("abs(x) > 1") is None
    True
    """
    try:
        return _Reader(condition).read()
    except _NotPlainError:
        return None


def _tokens(condition: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(condition.rstrip())
    while position < end:
        match = _TOKEN.match(condition, position)
        if match is None or match.lastgroup is None:
            raise _NotPlainError
        position, kind, text = match.end(), match.lastgroup, match[match.lastgroup]
        if kind == "word" and text.lower() in RESERVED_WORDS:
            kind = "keyword"
            text = text.lower()
        yield kind, text


class _Reader:
    def __init__(self, condition: str) -> None:
        self.tokens = [*_tokens(condition), ("end", "")]
        self.position = 0
        self.depth = 0
        self.uses: set[Use] = set()

    def read(self) -> frozenset[Use]:
        self._disjunction()
        if self.tokens[self.position][0] != "end":
            raise _NotPlainError
        return frozenset(self.uses)

    def _accept(self, *texts: str) -> bool:
        kind, text = self.tokens[self.position]
        if kind in ("keyword", "sign") and text in texts:
            self.position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise _NotPlainError

    def _disjunction(self) -> None:
        self._term()
        while self._accept("and", "or"):
            self._term()

    def _term(self) -> None:
        while self._accept("not"):
            pass
        if self._accept("("):
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise _NotPlainError
            self._disjunction()
            self._expect(")")
            self.depth -= 1
            return
        self._test()

    def _test(self) -> None:
        kind, column = self.tokens[self.position]
        if kind != "word":
            raise _NotPlainError
        self.position += 1
        if self._accept(*_COMPARISONS):
            self._literal(column)
        elif self._accept("is"):
            self._accept("not")
            self._expect("null")
            self.uses.add(Use(column, "null"))
        elif self._accept("not") or self.tokens[self.position][1] in ("in", "between", "like"):
            self._range(column)
        else:
            self.uses.add(Use(column, "alone"))

    def _range(self, column: str) -> None:
        if self._accept("in"):
            self._expect("(")
            self._literal(column)
            while self._accept(","):
                self._literal(column)
            self._expect(")")
        elif self._accept("between"):
            self._literal(column)
            self._expect("and")
            self._literal(column)
        elif self._accept("like") and self.tokens[self.position][0] == "text":
            self.uses.add(Use(column, "pattern", self.tokens[self.position][1]))
            self.position += 1
        else:
            raise _NotPlainError

    def _literal(self, column: str) -> None:
        kind, text = self.tokens[self.position]
        self.position += 1
        match kind:
            case "number":
                self.uses.add(Use(column, "number", text))
            case "text":
                self.uses.add(Use(column, "text", text))
            case "keyword" if text in ("true", "false"):
                self.uses.add(Use(column, "boolean", text))
            case _:
                raise _NotPlainError
