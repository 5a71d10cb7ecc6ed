"""The formats by name: to add one, write a function `write(net, folder, options)` and list it.

It gets a `NetDescription`, a temporary folder for its files and `Options`, and returns a `Written`.
It neither verifies nor renames: write.py does both for all formats. Before anything that takes
long, `check(net)` raises ValueError for a net that the format cannot express. A format's module is
imported when it is used: it may need what is not installed.
"""
import importlib
from typing import NamedTuple, Tuple


class Format(NamedTuple):
    """A format's name, its module here, and what it needs beyond the package."""

    name: str
    module: str
    says: str  #: in a few words, for a help text
    needs: Tuple[str, ...] = ('onnx', 'onnxruntime', 'jinja2')  #: modules
    extra: str = 'export'  #: that installs them
    checked_by: str = 'onnx'  #: the module that has `check`

    def check(self, net):
        """Call the `check` of the format."""
        importlib.import_module('.' + self.checked_by, __package__).check(net)

    def write(self, net, folder, options):
        """Call the `write` of the format's module."""
        return importlib.import_module('.' + self.module, __package__).write(net, folder, options)


FORMATS = {format.name: format for format in [
    Format('onnx', 'onnx', 'float32, for ONNX Runtime and others'),
    Format('onnx-int8', 'int8', 'in 8 bits'),
    Format('torch', 'torch.write', 'plain PyTorch to read, with its weights',
           ('torch', 'jinja2'), 'torch', 'torch.write'),
    Format('web', 'web', 'a page that runs it in a browser',
           ('onnx', 'onnxruntime', 'jinja2', 'PIL')),
]}


def get_format(name):
    """The `Format` named `name`. Raises ValueError for another name; the message lists all."""
    if name not in FORMATS:
        raise ValueError('there is no format %r; the formats are: %s' % (name, ', '.join(FORMATS)))
    return FORMATS[name]
