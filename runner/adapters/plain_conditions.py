"""The plain part of SQL's boolean expressions, read without DuckDB.

`flywheel validate` sees mostly conditions like `split = 'train' AND brightness < 0.25`; importing DuckDB for them
would take longer than all the rest. What this does not recognise is left to DuckDB's own parser, so it may be narrow,
but whatever it accepts is valid DuckDB, harmless, and names exactly these columns. A test holds it to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# DuckDB's reserved words, and those that stand for a function or a type where a column could: never columns here.
_WORDS = frozenset(
    """all analyse analyze and any array as asc asymmetric at authorization between both binary case cast check
    coalesce collate collation column columns concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user date day days default deferrable desc
    describe distinct do else end except exists extract false fetch filter for foreign freeze from full generated
    glob grant group grouping having hour ilike in initially inner intersect interval into is isnull join lambda
    lateral leading left like limit localtime localtimestamp map minute month natural not notnull null nullif offset
    on only or order outer over overlaps overlay pivot pivot_longer pivot_wider placing positional position primary
    qualify references returning right row second select semi session_user setof show similar some struct substring
    summarize symmetric table tablesample then time timestamp timestamptz to trailing treat trim true try_cast union
    unique unknown unpivot user using values variadic verbose when where window with within without year anti asof
    rowid filename file_row_number file_index precision try exclude replace rename recursive current_localtime
    current_localtimestamp bigint bit boolean by char character dec decimal float grouping_id inout int integer
    national nchar none numeric out real smallint tuple unpack varchar xmlattributes xmlconcat xmlelement xmlexists
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable""".split()
)
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


class _NotPlain(Exception):
    pass


def plain_columns(condition: str) -> frozenset[str] | None:
    """The columns of a condition made of comparisons of columns with literals, AND, OR, NOT and parentheses.

    None when it says anything else, whether right or wrong.

    >>> sorted(plain_columns("split = 'train' AND (brightness < 0.25 OR NOT n_objects IN (1, 2))"))
    ['brightness', 'n_objects', 'split']
    >>> plain_columns("abs(x) > 1") is None
    True
    """
    try:
        return _Reader(condition).read()
    except _NotPlain:
        return None


def _tokens(condition: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(condition.rstrip())
    while position < end:
        match = _TOKEN.match(condition, position)
        if match is None or match.lastgroup is None:
            raise _NotPlain
        position, kind, text = match.end(), match.lastgroup, match[match.lastgroup]
        if kind == "word" and text.lower() in _WORDS:
            kind = "keyword"
            text = text.lower()
        yield kind, text


class _Reader:
    def __init__(self, condition: str) -> None:
        self.tokens = [*_tokens(condition), ("end", "")]
        self.position = 0
        self.depth = 0
        self.columns: set[str] = set()

    def read(self) -> frozenset[str]:
        self._disjunction()
        if self.tokens[self.position][0] != "end":
            raise _NotPlain
        return frozenset(self.columns)

    def _accept(self, *texts: str) -> bool:
        kind, text = self.tokens[self.position]
        if kind in ("keyword", "sign") and text in texts:
            self.position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise _NotPlain

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
                raise _NotPlain
            self._disjunction()
            self._expect(")")
            self.depth -= 1
            return
        self._comparison()

    def _comparison(self) -> None:
        kind, text = self.tokens[self.position]
        if kind != "word":
            raise _NotPlain
        self.columns.add(text)
        self.position += 1
        if self._accept(*_COMPARISONS):
            self._literal()
        elif self._accept("is"):
            self._accept("not")
            self._expect("null")
        else:
            self._accept("not")
            self._range()

    def _range(self) -> None:
        if self._accept("in"):
            self._expect("(")
            self._literal()
            while self._accept(","):
                self._literal()
            self._expect(")")
        elif self._accept("between"):
            self._literal()
            self._expect("and")
            self._literal()
        elif self._accept("like"):
            if self.tokens[self.position][0] != "text":
                raise _NotPlain
            self._literal()
        else:
            raise _NotPlain

    def _literal(self) -> None:
        kind, _ = self.tokens[self.position]
        if kind not in ("number", "text") and not self._accept("true", "false"):
            raise _NotPlain
        if kind in ("number", "text"):
            self.position += 1
