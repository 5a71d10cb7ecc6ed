"""Runs of own nets on own pictures leave, and are reported, as those of the registry."""
import json
import os

import pytest
from PIL import Image
from small_runs import start

import gluonblocks as gb

NETS = '''
import gluonblocks as gb
from mxnet.gluon import nn
def ours(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, strides=2), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'),
            nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
'''


@pytest.fixture
def run(write_module, little_data, tmp_path):
    """The folder of a run on pictures in colour, 24 pixels wide and 20 high, of two classes."""
    write_module('nets_of_ours', NETS)
    for name, color in (('leaf', (60, 180, 60)), ('red rose', (200, 60, 60))):
        os.makedirs(str(tmp_path / 'pets' / name))
        for i in range(8):
            Image.new('RGB', (24, 20), tuple(c + i for c in color)).save(
                str(tmp_path / 'pets' / name / ('%d.png' % i)))
    start(str(tmp_path / 'run'), 'nets_of_ours:ours', epochs=1, batch_size=4, test_share=0.25,
          dataset='folder:%s' % (tmp_path / 'pets'))
    return str(tmp_path / 'run')


def test_a_net_in_colour_leaves_with_its_classes_and_without_the_grey_predict_py(run):
    export = gb.export_run(run)
    assert export.info['classes'] == ['leaf', 'red rose']
    assert export.info['input'] == [3, 20, 24] and 'ground' not in export.info
    assert export.formats[0].verified.images == 4
    assert sorted(os.listdir(os.path.join(run, 'export'))) == [
        'README.md', 'export.json', 'model.onnx']
    with open(os.path.join(run, 'export', 'export.json')) as f:
        assert json.load(f)['info']['classes'] == ['leaf', 'red rose']


@pytest.mark.parametrize('how, said', [
    ({'formats': ['web']}, 'the page reads pictures as 28 x 28 pixels, and the net was trained on '
                           '24 x 20'),
    ({'with_preprocessing': True}, 'are in colour, which preprocessing within the file')])
def test_what_is_for_small_grey_pictures_alone_is_refused(run, how, said):
    with pytest.raises(ValueError, match=said):
        gb.export_run(run, **how)
    assert not os.path.exists(os.path.join(run, 'export'))


def test_the_page_of_a_run_in_colour_names_its_classes(run, tmp_path):
    gb.write_report(run, str(tmp_path / 'page.html'), ctx='cpu')
    text = (tmp_path / 'page.html').read_text()
    assert 'red rose' in text and '4 × 9 × 11' in text  # what the convolution makes of 20 x 24
