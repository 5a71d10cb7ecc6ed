"""What the net of a run takes picture files for."""

import numpy as np
import pytest
from mxnet import nd
from picture_files import IMAGES, saved

import gluonblocks as gb


@pytest.mark.parametrize('resize', [None, 96])
def test_a_saved_training_image_is_what_the_loader_makes_of_it(tmp_path, make_run, resize):
    folder, net = make_run(resize=resize)
    paths = [saved(tmp_path, image, '%d.png' % i) for i, image in enumerate(IMAGES)]
    X, _ = next(iter(gb.data.BatchLoader(IMAGES, np.zeros(6, np.int32), 8, resize=resize)))
    net.hybridize(static_alloc=True)
    want = nd.softmax(net(X)).asnumpy()
    images = [gb.read_image(path) for path in paths]
    assert (np.array(images) == IMAGES).all()
    assert (gb.training.predict_images(net, images, resize=resize) == want).all()
    for answer, p in zip(gb.predict_files(str(folder), paths, top=10), want):
        assert sorted(probability for _, probability in answer.classes) == sorted(p.tolist())
