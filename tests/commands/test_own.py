"""The commands on a user's net, data set and pictures, in the folder that holds them."""
import sys

import numpy as np
from picture_files import saved

MODULE = '''
import gluonblocks as gb
from mxnet.gluon import nn
def net(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
def load(batch_size, resize=None, seed=None):
    return gb.data.load_data_synthetic(batch_size, resize, seed, num_train=32, num_test=16)
'''


def test_every_command_takes_an_own_net_and_data_of_the_current_folder(
        tmp_path, monkeypatch, command):
    (tmp_path / 'my_module.py').write_text(MODULE)
    for name, value in (('Tag', 200), ('Nacht und Nebel', 40)):
        (tmp_path / 'pictures' / name).mkdir(parents=True)
        for i in range(5):
            saved(tmp_path / 'pictures' / name, np.full((9, 9), value + i, np.uint8), '%d.png' % i)
    monkeypatch.chdir(tmp_path)
    train = 'train', '--model', 'my_module:net', '--epochs', '1', '--no-report'
    try:
        code, out, err = command(*train, '--dataset', 'my_module:load', '--out', 'run')
        assert code == 0, err
        assert 'on 16 images' in command('evaluate', 'run')[1]

        train += '--dataset', 'folder:pictures'
        code, out, err = command(*train, '--out', 'run2')
        assert (code, out) == (2, '') and 'argument --test-share: is required, because ' in err
        code, out, err = command(*train, '--test-share', '0.4', '--batch-size', '4', '--augment',
                                 'flip', '--out', 'run2')
        assert code == 0 and out.splitlines()[1].startswith('epoch 1, ')
        assert '6 training images and 4 test images, 2 classes, grey, 9 x 9 pixels' in err
        code, out, _ = command('train', '--resume', 'run2', '--epochs', '2', '--no-report')
        assert code == 0 and out.startswith('epoch 2, ')
        code, out, err = command('predict', 'run2', 'pictures/Tag/0.png')
        assert code == 0 and 'Nacht und Nebel 0.' in out and err == ''
    finally:
        sys.modules.pop('my_module', None)
