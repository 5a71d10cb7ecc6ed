"""The predict.py beside a checkpoint's ONNX file: what it prints for each kind of net."""
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import gluonblocks as gb
from gluonblocks.export.predict import lines


@pytest.mark.parametrize('arrays, printed', [
    ([[0.1, 0.7, 0.2]], ['out0: class 1 0.700, class 2 0.200']),
    ([[3, -4, 0]], ['out0: 3 values of length 5, the largest: 3 at 0, 0 at 2']),
    ([[[1, 0.5, 0, 0, 1, 1], [-1, 0.9, 0, 0, 1, 1], [2, 0.75, 0.1, 0.2, 0.3, 0.4]]],
     ['out0: 2', '  class 2, score 0.750, box 0.1 0.2 0.3 0.4',
      '  class 1, score 0.500, box 0 0 1 1']),
    ([[[4], [-1]], [[0.25], [0]], [[1, 2, 3, 4], [0, 0, 0, 0]]],
     ['detections: 1', '  class 4, score 0.250, box 1 2 3 4']),
    ([np.eye(2)[[0, 1]]], ['out0: 2 x 2, from 0 to 1']),
    ([[[[0, 0]], [[1, -1]]]], ['out0: class 0 50.0 %, class 1 50.0 %']),
    ([np.full((3, 1, 2), 9)], ['out0: 3 x 1 x 2, from 9 to 9'])],
    ids=['classes', 'embedding', 'detector', 'three_outputs', 'matrix', 'segmentation', 'image'])
def test_an_output_is_told_as_what_its_shape_says_it_is(arrays, printed):
    outputs = {'out%d' % i: np.float32(Y) for i, Y in enumerate(arrays)}
    assert list(lines(outputs, (1, 2), 2)) == printed


def test_it_answers_images_as_the_net_does_without_gluonblocks(checkpoint, tmp_path):
    export = gb.export_files(str(checkpoint), shape=(3, 8, 8), path=str(tmp_path / 'out'),
                             outputs=['softmax'], input_range=(0, 255))
    assert (export.info['mean'], export.info['std']) == (0, 1)
    pixels = np.random.RandomState(0).randint(0, 256, (8, 8, 3)).astype('uint8')
    Image.fromarray(pixels).save(str(tmp_path / 'a.png'))
    done = subprocess.run([sys.executable, '-I', str(tmp_path / 'out' / 'predict.py'),
                           str(tmp_path / 'a.png'), str(tmp_path / 'none.png')],
                          capture_output=True, text=True)
    from gluonblocks.export.checkpoints import read_net
    from gluonblocks.export.verify import symbol_engine
    net = read_net(str(checkpoint), shape=(3, 8, 8), outputs=['softmax'])
    (p,), = symbol_engine(net.symbol, net.params, ['data'])(
        (pixels.transpose(2, 0, 1)[None].astype('float32'),))
    assert done.stdout.splitlines() == [str(tmp_path / 'a.png'), '  softmax_output: ' + ', '.join(
        'class %d %.3f' % (i, p[i]) for i in np.argsort(-p))]
    assert done.returncode == 1 and 'none.png' in done.stderr and 'Traceback' not in done.stderr
