"""The registry of converters, and functions that read the attributes of a node."""
import ast
import re
from typing import Callable, Dict

CONVERTERS: Dict[str, Callable] = {}


def converts(*operators):
    """Register the decorated function as the converter for the MXNet `operators`.

    The converter is called as `convert(onnx, node, *inputs)` with the `OnnxGraph`, the `Node` and
    the ONNX names of its inputs. It returns the ONNX name of the node's output, or a list of names
    if there are several outputs. It raises ValueError for attributes that ONNX cannot express.
    """
    def register(convert):
        for operator in operators:
            assert operator not in CONVERTERS, operator
            CONVERTERS[operator] = convert
        return convert
    return register


def attribute(node, name, default=None):
    """Return an attribute of a node as a number, a tuple, a bool, None or a string."""
    if name not in node.attrs:
        return default
    text = re.sub(r'(\d)L\b', r'\1', node.attrs[name])  # Python 2 wrote (1L, 3L)
    try:
        value = ast.literal_eval(text.title() if text in ('true', 'false') else text)
    except (ValueError, SyntaxError):
        return text
    return tuple(value) if isinstance(value, list) else value


def listed(node, name, default=()):
    """Return a numeric attribute as a list of numbers, or `default` if it is empty or missing."""
    value = attribute(node, name)
    return list(default if value in (None, ()) else value if isinstance(value, tuple) else [value])
