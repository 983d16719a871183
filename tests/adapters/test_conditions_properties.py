"""The plain reader agrees with DuckDB on whatever it accepts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.tables.conditions import _parse, _walk
from runner.adapters.tables.plain_conditions import plain_uses

TEXT = """\
a b split brightness x_1 _y AND OR NOT and or not IN BETWEEN LIKE IS NULL true false ( ) , = < > <=
>= <> != 1 -2 0.5 1e5 'x' 'a%' '' "a" + - * ; -- group date interval row value values key end a.b $1
? [ ] :: é
"""
TOKENS = TEXT.split()
PIECES = st.sampled_from(TOKENS)
LITERALS = st.sampled_from(["1", "-2", "0.5", "'x'", "'a b'", "true", "NULL", "b"])
COLUMNS = st.sampled_from(["a", "b", "split", "Brightness", "n_zero", "key", "value", "type", "name"])


@st.composite
def single_tests(draw: st.DrawFn) -> str:
    column, literal = draw(COLUMNS), draw(LITERALS)
    shapes = [
        "{c} = {l}",
        "{c}<{l}",
        "{c} IN ({l}, {l})",
        "{c} not between {l} and {l}",
        "{c} LIKE 'x%'",
        "{c} IS NOT NULL",
        "{c}",
    ]
    return draw(st.sampled_from(shapes)).format(c=column, l=literal)


CONDITIONS = st.recursive(
    single_tests(),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner)
        | st.builds("NOT {}".format, inner)
    ),
    max_leaves=6,
)


def agree(condition: str) -> None:
    uses = plain_uses(condition)
    if uses is None:
        return
    columns: set[str] = set()
    _walk(_parse(condition), columns, 0)
    assert columns == {use.column for use in uses}


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_it_accepts_no_token_soup_that_duckdb_refuses(condition: str) -> None:
    agree(condition)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS)
def test_it_agrees_on_well_formed_conditions(condition: str) -> None:
    agree(condition)
