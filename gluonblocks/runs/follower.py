"""What every worker but the first does where the first one keeps the run's folder."""
import contextlib
import math
import os
import tempfile

from ..training.hooks import Hook
from ..training.interrupt import Interrupted
from ..training.loop import EpochRecord
from .checkpoint import load_checkpoint, restore_checkpoint
from .folder import is_due
from .ranks import gather_states, take_own


class Follower(Hook):
    """Stands in for a `RunFolder`, and writes nothing: it gives the first worker what is its own
    whenever that one saves, and takes from it the checkpoint that a run goes on from."""

    def attach(self, net, trainer, finite, recorders, workers):
        """As of `RunFolder`."""
        self._net, self._trainer, self._workers = net, trainer, workers

    def start(self, config, state, check_position):
        """As of `RunFolder`; `config` says how often there is a checkpoint."""
        self._every = config['checkpoint_every']
        if not self._workers.job['resume']:
            return
        content = self._workers.first()
        if not content:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'checkpoint')
            with open(path, 'wb') as f:
                f.write(content)
            tensors, info = load_checkpoint(path)
        restore_checkpoint(tensors, info, self._net, self._trainer, state)
        take_own(tensors, info, self._net, state, self._workers)
        state.history = [EpochRecord(*tuple(row[:4]) + (math.nan,)) for row in info['rows']]

    def batch_end(self, state):
        if is_due(state.step, self._every):
            gather_states(self._net, state, self._workers)

    def epoch_end(self, state):
        gather_states(self._net, state, self._workers)

    @contextlib.contextmanager
    def keeping(self, state):
        """As of `RunFolder`."""
        try:
            yield
        except Interrupted as stop:
            if stop.between_batches and state.step:
                gather_states(self._net, state, self._workers)
            raise
