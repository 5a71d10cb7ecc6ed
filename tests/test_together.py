"""Threads that predict, read pictures and load data at once, in forked and in spawned processes."""
import multiprocessing

import mxnet as mx
import numpy as np
import together
from picture_files import IMAGES, saved

import gluonblocks as gb


def test_eight_threads_do_all_of_it_at_once_and_change_nothing_of_the_process(tmp_path):
    for number, name in enumerate('ab'):
        (tmp_path / 'pets' / name).mkdir(parents=True)
        for i in range(3):
            saved(tmp_path / 'pets' / name, IMAGES[3 * number + i], '%d.png' % i)
    net = gb.get_model('lenet_bn')
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 1, 28, 28)))
    net.save_parameters(str(tmp_path / 'net.params'))
    expected = together.run(str(tmp_path), None)
    assert (expected['image'] == IMAGES[0]).all()
    assert expected['data'].shape == (2, 1, 28, 28) and np.isfinite(expected['answer']).all()
    for method in ('fork', 'spawn'):
        process = multiprocessing.get_context(method).Process(
            target=together.run, args=(str(tmp_path), expected))
        process.start()
        process.join(120)
        hung = process.is_alive()
        process.kill()
        assert not hung and process.exitcode == 0, method
