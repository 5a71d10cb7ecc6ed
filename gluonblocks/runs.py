"""STAND-IN until the merge: only enough of run folders for evaluation.py and prediction.py."""
import json
import os

from .models import get_model
from .training import try_gpu


def load_run(folder, ctx=None, weights='best'):
    """(net, config) of the run in `folder`: config.json and WEIGHTS.params."""
    with open(os.path.join(folder, 'config.json')) as f:
        config = json.load(f)
    net = get_model(config['model'], num_classes=config['num_classes'])
    net.load_parameters(os.path.join(folder, weights + '.params'), ctx=ctx or try_gpu())
    net.hybridize(static_alloc=True)
    return net, config
