"""Devices by their names and as they are given in code."""
import mxnet as mx
import pytest

import gluonblocks as gb
from gluonblocks import devices
from gluonblocks.devices import devices_of


def with_gpus(monkeypatch, *numbers):
    monkeypatch.setattr(devices, '_works',
                        lambda ctx: ctx.device_type == 'gpu' and ctx.device_id in numbers)


@pytest.mark.parametrize('numbers, want', [
    ((), [mx.cpu()]), ((0, 1), [mx.gpu(0), mx.gpu(1)]), ((1,), [mx.cpu()])])
def test_all_gpus_are_those_that_work_from_the_first_on(monkeypatch, numbers, want):
    with_gpus(monkeypatch, *numbers)
    assert gb.try_all_gpus() == want
    assert gb.try_gpu() == want[0]


@pytest.mark.parametrize('i', [2, 2 ** 32, -1])
def test_try_gpu_is_the_cpu_where_that_gpu_does_not_work(i):
    assert gb.try_gpu(i) == mx.cpu()


@pytest.mark.parametrize('ctx, want', [
    (mx.cpu(), [mx.cpu()]), ('cpu', [mx.cpu()]), ('cpu:63', [mx.cpu(63)]),
    ('cpu:0,2', [mx.cpu(0), mx.cpu(2)]), ((mx.cpu(2), mx.cpu(0)), [mx.cpu(2), mx.cpu(0)]),
    (None, [gb.try_gpu()])])
def test_devices_are_a_list_however_they_are_given(ctx, want):
    assert devices_of(ctx) == want


@pytest.mark.parametrize('ctx, said', [
    *[(name, 'expected a device such as cpu, gpu, gpu:1 or .*, got ') for name in (
        '', 'tpu', 'gpu:', 'gpu:a', 'cpu:-1', 'gpu:0 ', 'cpu\n', 'cpu:٣')],
    *[(ctx, r'gpu\(99\) cannot be used, because .*(built without CUDA|finds)') for ctx in (
        'gpu:99', mx.gpu(99))],
    *[(ctx, r'expected each device once, got cpu\(1\) twice') for ctx in (
        'cpu:1,1', [mx.cpu(1), mx.cpu(0), mx.cpu(1)])],
    # MXNet, which would hang, does not see them.
    *[(ctx, r'expected a CPU number from 0 to 63, got cpu.*\(-?\d+\)') for ctx in (
        'cpu:64', 'cpu:100000000', mx.cpu(100000000), [mx.cpu(-1)], mx.cpu_pinned(64))],
    ([], 'expected at least one device, .* got an empty list'),
    *[(ctx, r"expected a device such as mx.cpu\(\) .* got (0|'cpu'|None)$")
      for ctx in (0, ['cpu'], [None])]])
def test_what_is_no_device_is_refused_with_the_reason(ctx, said):
    with pytest.raises(ValueError, match=said):
        devices_of(ctx)
