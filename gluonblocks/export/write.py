"""Files of a net in several formats: written, verified, and there together or not at all."""
import json
import os
import secrets
import shutil
from typing import Any, Dict, List, NamedTuple, Tuple

from ..files import TEMPORARY, move_files, read_file, write_file
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
    """Write `job` in all `formats`, verify, and only then give the files their names: an `Export`.

    `net` is the net as an engine, `out` the folder; `atol` and `max_drop` are as for `verify`. The
    job's `folder` is made here, and its `info` gets the classes' names, if it has none, and the
    accuracy. Files of an export that was in `out` before are gone when this one is there.
    """
    out = os.path.abspath(out)
    if os.path.exists(out) and not os.path.isdir(out):
        raise OSError('%s could not be written: a file of this name is there, no folder' % out)
    here = logits_of(net, job.test)
    classes = job.info.setdefault('classes', ['class %d' % i for i in range(here.shape[1])])
    if len(classes) != here.shape[1]:
        raise ValueError('there are %d names of classes, but the net has %d outputs'
                         % (len(classes), here.shape[1]))
    accuracy = accuracy_of(here, job.test)
    if accuracy is not None:
        job.info['accuracy'] = accuracy
    few = {size: job.test.first(size) for size in SPEED}
    folder = os.path.join(os.path.dirname(out), '%s%d-%s-%s' % (
        TEMPORARY, os.getpid(), secrets.token_hex(8), os.path.basename(out)))
    try:
        os.makedirs(folder)
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
                      files=sorted(_walk(folder)) + [RECORD])
        write_file(os.path.join(folder, RECORD), (json.dumps(record, indent=1) + '\n').encode())
        before = _files_of(out)
        move_files(folder, out, last=RECORD)
        for name in before - set(record['files']):
            os.unlink(os.path.join(out, name))
    except OSError as error:
        if error.errno is None:  # one of ours, which says what it is about
            raise
        raise OSError('%s could not be written: %s' % (out, error.strerror)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return export


def export_record(export):
    """An `Export` as a dict of numbers, strings and lists, for JSON."""
    return {'info': export.info, 'milliseconds': export.milliseconds,
            'formats': [dict(one._asdict(), verified=one.verified._asdict())
                        for one in export.formats]}


def _files_of(out):
    """The names of the files that an export before left in the folder `out`, a set."""
    try:
        names = json.loads(read_file(os.path.join(out, RECORD), MAX_BYTES))['files']
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return set()
    # Only what lies there: a file may say anything.
    return set(_walk(out)) & {name for name in names if isinstance(name, str)}


def _walk(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(where, name), folder)
