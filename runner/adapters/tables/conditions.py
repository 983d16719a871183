"""What a condition says: its columns, and that it is nothing but a boolean expression.

DuckDB's own parser gives a syntax tree, which is walked against a list of what is allowed, so that what is
not known here is refused: statements, subqueries, aggregates, windows, lambdas, parameters, and any function
that is not listed (those that read files or the network among them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct

from runner.adapters.tables.condition_cost import (
    MAX_TEXT,
    length_problem,
    pattern_problem,
    takes_pattern,
    text_bound,
)
from runner.adapters.tables.plain_conditions import Use, plain_uses
from runner.domain.nearest import suggestion

Node = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words(
    # operators
    "+ - * / // % ^ ** || ~~ !~~ ~~* !~~* ~~~ ! & | # ~ << >> "
    # numbers
    "abs ceil ceiling exp floor greatest isfinite isnan least ln log log10 log2 mod pow power round "
    "sign sqrt trunc "
    # text
    "concat contains ends_with len length lower lcase ltrim position prefix regexp_extract "
    "regexp_full_match regexp_matches replace reverse rtrim starts_with strlen strpos substr "
    "substring suffix trim ucase upper left right like_escape not_like_escape ilike_escape "
    "not_ilike_escape "
    # dates and times
    "century date_diff date_part date_trunc datediff datepart datetrunc day dayname dayofmonth "
    "dayofweek dayofyear decade epoch epoch_ms hour isodow isoyear minute month monthname quarter "
    "second strftime strptime try_strptime week weekday weekofyear year to_days to_hours to_minutes "
    "to_months to_seconds to_weeks to_years "
    # choices
    "if ifnull nullif "
)
TYPES = _words(
    "BIGINT BOOLEAN DATE DECIMAL DOUBLE FLOAT HUGEINT INTEGER INTERVAL SMALLINT TIME TIMESTAMP "
    "TINYINT UBIGINT UHUGEINT UINTEGER USMALLINT UTINYINT VARCHAR "
) | {"TIMESTAMP WITH TIME ZONE"}
# Words that DuckDB takes for a function or a hidden column where no such column exists.
_NOT_COLUMNS = _words(
    "current_catalog current_date current_role current_schema current_time current_timestamp "
    "current_user file_index file_row_number filename get_current_time get_current_timestamp "
    "localtime localtimestamp rowid session_user user "
)
# Per class of the syntax tree: where its children are.
_CHILDREN = {
    "BETWEEN": ("input", "lower", "upper"),
    "CAST": ("child",),
    "COMPARISON": ("left", "right"),
    "CONJUNCTION": ("children",),
    "OPERATOR": ("children",),
}
_OPERATORS = _words(
    "COMPARE_IN COMPARE_NOT_IN OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE"
)
_NUMERIC = _words("+ - * / // % ^ **")
_REFUSED = {
    "LAMBDA": "lambda functions are not allowed in a condition",
    "PARAMETER": "parameters are not allowed in a condition",
    "STAR": "`*` is not allowed in a condition",
    "SUBQUERY": "subqueries are not allowed in a condition",
    "WINDOW": "window functions are not allowed in a condition",
    "COLLATE": "COLLATE is not allowed in a condition",
}
_SYNTAX = _words("and between case else end from ilike in is like not null or select then when where")
_ONE_EXPRESSION = "one boolean expression is allowed, and nothing else"
_LITERALS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_MAX_DEPTH = 100
_DEEP = f"nested deeper than {_MAX_DEPTH} levels"


class ConditionAnalysis(Struct, frozen=True, kw_only=True):
    """What a condition says.

    Attributes:
        columns: the columns it reads, as it spells them.
        error: why it is refused; None when it is not.
        uses: what columns are compared with, where that is plain to see.
    """

    columns: frozenset[str]
    error: str | None
    uses: frozenset[Use] = frozenset()


@lru_cache(maxsize=1024)
def analyse(condition: str) -> ConditionAnalysis:
    """Tells whether `condition` is one harmless SQL boolean expression, and which columns it reads.

    An expression without `error` may be put between parentheses into a WHERE clause.

    >>> analyse("brightness < 0.25 OR camera = 'dock'").error is None
    True
    """
    found: set[str] = set()
    try:
        if problem := length_problem(condition):
            raise _RefusedError(problem)
        if (uses := plain_uses(condition)) is not None:
            _require_cheap(uses)
            return ConditionAnalysis(columns=frozenset(use.column for use in uses), error=None, uses=uses)
        tree = _parse(condition)
        if tree["class"] == "CONSTANT" and tree["literal"]["kind"] != "BOOLEAN":
            raise _RefusedError("a condition is true or false for each row; this is a constant")
        if tree["class"] == "FUNCTION" and tree["function_name"] in _NUMERIC:
            raise _RefusedError(
                "a condition is true or false for each row; this gives a number: compare it with one"
            )
        _walk(tree, found, 0)
    except RecursionError:
        return ConditionAnalysis(columns=frozenset(), error=_DEEP)
    except _RefusedError as refused:
        return ConditionAnalysis(columns=frozenset(), error=str(refused))
    return ConditionAnalysis(columns=frozenset(found), error=None)


class _RefusedError(Exception):
    """Why a condition is refused."""


def _require_cheap(uses: Iterable[Use]) -> None:
    for use in uses:
        if use.kind == "pattern" and (problem := pattern_problem("~~", use.literal.strip("'"))):
            raise _RefusedError(problem)


@cache
def _connection() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"})


def _statements(sql: str) -> Node:
    import duckdb

    try:
        row = _connection().execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error as error:
        raise _RefusedError(f"not a SQL expression: {str(error).splitlines()[0]}") from None
    tree: Node = json.loads(row[0])
    return tree


def syntax_tree(sql: str) -> Node:
    """DuckDB's syntax tree of a statement that `analyse` has accepted the condition of."""
    return _statements(sql)


