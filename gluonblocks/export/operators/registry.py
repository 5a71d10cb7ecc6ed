"""The conversions by operator, and how they read the attributes of a node."""
import ast
import re
from typing import Callable, Dict

CONVERTERS: Dict[str, Callable] = {}


def converts(*operators):
    """Register the decorated function as the conversion of these MXNet operators.

    It is called as `convert(onnx, node, *inputs)` with the `OnnxGraph`, the `Node` and the names of
    its inputs in ONNX, and returns the name of its output, or a list of names if it has several. It
    raises ValueError for attributes that ONNX cannot express.
    """
    def register(convert):
        for operator in operators:
            assert operator not in CONVERTERS, operator
            CONVERTERS[operator] = convert
        return convert
    return register


def attribute(node, name, default=None):
    """The attribute `name` of a node: a number, a tuple, a truth value, None or a word."""
    if name not in node.attrs:
        return default
    text = re.sub(r'(\d)L\b', r'\1', node.attrs[name])  # as in (1L, 3L), which Python 2 wrote
    try:
        value = ast.literal_eval(text.title() if text in ('true', 'false') else text)
    except (ValueError, SyntaxError):
        return text
    return tuple(value) if isinstance(value, list) else value


def listed(node, name, default=()):
    """The attribute `name`, one number or several, as a list; without numbers, `default`."""
    value = attribute(node, name)
    return list(default if value in (None, ()) else value if isinstance(value, tuple) else [value])
