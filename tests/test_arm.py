"""Stand-ins for Arm's libraries, which MXNet's wheel for ARM needs, here with any processor."""
import ctypes
import os
import secrets
import stat
import subprocess
import types

import mxnet as mx
import numpy as np
import pytest
from conftest import REPOSITORY

from gluonblocks.commands import doctor
from gluonblocks.machine import arm, compiled

pytestmark = pytest.mark.skipif(not os.path.exists('/proc/self/maps'), reason='needs Linux')


@pytest.fixture
def compiler():
    try:
        return compiled.find_compiler()
    except compiled.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def wheel(tmp_path, monkeypatch, compiler):
    """A libmxnet.so that needs two libraries that are on no path, `fast` and `blas`.

    It takes libm's cosine through `blas`, as MXNet takes OpenBLAS's functions.
    """
    names = ['lib%s_%s.so' % (name, secrets.token_hex(8)) for name in ('blas', 'fast')]
    monkeypatch.setattr(arm, 'STAND_INS', {names[0]: ('libm.so.6',), names[1]: ()})
    monkeypatch.setattr(arm, 'provided', {})
    monkeypatch.setattr(arm, 'platform', types.SimpleNamespace(machine=lambda: 'aarch64'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    code = tmp_path / 'mxnet.c'
    code.write_text('double cos(double); double value(double x) { return cos(x); }')
    for name in names:
        subprocess.check_call([compiler, '-shared', '-Wl,-soname,' + name, '-o', name],
                              cwd=str(tmp_path))
    subprocess.check_call([compiler, '-x', 'c', '-shared', '-fPIC', '-fno-builtin', 'mxnet.c',
                           '-nostdlib', '-Wl,--no-as-needed', '-L.', *('-l:' + n for n in names),
                           '-o', 'libmxnet.so'], cwd=str(tmp_path))
    for name in names:
        os.unlink(str(tmp_path / name))
    monkeypatch.setattr(arm.importlib.util, 'find_spec', lambda name: types.SimpleNamespace(
        origin=str(tmp_path / '__init__.py')))
    return str(tmp_path / 'libmxnet.so')


def entries(path):
    """The sonames that `path` has and needs, by readelf."""
    lines = subprocess.check_output(['readelf', '-d', path], universal_newlines=True).splitlines()
    return [[line.split('[')[1].rstrip(']') for line in lines if '(%s)' % kind in line]
            for kind in ('SONAME', 'NEEDED')]


def test_a_library_that_needs_those_of_arm_loads_with_the_stand_ins(wheel):
    with pytest.raises(OSError, match='cannot open shared object file'):
        ctypes.CDLL(wheel)
    arm.provide_libraries()
    library = ctypes.CDLL(wheel)
    library.value.restype, library.value.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.value(0.0) == 1.0  # cos(0), found through the stand-in
    text, = (text for title, _, text in doctor.collect() if title == 'ARM')
    assert text.endswith(', '.join(arm.STAND_INS))


def test_a_stand_in_has_the_name_and_needs_the_libraries_that_replace_arms(wheel):
    arm.provide_libraries()
    for name, needed in arm.STAND_INS.items():
        soname, needs = entries(arm.provided[name])
        assert soname == [name] and set(needed) <= set(needs)


def test_stand_ins_are_compiled_once_and_again_if_they_were_changed(wheel, monkeypatch):
    arm.provide_libraries()
    first = dict(arm.provided)
    for path in first.values():
        state = os.stat(os.path.dirname(path))
        assert path.startswith(compiled.cache_folder()) and stat.S_IMODE(state.st_mode) == 0o700
    monkeypatch.setattr(arm, '_is_needed', lambda: True)
    monkeypatch.setattr(arm, '_loads', lambda name: name == 'libm.so.6')  # as in a new process

    def no_compiler():
        raise compiled.Unavailable('there is no compiler', 'install one')
    monkeypatch.setattr(arm, 'find_compiler', no_compiler)
    arm.provide_libraries()
    assert arm.provided == first
    blas = next(iter(first.values()))
    with open(blas, 'rb') as f:
        content = f.read()
    os.unlink(blas)  # it is loaded: do not write into it
    with open(blas, 'wb') as f:
        f.write(content + b'more')
    with pytest.raises(ImportError, match='there is no compiler.\nTo fix this, install one'):
        arm.provide_libraries()


def test_without_openblas_the_error_says_what_to_install(wheel, monkeypatch):
    monkeypatch.setattr(arm, 'STAND_INS', dict(arm.STAND_INS, **{
        next(iter(arm.STAND_INS)): ('liblapacke_none.so.3', 'libm.so.6', 'libopenblas_none.so')}))
    with pytest.raises(ImportError) as e:
        arm.provide_libraries()
    said = str(e.value)
    assert 'liblapacke_none.so.3 and libopenblas_none.so could not be loaded' in said
    with open(os.path.join(REPOSITORY, 'Dockerfile')) as f:
        assert ' libopenblas0 liblapacke\n' in f.read()
    assert 'apt-get install libopenblas0 liblapacke\n' in said
    assert 'dnf install openblas lapack\n' in said + '\n'


def test_a_library_of_mxnet_that_loads_or_lacks_another_one_gets_no_stand_ins(wheel, monkeypatch):
    monkeypatch.setattr(arm, 'STAND_INS', {'libother.so': ()})
    arm.provide_libraries()
    assert not arm.provided and not os.path.exists(compiled.cache_folder())


@pytest.mark.parametrize('system, machine', [('linux', 'x86_64'), ('darwin', 'arm64')])
def test_other_machines_get_no_stand_ins(wheel, monkeypatch, system, machine):
    monkeypatch.setattr(arm, 'sys', types.SimpleNamespace(platform=system))
    monkeypatch.setattr(arm, 'platform', types.SimpleNamespace(machine=lambda: machine))
    arm.provide_libraries()
    assert not arm.provided


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_blas_and_lapack_give_mxnet_the_values_that_numpy_computes(dtype):
    X = np.random.RandomState(0).randn(5, 5).astype(dtype)
    A = X @ X.T + np.eye(5, dtype=dtype)
    a, x = mx.nd.array(A, dtype=dtype), mx.nd.array(X, dtype=dtype)
    q, lower = mx.nd.linalg.gelqf(x)
    _, values = mx.nd.linalg.syevd(a)
    _, singular, _ = mx.np.linalg.svd(x.as_np_ndarray())
    for found, want in [
            (mx.nd.linalg.gemm2(a, x), A @ X), (mx.nd.linalg.potrf(a), np.linalg.cholesky(A)),
            (mx.nd.linalg.inverse(x), np.linalg.inv(X)), (mx.nd.linalg.gemm2(lower, q), X),
            (values, np.linalg.eigvalsh(A)), (singular, np.linalg.svd(X, compute_uv=False))]:
        np.testing.assert_allclose(found.asnumpy(), want, rtol=0, atol=2e-4)
