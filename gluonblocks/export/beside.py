"""What lies beside a net's files: the model card, and the small program that answers pictures."""
import hashlib
import os

import numpy as np

from ..files import readable
from ..runs.records import HistoryRow, read_csv
from ..training.metrics import count_pairs
from .card import model_card
from .standalone import predict_script
from .usage import reads_pictures

CARD, PREDICT = 'README.md', 'predict.py'


def write_beside(job, exported, logits):
    """Write README.md and, where there is an ONNX file for grey pictures of Fashion-MNIST's size,
    predict.py into `job.folder`.

    `exported` are the formats that are there, as `write_all` has them, and `logits` (n, classes)
    what the net gives for the test images.
    """
    if reads_pictures(job.info) and job.shape[0] == 1 and job.picture_size == (28, 28) and any(
            one.format.startswith('onnx') for one in exported):
        _write(job.folder, PREDICT, predict_script())
    card = model_card(job.info, exported, _checksums(job.folder, exported), job.config,
                      _history(job.run), _matrix(logits, job.test), job.weights)
    _write(job.folder, CARD, readable(card).encode())


def _write(folder, name, content):
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(content)


def _checksums(folder, exported):
    """The SHA-256 of each format's files, by name."""
    found = {}
    for name in (name for one in exported for name in one.files):
        with open(os.path.join(folder, name), 'rb') as f:
            found[name] = hashlib.sha256(f.read()).hexdigest()
    return found


def _history(run):
    """The `HistoryRow`s of the run in this folder, or () where there is none or they are lost."""
    try:
        return read_csv(HistoryRow, os.path.join(run, 'history.csv')) if run else ()
    except (OSError, ValueError):
        return ()


def _matrix(logits, images):
    """The confusion matrix of the test images, or None without labels."""
    labels = [batch.labels for batch in images]
    if any(part is None for part in labels):
        return None
    return count_pairs(np.concatenate(labels), logits.argmax(axis=1), logits.shape[1])
