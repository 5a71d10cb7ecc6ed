"""Threads that predict, read pictures and load data at once, in forked and in spawned processes."""
import locale
import logging
import multiprocessing
import os
import signal
import sys
import threading
import warnings

import numpy as np
from picture_files import IMAGES, saved
from PIL import Image, ImageFile

import gluonblocks as gb


def settings():
    """What belongs to the process, and what nobody may change even for a moment."""
    return (warnings.showwarning, tuple(warnings.filters), Image.MAX_IMAGE_PIXELS,
            ImageFile.LOAD_TRUNCATED_IMAGES, dict(os.environ), os.getcwd(), tuple(sys.path),
            locale.setlocale(locale.LC_ALL), signal.getsignal(signal.SIGINT),
            logging.getLogger().level, np.random.get_state()[1].tolist())


def run(folder, expected=None):
    """Do four tasks in eight threads; return the results.

    Raises AssertionError for a result other than `expected`, and if a setting changes."""
    net = gb.get_model('lenet_bn')
    net.load_parameters(os.path.join(folder, 'net.params'))
    net.hybridize()
    pets = os.path.join(folder, 'pets')
    image = os.path.join(pets, 'a', '0.png')

    def load(loaders):
        return np.concatenate([X.asnumpy() for X, _ in loaders[0]])
    tasks = [
        lambda: gb.read_image(image),
        lambda: gb.training.predict_images(net, gb.read_image(image)[None]),
        lambda: load(gb.data.load_data_folder(pets, 2, seed=0, test_share=0.5)),
        lambda: load(gb.data.load_data_synthetic(4, seed=0, num_train=8, num_test=4))]
    before, start, wrong, results = settings(), threading.Barrier(8), [], {}

    def work(number):
        start.wait()
        for _ in range(3):
            results[number] = tasks[number % 4]()
            if settings() != before:
                wrong.append('task %d: a setting of the process changed' % number)
            if expected and not np.allclose(results[number], expected[number], atol=1e-6):
                wrong.append('task %d: another result' % number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and len(results) == 8, wrong
    return results


def test_eight_threads_do_all_of_it_at_once_and_change_nothing_of_the_process(tmp_path):
    for number, name in enumerate('ab'):
        (tmp_path / 'pets' / name).mkdir(parents=True)
        for i in range(3):
            saved(tmp_path / 'pets' / name, IMAGES[3 * number + i], '%d.png' % i)
    net = gb.get_model('lenet_bn')
    net.initialize()
    gb.training.predict_images(net, IMAGES)
    net.save_parameters(str(tmp_path / 'net.params'))
    expected = run(str(tmp_path))
    assert (expected[0] == IMAGES[0]).all() and expected[2].shape == (2, 1, 28, 28)
    for method in ('fork', 'spawn'):
        process = multiprocessing.get_context(method).Process(
            target=run, args=(str(tmp_path), expected))
        process.start()
        process.join(120)
        hung = process.is_alive()
        process.kill()
        assert not hung and process.exitcode == 0, method
