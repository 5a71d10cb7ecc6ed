#!/usr/bin/env python
"""Build the source archive and the wheel, install each in an empty environment, and try it there.

Each has to hold every file of the package, to answer `python -m gluonblocks`, to train, and to
export a net whose small predict.py answers pictures in an environment that has neither MXNet nor
gluonblocks: with NumPy, Pillow and ONNX Runtime alone.

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
           'tests/conftest.py', 'docs/library.md', 'tools/attacks/shim.c',
           'tools/experiments/command.py',
           'notebooks/5.11-batch-norm.ipynb', 'tests/cells/section_5_11.txt',
           'results/lenet_bn.txt']

STANDALONE = ['numpy', 'pillow', 'onnxruntime']  # what predict.py needs, and no more
EXPORT = """
import gluonblocks as gb, numpy as np
from gluonblocks.export.run import export_run
from gluonblocks.data.datasets import load_data_synthetic
from PIL import Image
gb.train_model('lenet_bn', dataset='synthetic', epochs=1, seed=0, out='run')
export_run('run')
_, test_iter = load_data_synthetic(16)
for i in range(3):
    Image.fromarray(np.kron(test_iter.images[i], np.ones((i + 1, i + 1), np.uint8))).save(
        '%d.png' % i)
"""
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
            env = os.path.join(folder, 'env-' + archive.rsplit('.', 1)[1])
            check_installed(archive, env)
            check_standalone(archive, env, os.path.join(folder, 'env-standalone'))
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


def make_environment(folder):
    """A new, empty environment at `folder`: its Python, and the variables to run it with."""
    venv.create(folder, with_pip=True)
    # A number of threads that the caller chose is something that gluonblocks finds wrong.
    return os.path.join(folder, 'bin', 'python'), {
        k: v for k, v in os.environ.items()
        if not k.startswith('PYTHON') and k not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS')}


def check_standalone(archive, installed, folder):
    """Export a net in the environment at `installed`, and have its predict.py answer in a new one
    at `folder`, with the same lines as `gluonblocks predict`; SystemExit otherwise."""
    there = os.path.join(installed, 'bin', 'python')
    python, env = make_environment(folder)
    # With the archive once more, so that pip keeps to the NumPy that its MXNet takes.
    for command in [[there, '-m', 'pip', 'install', '-q', archive, 'onnx<2', 'onnxruntime',
                     'pillow<14', 'jinja2<4'],
                    [there, '-c', EXPORT], [python, '-m', 'pip', 'install', '-q'] + STANDALONE]:
        if subprocess.call(command, cwd=installed, env=env):
            sys.exit('failed: %s' % ' '.join(command[:4]))
    pictures = ['%d.png' % i for i in range(3)]
    ours, beside = [subprocess.check_output(command + pictures, cwd=installed, env=env) for command
                    in ([there, '-m', 'gluonblocks', 'predict', 'run'],
                        [python, os.path.join('run', 'export', 'predict.py')])]
    if ours != beside:
        sys.exit("predict.py does not answer as gluonblocks does:\n%s\n%s"
                 % (beside.decode(), ours.decode()))


def check_installed(archive, folder):
    """Install `archive` into a new environment at `folder` and try it; SystemExit if it fails."""
    python, env = make_environment(folder)
    commands = [['-m', 'pip', 'install', '-q', archive]]
    if sys.version_info >= (3, 13):  # see docs/compatibility.md
        commands.append(['-m', 'pip', 'install', '-q', '--no-deps', 'mxnet==1.9.1'])
    for command in commands + [['-m', 'gluonblocks'], ['-c', TRAIN]]:
        if subprocess.call([python] + command, cwd=folder, env=env):
            sys.exit('%s: failed: %s' % (os.path.basename(archive), ' '.join(command[:3])))


if __name__ == '__main__':
    sys.exit(main())
