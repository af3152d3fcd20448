"""The expression language of workflows: arithmetic, comparison and choice over JSON values, and nothing else.

    expression  = or ["?" expression ":" expression]
    or          = and {"or" and}            and        = not {"and" not}
    not         = "not" not | comparison    comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") sum]
    sum         = term {("+" | "-") term}   term       = factor {("*" | "/" | "%") factor}
    factor      = "-" factor | postfix      postfix    = primary {"." name | "[" expression "]"}
    primary     = number | text | "true" | "false" | "null" | name | name "(" arguments ")" | list | "(" expression ")"

`a.b` looks a key up in an object, never an attribute of a Python value; a key that is not there is null. Text is
limited, and so are the number of parts, the depth, the work and the size of what comes out. Pure; nothing is called
but the functions of `evaluating.FUNCTIONS`.
"""

from __future__ import annotations

from clockwright.workflows.expressions.errors import ExpressionError
from clockwright.workflows.expressions.evaluating import Evaluation, evaluate
from clockwright.workflows.expressions.parsing import parse
from clockwright.workflows.expressions.tree import Expression, names_in, paths_in

__all__ = [
    "Evaluation",
    "Expression",
    "ExpressionError",
    "evaluate",
    "names_in",
    "parse",
    "paths_in",
]
