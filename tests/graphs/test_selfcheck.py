"""The check of the compiled operators against MXNet's."""
import numpy as np
import pytest

from gluonblocks.graphs.kernels import selfcheck

pytestmark = pytest.mark.usefixtures('operators')


def test_rounding_does_not_fail_the_check_for_any_of_ten_inputs():
    assert [selfcheck.differences(seed) for seed in range(10)] == [[]] * 10


@pytest.mark.parametrize('wrong, images, where', [
    ('out', 35, 'training'), ('first_weight', 35, 'training'), ('batchnorm0_gamma', 35, 'training'),
    ('out', 35, 'prediction'), ('out', 1, 'prediction of 1'), ('out', 2, 'prediction of 2')])
def test_a_result_that_is_wrong_by_one_percent_fails_the_check(monkeypatch, wrong, images, where):
    def run(symbol, arrays, states, training=True, dY=None):
        result = intact(symbol, arrays, states, training, dY)
        name = wrong.replace('batchnorm0', symbol.list_auxiliary_states()[0][:-12])
        if (len(arrays['data']) == images and training == (where == 'training')
                and arrays['data'].dtype == np.float32):  # the graph with our operators
            result[name] = result[name] * np.float32(1.01)
        return result
    intact = selfcheck.run
    monkeypatch.setattr(selfcheck, 'run', run)
    found = selfcheck.differences()
    assert len(found) == 2  # in both nets
    assert all(name.endswith(' in ' + where) for name in found)
