"""Read files from a pinned version of an npm package, using npm or a local archive."""
import base64
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from typing import NamedTuple

from ..files import read_file


class NpmPackage(NamedTuple):
    """One version of an npm package, with the size in bytes and the checksum of its archive."""

    name: str
    version: str
    size: int
    integrity: str  #: 'sha512-' followed by the SHA-512 in base64

    @property
    def archive(self):
        """The file name of the archive that `npm pack` writes."""
        return '%s-%s.tgz' % (self.name, self.version)


def fetch(package, archive=None):
    """Return the archive of an `NpmPackage` as bytes.

    `archive` is the path of a file that `npm pack` wrote. If it is None, npm reads the archive from
    its cache or downloads it from the configured registry. Raises OSError if the archive is
    unavailable or has the wrong SHA-512; the message says what to do.
    """
    try:
        content = _pack(package) if archive is None else read_file(
            os.path.expanduser(os.fspath(archive)), package.size)
        found = 'sha512-' + base64.b64encode(hashlib.sha512(content).digest()).decode()
        if found != package.integrity:
            raise OSError('%s: expected the checksum %s, found %s'
                          % (archive or package.archive, package.integrity, found))
    except OSError as error:
        raise OSError(
            '%s %s is unavailable: %s. Run "npm pack %s@%s" on a machine with npm and a network '
            'connection, and specify the path of the resulting file, %s' % (
                package.name, package.version, error, package.name, package.version,
                package.archive)) from error
    return content


def unpack(content, paths):
    """Extract the files `paths` from the archive `content` (bytes); return {path: bytes}."""
    with tarfile.open(fileobj=io.BytesIO(content), mode='r:gz') as tar:
        return {path: tar.extractfile('package/' + path).read() for path in paths}


def _pack(package):
    """Run `npm pack` with the user's registry, proxy and cache, and return the archive."""
    print('running npm pack for %s %s, which downloads %d MB unless they are in the npm cache' % (
        package.name, package.version, package.size / 1e6), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(['npm', 'pack', '%s@%s' % (package.name, package.version), '--silent',
                            '--prefer-offline'], cwd=folder, check=True,
                           stdin=subprocess.DEVNULL, capture_output=True)
        except FileNotFoundError as error:
            raise OSError('npm is not installed') from error
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors='replace').strip().splitlines()
            raise OSError('npm pack: %s' % (lines[-1] if lines else 'failed')) from error
        return read_file(os.path.join(folder, package.archive), package.size)
