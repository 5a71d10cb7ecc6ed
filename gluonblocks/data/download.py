"""Fetch data files: from their authors, from Gluon's host, or through apt without root."""
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

_AUTHORS = 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/'
_GLUON = 'https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/'
_PACKAGE = 'dataset-fashion-mnist'
_TIMEOUT = 30  # seconds without an answer
_PATIENCE = 600  # seconds for one file, or for one command


def fetch(sizes, folder, check):
    """Put files into `folder`, each as NAME.gz; `check(name, path)` raises OSError for a bad one.

    `sizes` has the bytes of each file's content by its name; no more is fetched than its gzip can
    have. Each source is tried in turn until one gives all, and why one does not is told on stderr.
    A file is written beside its place and renamed when it has passed, so nothing half-written
    stays. Raises OSError with what each source said if none does.
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
                source(sizes, part)
                for name in sizes:
                    check(name, os.path.join(part, name + '.gz'))
            except OSError as error:
                failures.append('  %s: %s' % (title, error))
                print('failed: %s' % error, file=sys.stderr)
                continue
            for name in sizes:
                os.replace(os.path.join(part, name + '.gz'), os.path.join(folder, name + '.gz'))
            return
    raise OSError('\n'.join(failures))


def _from_web(base):
    def get(sizes, part):
        for name, size in sizes.items():
            url = base + name + '.gz'
            try:
                with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, \
                        open(os.path.join(part, name + '.gz'), 'wb') as f:
                    copy_body(response, f, limit=size + size // 1000 + 1000)
            except (OSError, http.client.HTTPException, ValueError) as error:
                # What is no HTTP is an HTTPException, and what is no URL a ValueError.
                raise OSError('%s: %s' % (url, str(error) or type(error).__name__))
    return get


def copy_body(response, f, limit):
    """Copy what a server sends into the file `f`; OSError if it is cut, too long or too slow.

    `limit` is the most bytes that can be right. What cannot be compressed grows by gzip, but by
    less than a thousandth and the file's name.
    """
    begun, count = time.monotonic(), 0
    while True:
        data = response.read1(1 << 16)  # what is there: `read` waits until it has all that it asks
        if not data:
            break
        count += len(data)
        if count > limit:
            raise OSError('it sends more than the %d bytes that can be right' % limit)
        if time.monotonic() - begun > _PATIENCE:
            raise OSError('too slow: %d bytes in %d seconds' % (count, _PATIENCE))
        f.write(data)
    promised = response.headers['Content-Length']
    if promised and promised.isdigit() and count < int(promised):
        raise OSError('cut off: it sent %d of %s bytes' % (count, promised))


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
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error))
