#!/usr/bin/env python
"""Build the source archive and the wheel, install each in an empty environment, and try it there.

Each has to hold every file of the package, to answer `python -m gluonblocks`, and to train.

Needs the package `build`. Nothing of the checkout is on the path of what is tried.

example:
  python scripts/check_dist.py

Exit code: 0 both work, 1 one does not."""
import argparse
import glob
import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The source archive has these, beside the package, for those who build and test from it.
SOURCES = ['README.md', 'pyproject.toml', 'requirements.txt', 'tox.ini', 'scripts/train.py',
           'tests/conftest.py', 'docs/library.md', 'attacks/shim.c',
           'tests/cells/section_5_11.txt', 'results/lenet_bn.txt']

TRAIN = """
import gluonblocks as gb, os, sys
assert os.path.dirname(gb.__file__).startswith(sys.prefix), gb.__file__
net, history = gb.train_model('lenet_bn', dataset='synthetic', epochs=2, seed=0)
assert history[-1].train_acc > 0.9, history
"""


def main(argv=None):
    argparse.ArgumentParser(description=__doc__,
                            formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    if importlib.util.find_spec('build') is None:
        sys.exit('error: build is not installed for this Python: %s -m pip install build'
                 % sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([sys.executable, '-m', 'build', '-q', '--outdir', folder, REPOSITORY])
        archives = sorted(glob.glob(os.path.join(folder, 'gluonblocks-*')))
        if [a.rsplit('.', 1)[1] for a in archives] != ['whl', 'gz']:
            sys.exit('built %s, not a wheel and a source archive' % archives)
        for archive in archives:
            check_files(archive)
            print('installing and training from %s' % os.path.basename(archive), flush=True)
            check_installed(archive, os.path.join(folder, 'env-' + archive.rsplit('.', 1)[1]))
    print('%d archives passed' % len(archives))
    return 0


def package_files():
    """The paths of the package's files, from the repository's folder: of every wing."""
    paths = [os.path.relpath(os.path.join(folder, name), REPOSITORY)
             for folder, _, names in os.walk(os.path.join(REPOSITORY, 'gluonblocks'))
             for name in names]
    return sorted(path for path in paths if '__pycache__' not in path)


def check_files(archive):
    """SystemExit if an archive lacks a file of the package, or one of sources lacks `SOURCES`."""
    if archive.endswith('.whl'):
        with zipfile.ZipFile(archive) as wheel:
            names, wanted = wheel.namelist(), package_files()
    else:
        with tarfile.open(archive) as tar:
            names = [name.partition('/')[2] for name in tar.getnames()]
        wanted = package_files() + SOURCES
    missing = sorted(set(wanted) - set(names))
    if missing:
        sys.exit('%s lacks %s' % (os.path.basename(archive), ', '.join(missing)))


def check_installed(archive, folder):
    """Install `archive` into a new environment at `folder` and try it; SystemExit if it fails."""
    venv.create(folder, with_pip=True)
    python = os.path.join(folder, 'bin', 'python')
    # A number of threads that the caller chose is something that gluonblocks finds wrong.
    env = {k: v for k, v in os.environ.items()
           if not k.startswith('PYTHON') and k not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS')}
    commands = [['-m', 'pip', 'install', '-q', archive]]
    if sys.version_info >= (3, 13):  # see README
        commands.append(['-m', 'pip', 'install', '-q', '--no-deps', 'mxnet==1.9.1'])
    for command in commands + [['-m', 'gluonblocks'], ['-c', TRAIN]]:
        if subprocess.call([python] + command, cwd=folder, env=env):
            sys.exit('%s: failed: %s' % (os.path.basename(archive), ' '.join(command[:3])))


if __name__ == '__main__':
    sys.exit(main())
