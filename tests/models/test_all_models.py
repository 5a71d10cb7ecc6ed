"""Models of every kind go all the way: trained, stopped, resumed, and asked."""
import os

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY, replace_recipe, smaller
from small_runs import stopped

import gluonblocks as gb
from gluonblocks.runs import records
from gluonblocks.training.inference import predict_images

BOOT = os.path.join(REPOSITORY, 'docs', 'boot.png')
# The papers' other nets differ from these three in the numbers and the order of the same layers.
PAPERS = ['paper_resnet18_v2', 'paper_resnet50', 'densenet121']


@pytest.mark.parametrize('name', gb.list_models('book') + gb.list_models('exercises') + PAPERS)
def test_a_model_is_stopped_in_an_epoch_goes_on_to_its_end_and_predicts(
        name, folder, little_data, monkeypatch):
    smaller(monkeypatch, num_train=8, num_test=4)
    if gb.get_recipe(name).resize:  # on the smallest usual images that all these nets take
        replace_recipe(monkeypatch, name, resize=32)
    monkeypatch.setattr(records, 'draw_curves', lambda rows, title: b'')
    stopped(monkeypatch, folder, at=1, name=name, epochs=1, batch_size=4)
    net, history = gb.resume_run(folder)
    assert [record.epoch for record in history] == [1] and np.isfinite(history[0].loss)
    assert all(np.isfinite(param.data().asnumpy()).all()
               for param in net.collect_params().values())
    answer, = gb.predict_files(folder, [BOOT], top=10)
    expected = predict_images(net, [answer.image], mx.cpu(), gb.get_recipe(name).resize, 4)
    np.testing.assert_allclose(np.sort([p for _, p in answer.classes]),
                               np.sort(next(iter(expected))), rtol=1e-4, atol=1e-6)
    assert expected.sum() == pytest.approx(1, rel=1e-4)