def written_sql(tree: Node) -> str:
    """The statement of a syntax tree, as SQL."""
    row = _connection().execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchone()
    return str(row[0])


def _parse(condition: str) -> Node:
    """The condition's syntax tree."""
    if re.search(r"[\x00-\x08\x0b-\x1f]", condition):
        raise _RefusedError("control characters are not allowed in a condition")
    outside = _LITERALS.sub("''", condition)
    if "--" in outside or "/*" in outside:
        raise _RefusedError("comments are not allowed in a condition")
    if "$" in outside or re.search(r"(?i)\b[exb]''", outside):
        raise _RefusedError("text is written in single quotes: 'train'")
    if ";" in outside:
        raise _RefusedError(_ONE_EXPRESSION)
    prefix = "SELECT 1 FROM images WHERE "
    tree = _statements(f"{prefix}{condition}\n")
    if tree.get("error"):
        raise _RefusedError(_syntax_error(condition, tree, len(prefix)))
    if len(tree["statements"]) != 1 or tree["statements"][0]["named_param_map"]:
        raise _RefusedError(_ONE_EXPRESSION)
    node = tree["statements"][0]["node"]
    where = node.pop("where_clause", None)
    if where is None or node != _bare_select():
        raise _RefusedError(_ONE_EXPRESSION)
    if _statements(f"{prefix}({condition}\n)").get("error"):  # a WINDOW clause leaves no other trace
        raise _RefusedError(_ONE_EXPRESSION)
    return dict(where)


@cache
def _bare_select() -> Node:
    node: Node = _statements("SELECT 1 FROM images WHERE true\n")["statements"][0]["node"]
    del node["where_clause"]
    return node


def _syntax_error(condition: str, tree: Node, offset: int) -> str:
    if tree.get("error_type") != "parser":
        return _ONE_EXPRESSION
    message = str(tree.get("error_message", "")).splitlines()[0]
    near = re.search(r'at or near "(.+)"', message)
    if near and re.search(rf"(?i)\b{re.escape(near[1])}\b", condition):
        word = re.fullmatch(r"[A-Za-z_]+", near[1]) and near[1].lower() not in _SYNTAX
        advice = f'; if it is a column, write it in double quotes: "{near[1]}"' if word else ""
        return f"not a SQL expression: {message}{advice}"
    return f"not a complete SQL expression: {message}"


