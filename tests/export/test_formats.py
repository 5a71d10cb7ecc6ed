"""The formats by name, and what they say where something is missing. Runs without onnx."""
import mxnet as mx
import pytest
from mxnet.gluon import nn

import gluonblocks as gb
from gluonblocks.export import formats, prediction_symbol


def dense():
    net = nn.Dense(3, in_units=4)
    net.initialize()
    return net


def test_what_is_not_installed_is_named_with_its_install_line(monkeypatch, tmp_path):
    monkeypatch.setitem(formats.FORMATS, 'onnx', formats.FORMATS['onnx']._replace(
        needs=('no_such_module',)))
    with pytest.raises(ImportError, match="no_such_module is not installed, which the format onnx "
                                          r"needs. .*\n  pip install 'gluonblocks\[export\]'"):
        gb.export_net(dense(), (1, 2, 2), path=str(tmp_path / 'out'))


def test_an_older_mxnet_is_told_what_to_install(monkeypatch):
    from gluonblocks.export.onnx import to_onnx
    symbol, params = prediction_symbol(dense())
    monkeypatch.setattr(mx, '__version__', '1.8.0')
    with pytest.raises(ImportError, match="MXNet is 1.8.0 .* from 1.9 on: pip install 'mxnet==1"):
        to_onnx(symbol, params, (1, 2, 2))


@pytest.mark.parametrize('name', formats.FORMATS)
def test_every_format_has_a_file_with_a_function_that_writes(name):
    format = formats.get_format(name)
    module = __import__('gluonblocks.export.' + format.module, fromlist=['write'])
    assert callable(module.write) and format.says
