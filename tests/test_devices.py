"""Devices by their names and as they are given in code."""
import mxnet as mx
import pytest

import gluonblocks as gb
from gluonblocks import devices
from gluonblocks.devices import devices_of, get_ctx


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


@pytest.mark.parametrize('name, ctx', [('cpu', mx.cpu(0)), ('cpu:1', mx.cpu(1)),
                                       ('cpu:63', mx.cpu(63))])
def test_a_device_is_found_by_its_name(name, ctx):
    assert get_ctx(name) == ctx


@pytest.mark.parametrize('name', ['', 'tpu', 'gpu:', 'gpu:a', 'cpu:-1', 'gpu:0 ', 'cpu\n', 'cpu:٣'])
def test_a_name_of_no_device_is_refused(name):
    with pytest.raises(ValueError, match='no device .* cpu, gpu, or gpu:1'):
        get_ctx(name)


@pytest.mark.parametrize('find', [get_ctx, devices_of, lambda name: devices_of(mx.gpu(99))])
def test_a_gpu_that_is_not_there_is_refused_with_what_is_missing(find):
    with pytest.raises(ValueError, match=r'gpu\(99\) cannot be used: .*(built without CUDA|finds)'):
        find('gpu:99')


@pytest.mark.parametrize('ctx, want', [
    (mx.cpu(), [mx.cpu()]), ('cpu:1', [mx.cpu(1)]), ('cpu:0,2', [mx.cpu(0), mx.cpu(2)]),
    ((mx.cpu(2), mx.cpu(0)), [mx.cpu(2), mx.cpu(0)]), (None, [gb.try_gpu()])])
def test_devices_are_a_list_however_they_are_given(ctx, want):
    assert devices_of(ctx) == want


@pytest.mark.parametrize('ctx', ['cpu:1,1', [mx.cpu(1), mx.cpu(0), mx.cpu(1)]])
def test_a_device_named_twice_is_refused(ctx):
    with pytest.raises(ValueError, match=r'cpu\(1\) is named twice; name each device once'):
        devices_of(ctx)


@pytest.mark.parametrize('ctx', ['cpu:64', 'cpu:100000000', mx.cpu(100000000), [mx.cpu(-1)],
                                 mx.cpu_pinned(64)])
def test_a_cpu_of_a_number_out_of_range_is_refused_before_mxnet_sees_it(ctx):
    with pytest.raises(ValueError, match=r'there is no cpu.*\(-?\d+\); CPUs .* from 0 to 63'):
        devices_of(ctx)


def test_no_device_at_all_is_refused():
    with pytest.raises(ValueError, match='the list of devices is empty; name at least one'):
        devices_of([])


@pytest.mark.parametrize('ctx', [0, ['cpu'], [None]])
def test_what_is_no_device_is_refused(ctx):
    with pytest.raises(ValueError, match=r"(0|'cpu'|None) is no device; give mx.cpu\(\)"):
        devices_of(ctx)