def _walk(node: Node, columns: set[str], depth: int) -> int:
    """Refuses what is not allowed in a node and below it; how long a text it makes of one row."""
    if depth > _MAX_DEPTH:
        raise _RefusedError(_DEEP)
    made = text_bound(node, [_walk(child, columns, depth + 1) for child in _children(node, columns)])
    if made > MAX_TEXT:
        raise _RefusedError(
            f"it can make a text of {made:,} characters of one row: at most {MAX_TEXT:,} are allowed"
        )
    return made


def _children(node: Node, columns: set[str]) -> Iterator[Node]:
    """The node's children, when the node itself is allowed."""
    kind = node["class"]
    match kind:
        case "CONSTANT":
            return
        case "COLUMN_REF":
            columns.add(_column(node))
        case "CASE":
            for check in node["case_checks"]:
                yield from (check["when_expr"], check["then_expr"])
            yield node["else_expr"]
        case "FUNCTION":
            yield from _arguments(node)
        case "COMPARISON" | "CONJUNCTION" | "BETWEEN" | "CAST" | "OPERATOR":
            if kind == "OPERATOR" and node["type"] not in _OPERATORS:
                raise _RefusedError(f"{node['type'].lower().replace('_', ' ')} is not allowed in a condition")
            if kind == "CAST":
                _cast(node["type_expr"])
            for key in _CHILDREN[kind]:
                yield from node[key] if isinstance(node[key], list) else [node[key]]
        case _:
            raise _RefusedError(_REFUSED.get(kind, f"{kind.lower()} is not allowed in a condition"))


def _column(node: Node) -> str:
    names: list[str] = node["column_names"]
    if len(names) != 1:
        raise _RefusedError(f'"{".".join(names)}": a column is named alone, without a table')
    if names[0].lower() in _NOT_COLUMNS:
        raise _RefusedError(f'"{names[0]}" is not a column of the index')
    return names[0]


def _cast(type_expression: Node) -> None:
    name = type_expression.get("type_name", "")
    plain = type_expression["class"] == "TYPE" and type_expression["qualified_name"]["path"] == [name]
    if not plain or name.upper() not in TYPES:
        raise _RefusedError(f'a cast to "{name}" is not allowed in a condition')
    if any(child["class"] != "CONSTANT" for child in type_expression["children"]):
        raise _RefusedError(f'a cast to "{name}" with such arguments is not allowed in a condition')


def _arguments(node: Node) -> Iterator[Node]:
    name = node["function_name"]
    plain = not (node["filter"] or node["distinct"] or node["export_state"] or node["order_bys"]["orders"])
    if name.lower() not in FUNCTIONS or node["qualified_name"]["path"] != [name] or not plain:
        raise _RefusedError(_refused_function(name.replace("count_star", "count")))
    _require_pattern(name.lower(), [argument["expression"] for argument in node["arguments"]])
    for argument in node["arguments"]:
        if argument["name"]:
            raise _RefusedError("named arguments are not allowed in a condition")
        yield argument["expression"]


def _require_pattern(name: str, arguments: Sequence[Node]) -> None:
    if not takes_pattern(name) or len(arguments) < 2:
        return
    if arguments[1]["class"] != "CONSTANT":
        raise _RefusedError("a pattern is written out in single quotes: it is not made of columns")
    if problem := pattern_problem(name, str(arguments[1]["literal"].get("text", ""))):
        raise _RefusedError(problem)


def _refused_function(name: str) -> str:
    query = "SELECT 1 FROM duckdb_functions() WHERE function_name = lower(?) LIMIT 1"
    if _connection().execute(query, [name]).fetchone():
        return f"the function {name} is not allowed in a condition; docs/reference.md lists those that are"
    known = filter(str.isidentifier, FUNCTIONS)
    return f"unknown function {name}{suggestion(name, known, plural='allowed')}"
