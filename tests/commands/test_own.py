"""The commands on a user's nets and data, in the folder that holds them."""
import sys

import numpy as np
import pytest
from PIL import Image

NET = '''
from mxnet.gluon import nn
def net(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net
'''
DATA = '''
import gluonblocks as gb
def load(batch_size, resize=None, seed=None):
    return gb.data.load_data_synthetic(batch_size, resize, seed, num_train=32, num_test=16)
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a net, a data set and pictures of two classes, which is the current one."""
    (tmp_path / 'my_net.py').write_text(NET)
    (tmp_path / 'my_data.py').write_text(DATA)
    for name, value in (('Tag', 200), ('Nacht und Nebel', 40)):
        (tmp_path / 'pictures' / name).mkdir(parents=True)
        for i in range(5):
            Image.fromarray(np.full((9, 9), value + i, np.uint8)).save(
                str(tmp_path / 'pictures' / name / ('%d.png' % i)))
    monkeypatch.chdir(str(tmp_path))
    yield tmp_path
    forget()


def forget():
    for name in ('my_net', 'my_data'):
        sys.modules.pop(name, None)


def test_every_command_takes_an_own_net_and_a_folder_of_pictures(here, command):
    code, out, err = command('train', '--model', 'my_net:net', '--dataset', 'folder:pictures',
                             '--test-share', '0.4', '--epochs', '1', '--seed', '0', '--batch-size',
                             '4', '--augment', 'flip', '--out', 'run')
    assert code == 0 and out.splitlines()[1].startswith('epoch 1, ')
    assert '6 pictures to train on and 4 to test, of 2 classes, grey, 9 x 9 pixels' in err
    code, out, _ = command('train', '--resume', 'run', '--epochs', '2')
    assert code == 0 and out.startswith('epoch 2, ')
    code, out, _ = command('evaluate', 'run')
    assert code == 0 and 'on 4 images' in out and 'Nacht und Nebel' in out
    code, out, err = command('predict', 'run', 'pictures/Tag/0.png')
    assert code == 0 and 'Nacht und Nebel 0.' in out and err == ''


def test_an_own_data_set_too(here, command):
    code, out, err = command('train', '--model', 'my_net:net', '--dataset', 'my_data:load',
                             '--epochs', '1', '--out', 'run', '--no-report')
    assert code == 0, err
    assert 'on 16 images' in command('evaluate', 'run')[1]


@pytest.mark.parametrize('arguments, said', [
    (('--model', 'my_net:nets'), "argument --model: the model my_net:nets cannot be imported: "),
    (('--model', 'my_net:net', '--dataset', 'folder:pictures'),
     'argument --test-share: is missing, but '),
])
def test_a_mistake_is_told_in_a_few_lines(here, command, arguments, said):
    code, out, err = command('train', *arguments, '--epochs', '1')
    assert code in (1, 2) and out == '' and said in err
