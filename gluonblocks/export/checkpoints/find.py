"""Find the files of a checkpoint in a folder or in an archive of Amazon SageMaker."""
import contextlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from typing import Dict, NamedTuple, Tuple

from ...files import files_in, read_file

MAX_ARCHIVE = 1 << 34  # maximum bytes of all files in an archive
_SYMBOL, _PARAMS = re.compile(r'(.+)-symbol\.json$'), re.compile(r'(.+?)(?:-(\d{4,}))?\.params$')


class Files(NamedTuple):
    """The paths of the files of a checkpoint."""

    symbol: str  #: symbol file
    params: str  #: parameters of the newest or the chosen epoch
    shapes: Dict[str, Tuple[int, ...]]  #: input shapes with the batch axis, if a file has them


@contextlib.contextmanager
def find_files(path, params=None, epoch=None):
    """Yield the `Files` of the checkpoint at `path`, as a context manager.

    `path` is a symbol file or its prefix, a folder, or an archive, which is unpacked until the
    context exits. `params` is the parameter file (None: the newest in the folder of the symbol
    file, or that of `epoch`, the number in its name).

    Raises FileNotFoundError if `path` does not exist, and ValueError if it contains no checkpoint
    or more than one; the message lists the candidates.
    """
    with contextlib.ExitStack() as stack:
        symbol, folder = None, path
        if path.endswith(('.tar.gz', '.tgz', '.tar')) and os.path.isfile(path):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            _unpack(path, folder)
            names = files_in(folder)
        else:
            if not os.path.isdir(path):
                # Accept a prefix, as MXNet's own functions do.
                symbol = path if os.path.exists(path) else path + '-symbol.json'
                if not os.path.exists(symbol):
                    raise FileNotFoundError('%s: there is no such file or folder' % path)
                folder = os.path.dirname(path) or '.'
            names = sorted(os.listdir(folder))
        files = [os.path.join(folder, name) for name in names]
        symbol = symbol or _only_symbol(path, files)
        if symbol.endswith('.zip'):
            raise ValueError('%s: expected a symbol file, a folder or a .tar.gz; unpack this '
                             'archive first' % path)
        if symbol.endswith('.params'):

            raise ValueError(
                '%s has weights but no net: name the symbol file, with these as the parameters. A '
                'Gluon net without one is exported from the code that builds it: '
                'net.load_parameters(%r), then gb.export_net(net, shape)' % (path, symbol))
        yield Files(symbol, params or _newest(path, symbol, files, epoch), _shapes(files))


def _symbols(files):
    """Return the files named ``*-symbol.json``, or else any that begin like a symbol file."""
    found = [name for name in files if _SYMBOL.match(os.path.basename(name))]
    return found or [name for name in files if name.endswith('.json') and _is_symbol(name)]


def _is_symbol(path):
    with contextlib.suppress(OSError), open(path, 'rb') as f:
        return b'"nodes"' in f.read(64)
    return False


def _only_symbol(path, files):
    symbols = _symbols(files)
    if len(symbols) > 1:
        raise ValueError('%s has several nets: %s. Name one of these files'
                         % (path, ', '.join(map(os.path.basename, symbols))))
    weights = [name for name in files if name.endswith('.params')]
    if not symbols and not weights:
        raise ValueError('%s: expected config.json of a run, or *-symbol.json and *.params of a '
                         'checkpoint, found %s' % (path, ', '.join(
                             map(os.path.basename, files[:10])) or 'nothing'))
    return (symbols or weights)[0]


def _newest(path, symbol, files, epoch):
    """Return the parameter file for `symbol`: that of `epoch`, or by default of the last epoch.

    If no file has the prefix of `symbol` and all share another one, that prefix is used.
    """
    prefix = re.sub(r'(-symbol)?\.json$', '', os.path.basename(symbol))
    named = {}
    for name in files:
        match = _PARAMS.match(os.path.basename(name))
        if match:
            named.setdefault(match.group(1), {})[int(match.group(2) or -1)] = name
    if prefix not in named and len(named) == 1:
        prefix = next(iter(named))
    found = named.get(prefix, {})
    if epoch is not None and epoch not in found:
        raise ValueError('%s: there are no parameters of epoch %d; there are those of %s' % (
            path, epoch, ', '.join(str(number) for number in sorted(found)) or 'no epoch'))
    if not found:
        others = sorted(os.path.basename(name) for each in named.values() for name in each.values())
        raise ValueError('%s: expected parameters, %s-0000.params or of another epoch, beside it%s'
                         % (path, prefix, ', found %s. Name the file' % ', '.join(others)
                            if others else ''))
    return found[max(found) if epoch is None else epoch]


def _shapes(files) -> Dict[str, Tuple[int, ...]]:
    """Return the shapes from SageMaker's model-shapes.json, or for detectors hyperparams.json.

    Files of the same name from other programs are ignored.
    """
    for path in files:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if path.endswith('shapes.json'):
                return {each['name']: tuple(int(side) for side in each['shape'])
                        for each in json.loads(read_file(path, 1 << 20))}
            if os.path.basename(path) == 'hyperparams.json':
                given = json.loads(read_file(path, 1 << 20))['image_shape']
                sides = [int(side) for side in str(given).strip('"\'()[]').split(',')]
                return {'data': (1, 3, *sides * 2) if len(sides) == 1 else (1, *sides)}
    return {}


def _unpack(path, folder):
    """Extract the regular files of an archive into `folder`."""
    try:
        with tarfile.open(path) as tar:
            left = MAX_ARCHIVE
            for member in filter(tarfile.TarInfo.isfile, tar):
                name = os.path.normpath(member.name)
                if os.path.isabs(name) or name.split(os.sep)[0] == '..':
                    raise ValueError('%s holds a file for outside of it, %r: nothing was unpacked'
                                     % (path, member.name))
                left -= member.size
                if left < 0:
                    raise ValueError('%s unpacks to more than %d bytes' % (path, MAX_ARCHIVE))
                target = os.path.join(folder, name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, 'wb') as f:
                    shutil.copyfileobj(tar.extractfile(member), f)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ValueError('%s: expected an archive such as model.tar.gz: %s'
                         % (path, error)) from error
