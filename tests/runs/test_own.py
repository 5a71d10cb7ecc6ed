"""Runs of a user's nets on a user's data: trained, resumed, evaluated, asked; and refusals."""
import os
import random
import shutil

import numpy as np
import pytest
from conftest import forget
from PIL import Image
from small_runs import content, start, stopped

import gluonblocks as gb
from gluonblocks.runs.config import read_config
from gluonblocks.runs.data import load_both
from gluonblocks.runs.provenance import data_checksum

NETS = '''
import gluonblocks as gb
from mxnet.gluon import nn
def ours(num_classes=10):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, strides=2), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'),
            nn.GlobalAvgPool2D(), nn.Dropout(0.2), nn.Dense(num_classes))
    return net
def ten(num_classes=10):
    return nn.Dense(10)
class Two(nn.Dense):
    def hybrid_forward(self, F, X, **weights):
        y_hat = super().hybrid_forward(F, X, **weights)
        return y_hat, y_hat
def two(num_classes=10):
    return Two(num_classes)
'''
DATA = '''
import gluonblocks as gb
def load(batch_size, resize=None, seed=None):
    return gb.data.load_data_synthetic(batch_size, resize, seed, num_train=60, num_test=20)
'''
OWN = {'name': 'nets_of_ours:ours', 'batch_size': 5, 'resize': 16}
COLORS = {'rot wie Rosen': (220, 40, 40), '\u7eff': (40, 220, 40),
          '\u05db\u05d7\u05dc': (40, 40, 220)}


@pytest.fixture
def nets(write_module):
    """A module with nets, nets_of_ours, and one with a data set, data_of_ours: the first's path."""
    write_module('data_of_ours', DATA)
    return write_module('nets_of_ours', NETS)


@pytest.fixture
def pets(tmp_path):
    """A folder of little pictures in colour, of three classes, 8 to train on and 3 to test."""
    rng = np.random.RandomState(0)
    for part, n in (('train', 8), ('test', 3)):
        for name, color in COLORS.items():
            (tmp_path / 'pets' / part / name).mkdir(parents=True)
            for i in range(n):
                noise = rng.randint(-30, 30, (12 + i, 15, 3))
                Image.fromarray((np.array(color) + noise).astype(np.uint8)).save(
                    str(tmp_path / 'pets' / part / name / ('%d.png' % i)))
    return tmp_path / 'pets'


def own(folder, pets, **kwargs):
    return start(folder, **dict(OWN, dataset='folder:%s' % pets, **kwargs))


