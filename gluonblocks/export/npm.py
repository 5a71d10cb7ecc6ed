"""Files of an npm package of one pinned version: from a cache, a folder, or npm's registry."""
import base64
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from typing import Dict, NamedTuple

from ..data.download import copy_body
from ..files import DamagedFile, read_file, write_file

_PUBLIC = 'https://registry.npmjs.org/'
_TIMEOUT = 30  # seconds without an answer
_PATIENCE = 600  # seconds for npm


class PackageError(OSError):
    """The files of an npm package are not to be had; the message says what to do."""


class NpmPackage(NamedTuple):
    """One version of a package: `size` is in bytes and `integrity` npm's SHA-512 of its archive.

    `files` has the SHA-256 of each file that is wanted, by its path within the package.
    """

    name: str
    version: str
    size: int
    integrity: str
    files: Dict[str, str]

    @property
    def archive(self):
        """The name that `npm pack` gives the archive."""
        return '%s-%s.tgz' % (self.name, self.version)


def read_package(package, source=None):
    """The files of the `NpmPackage`, checked: {path: bytes}.

    `source` is a folder (the package's own, as node_modules/NAME, or one that holds its archive or
    its files side by side) or the archive that `npm pack` writes. Without one they come from the
    cache, $XDG_CACHE_HOME/gluonblocks (~/.cache where that is not set), and if they are not there,
    once, from the registry that npm is set to, by https or by npm itself. The archive is believed
    when its SHA-512 is right.

    Raises PackageError, an OSError, for files that are missing or not what they should be.
    """
    if source is not None:
        return _from_source(package, os.path.expanduser(os.fspath(source)))
    cache = os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'),
                         'gluonblocks', '%s-%s' % (package.name, package.version))
    try:
        return _from_folder(package, cache)
    except OSError:  # not there, or damaged: it is written again
        found = _from_archive(package, _fetch(package), package.archive)
    try:
        for path, content in found.items():
            place = os.path.join(cache, *path.split('/'))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            write_file(place, content)
    except OSError as error:
        print('note: not kept for the next time: %s' % error, file=sys.stderr)
    return found


def _from_source(package, source):
    try:
        if not os.path.isdir(source):
            return _from_archive(package, read_file(source, package.size), source)
        archive = os.path.join(source, package.archive)
        if os.path.exists(archive):
            return _from_archive(package, read_file(archive, package.size), archive)
        return _from_folder(package, source)
    except OSError as error:
        why = error.strerror if isinstance(error, FileNotFoundError) else error
        raise PackageError('%s: cannot be taken for %s %s: %s. %s' % (
            source, package.name, package.version, why, _ways(package)))


def _from_folder(package, folder):
    found = {}
    for path, sha256 in package.files.items():
        places = [os.path.join(folder, *path.split('/')),
                  os.path.join(folder, os.path.basename(path))]
        place = next((p for p in places if os.path.exists(p)), places[0])
        if not os.path.exists(place):
            raise DamagedFile('%s is not there' % place)
        found[path] = read_file(place, package.size * 4)
        _check(place, found[path], sha256)
    return found


def _from_archive(package, content, name):
    """The files in an archive, bytes, once its checksum is right."""
    kind, _, wanted = package.integrity.partition('-')
    got = base64.b64encode(hashlib.new(kind, content).digest()).decode()
    if got != wanted:
        raise DamagedFile("%s: wrong content: its %s is %s, but the package's is %s"
                          % (name, kind, got, wanted))
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode='r:gz') as tar:
        for path, sha256 in package.files.items():
            found[path] = tar.extractfile('package/' + path).read()
            _check('%s in %s' % (path, name), found[path], sha256)
    return found


def _check(name, content, sha256):
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise DamagedFile('%s: wrong content: its SHA-256 is %s, but %s is what it should be'
                          % (name, got, sha256))


def _fetch(package):
    """The archive's bytes, from the registry that npm is set to, with its checksum right."""
    failures = []
    for title, source in [('the registry', _from_registry), ('npm', _from_npm)]:
        if source is _from_npm and not shutil.which('npm'):
            continue
        print('fetching %s %s, %d MB, from %s' % (package.name, package.version,
                                                  package.size / 1e6, title), file=sys.stderr)
        try:
            content = source(package)
            _from_archive(package, content, package.archive)
            return content
        except OSError as error:
            failures.append('  %s: %s' % (title, error))
    raise PackageError('%s %s is not here, and fetching it failed:\n%s\n%s' % (
        package.name, package.version, '\n'.join(failures), _ways(package)))


def _from_registry(package):
    registry = _registry()
    if not registry.startswith(('https://', 'http://')):
        raise OSError('%r, the registry that npm is set to, is no address of the web' % registry)
    url = '%s/%s/-/%s' % (registry.rstrip('/'), package.name, package.archive)
    content = io.BytesIO()
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
            copy_body(response, content, limit=package.size)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OSError('%s: %s' % (url, str(error) or type(error).__name__))
    return content.getvalue()


def _registry():
    """The address of the registry that npm would ask."""
    for name in ('npm_config_registry', 'NPM_CONFIG_REGISTRY'):
        if os.environ.get(name):
            return os.environ[name]
    if not shutil.which('npm'):
        return _PUBLIC
    try:
        return _npm(['config', 'get', 'registry']) or _PUBLIC
    except OSError:
        return _PUBLIC


def _from_npm(package):
    """npm knows proxies and passwords that we do not."""
    with tempfile.TemporaryDirectory() as folder:
        _npm(['pack', '%s@%s' % (package.name, package.version), '--silent'], folder)
        return read_file(os.path.join(folder, package.archive), package.size)


def _npm(arguments, folder=None):
    try:
        return subprocess.run(['npm'] + arguments, cwd=folder, check=True, timeout=_PATIENCE,
                              stdin=subprocess.DEVNULL,
                              capture_output=True).stdout.decode(errors='replace').strip()
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors='replace').strip().splitlines()
        raise OSError('npm %s: %s' % (arguments[0], said[-1] if said else 'failed'))
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error))


def _ways(package):
    return ('On a machine with a network run "npm pack %s@%s", and give the file that it writes, '
            '%s, or the folder that it lies in' % (package.name, package.version, package.archive))
