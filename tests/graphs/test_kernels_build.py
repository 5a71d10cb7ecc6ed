"""The operator library is built once, into a private folder, and never seen incomplete."""
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from gluonblocks.graphs import operators
from gluonblocks.graphs.kernels import build
from gluonblocks.machine import compiled

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='the operators need Linux')

# A fake compiler. It writes a line to the file after -o, and logs each time it links.
COMPILER = """#!/bin/sh
[ "$1" = -shared ] && { sleep 0.1; echo x >> "$(dirname "$0")/calls"; }
while [ "$1" != -o ]; do shift; done
echo "built once" > "$2"
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder with an empty cache and a fake compiler, whose runs `calls` counts."""
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


def calls(root):
    path = root / 'bin' / 'calls'
    return len(path.read_text().split()) if path.exists() else 0


def test_the_cache_folder_is_private_with_any_umask(root):
    before = os.umask(0o002)
    try:
        path = build.library()
    finally:
        os.umask(before)
    folder = root / 'cache' / 'gluonblocks' / 'operators'
    assert os.path.dirname(path) == str(folder) and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert build.library() == path and calls(root) == 1


def test_a_cache_folder_that_cannot_be_created_is_reported_before_the_build(root):
    (root / 'cache').write_text('a file')
    with pytest.raises(compiled.Unavailable, match='cannot create the cache folder'):
        build.library(build=False)
    assert not operators.pending()


def test_without_a_home_folder_nothing_is_written_into_the_current_one(root, monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setattr(os.path, 'expanduser', lambda path: path)  # no HOME, and no account
    monkeypatch.chdir(root)
    with pytest.raises(compiled.Unavailable, match='the home folder could not be found'):
        build.library()
    assert os.listdir() == ['bin']


def test_a_library_that_was_changed_is_built_again(root):
    path = build.library()
    with open(path, 'a') as f:
        f.write('more')
    assert build.library() == path and open(path).read().endswith('once\n') and calls(root) == 2


@pytest.mark.parametrize('change, message, remedy', [
    (lambda folder, patch: folder.chmod(0o770), 'other users can write to the', 'chmod go-w'),
    (lambda folder, patch: folder.chmod(0o707), 'other users can write to the', 'chmod go-w'),
    (lambda folder, patch: patch.setattr(os, 'geteuid', lambda: 12345), 'that you own', 'XDG'),
    (lambda folder, patch: (shutil.rmtree(str(folder)), folder.write_text('a file')),
     'cannot create the cache folder', 'XDG_CACHE')])
def test_a_cache_that_is_not_private_is_not_used(root, monkeypatch, change, message, remedy):
    change(pathlib.Path(build.library()).parent, monkeypatch)
    with pytest.raises(compiled.Unavailable, match=message) as e:
        build.library()
    assert remedy in e.value.remedy


@pytest.mark.parametrize('change', [
    lambda root, patch: write_compiler(root, COMPILER + '\n'),
    lambda root, patch: patch.setattr(build, '_processor', lambda: 'another'),
    lambda root, patch: patch.setattr(build.mx, '__version__', '1.9.77'),
    lambda root, patch: patch.setattr(build, 'FLAGS', build.FLAGS + ('-g',)),
    lambda root, patch: patch.setattr(build.mx.libinfo, 'find_lib_path', lambda: [__file__]),
    lambda root, patch: patch.setattr(build, 'SOURCES', root)])
def test_another_compiler_processor_mxnet_or_source_is_a_new_build(root, monkeypatch, change):
    first = build.library()
    change(root, monkeypatch)
    assert build.library() != first and calls(root) == 2


def test_the_operators_are_pending_until_the_library_is_built(root, monkeypatch):
    monkeypatch.setattr(operators, '_status', None)
    assert operators.pending() and not (root / 'cache').exists()
    build.library()
    assert not operators.pending()


def test_if_the_compiler_fails_its_error_is_quoted_and_no_file_remains(root):
    write_compiler(root, '#!/bin/sh\necho notes\necho "x.cc:1: error: no such luck"\nexit 1\n')
    with pytest.raises(compiled.Unavailable, match='could not compile .*no such luck'):
        build.library()
    assert not os.listdir(str(root / 'cache' / 'gluonblocks' / 'operators'))


def test_without_gcc_the_error_says_what_to_install(root, monkeypatch):
    shutil.rmtree(str(root / 'bin'))
    monkeypatch.setenv('PATH', str(root / 'bin'))
    with pytest.raises(compiled.Unavailable, match='no C.. compiler') as e:
        build.library()
    assert 'apt-get install g++' in e.value.remedy
    write_compiler(root, COMPILER, 'clang++')
    os.symlink(str(root / 'bin' / 'clang++'), str(root / 'bin' / 'c++'))
    with pytest.raises(compiled.Unavailable, match='no C.. compiler'):
        build.library()


def test_an_older_mxnet_is_rejected(monkeypatch):
    monkeypatch.setattr(build.mx, '__version__', '1.8.0')
    with pytest.raises(compiled.Unavailable, match='need MXNet 1.9 on Linux; found MXNet 1.8.0 on'):
        build.library()


def test_processes_that_build_at_once_all_get_a_complete_library(root):
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            try:
                complete = open(build.library()).read().endswith('once\n')
            finally:
                os._exit(0 if complete else 1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert len(os.listdir(str(root / 'cache' / 'gluonblocks' / 'operators'))) == 1


def test_a_compiler_that_hangs_is_killed(root, monkeypatch):
    write_compiler(root, '#!/bin/sh\nexec sleep 60\n')
    monkeypatch.setattr(compiled, 'SECONDS', 0.2)
    with pytest.raises(compiled.Unavailable, match='could not be compiled: .*timed out'):
        build.library()


def test_the_operators_access_only_their_arrays(tmp_path):
    compiler, program = shutil.which('g++'), str(tmp_path / 'sanitized')
    flags = ['-O0', '-g1', '-march=native', '-fopenmp', '-std=c++17', '-w',
             '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    (tmp_path / 'empty.cc').write_text('int main() {}')
    empty = [str(tmp_path / 'empty.cc'), '-o', program]
    if not compiler or subprocess.call([compiler, *flags, *empty], stderr=subprocess.DEVNULL):
        pytest.skip("g++ or its sanitizers are missing")
    source = pathlib.Path(__file__).with_name('kernels_sanitized.cc')
    subprocess.check_call([compiler, *flags, '-I', str(build.SOURCES), str(source), '-o', program])
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=dict(os.environ, OMP_NUM_THREADS='2'))
    assert done.returncode == 0, done.stdout