def test_the_nets_answers_are_those_to_the_loaders_own_images(folder, pets, nets):
    own(folder, pets, epochs=2, lr=0.5)
    config = read_config(folder)
    assert (config['num_classes'], config['channels']) == (3, 3)
    assert (config['picture_size'], config['resize']) == ([16, 16], 16)
    assert config['sources'] == {'dataset': {}, 'model': dict(
        config['sources']['model'], module='nets_of_ours', name='ours', file=str(nets))}
    evaluation = gb.evaluate_run(folder)
    assert evaluation.names == sorted(COLORS) and evaluation.matrix.sum(axis=1).tolist() == [3] * 3
    paths = [str(pets / 'test' / name / ('%d.png' % i)) for name in sorted(COLORS)
             for i in range(3)]
    answers = gb.predict_files(folder, paths, top=3)
    assert answers[0].image.shape == (16, 16, 3)
    _, test_iter = gb.data.load_data_folder(str(pets), 5, resize=16)
    net, _ = gb.load_run(folder)
    want = np.concatenate([gb.training.predict(net, X) for X, _ in test_iter])
    for answer, p in zip(answers, want):
        assert sorted(q for _, q in answer.classes) == sorted(p.tolist())
    assert evaluation.matrix.trace() == (want.argmax(axis=1) == np.arange(9) // 3).sum()


def test_a_run_with_augmentation_goes_on_to_the_same_last_byte(folder, pets, nets, monkeypatch):
    how = {'augment': 'crop-flip', 'epochs': 2}
    own(folder + '0', pets, **how)
    stopped(monkeypatch, folder, 8, **OWN, dataset='folder:%s' % pets, **how)
    forget('nets_of_ours')
    gb.resume_run(folder)
    assert content(folder) == content(folder + '0')
    _, plain = own(folder + '1', pets, epochs=1)
    assert plain[0].loss != float(content(folder)['history.csv'].splitlines()[1].split(b',')[1])


def test_pictures_may_move_and_a_class_more_is_named(folder, pets, nets, tmp_path):
    own(folder, pets, epochs=1)
    want = gb.evaluate_run(folder).matrix
    moved = shutil.move(str(pets), str(tmp_path / 'moved'))
    with pytest.raises(OSError, match='no such folder'):
        gb.evaluate_run(folder)
    assert (gb.evaluate_run(folder, data_root=moved).matrix == want).all()
    gb.resume_run(folder, epochs=2, data_root=moved)
    for part in ('train', 'test'):
        shutil.copytree(os.path.join(moved, part, '\u7eff'), os.path.join(moved, part, 'green'))
    with pytest.raises(ValueError, match=r"class_names was \['rot wie Rosen'.*, is now .*'green'"):
        gb.resume_run(folder, epochs=3)
    with pytest.raises(ValueError, match='class names of .* must be .*, as during .*, got .*gr'):
        gb.evaluate_run(folder)


def test_the_share_for_the_test_is_the_same_when_evaluated(folder, pets, nets):
    _, history = own(folder, pets / 'train', test_share=0.25, epochs=1)
    matrix = gb.evaluate_run(folder).matrix
    assert matrix.sum(axis=1).tolist() == [2] * 3
    assert matrix.trace() / 6 == history[0].test_acc


def test_images_that_a_function_splits_at_random_are_split_as_in_training_when_evaluated(
        folder, nets, write_module):
    write_module('split_at_random', """
import random
import numpy as np
from mxnet import nd
def load():
    images = np.random.RandomState(0).randint(0, 256, (40, 8, 8)).astype('uint8')
    order = np.random.permutation(40) + nd.random.randint(0, 40).asscalar() + random.randrange(40)
    images, labels = images[order % 40], order % 40 % 3
    return images[:20], labels[:20], images[20:], labels[20:]
""")
    start(folder, **dict(OWN, resize=None), dataset='split_at_random:load', epochs=1)
    config = read_config(folder)
    before = np.random.get_state()[1].tolist(), random.getstate()
    assert data_checksum(*load_both(config)) == config['data_sha256']
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before


def test_functions_given_from_python_are_found_again_by_their_names(folder, nets):
    import data_of_ours
    import nets_of_ours
    start(folder, nets_of_ours.ours, dataset=data_of_ours.load, epochs=1)
    config = read_config(folder)
    assert (config['model'], config['dataset']) == ('nets_of_ours:ours', 'data_of_ours:load')
    assert config['sources']['dataset']['name'] == 'load'
    gb.resume_run(folder, epochs=2, model=nets_of_ours.ours)
    assert gb.evaluate_run(folder).matrix.sum() == 20


def test_a_registered_net_is_found_where_nobody_has_registered_it_yet(folder, write_module,
                                                                    registries):
    before = [dict(registry.entries) for registry in registries]
    write_module('nets_of_ours', NETS.replace('def ours', '@gb.register(lr=0.3)\ndef ours') + DATA +
                 'gb.register_dataset("ours", load, ["n%d" % i for i in range(10)])\n')
    import nets_of_ours  # noqa: F401
    start(folder, 'ours', dataset='ours', epochs=1)
    for registry, entries in zip(registries, before):
        registry.entries = entries
    forget('nets_of_ours')
    assert gb.evaluate_run(folder).names[0] == 'n0'
    gb.resume_run(folder, epochs=2)


def test_a_file_that_changed_is_told_or_refused_and_one_that_is_gone_named(
        folder, nets, write_module, capsys):
    start(folder, 'nets_of_ours:ours', epochs=1)
    write_module('nets_of_ours', NETS + '# more\n')
    gb.load_run(folder)
    assert 'note: %s has changed since' % nets in capsys.readouterr().err
    with pytest.raises(ValueError, match='source of the model was .*, is now .* .restore'):
        gb.resume_run(folder, epochs=2)
    os.unlink(str(nets))
    forget('nets_of_ours')
    for call in (gb.load_run, gb.resume_run):
        with pytest.raises(ValueError, match=(
                "the model nets_of_ours:ours cannot be imported: Python found no module "
                "'nets_of_ours'.* The run imported it from %s: add %s to PYTHONPATH$"
                % (nets, nets.parent))):
            call(folder)


BOOKS = """
import gluonblocks as gb
from mxnet import nd
from mxnet.gluon import nn
class BatchNorm(nn.Block):
    def __init__(self):
        super().__init__()
        self.scale, self.moving_mean, self.moving_var = nd.ones(1), nd.zeros(64), nd.zeros(64)
    def forward(self, X):
        ones = nd.ones(64)
        X, self.moving_mean, self.moving_var = gb.batch_norm(
            X.flatten(), ones, ones, self.moving_mean, self.moving_var, 1e-5, 0.9)
        return X * self.scale
def net(num_classes=10):
    net = nn.Sequential()
    net.add(BatchNorm(), nn.Dense(num_classes))
    return net
"""


def test_a_net_whose_running_averages_would_not_be_saved_is_refused_if_the_run_is(
        folder, nets, write_module):
    write_module('books', BOOKS)
    options = dict(OWN, name='books:net', resize=8, epochs=1, dataset='data_of_ours:load')
    start(None, **options)
    with pytest.raises(ValueError, match=r'changed batchnorm\d+\.moving_mean, an array that would '
                                         r"not .* self\.params\.get\('moving_mean', .* gb\.BatchN"):
        start(folder, **options)


@pytest.mark.parametrize('name, said', [
    ('ten', r'got \(1, 10\)'), ('two', r'got \(1, 3\) and \(1, 3\)')])
def test_an_output_of_another_shape_is_refused(pets, nets, name, said):
    said = r'the model nets_of_ours:%s must return logits of shape \(1, 3\) .*' % name + said
    with pytest.raises(ValueError, match=said):
        gb.train_model('nets_of_ours:' + name, dataset='folder:%s' % pets, batch_size=16)


@pytest.mark.gluoncv
def test_a_net_of_gluoncv_takes_colour(folder, pets):
    pytest.importorskip('gluoncv')
    start(folder, 'gluoncv:cifar_resnet20_v1', dataset='folder:%s' % pets, epochs=1, resize=32)
    (answer,) = gb.predict_files(folder, [str(pets / 'test' / 'rot wie Rosen' / '0.png')])
    assert len(answer.classes) == 3
