#!/usr/bin/env python
"""Build the source archive and the wheel, and test each of them in a new environment.

The source archive must contain every file that git tracks, and the wheel every file of the package.
With either archive installed, `gluonblocks doctor` must succeed and training must work. An exported
predict.py must classify images in an environment with only NumPy, Pillow and ONNX Runtime.

The script needs git and the `build` package. It runs the tests outside the checkout, so that they
import the installed package.

example:
  python scripts/check_dist.py

Exit code: 0 both passed, 1 one of them failed."""
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
# Git-tracked files that the source distribution may omit.
EXCLUDED = ('.ci/', '.gitignore')
EXPORT = """
import gluonblocks as gb, numpy as np
from gluonblocks.data.datasets import load_data_synthetic
from PIL import Image
gb.train_model('lenet_bn', dataset='synthetic', epochs=1, seed=0, out='run')
gb.export_run('run')
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
    files = subprocess.check_output(['git', 'ls-files'], cwd=REPOSITORY, text=True).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call([sys.executable, '-m', 'build', '-q', '--outdir', folder, REPOSITORY])
        archives = sorted(glob.glob(os.path.join(folder, 'gluonblocks-*')))
        if [a.rsplit('.', 1)[1] for a in archives] != ['whl', 'gz']:
            sys.exit('error: expected a wheel and a source archive, got %s' % archives)
        for archive in archives:
            print('testing %s' % os.path.basename(archive), flush=True)
            check_files(archive, files)
            check_installed(archive, os.path.join(folder, 'env-' + archive.rsplit('.', 1)[1]),
                            os.path.join(folder, 'env-standalone'))
    print('%d archives passed' % len(archives))
    return 0


def check_files(archive, files):
    """Exit with an error if `archive` lacks any of `files` that belong in it."""
    if archive.endswith('.whl'):
        with zipfile.ZipFile(archive) as wheel:
            names = wheel.namelist()
        files = [name for name in files if name.startswith('gluonblocks/')]
    else:
        with tarfile.open(archive) as tar:
            names = [name.partition('/')[2] for name in tar.getnames()]
    missing = [name for name in files if name not in names and not name.startswith(EXCLUDED)]
    if missing:
        sys.exit('error: %s lacks %s' % (os.path.basename(archive), ', '.join(missing)))


def check_installed(archive, folder, standalone):
    """Test `archive` in the new venv `folder`, and an exported predict.py in the venv `standalone`.

    Exit with an error if a command fails, or if predict.py does not print the same lines as
    `gluonblocks predict`.
    """
    for env_folder in (folder, standalone):
        venv.create(env_folder, clear=True, with_pip=True)
    python, alone = (os.path.join(env_folder, 'bin', 'python')
                     for env_folder in (folder, standalone))
    # Ignore the caller's thread count, because `gluonblocks doctor` would report it as a problem.
    env = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')
           and k not in ('OMP_NUM_THREADS', 'MXNET_OMP_MAX_THREADS')}
    install = ['-m', 'pip', 'install', '-q']
    commands = [[python, *install, archive + '[mxnet]']]
    if sys.version_info >= (3, 13):  # see docs/compatibility.md
        commands.append([python, *install, '--no-deps', 'mxnet==1.9.1'])
    for command in commands + [
            [python, '-m', 'gluonblocks', 'doctor'], [python, '-c', TRAIN],
            # Request the mxnet extra again, so that pip keeps a NumPy version that MXNet supports.
            [python, *install, archive + '[mxnet,export,train]'], [python, '-c', EXPORT],
            [alone, *install, 'numpy', 'pillow', 'onnxruntime']]:
        if subprocess.call(command, cwd=folder, env=env):
            sys.exit('error: %s: this command failed: %s'
                     % (os.path.basename(archive), ' '.join(command[1:4])))
    images = ['%d.png' % i for i in range(3)]
    expected, found = [subprocess.check_output(command + images, cwd=folder, env=env, text=True)
                    for command in ([python, '-m', 'gluonblocks', 'predict', 'run'],
                                    [alone, os.path.join('run', 'export', 'predict.py')])]
    if expected != found:
        sys.exit('error: expected predict.py to print these lines:\n%s\ngot:\n%s'
                 % (expected, found))


if __name__ == '__main__':
    sys.exit(main())
