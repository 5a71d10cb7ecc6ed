"""Eight threads that predict, read pictures and load data at once, and watch the process."""
import locale
import logging
import os
import signal
import sys
import threading
import warnings

import numpy as np
from PIL import Image, ImageFile

import gluonblocks as gb
from gluonblocks.data.folder import load_data_folder
from gluonblocks.training.inference import predict_images


def settings():
    """What belongs to the process, and which nobody may change for a moment."""
    return (warnings.showwarning, tuple(warnings.filters), Image.MAX_IMAGE_PIXELS,
            ImageFile.LOAD_TRUNCATED_IMAGES, dict(os.environ), os.getcwd(), tuple(sys.path),
            locale.setlocale(locale.LC_ALL), signal.getsignal(signal.SIGINT),
            logging.getLogger().level, np.random.get_state()[1].tolist())


def run(folder, expected, times=3):
    """Have eight threads do all of it; raise AssertionError for another result or setting."""
    net = gb.get_model('lenet_bn')
    net.load_parameters(os.path.join(folder, 'net.params'))
    net.hybridize()
    path, pets = os.path.join(folder, 'pets', 'a', '0.png'), os.path.join(folder, 'pets')

    def load():
        train_iter, _ = load_data_folder(pets, 2, seed=0, test_share=0.5)
        return np.concatenate([X.asnumpy() for X, _ in train_iter])

    tasks = [('image', lambda: gb.read_image(path)), ('data', load),
             ('answer', lambda: predict_images(net, gb.read_image(path)[None], batch_size=1)),
             ('synthetic', lambda: next(iter(gb.data.load_data_synthetic(
                 4, seed=0, num_train=8, num_test=4)[0]))[0].asnumpy())]
    before, wrong = settings(), []
    start = threading.Barrier(8)

    def work(number):
        name, task = tasks[number % len(tasks)]
        start.wait()
        for _ in range(times):
            result = task()
            if settings() != before:
                wrong.append('%s: a setting of the process changed' % name)
            if expected is not None and not np.allclose(result, expected[name], atol=1e-6):
                wrong.append('%s: another result' % name)
            results[name] = result

    results = {}
    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    assert len(results) == len(tasks)
    return results
