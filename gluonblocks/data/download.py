"""Fetch data files: from their authors, from Gluon's host, or through apt without root."""
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

_AUTHORS = 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/'
_GLUON = 'https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/'
_PACKAGE = 'dataset-fashion-mnist'
_TIMEOUT = 30  # seconds without an answer


def fetch(names, folder, check):
    """Put `names` into `folder`, each as NAME.gz; `check(name, path)` raises OSError for a bad one.

    Each source is tried in turn until one gives all. A file is written beside its place and
    renamed when it has passed, so nothing half-written stays. Raises OSError with what each source
    said if none does.
    """
    gluon = os.environ.get('MXNET_GLUON_REPO') or _GLUON
    sources = [("the data set's authors", _from_web(_AUTHORS)),
               ("Gluon's host", _from_web(gluon.rstrip('/') + '/gluon/dataset/fashion-mnist/'))]
    if shutil.which('apt-get') and shutil.which('dpkg-deb'):
        sources.append(('the package ' + _PACKAGE, _from_apt))
    os.makedirs(folder, exist_ok=True)
    failures = []
    for title, source in sources:
        print('fetching Fashion-MNIST from %s into %s' % (title, folder), file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix='.part-', dir=folder) as part:
            try:
                source(names, part)
                for name in names:
                    check(name, os.path.join(part, name + '.gz'))
            except OSError as error:
                failures.append('  %s: %s' % (title, error))
                continue
            for name in names:
                os.replace(os.path.join(part, name + '.gz'), os.path.join(folder, name + '.gz'))
            return
    raise OSError('\n'.join(failures))


def _from_web(base):
    def get(names, part):
        for name in names:
            with urllib.request.urlopen(base + name + '.gz', timeout=_TIMEOUT) as response, \
                    open(os.path.join(part, name + '.gz'), 'wb') as f:
                shutil.copyfileobj(response, f)
    return get


def _from_apt(names, part):
    """Download the package and unpack it, as any user: nothing is installed."""
    own = ['-o', 'Dir::State::Lists=' + os.path.join(part, 'lists'),
           '-o', 'Dir::Cache=' + os.path.join(part, 'cache')]
    try:
        _run(['apt-get', 'download', _PACKAGE], part)
    except OSError as first:  # a machine that never ran apt-get update, which needs root
        os.makedirs(os.path.join(part, 'lists', 'partial'))
        os.makedirs(os.path.join(part, 'cache', 'archives', 'partial'))
        try:
            _run(['apt-get', 'update'] + own, part)
            _run(['apt-get', 'download', _PACKAGE] + own, part)
        except OSError as second:
            raise OSError('%s; with lists of its own: %s' % (first, second))
    package = [f for f in os.listdir(part) if f.endswith('.deb')][0]
    _run(['dpkg-deb', '-x', package, 'unpacked'], part)
    for name in names:
        os.replace(os.path.join(part, 'unpacked/usr/share/datasets/fashion-mnist', name + '.gz'),
                   os.path.join(part, name + '.gz'))


def _run(command, folder):
    if os.geteuid() == 0 and command[0] == 'apt-get':
        command = command + ['-o', 'APT::Sandbox::User=root']  # else apt warns that it cannot write
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=600, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors='replace').strip().splitlines()
        raise OSError('%s: %s' % (' '.join(command[:2]), said[-1] if said else 'failed'))
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error))
