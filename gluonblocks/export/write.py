"""Write and verify the files of all formats, then move all of them into place."""
import contextlib
import ctypes
import hashlib
import json
import os
import re
import tempfile
from typing import Any, Dict, List, NamedTuple, Tuple

import mxnet as mx

from ..data import pixels
from ..files import (
    files_in,
    is_temporary,
    make_folder,
    read_file,
    readable,
    replace_files,
    temporary_prefix,
    unwritable,
    write_file,
)
from ..training.metrics import count_pairs
from .card import has_preprocessing, model_card, net_card
from .verify import Verified, accuracy_of, logits_of, milliseconds, outputs_of, verify

RECORD, CARD, PREDICT = 'export.json', 'README.md', 'predict.py'
MAX_BYTES = 1 << 20  # maximum size of export.json and of source files


class Exported(NamedTuple):
    """The result of exporting a net to one format."""

    format: str  #: name of the format, such as 'onnx'
    files: List[str]  #: names in the folder, the main file first
    bytes: int  #: total size of the files
    verified: Verified  #: result of the comparison with the net
    milliseconds: Dict[int, float]  #: time per batch, by batch size
    notes: Tuple[str, ...]  #: messages for the user


class Export(NamedTuple):
    """The result of an export."""

    folder: str  #: absolute path of the folder with the files
    info: Dict[str, Any]  #: metadata stored in the files, see `export_run`
    milliseconds: Dict[int, float]  #: MXNet's time per batch, by batch size
    formats: List[Exported]  #: in the requested order
    notes: Tuple[str, ...] = ()  #: messages for the user that concern all formats


def write_all(net, make_engine, formats, options, out, atol, max_drop, run=None, notes=()):
    """Write `net` in all `formats`, verify the files, then move them to `out`; return an `Export`.

    `net` is a `NetDescription`; the accuracy is added to its `info`. `make_engine` returns an MXNet
    engine, which is freed before the files are written. `options` is passed to the formats, and
    `atol` and `max_drop` are passed to `verify`. `run` is a dict of the `model_card` arguments that
    describe a run. An earlier export in `out` is replaced, or left unchanged if anything fails.

    Raises ValueError if `out` contains other files.
    """
    out = os.path.abspath(out)
    before = _earlier(out)
    for format in formats:
        format.check(net)
    few = {size: net.test.first(size) for size in net.test.timed}
    engine = make_engine()
    here, labels = outputs_of(engine, net.test), None
    times = {size: milliseconds(engine, batch.inputs) for size, batch in few.items()}
    del engine  # it may hold a copy of the weights
    _release_memory()
    if net.is_classifier:
        logits, classes, labels = logits_of(here, net.test), net.info['classes'], net.test.labels()
        if len(classes) != logits.shape[1]:
            raise ValueError('expected %d class names, one for each output of the net, got %d'
                             % (logits.shape[1], len(classes)))
    if labels is not None:
        net.info['accuracy'] = accuracy_of(logits, labels)
    with _assembling(out) as folder:
        exported = []
        for format in formats:
            written = format.write(net, folder, options)
            verified = verify(format.name, here, written, net.test, atol, max_drop,
                              net.is_classifier, net.sorts)
            exported.append(Exported(
                format.name, written.files,
                sum(os.path.getsize(os.path.join(folder, name)) for name in written.files),
                verified, {size: milliseconds(written.engine, written.inputs_of(batch))
                           for size, batch in few.items()}, written.notes))
        matrix = None if labels is None else count_pairs(labels, logits.argmax(axis=1),
                                                         len(classes))
        if _takes_images(net) and any(one.format.startswith('onnx') for one in exported):
            write_file(os.path.join(folder, PREDICT), standalone_program().encode())
        card = (model_card(net.info, exported, _checksums(folder), matrix=matrix, **(run or {}))
                if net.is_classifier else net_card(net, exported, _checksums(folder), notes))
        write_file(os.path.join(folder, CARD), readable(card).encode())

        export = Export(out, net.info, times, exported, notes)
        record = {'info': net.info, 'milliseconds': times, 'notes': notes,
                  'formats': [dict(one._asdict(), verified=one.verified._asdict())
                              for one in exported],
                  'atol': atol, 'max_drop': max_drop, 'files': files_in(folder) + [RECORD]}
        write_file(os.path.join(folder, RECORD), (json.dumps(record, indent=1) + '\n').encode())
        for name in record['files']:
            if name not in before and os.path.lexists(os.path.join(out, name)):
                raise ValueError('%s is not part of the earlier export and would be overwritten: '
                                 'move it or choose another folder' % os.path.join(out, name))
        replace_files(folder, out, before, last=RECORD)
    return export


def _release_memory():
    """Return freed memory to the operating system; otherwise, glibc would keep it for later use."""
    mx.nd.waitall()  # MXNet frees arrays in the background
    with contextlib.suppress(AttributeError, OSError, TypeError):  # the C library is not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _takes_images(net):
    """Return True if predict.py can read images for the net, a `NetDescription`."""
    if net.is_classifier:  # predict.py supports only grey images of 28 x 28 pixels
        return has_preprocessing(net.info) and net.shape[0] == 1 and net.picture_size == (28, 28)
    return ('mean' in net.info and len(net.inputs) == 1 and len(net.shape) == 3
            and net.shape[0] in (1, 3))


def standalone_program():
    """Return the source of a standalone predict.py, with data/pixels.py inlined."""
    program, functions = [
        read_file(path, MAX_BYTES).decode()
        for path in (os.path.join(os.path.dirname(__file__), PREDICT), pixels.__file__)]
    functions = functions.partition('import numpy as np\n')[2].strip()
    return re.sub('^from gluonblocks.*', lambda match: '\n' + functions + '\n', program,
                  flags=re.M)


@contextlib.contextmanager
def _assembling(out):
    """Create `out` if it is missing, and yield a temporary folder in it that is deleted on exit.

    If `out` was missing and is empty on exit, it is deleted too.
    """
    new = not os.path.exists(out)
    make_folder(out)
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=temporary_prefix()) as folder:
            yield folder
    except OSError as error:
        if error.errno is None:  # one of our own errors, which already names the file
            raise
        raise unwritable(out, error) from error
    finally:
        if new:
            with contextlib.suppress(OSError):
                os.rmdir(out)


def _checksums(folder):
    """Return {name: SHA-256} for the files in `folder`."""
    found = {}
    for name in files_in(folder):
        digest = hashlib.sha256()
        with open(os.path.join(folder, name), 'rb') as f:
            for block in iter(lambda: f.read(1 << 20), b''):
                digest.update(block)
        found[name] = digest.hexdigest()
    return found


def _earlier(out):
    """Return the file names of the earlier export in `out`, or [] if `out` is empty or missing.

    Raises ValueError if `out` is a file, or a non-empty folder without an earlier export.
    """
    if not os.path.lexists(out):
        return []
    found = 'a file' if not os.path.isdir(out) else next(
        (name for name in sorted(os.listdir(out)) if not is_temporary(name)), None)
    if found is None:
        return []
    try:
        record = json.loads(read_file(os.path.join(out, RECORD), MAX_BYTES))
        if RECORD in record['files'] and record['info']['gluonblocks']:
            return [name for name in files_in(out) if name in record['files']]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ValueError('%s: expected a new or empty folder, or an earlier export with %s, but found '
                     '%s. Choose another folder' % (out, RECORD, found))
