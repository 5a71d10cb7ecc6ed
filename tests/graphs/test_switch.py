"""The switch of the C++ operators, and the fallback if they are missing or wrong."""
import json
import shutil
import subprocess
import threading

import mxnet as mx
import pytest
from mxnet import autograd, nd
from operator_nets import images, small

import gluonblocks as gb
from gluonblocks.graphs import operators, traced
from gluonblocks.graphs.kernels import selfcheck
from gluonblocks.machine.compiled import Unavailable
from gluonblocks.mxnet_private import load_library


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """Reset the operators' state to that of a new process; return the path of a fake library."""
    monkeypatch.setattr(operators, '_status', None)
    monkeypatch.setattr(operators, '_compiling', None)
    monkeypatch.setattr(operators, '_warned', False)
    monkeypatch.setattr(operators, 'load_library', lambda path: None)
    monkeypatch.delenv('GLUONBLOCKS_OPERATORS', raising=False)
    path = tmp_path / 'operators.so'
    path.write_text('a library')
    monkeypatch.setattr(operators, 'library', lambda build=True: str(path))
    return path


@pytest.fixture
def checks(fresh, monkeypatch):
    """The results of the next self-checks, as a list that each check shortens by one."""
    results = []
    monkeypatch.setattr(selfcheck, 'differences', lambda: results.pop(0))
    return results


def missing(build=True):
    raise Unavailable('no reason', 'no remedy')


def test_a_value_other_than_0_and_1_raises_an_error_when_a_net_runs(monkeypatch):
    net = small()
    net.initialize()
    net.hybridize()
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', 'no')
    with pytest.raises(ValueError, match=r"must be 0 \(off\) or 1 \(on, the default\), got 'no'"):
        net(images(2, 1, 8, 8))


@pytest.mark.usefixtures('operators')
def test_a_hybridized_net_reads_the_switch_in_each_call(monkeypatch):
    net = small()
    net.initialize()
    net.hybridize()
    for value in ('0', '1', '', '0'):
        monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
        with autograd.record():
            net(images(2, 1, 8, 8)).backward()
        assert ('_gluonblocks_' in net.graph_for((2, 1, 8, 8)).tojson()) == (value != '0')


def test_nothing_is_compiled_or_stored_if_the_operators_are_off(python, tmp_path):
    python("""
import gluonblocks as gb, mxnet as mx
from gluonblocks.graphs import operators
operators.start()
net = gb.get_model('lenet_bn')
net.initialize()
net.hybridize()
with mx.autograd.record():
    net(mx.nd.ones((2, 1, 28, 28))).wait_to_read()
assert operators._status is None and operators._compiling is None
""", GLUONBLOCKS_OPERATORS='0', XDG_CACHE_HOME=str(tmp_path / 'cache'))
    assert not (tmp_path / 'cache').exists()


def test_a_prediction_does_not_wait_for_the_compiler_but_a_training_step_does(fresh, monkeypatch):
    requests = []

    def library(build=True):
        requests.append(build)
        if build:
            raise Unavailable('no reason')
    monkeypatch.setattr(operators, 'library', library)
    net = small()
    net.initialize()
    net.hybridize()
    net(images(2, 1, 8, 8)).wait_to_read()
    assert set(requests) == {False}
    with autograd.record():
        net(images(2, 1, 8, 8)).wait_to_read()
    assert requests[-1] is True


def test_if_the_operators_are_requested_but_missing_one_warning_says_why(fresh, monkeypatch):
    monkeypatch.setattr(operators, 'library', missing)
    monkeypatch.setenv('GLUONBLOCKS_OPERATORS', '1')
    with pytest.warns(RuntimeWarning, match='not used: no reason.*To fix this: no remedy') as found:
        assert not any([operators.available() for _ in range(3)])
    assert len(found) == 1
    assert operators.status() == (False, 'no reason', 'no remedy', False)


def test_a_file_that_is_not_a_library_is_not_used(fresh, monkeypatch):
    monkeypatch.setattr(operators, 'load_library', load_library)
    with pytest.warns(RuntimeWarning, match='MXNet cannot run them: .*operators.so: .* short'):
        assert not operators.available()


def test_a_library_that_passed_the_check_is_not_checked_again(checks, monkeypatch):
    checks += [[], ['norm: out']]
    for _ in range(2):
        assert operators.available()
        monkeypatch.setattr(operators, '_status', None)  # as in the next process
    monkeypatch.setattr(operators, 'library', lambda build=True: __file__)
    with pytest.warns(RuntimeWarning, match="results differ from MXNet's: norm: out") as found:
        assert not any([operators.available() for _ in range(3)])
    assert len(found) == 1


