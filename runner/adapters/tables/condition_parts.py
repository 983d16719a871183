"""The parts of a condition that AND, OR and NOT join: what each of them says of a row is what decided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runner.adapters.tables.conditions import analyse, syntax_tree, written_sql
from runner.domain.errors import FlywheelError

Node = dict[str, Any]
_PREFIX = "SELECT 1 FROM images WHERE "
_JOINED = ("CONJUNCTION", "OPERATOR_NOT")
_LITERAL = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")""")
_WORDS = {" !~~* ": " NOT ILIKE ", " ~~* ": " ILIKE ", " !~~ ": " NOT LIKE ", " ~~ ": " LIKE "}
MOST_PARTS = 40  # of a condition that has more, nobody reads them one by one


def condition_parts(condition: str) -> list[str]:
    """The comparisons that a condition is made of, each a condition itself; the condition alone where it is one.

    >>> condition_parts("brightness < 0.2 AND (n_cat > 0 OR NOT labelled)")
    ['brightness < 0.2', 'n_cat > 0', 'labelled']
    >>> condition_parts("camera = 'dock'")
    ["camera = 'dock'"]

    Raises:
        FlywheelError: the condition is refused.
    """
    if refused := analyse(condition).error:
        raise FlywheelError(f"condition `{condition}`: {refused}")
    tree = syntax_tree(f"{_PREFIX}{condition}\n")
    where = tree["statements"][0]["node"]["where_clause"]
    found = list(_leaves(where))
    if len(found) == 1 and found[0] is where:
        return [condition]
    return list(dict.fromkeys(_written(tree, leaf) for leaf in found))[:MOST_PARTS]


def _leaves(node: Node) -> Iterator[Node]:
    if node["class"] in _JOINED or node["type"] in _JOINED:
        for child in node["children"]:
            yield from _leaves(child)
    else:
        yield node


def _written(tree: Node, leaf: Node) -> str:
    statement = tree["statements"][0]
    node = {**statement["node"], "where_clause": leaf}
    sql = written_sql({**tree, "statements": [{**statement, "node": node}]})
    return _in_words(_bare(sql.partition(" WHERE ")[2].strip()))


def _in_words(sql: str) -> str:
    """With the words of SQL for DuckDB's signs.

    >>> _in_words("a ~~ 'x ~~ y'")
    "a LIKE 'x ~~ y'"
    """
    pieces = _LITERAL.split(sql)
    for sign, word in _WORDS.items():
        pieces[::2] = [piece.replace(sign, word) for piece in pieces[::2]]
    return "".join(pieces)


def _bare(sql: str) -> str:
    """Without the parentheses around the whole.

    >>> _bare("((a < 1))"), _bare("(a + 1) > (b)")
    ('a < 1', '(a + 1) > (b)')
    """
    while sql.startswith("(") and sql.endswith(")") and _closes_last(sql):
        sql = sql[1:-1]
    return sql


def _closes_last(sql: str) -> bool:
    """Whether the first parenthesis is closed by the last character."""
    depth, quote = 0, ""
    for at, character in enumerate(sql):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return at == len(sql) - 1
    return False
