"""How each format's file is run, in five lines that run as they stand."""
from typing import NamedTuple


class Usage(NamedTuple):
    """How to run a file: the `packages` to install, and Python code."""

    packages: str
    code: str


_ONNX = """\
import json, numpy, onnxruntime
from PIL import Image
net = onnxruntime.InferenceSession({file!r})
{picture}
print(json.loads(net.get_modelmeta().custom_metadata_map['classes'])[{best}])
"""
_TORCH = """\
import json, model, numpy, torch
from PIL import Image
{picture}
best = model.load()(torch.from_numpy(X)).argmax()
print(json.load(open('export.json'))['info']['classes'][best])
"""
_WEB = """\
import pathlib, webbrowser
webbrowser.open(pathlib.Path('index.html').resolve().as_uri())
"""


def usages(info):
    """Return {format: `Usage`} for a net with this `info`, an `Export`'s.

    The code reads picture.png in its folder and prints the name of a class; if nothing in `info`
    tells how an image becomes the net's input, it gives the net zeros.
    """
    inside = info.get('preprocessing') == 'inside'
    picture = _picture(info, inside)
    onnx = {name: Usage('numpy pillow onnxruntime', _ONNX.format(
        file=file, picture=picture, best="net.run(None, {'data': X})[0].argmax()"))
        for name, file in (('onnx', 'model.onnx'), ('onnx-int8', 'model-int8.onnx'))}
    return dict(onnx, torch=Usage('numpy pillow safetensors torch', _TORCH.format(
        picture=_picture(info, False))), web=Usage('', _WEB))


def reads_pictures(info):
    """Return True if `info` tells how an image becomes the net's input."""
    return info.get('scaling') == 'x / 255' and 'resize' in info


def _picture(info, inside):
    """A line of Python that makes X, a batch of one, of picture.png."""
    C, H, W = info['input']
    if not reads_pictures(info):
        return "X = numpy.zeros((1, %d, %d, %d), 'float32')" % (C, H, W)
    # Pictures are of Fashion-MNIST's size before they are resized.
    size = (28, 28) if inside and info['resize'] else (W, H)
    read = "X = numpy.asarray(Image.open('picture.png').convert(%r).resize(%r)%s)" % (
        'L' if C == 1 else 'RGB', size, '' if inside else ", 'float32'")
    read += '[None, None]' if C == 1 and not inside else '[None]'
    if C > 1:
        read += '.transpose(0, 3, 1, 2)'
    return read if inside else read + ' / 255'
