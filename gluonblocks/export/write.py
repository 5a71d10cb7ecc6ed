"""Files of a net in several formats: written, verified, and there together or not at all."""
import contextlib
import json
import os
import secrets
import tempfile
from typing import Any, Dict, List, NamedTuple, Tuple

from ..files import (
    TEMPORARY,
    files_in,
    is_temporary,
    make_folder,
    read_file,
    replace_files,
    unwritable,
    write_file,
)
from .beside import write_beside
from .verify import Verified, accuracy_of, logits_of, milliseconds, verify

RECORD = 'export.json'
MAX_BYTES = 1 << 20  # of export.json
SPEED = (1, 256)  # images at once, of which the milliseconds are taken


class Exported(NamedTuple):
    """A net in one format."""

    format: str  #: its name: 'onnx' and so on
    files: List[str]  #: names in the folder, the one that counts first
    bytes: int  #: of those in the folder itself; what lies deeper is the same net again
    verified: Verified  #: images, both accuracies, largest_difference, agreement
    milliseconds: Dict[int, float]  #: for so many images at once
    notes: Tuple[str, ...]  #: what to know of it, sentences


class Export(NamedTuple):
    """A net that has left MXNet."""

    folder: str  #: the export's
    info: Dict[str, Any]  #: what the files say of the net, see `export_run`
    milliseconds: Dict[int, float]  #: MXNet's own
    formats: List[Exported]  #: in the order they were asked for


def write_all(job, net, formats, out, atol, max_drop):
    """Write `job` in all `formats`, verify, and only then put the files into `out`: an `Export`.

    `net` is the net as an engine, `out` the folder; `atol` and `max_drop` are as for `verify`. The
    job's `folder` is made here, and its `info` gets the classes' names, if it has none, and the
    accuracy. An earlier export in `out` is replaced; if anything fails, it stays as it was.

    Raises ValueError for a folder that holds other files than an export.
    """
    out = os.path.abspath(out)
    before = _earlier(out)
    here = logits_of(net, job.test)
    classes = job.info.setdefault('classes', ['class %d' % i for i in range(here.shape[1])])
    if len(classes) != here.shape[1]:
        raise ValueError('there are %d names of classes, but the net has %d outputs'
                         % (len(classes), here.shape[1]))
    accuracy = accuracy_of(here, job.test)
    if accuracy is not None:
        job.info['accuracy'] = accuracy
    few = {size: job.test.first(size) for size in SPEED}
    with _assembling(out) as folder:
        job, exported = job._replace(folder=folder), []
        for format in formats:
            written = format.write(job)
            verified = verify(format.name, here, written, job.test, atol, max_drop)
            exported.append(Exported(
                format.name, list(written.files),
                sum(os.path.getsize(os.path.join(folder, name)) for name in written.files
                    if not os.path.dirname(name)),
                verified, {size: milliseconds(written.engine, written.taken(batch))
                           for size, batch in few.items()}, tuple(written.notes)))
        write_beside(job, exported, here)
        export = Export(out, job.info, {size: milliseconds(net, batch.X)
                                        for size, batch in few.items()}, exported)
        record = dict(export_record(export), atol=atol, max_drop=max_drop,
                      files=files_in(folder) + [RECORD])
        write_file(os.path.join(folder, RECORD), (json.dumps(record, indent=1) + '\n').encode())
        for name in record['files']:
            if name not in before and os.path.lexists(os.path.join(out, name)):
                raise ValueError('%s is in the way: it is not part of the earlier export. Move it, '
                                 'or name another folder' % os.path.join(out, name))
        replace_files(folder, out, before, last=RECORD)
    return export


@contextlib.contextmanager
def _assembling(out):
    """A context that gives a temporary folder within `out`, which is made; in the end the temporary
    folder is gone, and `out` too, if it is new and still empty."""
    new = not os.path.exists(out)
    make_folder(out)
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix='%s%d-%s-' % (
                TEMPORARY, os.getpid(), secrets.token_hex(8))) as folder:
            yield folder
    except OSError as error:
        if error.errno is None:  # one of ours, which says what it is about
            raise
        raise unwritable(out, error) from error
    finally:
        if new:
            with contextlib.suppress(OSError):
                os.rmdir(out)


def export_record(export):
    """An `Export` as a dict of numbers, strings and lists, for JSON."""
    return {'info': export.info, 'milliseconds': export.milliseconds,
            'formats': [dict(one._asdict(), verified=one.verified._asdict())
                        for one in export.formats]}


def _earlier(out):
    """The names of the files of the export in the folder `out`; [] if it is empty or not there.

    Raises ValueError if `out` is anything else.
    """
    if not os.path.lexists(out):
        return []
    found = 'a file' if not os.path.isdir(out) else next(
        (name for name in sorted(os.listdir(out)) if not is_temporary(name)), None)
    if found is None:
        return []
    try:
        record = json.loads(read_file(os.path.join(out, RECORD), MAX_BYTES))
        names = record['files']
        if isinstance(names, list) and RECORD in names and record['info']['gluonblocks']:
            # Only what lies there: a file may say anything.
            return [name for name in files_in(out) if name in names]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise ValueError('%s must be a new or an empty folder, or an earlier export with its %s, but '
                     'found %s: name another folder' % (out, RECORD, found))
