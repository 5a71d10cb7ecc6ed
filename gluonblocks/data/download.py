"""Fetch data files: from their authors, from Gluon's host, or through apt without root."""
import http.client
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
_PATIENCE = 600  # seconds for one command


def fetch(names, folder, check):
    """Put files into `folder`, each as NAME.gz; `check(name, path)` raises OSError for a bad one.

    Each source is tried in turn until one gives all `names`, and why one does not is reported on
    stderr. Files are renamed to their places once all have passed, so none is there in part.
    Raises OSError with what each source said if none does.
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
            except (OSError, subprocess.SubprocessError) as error:
                failures.append('  %s: %s' % (title, error))
                print('failed: %s' % error, file=sys.stderr)
                continue
            for name in names:
                os.replace(os.path.join(part, name + '.gz'), os.path.join(folder, name + '.gz'))
            return
    raise OSError('\n'.join(failures))


def _from_web(base):
    def get(names, part):
        for name in names:
            url = base + name + '.gz'
            try:
                with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, \
                        open(os.path.join(part, name + '.gz'), 'wb') as f:
                    shutil.copyfileobj(response, f)
            except (OSError, http.client.HTTPException, ValueError) as error:
                # What is no HTTP is an HTTPException, and what is no URL a ValueError.
                raise OSError('%s: %s' % (url, str(error) or type(error).__name__))
    return get


def _from_apt(names, part):
    """Download the package and unpack it, as any user: nothing is installed."""
    # Lists of its own: a machine may have none yet, and updating its lists needs root.
    own = ['-o', 'Dir::State::Lists=' + os.path.join(part, 'lists'),
           '-o', 'Dir::Cache=' + os.path.join(part, 'cache')]
    os.makedirs(os.path.join(part, 'lists', 'partial'))
    os.makedirs(os.path.join(part, 'cache', 'archives', 'partial'))
    _run(['apt-get', 'update'] + own, part)
    _run(['apt-get', 'download', _PACKAGE] + own, part)
    packages = [f for f in os.listdir(part) if f.endswith('.deb')]
    if not packages:
        raise OSError('apt-get download: it ended well and left no package')
    _run(['dpkg-deb', '-x', packages[0], 'unpacked'], part)
    for name in names:
        os.replace(os.path.join(part, 'unpacked/usr/share/datasets/fashion-mnist', name + '.gz'),
                   os.path.join(part, name + '.gz'))


def _run(command, folder):
    if os.geteuid() == 0 and command[0] == 'apt-get':
        command = command + ['-o', 'APT::Sandbox::User=root']  # else apt warns that it cannot write
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors='replace').strip().splitlines()
        raise OSError('%s: %s' % (' '.join(command[:2]), said[-1] if said else 'failed'))
