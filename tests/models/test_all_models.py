"""Every registered model goes the whole way: trained, gone on with, and asked."""
import os

import numpy as np
import pytest
from conftest import REPOSITORY, smaller

import gluonblocks as gb
from gluonblocks.models import registry

BOOT = os.path.join(REPOSITORY, 'docs', 'boot.png')


def small_side(name):
    """The side of the smallest images that are tried: 32 where the recipe resizes them."""
    return 32 if gb.get_recipe(name).resize else None


@pytest.mark.parametrize('name', gb.list_models())
def test_a_model_trains_an_epoch_goes_on_with_it_and_predicts(name, folder, monkeypatch):
    smaller(monkeypatch, num_train=8, num_test=4)
    monkeypatch.setitem(registry._recipes, name, gb.get_recipe(name)._replace(
        resize=small_side(name)))
    how = {'dataset': 'synthetic', 'batch_size': 4, 'ctx': 'cpu'}
    import time
    t=[time.process_time()]
    gb.train_model(name, out=folder, epochs=1, seed=0, **how)
    t.append(time.process_time())
    net, history = gb.resume_run(folder, epochs=2)
    t.append(time.process_time())
    answer, = gb.predict_files(folder, [BOOT])
    t.append(time.process_time())
    print(name, np.diff(t))
