"""Find the files of a checkpoint in a folder or in an Amazon SageMaker archive."""
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

MAX_ARCHIVE = 1 << 34  # maximum total bytes of the files in an archive
_PARAMS = re.compile(r'(.+?)(?:-(\d{4,}))?\.params$')


class Files(NamedTuple):
    """The paths of a checkpoint's files, and the input shapes that accompanying files specify."""

    symbol: str  #: symbol file
    params: str  #: parameter file of the newest or the requested epoch
    shapes: Dict[str, Tuple[int, ...]]  #: input shapes with the batch axis; empty if unknown


@contextlib.contextmanager
def find_files(path, params=None, epoch=None):
    """Yield the `Files` of the checkpoint at `path`, as a context manager.

    `path` is a symbol file, the prefix of its name, a folder or an archive. An archive is unpacked
    into a temporary folder, which is deleted when the context exits. `params` is the parameter
    file. The default is the file for `epoch`, or for the last epoch, in the symbol file's folder.

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
                # Accept a prefix, such as 'net' for net-symbol.json, as MXNet's own functions do.
                symbol = path if os.path.exists(path) else path + '-symbol.json'
                if not os.path.exists(symbol):
                    raise FileNotFoundError('%s: no such file or folder' % path)
                folder = os.path.dirname(path) or '.'
            names = sorted(os.listdir(folder))
        files = [os.path.join(folder, name) for name in names]
        symbol = symbol or _only_symbol(path, files)
        if symbol.endswith('.zip'):
            raise ValueError('%s: expected a symbol file, a folder or a .tar.gz archive, found a '
                             '.zip file; unpack it first' % path)
        if symbol.endswith('.params'):
            raise ValueError(
                '%s: expected a symbol file, found only parameters: specify the symbol file and '
                'pass these parameters with it. If there is no symbol file, build the Gluon net in '
                'Python, then call net.load_parameters(%r) and gb.export_net(net, shape)'
                % (path, symbol))
        yield Files(symbol, params or _newest(path, symbol, files, epoch), _shapes(files))


def _only_symbol(path, files):
    """Return the only symbol file in `files` or, if there is none, the first parameter file.

    Raises ValueError if there are several symbol files, or no files of either kind.
    """
    symbols = [name for name in files if name.endswith('-symbol.json')] or [
        name for name in files if name.endswith('.json') and _is_symbol(name)]
    if len(symbols) > 1:
        raise ValueError('%s: expected one symbol file, found %s; specify one of them'
                         % (path, ', '.join(map(os.path.basename, symbols))))
    weights = [name for name in files if name.endswith('.params')]
    if not symbols and not weights:
        raise ValueError('%s: expected a run with config.json, or a checkpoint with *-symbol.json '
                         'and *.params, found %s' % (path, ', '.join(
                             map(os.path.basename, files[:10])) or 'no files'))
    return (symbols or weights)[0]


def _is_symbol(path):
    with contextlib.suppress(OSError), open(path, 'rb') as f:
        return b'"nodes"' in f.read(64)
    return False


def _newest(path, symbol, files, epoch):
    """Return the parameter file for `symbol` and `epoch` (None: the last epoch).

    The file's name must begin with the same prefix as the symbol file's name. If no parameter file
    has this prefix, but all of them share another prefix, that prefix is used instead.
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
    if not found:
        others = sorted(os.path.basename(name) for each in named.values() for name in each.values())
        raise ValueError('%s: expected a parameter file such as %s-0000.params, found %s; '
                         'specify the parameter file' % (path, prefix, ', '.join(others) or 'none'))
    if epoch is not None and epoch not in found:
        raise ValueError('%s: expected parameters for epoch %d, found %s' % (
            path, epoch, ', '.join(os.path.basename(found[number]) for number in sorted(found))))
    return found[max(found) if epoch is None else epoch]


def _shapes(files) -> Dict[str, Tuple[int, ...]]:
    """Read the input shapes from SageMaker's model-shapes.json or a detector's hyperparams.json.

    Files with these names that were written by other programs are ignored.
    """
    for path in files:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if path.endswith('shapes.json'):
                return {each['name']: tuple(int(side) for side in each['shape'])
                        for each in json.loads(read_file(path, 1 << 20))}
            if os.path.basename(path) == 'hyperparams.json':
                text = str(json.loads(read_file(path, 1 << 20))['image_shape'])
                sides = [int(side) for side in text.strip('"\'()[]').split(',')]
                return {'data': (1, 3, *sides * 2) if len(sides) == 1 else (1, *sides)}
    return {}


def _unpack(path, folder):
    """Extract the regular files of an archive into `folder`.

    Raises ValueError if the archive is damaged, or if a symbol or parameter file is a link.
    """
    try:
        with tarfile.open(path) as tar:
            left = MAX_ARCHIVE
            for member in tar:
                is_link = member.issym() or member.islnk()
                if is_link and member.name.endswith(('.json', '.params')):
                    raise ValueError('%s: expected regular files, but %s is a link; replace it '
                                     'with the file that it points to' % (path, member.name))
                if not member.isfile():
                    continue
                name = os.path.normpath(member.name)
                if os.path.isabs(name) or name.split(os.sep)[0] == '..':
                    raise ValueError('%s: expected relative paths without "..", found %r'
                                     % (path, member.name))
                left -= member.size
                if left < 0:
                    raise ValueError('%s: expected at most %d bytes after unpacking, found more'
                                     % (path, MAX_ARCHIVE))
                target = os.path.join(folder, name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, 'wb') as f:
                    shutil.copyfileobj(tar.extractfile(member), f)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ValueError('%s: cannot be unpacked as a tar archive: %s' % (path, error)) from error