def test_the_compiler_runs_in_the_background_and_status_waits_for_it(fresh, monkeypatch):
    started, proceed, ended = threading.Event(), threading.Event(), []

    def library(build=True):
        started.set()
        assert proceed.wait(10)
        ended.append(threading.current_thread())
        raise Unavailable('no reason')
    monkeypatch.setattr(operators, 'library', library)
    operators.start()
    operators.start()
    assert started.wait(10) and not ended
    proceed.set()
    assert not operators.status().ready
    assert len(ended) == 2 and ended[1] is threading.main_thread()  # it raises again and reports


@pytest.mark.usefixtures('operators')
def test_attributes_are_parsed_correctly_in_a_locale_with_a_decimal_comma(tmp_path, python):
    if not shutil.which('localedef'):
        pytest.skip('localedef is missing: apt-get install locales')
    result = subprocess.run(['localedef', '-i', 'de_DE', '-f', 'UTF-8',
                             str(tmp_path / 'de_DE.UTF-8')], capture_output=True)
    if not (tmp_path / 'de_DE.UTF-8').exists():
        pytest.skip('the source of the German locale is missing: %s' % result.stderr[:80])
    out = python("""
import locale
import gluonblocks as gb, mxnet as mx
from mxnet.gluon import nn
from gluonblocks.graphs import operators
assert operators.available()
locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')
assert locale.localeconv()['decimal_point'] == ','
net = gb.graphs.Net()
net.add(nn.Conv2D(3, 3), gb.BatchNorm(3, num_dims=4, momentum=0.75))
net.initialize(mx.init.One())
net.hybridize()
with mx.autograd.record():
    net(mx.nd.ones((2, 1, 8, 8))).backward()
print('%.3f' % net[1].moving_mean.data().asnumpy()[0, 0, 0, 0])
""", LOCPATH=str(tmp_path))
    assert out.replace(',', '.') == '2.250'  # a quarter of 9, the sum of a window of ones


@pytest.mark.parametrize('name', gb.list_models('book'))
def test_gradients_of_hybridized_models_match_the_plain_models(monkeypatch, name):
    # For some seeds and processors, rounding changes the sign of a ReLU's input near 0, and with it
    # the gradients of all earlier layers. A bug would change them for each seed.
    errors = [largest_difference(monkeypatch, name, seed) for seed in range(3)]
    assert min(errors) < 2e-4, errors


def largest_difference(monkeypatch, name, seed):
    """Return how much the gradients of the hybridized and the plain model differ, relatively."""
    mx.random.seed(seed)
    unfused = {'fused': False} if name == 'lenet_bn' else {}
    net, X = gb.get_model(name, **unfused), nd.random.normal(shape=(8, 1, 32, 32))
    net.initialize(mx.init.Xavier())
    grads = []
    for hybridize, value in ((False, '0'), (True, '0'), (True, '1')):
        monkeypatch.setenv('GLUONBLOCKS_OPERATORS', value)
        net.hybridize(hybridize)
        with autograd.record():
            y = (net(X) ** 2).sum()
        y.backward()
        grads.append({key: param.grad().asnumpy() for key, param in net.collect_params().items()
                      if param.grad_req != 'null' and key.endswith('weight')})
    return max(abs(other[key] - grad).max() / abs(grad).max()
               for key, grad in grads[0].items() for other in grads[1:])


@pytest.mark.parametrize('name', gb.list_models('book'))
@pytest.mark.parametrize('where', ['images', 'weight'])
def test_the_passes_do_not_hide_nan_in_the_loss_and_gradients(monkeypatch, name, where):
    net, X = gb.get_model(name), nd.random.normal(shape=(4, 1, 32, 32))
    net.initialize(mx.init.Xavier())
    net(X)
    if where == 'images':
        X[1, 0, 3, 5] = float('nan')
    else:
        net[0].weight.data()[2, 0, 1, 1] = float('nan')
    shown = []
    for passes in ([], traced.TRAINING):
        monkeypatch.setattr(traced, 'TRAINING', passes)
        net.hybridize()
        with autograd.record():
            loss = net(X).sum()
        loss.backward()
        shown.append([mx.nd.contrib.isnan(loss).asscalar()] + [
            bool(mx.nd.contrib.isnan(param.grad()).max().asscalar())
            for param in net.collect_params('.*weight').values()])
    assert all(ours >= theirs for theirs, ours in zip(*shown)), json.dumps(shown, default=str)
