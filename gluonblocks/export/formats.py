"""The registry of export formats.

To add a format, write a module with the functions `check` and `write`, and list it in `FORMATS`.
`check(net)` takes a `NetDescription`, runs before any slow step, and raises ValueError if the
format cannot express the net. `write(net, folder, options)` also takes a temporary folder and
`Options`, and returns a `Written`. `write` does not verify the files or move them out of the
temporary folder, because write.py does both for all formats. Modules are imported only when used,
because they may need packages that are not installed.
"""
import importlib
from typing import NamedTuple, Tuple


class Format(NamedTuple):
    """An export format: its name, its module in this package, and its dependencies."""

    name: str
    module: str
    summary: str  #: short description, for help texts
    needs: Tuple[str, ...] = ('onnx', 'onnxruntime', 'jinja2')  #: modules that must be installed
    extra: str = 'export'  #: the extra of gluonblocks that installs them

    def check(self, net):
        """Raise ValueError if the format cannot express `net`; the message says why."""
        importlib.import_module('.' + self.module, __package__).check(net)

    def write(self, net, folder, options):
        """Write `net` to files in `folder`, and return a `Written`."""
        return importlib.import_module('.' + self.module, __package__).write(net, folder, options)


FORMATS = {format.name: format for format in [
    Format('onnx', 'onnx', 'float32, for ONNX Runtime and other engines'),
    Format('onnx-int8', 'int8', 'ONNX quantized to 8 bits'),
    Format('torch', 'torch.write', 'readable PyTorch code with the weights', ('torch', 'jinja2'),
           'torch'),
    Format('web', 'web', 'a web page that runs the net in the browser',
           ('onnx', 'onnxruntime', 'jinja2', 'PIL')),
]}


def get_format(name):
    """Return the `Format` called `name`. Raises ValueError if there is none."""
    if name not in FORMATS:
        raise ValueError('expected one of the formats %s, got %r' % (', '.join(FORMATS), name))
    return FORMATS[name]
