"""The check of the compiled operators against MXNet's."""
import numpy as np
import pytest

from gluonblocks.graphs.kernels import selfcheck

pytestmark = pytest.mark.usefixtures('operators')


def test_rounding_does_not_fail_the_check_for_any_of_five_sets_of_inputs():
    assert [selfcheck.differences(range(n, n + 3)) for n in range(0, 15, 3)] == [[]] * 5


@pytest.mark.parametrize('wrong', ['out', 'first_weight', 'batchnorm4_gamma'])
def test_a_result_that_is_always_wrong_by_one_percent_fails_the_check(monkeypatch, wrong):
    def run(symbol, arrays, states, training=True, dY=None):
        result = intact(symbol, arrays, states, training, dY)
        if training and arrays['data'].dtype == np.float32:  # the graph with our operators
            result[wrong] = result[wrong] * np.float32(1.01)
        return result
    intact = selfcheck.run
    monkeypatch.setattr(selfcheck, 'run', run)
    assert set(selfcheck.differences()) == {wrong + ' in training'}


def test_an_input_for_which_rounding_changes_a_sign_does_not_fail_the_check(monkeypatch):
    results = [['out in training', 'data in training'], ['data in training'], []]
    monkeypatch.setattr(selfcheck, '_differences', lambda rng: results.pop(0))
    assert selfcheck.differences() == [] == results
