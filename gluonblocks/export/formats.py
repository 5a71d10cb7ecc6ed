"""The registry of export formats.

To add a format, write a module with a function `write(net, folder, options)` and list it here. The
function takes a `NetDescription`, a temporary folder and `Options`, and returns a `Written`. It
does not verify or rename files: write.py does both for all formats. `check(net)` runs before any
slow step and raises ValueError if the format cannot express the net. Modules are imported only when
used, because they may need packages that are not installed.
"""
import importlib
from typing import NamedTuple, Tuple


class Format(NamedTuple):
    """The name of a format, its module in this package, and its dependencies."""

    name: str
    module: str
    says: str  #: short description, for help texts
    needs: Tuple[str, ...] = ('onnx', 'onnxruntime', 'jinja2')  #: modules that must be installed
    extra: str = 'export'  #: the extra of gluonblocks that installs them
    checked_by: str = 'onnx'  #: the module with the function `check`

    def check(self, net):
        """Raise ValueError if the format cannot express `net`, a `NetDescription`."""
        importlib.import_module('.' + self.checked_by, __package__).check(net)

    def write(self, net, folder, options):
        """Write the files of `net` into `folder` and return a `Written`."""
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
    """Return the `Format` named `name`. Raises ValueError, listing all names, if it is unknown."""
    if name not in FORMATS:
        raise ValueError('there is no format %r; the formats are: %s' % (name, ', '.join(FORMATS)))
    return FORMATS[name]
