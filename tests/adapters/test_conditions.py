"""What a condition may say. Whatever passes is evaluated on a machine with data credentials."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.adapters.tables import plain_conditions
from runner.adapters.tables.conditions import FUNCTIONS, analyse
from runner.adapters.tables.plain_conditions import plain_uses

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("brightness < 0.25", "brightness"),
        ("split = 'train' AND (brightness < 0.25 OR NOT n_objects IN (1, 2))", "split brightness n_objects"),
        ("split NOT IN ('a', 'b') and x BETWEEN -1 AND 2 and y not between 0 and 1", "split x y"),
        ("camera IS NOT NULL OR weather is null", "camera weather"),
        ("camera LIKE 'dock%' AND weather NOT LIKE '%fog'", "camera weather"),
        ("labelled AND NOT truncated", "labelled truncated"),
        ("readable = true", "readable"),
        ("((a = 1))", "a"),
        ("\"group\" = 'x'", "group"),
        ("a = 'it''s; -- fine'", "a"),
        ("abs(a - b) / greatest(c, 1) > 0.5", "a b c"),
        ("lower(camera) IN ('x') AND regexp_matches(path, '^a')", "camera path"),
        ("captured_at::timestamp >= timestamp '2026-01-01'", "captured_at"),
        ("hour(captured_at) NOT BETWEEN 6 AND 20", "captured_at"),
        ("strftime(captured_at, '%H')::int > 20", "captured_at"),
        ("CASE WHEN a > 1 THEN b ELSE c END", "a b c"),
        ("coalesce(a, 0) > 1 AND nullif(b, 1) = 2 AND ifnull(c, 1) = 1", "a b c"),
        ("a IS DISTINCT FROM b AND c IS TRUE", "a b c"),
        ("a ILIKE 'x' OR b GLOB 'y*' OR c SIMILAR TO 'z' OR d ~ 'w'", "a b c d"),
        ("captured_at > date '2026-01-01' + interval 3 days", "captured_at"),
        ("n_objects % 2 = 0", "n_objects"),
        ("\n  brightness\n  < 0.25\n", "brightness"),
    ],
)
def test_boolean_expressions_pass_with_their_columns(condition: str, columns: str) -> None:
    analysis = analyse(condition)
    assert analysis.error is None
    assert analysis.columns == set(columns.split())


ONE = "one boolean expression is allowed, and nothing else"
FUNCTION = "is not allowed in a condition; docs/reference.md lists those that are"


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("a = (SELECT 1)", "subqueries are not allowed in a condition"),
        ("a IN (SELECT 1)", "subqueries are not allowed in a condition"),
        ("EXISTS (SELECT 1 FROM read_csv('/etc/passwd'))", "subqueries are not allowed in a condition"),
        ("a = ANY(SELECT 1)", "subqueries are not allowed in a condition"),
        ("a = 1; DROP TABLE images", ONE),
        ("a = 1;", ONE),
        ("a = 1 UNION SELECT 1", ONE),
        ("a = 1 LIMIT 1", ONE),
        ("a = 1 ORDER BY a", ONE),
        ("a = 1 GROUP BY a", ONE),
        ("a = 1 QUALIFY true", ONE),
        ("a = 1 WINDOW w AS ()", ONE),
        ("a = 1 USING SAMPLE 10", ONE),
        ("a = ?", ONE),
        ("a = 1) OR (b = 2", 'not a complete SQL expression: syntax error at or near ")"'),
        ("(a = 1", 'not a SQL expression: syntax error at or near "1"'),
        ("a = 1 -- b", "comments are not allowed in a condition"),
        ("a /* b */ = 1", "comments are not allowed in a condition"),
        ("a = $1", "text is written in single quotes: 'train'"),
        ("a = $$x$$", "text is written in single quotes: 'train'"),
        ("a = E'\\n'", "text is written in single quotes: 'train'"),
        ("a = \x07", "control characters are not allowed in a condition"),
        ("sum(a) > 1", f"the function sum {FUNCTION}"),
        ("count(*) > 1", f"the function count {FUNCTION}"),
        ("row_number() OVER () > 1", "window functions are not allowed in a condition"),
        ("read_text('/etc/passwd') = 'x'", f"the function read_text {FUNCTION}"),
        ("pg_typeof(a) = 'x'", f"the function pg_typeof {FUNCTION}"),
        ("current_setting('x') = 'x'", f"the function current_setting {FUNCTION}"),
        ("random() < 0.5", f"the function random {FUNCTION}"),
        ("now() > a", f"the function now {FUNCTION}"),
        ("lowwer(a) = 'x'", 'unknown function lowwer; did you mean "lower"?'),
        ("main.abs(1) = 1", f"the function abs {FUNCTION}"),
        ("abs(x := 1) = 1", "named arguments are not allowed in a condition"),
        ("list_filter([1], x -> x > 1)", f"the function list_filter {FUNCTION}"),
        ("a -> 'b'", "lambda functions are not allowed in a condition"),
        ("images.a = 1", '"images.a": a column is named alone, without a table'),
        ("*", "`*` is not allowed in a condition"),
        ("COLUMNS('a')", "`*` is not allowed in a condition"),
        ("a::mytype = 1", 'a cast to "mytype" is not allowed in a condition'),
        ("a COLLATE nocase = 'x'", "COLLATE is not allowed in a condition"),
        ("a[1] = 1", "array extract is not allowed in a condition"),
        ("current_date > a", '"current_date" is not a column of the index'),
        ("filename = 'x'", '"filename" is not a column of the index'),
        ("group = 'x'", 'not a SQL expression: syntax error at or near "group"; if it is a column, write it in double quotes: "group"'),
        ("a AND", 'not a SQL expression: syntax error at or near "AND"'),
        ("a = 'x", "not a complete SQL expression: unterminated string literal"),
        ("'train'", "a condition is true or false for each row; this is a constant"),
        ("1", "a condition is true or false for each row; this is a constant"),
        ("a + 1", "a condition is true or false for each row; this gives a number: compare it with one"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(condition: str, error: str) -> None:
    analysis = analyse(condition)
    assert analysis.error == error
    assert analysis.columns == frozenset()


def test_deep_expressions_are_refused_or_read_but_never_crash() -> None:
    for condition in (
        "(" * 400 + "a = 1" + ")" * 400,
        "NOT " * 900 + "a",
        " AND ".join(["a = 1"] * 300),
        "-" * 500 + "a > 1",
    ):
        analyse(condition)
    assert analyse(" + ".join(["a"] * 300) + " > 1").error == "nested deeper than 100 levels"


def test_no_allowed_function_reaches_outside() -> None:
    """Each is a pure scalar function (or operator, or macro) of DuckDB."""
    import duckdb

    rows = (
        duckdb.connect()
        .execute("SELECT lower(function_name), function_type, stability FROM duckdb_functions()")
        .fetchall()
    )
    kinds: dict[str, set[str]] = {}
    for name, kind, stability in rows:
        kinds.setdefault(name, set()).add(f"{kind} {stability}")
    unknown = {name for name in FUNCTIONS if name.isidentifier() and name not in kinds}
    assert unknown == {"ifnull"}  # syntax, not a function
    odd = {name: kinds[name] for name in FUNCTIONS & kinds.keys() if kinds[name] - {"scalar CONSISTENT"}}
    assert set(odd) == {"if", "nullif"}  # DuckDB's own macros over CASE
    assert odd["if"] == odd["nullif"] == {"macro None"}


def test_reserved_words_are_never_taken_for_columns() -> None:
    """What plain_conditions takes for a column must be one for DuckDB."""
    import duckdb

    connection = duckdb.connect()
    rows = connection.execute("SELECT keyword_name, keyword_category FROM duckdb_keywords()").fetchall()
    for word, category in rows:
        if category != "unreserved":
            assert word in plain_conditions.RESERVED_WORDS, word
        if plain_uses(f"{word} = 1") is not None:
            parsed = connection.execute(f'SELECT {word} FROM (SELECT 1 AS "{word}") WHERE {word} = 1')  # noqa: S608
            assert parsed.fetchall() == [(1,)]


def test_plain_conditions_do_not_import_duckdb() -> None:
    code = (
        "import sys; from runner.adapters.tables.conditions import analyse;"
        "analyse(\"split = 'train' AND brightness < 0.25\"); assert 'duckdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


NESTED = "len(" + "replace(" * 9 + "path" + ",'a','aaaaaaaaaa')" * 9 + ") > 1"


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("1+" * 900 + "width > 1", "nested deeper than 100 levels"),
        ("a" * 10_001, "10,001 characters: a condition has at most 10,000; a metadata column can say the same"),
        ("camera = '" + "x" * 10_000 + "'", "10,011 characters: a condition has at most 10,000; a metadata column can say the same"),
        ("camera = '\ud800'", "half of a surrogate pair is no character"),
        (NESTED, "it can make a text of 100,000 characters of one row: at most 20,000 are allowed"),
        ("replace(path, 'a', path) = 'x'", "it can make a text of 1,000,000 characters of one row: at most 20,000 are allowed"),
        ("concat(" + "path," * 30 + "path) = 'x'", "it can make a text of 31,000 characters of one row: at most 20,000 are allowed"),
        ("path || " * 30 + "path = 'x'", "it can make a text of 21,000 characters of one row: at most 20,000 are allowed"),
        ("strftime(captured_at, '" + "%c" * 400 + "') = 'a'", "it can make a text of 24,000 characters of one row: at most 20,000 are allowed"),
        ("regexp_matches(path, '(a?){1000}a{1000}zz')", "the regular expression `(a?){1000}a{1000}zz` repeats 2,002 states: at most 500 are allowed"),
        ("path ~ '(a?){1000}'", "the regular expression `(a?){1000}` repeats 1,000 states: at most 500 are allowed"),
        ("path SIMILAR TO '((a{10}){20}){30}'", "the regular expression `((a{10}){20}){30}` repeats 6,000 states: at most 500 are allowed"),
        ("regexp_extract(path, '((x?){99}){99}') = ''", "the regular expression `((x?){99}){99}` repeats 9,801 states: at most 500 are allowed"),
        ("regexp_matches(path, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')", None),
        ("regexp_matches(path, camera)", "a pattern is written out in single quotes: it is not made of columns"),
        ("path LIKE camera", "a pattern is written out in single quotes: it is not made of columns"),
        ("path LIKE '%a%b%c%d%'", None),
        ("path LIKE '" + "%a" * 40 + "'", f"the pattern `{'%a' * 30}…` has 40 wildcards: at most 20 are allowed here"),
        ("path LIKE '%a%a%a%a_'", "the pattern `%a%a%a%a_` has 4 wildcards: at most 3 are allowed here"),
        ("path NOT ILIKE '%a%a%a%a'", "the pattern `%a%a%a%a` has 4 wildcards: at most 3 are allowed here"),
        ("path GLOB '*a*a*a*a'", "the pattern `*a*a*a*a` has 4 wildcards: at most 3 are allowed here"),
        ("path LIKE '%a%a%a%a' ESCAPE '!'", "the pattern `%a%a%a%a` has 4 wildcards: at most 3 are allowed here"),
    ],
)  # fmt: skip
def test_what_would_take_all_memory_or_time_is_refused_before_it_is_evaluated(
    condition: str, error: str | None
) -> None:
    assert analyse(condition).error == error


def test_both_readers_refuse_the_same_patterns() -> None:
    """What is plain is not shown to DuckDB; between parentheses with something else, it is."""
    plain = "path LIKE '%a%a%a%a_'"
    assert plain_uses(plain) is not None
    assert analyse(plain).error == analyse(f"abs(width) > 1 OR {plain}").error is not None


def test_a_condition_that_takes_too_long_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb as library

    from runner.adapters.tables import duckdb
    from runner.domain.errors import FlywheelError

    # Each its own text: one that is there many times is matched once.
    library.sql("SELECT repeat('a', 890) || range AS path FROM range(20000)").write_parquet(
        str(tmp_path / "x.parquet")
    )
    monkeypatch.setattr(duckdb, "CONDITION_SECONDS", 0.05)
    with pytest.raises(FlywheelError) as refused:
        duckdb.condition_mask(tmp_path / "x.parquet", "path ILIKE '%a%a%a_z'")
    assert "it took longer than 0.05 s over the index" in refused.value.message
