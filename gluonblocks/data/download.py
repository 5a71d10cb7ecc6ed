"""Download Fashion-MNIST from its authors' repository, Gluon's server, or a Debian package."""
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
_TIMEOUT = 30  # seconds to wait for a server's answer
_COMMAND_TIMEOUT = 600  # seconds for one apt command


def fetch(names, folder, check):
    """Download files into `folder`, as NAME.gz; `check(name, path)` raises OSError for a bad file.

    The sources are tried in turn until one provides all `names`; failures are reported on stderr.
    Files are moved into `folder` only after all pass the check, so no partial file appears there.
    Raises OSError, with the error from each source, if every source fails.
    """
    gluon = os.environ.get('MXNET_GLUON_REPO') or _GLUON
    sources = [("the data set's authors", _from_web(_AUTHORS)),
               ("Gluon's host", _from_web(gluon.rstrip('/') + '/gluon/dataset/fashion-mnist/'))]
    if shutil.which('apt-get') and shutil.which('dpkg-deb'):
        sources.append(('the package ' + _PACKAGE, _from_apt))
    os.makedirs(folder, exist_ok=True)
    failures = []
    for title, source in sources:
        print('downloading Fashion-MNIST from %s into %s' % (title, folder), file=sys.stderr)
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
                # HTTPException: the response is not HTTP. ValueError: the address is not a URL.
                raise OSError('%s: %s' % (url, str(error) or type(error).__name__))
    return get


def _from_apt(names, part):
    """Download and unpack Fashion-MNIST's Debian package; installing it would require root."""
    # Use a private package list, because updating the system's list requires root.
    own = ['-o', 'Dir::State::Lists=' + os.path.join(part, 'lists'),
           '-o', 'Dir::Cache=' + os.path.join(part, 'cache')]
    os.makedirs(os.path.join(part, 'lists', 'partial'))
    os.makedirs(os.path.join(part, 'cache', 'archives', 'partial'))
    _run(['apt-get', 'update'] + own, part)
    _run(['apt-get', 'download', _PACKAGE] + own, part)
    packages = [f for f in os.listdir(part) if f.endswith('.deb')]
    if not packages:
        raise OSError('apt-get download succeeded but did not produce a .deb file')
    _run(['dpkg-deb', '-x', packages[0], 'unpacked'], part)
    for name in names:
        os.replace(os.path.join(part, 'unpacked/usr/share/datasets/fashion-mnist', name + '.gz'),
                   os.path.join(part, name + '.gz'))


def _run(command, folder):
    if os.geteuid() == 0 and command[0] == 'apt-get':
        command = command + ['-o', 'APT::Sandbox::User=root']  # avoids a warning from apt
    try:
        subprocess.run(command, cwd=folder, check=True, timeout=_COMMAND_TIMEOUT,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors='replace').strip().splitlines()
        raise OSError('%s: %s' % (' '.join(command[:2]), lines[-1] if lines else 'failed'))
