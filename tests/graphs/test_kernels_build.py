"""The operators' library: built once, kept where nobody else can write, whole or not there."""
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from gluonblocks import compiled
from gluonblocks.graphs import operators
from gluonblocks.graphs.kernels import build

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='operators are for Linux')

# Stands in for a compiler: it writes a line to what follows -o, and notes that it linked.
COMPILER = """#!/bin/sh
[ "$1" = -shared ] && { sleep 0.1; echo x >> "$(dirname "$0")/calls"; }
while [ "$1" != -o ]; do shift; done
echo "built once" > "$2"
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with an empty cache and a compiler of ours, which `calls` counts."""
    write_compiler(tmp_path, COMPILER)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PATH', str(tmp_path / 'bin') + os.pathsep + os.environ['PATH'])
    monkeypatch.setattr(build, 'find_interface', lambda: (__file__, __file__))
    return tmp_path


def write_compiler(folder, text, name='g++'):
    path = folder / 'bin' / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def calls(place):
    path = place / 'bin' / 'calls'
    return len(path.read_text().split()) if path.exists() else 0


def test_the_cache_is_the_users_alone_whatever_the_umask(place):
    before = os.umask(0o002)
    try:
        path = build.library()
    finally:
        os.umask(before)
    folder = place / 'cache' / 'gluonblocks' / 'operators'
    assert os.path.dirname(path) == str(folder) and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert build.library() == path and calls(place) == 1


def test_one_that_was_changed_is_built_again(place):
    path = build.library()
    with open(path, 'a') as f:
        f.write('more')
    assert build.library() == path and open(path).read().endswith('once\n') and calls(place) == 2


@pytest.mark.parametrize('change, said, remedy', [
    (lambda folder, patch: folder.chmod(0o770), 'others can write to the cache', 'chmod go-w'),
    (lambda folder, patch: folder.chmod(0o707), 'others can write to the cache', 'chmod go-w'),
    (lambda folder, patch: patch.setattr(os, 'geteuid', lambda: 12345), 'not yours', 'XDG_CACHE'),
    (lambda folder, patch: (shutil.rmtree(str(folder)), folder.write_text('a file')),
     'cannot make the cache folder', 'XDG_CACHE')])
def test_a_cache_that_is_not_the_users_alone_is_not_used(place, monkeypatch, change, said, remedy):
    change(pathlib.Path(build.library()).parent, monkeypatch)
    with pytest.raises(compiled.Unavailable, match=said) as e:
        build.library()
    assert remedy in e.value.remedy


@pytest.mark.parametrize('change', [
    lambda place, patch: write_compiler(place, COMPILER + '\n'),
    lambda place, patch: patch.setattr(build, '_processor', lambda: 'another'),
    lambda place, patch: patch.setattr(build.mx, '__version__', '1.9.77'),
    lambda place, patch: patch.setattr(build, 'FLAGS', build.FLAGS + ('-g',)),
    lambda place, patch: patch.setattr(build.mx.libinfo, 'find_lib_path', lambda: [__file__]),
    lambda place, patch: patch.setattr(build, 'SOURCES', place)])
def test_another_compiler_processor_mxnet_or_source_is_another_library(place, monkeypatch, change):
    first = build.library()
    change(place, monkeypatch)
    assert build.library() != first and calls(place) == 2


def test_a_library_that_is_not_there_yet_is_pending(place, monkeypatch):
    monkeypatch.setattr(operators, '_status', None)
    assert operators.pending() and not (place / 'cache').exists()
    build.library()
    assert not operators.pending()


def test_a_compiler_that_fails_is_quoted_and_leaves_nothing(place):
    write_compiler(place, '#!/bin/sh\necho notes\necho "x.cc:1: error: no such luck"\nexit 1\n')
    with pytest.raises(compiled.Unavailable, match='could not compile .*no such luck'):
        build.library()
    assert not os.listdir(str(place / 'cache' / 'gluonblocks' / 'operators'))


def test_without_gcc_it_is_said_what_to_install(place, monkeypatch):
    shutil.rmtree(str(place / 'bin'))
    monkeypatch.setenv('PATH', str(place / 'bin'))
    with pytest.raises(compiled.Unavailable, match='no C.. compiler') as e:
        build.library()
    assert 'apt-get install g++' in e.value.remedy
    write_compiler(place, COMPILER, 'clang++')
    os.symlink(str(place / 'bin' / 'clang++'), str(place / 'bin' / 'c++'))
    with pytest.raises(compiled.Unavailable, match='no C.. compiler'):
        build.library()


def test_an_older_mxnet_has_another_interface(monkeypatch):
    monkeypatch.setattr(build.mx, '__version__', '1.8.0')
    with pytest.raises(compiled.Unavailable, match='need MXNet 1.9 on Linux; found MXNet 1.8.0 on'):
        build.library()


def test_two_processes_at_once_have_it_whole(place):
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            try:
                whole = open(build.library()).read().endswith('once\n')
            finally:
                os._exit(0 if whole else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert len(os.listdir(str(place / 'cache' / 'gluonblocks' / 'operators'))) == 1


def test_a_compiler_that_does_not_end_is_ended(place, monkeypatch):
    write_compiler(place, '#!/bin/sh\nexec sleep 60\n')
    monkeypatch.setattr(compiled, 'SECONDS', 0.2)
    with pytest.raises(compiled.Unavailable, match='could not be compiled: .*timed out'):
        build.library()


def test_the_operators_keep_within_their_arrays(tmp_path):
    compiler, program = shutil.which('g++'), str(tmp_path / 'sanitized')
    flags = ['-O0', '-g1', '-march=native', '-fopenmp', '-std=c++17', '-w',
             '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    (tmp_path / 'empty.cc').write_text('int main() {}')
    empty = [str(tmp_path / 'empty.cc'), '-o', program]
    if not compiler or subprocess.call([compiler, *flags, *empty], stderr=subprocess.DEVNULL):
        pytest.skip("there is no g++ with its sanitizers here")
    source = pathlib.Path(__file__).with_name('kernels_sanitized.cc')
    subprocess.check_call([compiler, *flags, '-I', str(build.SOURCES), str(source), '-o', program])
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, OMP_NUM_THREADS='2'))
    assert done.returncode == 0, done.stdout
