"""The net of a run, read back from its folder, and asked."""
import os
import re

import numpy as np
import pytest
from mxnet import nd
from picture_files import IMAGES, saved
from runs_on_disk import rewrite
from small_runs import start

import gluonblocks as gb
from gluonblocks.checks import OptionError
from gluonblocks.runs.checkpoint import load_checkpoint
from gluonblocks.runs.config import read_config
from gluonblocks.runs.weights import encode_tensors, net_arrays
from gluonblocks.training import loop
from gluonblocks.training.metrics import Evaluation


def test_the_final_weights_are_those_the_run_ended_with(whole):
    net, config = gb.load_run(whole.folder, ctx='cpu', weights='final')
    assert config['model'] == 'lenet_bn' and net._active
    other = gb.get_model('lenet_bn')
    other.load_parameters(os.path.join(whole.folder, 'final.params'))
    for one in (net, gb.load_run(whole.folder, weights='last')[0], other):
        for param, array in zip(one.collect_params().values(), whole.weights):
            assert (param.data().asnumpy() == array).all()


def test_the_best_weights_are_those_of_the_best_epoch(folder, monkeypatch):
    start(folder + '1', epochs=1)  # ends at what will be the best epoch
    rights = iter([90, 50, 70])
    monkeypatch.setattr(loop, 'evaluate', lambda *args: Evaluation(
        np.ones(100, int), np.arange(100) < next(rights), np.empty((100, 0))))
    start(folder)
    best, final = gb.load_run(folder)[0], gb.load_run(folder + '1', weights='final')[0]
    for a, b in zip(best.collect_params().values(), final.collect_params().values()):
        assert (a.data().asnumpy() == b.data().asnumpy()).all()
    assert load_checkpoint(os.path.join(folder, 'best.safetensors'))[1]['step'] == 4


def test_a_run_in_half_precision_predicts_on_a_cpu_in_single(whole, copied):
    # A CPU trains no net in half precision: a file made by hand stands for such a run's.
    rewrite(copied, dtype='float16')
    net, _ = gb.load_run(whole.folder, weights='final')
    halves = {name: array.astype('float16' if array.ndim == 4 and 'weight' in name else 'float32')
              for name, array in net_arrays(net).items()}
    with open(os.path.join(copied, 'final.safetensors'), 'wb') as f:
        f.write(encode_tensors(halves, {'identity': read_config(copied)['identity']}))
    loaded, _ = gb.load_run(copied, weights='final')
    for name, array in net_arrays(loaded).items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, halves[name])


def test_weights_that_are_not_there_yet_or_not_known_are_refused(copied):
    os.unlink(os.path.join(copied, 'best.safetensors'))
    with pytest.raises(ValueError, match="cannot be 'best': .* these weights, which .* Use 'last'"):
        gb.load_run(copied)
    with pytest.raises(ValueError, match="weights must be one of .*, got 'newest'"):
        gb.load_run(copied, weights='newest')


def test_a_run_is_evaluated_on_the_test_images_of_its_data(whole):
    _, names, matrix = gb.evaluate_run(whole.folder)
    net, _ = gb.load_run(whole.folder)
    _, test_iter = gb.data.load_data_synthetic(8, num_train=60, num_test=20)
    assert names == ['class %d' % i for i in range(10)] and matrix.sum() == 20
    assert gb.training.accuracy_of(matrix) == gb.evaluate_accuracy(test_iter, net)
    with pytest.raises(ValueError, match="data set 'synthetic' is generated"):
        gb.evaluate_run(whole.folder, data_root='x')


def test_fashion_mnists_classes_have_its_names_and_data_from_the_folder(make_run, tiny, tmp_path):
    folder, _ = make_run(dataset='fashion-mnist', data_root=str(tmp_path))
    _, names, matrix = gb.evaluate_run(str(folder), data_root=str(tiny.folder))
    assert names == gb.get_fashion_mnist_labels(range(10))
    labels = tiny.arrays['t10k-labels-idx1-ubyte']
    assert (matrix.sum(axis=1) == np.bincount(labels, minlength=10)).all()


def test_a_folder_of_data_that_does_not_exist_is_named_and_not_created(make_run, tiny, tmp_path,
                                                                      monkeypatch):
    monkeypatch.setenv('MXNET_HOME', str(tiny.home()))  # an installed copy, which is not used
    folder, _ = make_run(dataset='fashion-mnist')
    typo, out = tmp_path / 'typo', tmp_path / 'new'
    for call in (lambda: gb.evaluate_run(str(folder), data_root=str(typo)),
                 lambda: gb.train_model('lenet_bn', str(out), data_root=str(typo))):
        with pytest.raises(OptionError, match='^data_root must be an existing folder, got %s: corr'
                           % re.escape(str(typo))) as error:
            call()
        assert error.value.option == 'data_root'
    assert not typo.exists() and not out.exists()


def test_a_saved_training_image_is_what_the_loader_makes_of_it(tmp_path, make_run):
    folder, net = make_run(resize=96)
    paths = [saved(tmp_path, image, '%d.png' % i) for i, image in enumerate(IMAGES)]
    X, _ = next(iter(gb.data.BatchLoader(IMAGES, np.zeros(6, np.int32), 8, resize=96)))
    net.hybridize(static_alloc=True)
    want = nd.softmax(net(X)).asnumpy()
    for answer, p in zip(gb.predict_files(str(folder), paths, top=10), want):
        assert sorted(probability for _, probability in answer.classes) == sorted(p.tolist())


def test_the_files_to_classify_may_be_a_generator_or_one_path(whole, tmp_path):
    paths = [saved(tmp_path, image, '%d.png' % i) for i, image in enumerate(IMAGES)]
    answers = gb.predict_files(whole.folder, tmp_path.glob('*.png'))
    assert sorted(str(answer.path) for answer in answers) == paths
    (answer,) = gb.predict_files(whole.folder, paths[0])
    assert answer.path == paths[0] and answer.classes
