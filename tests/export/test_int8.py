"""8 bits: what is in them, and what they cost."""
import json

import numpy as np
import onnx
import pytest

import gluonblocks as gb
from gluonblocks.export import VerificationError


def initializers(path):
    return {tensor.name: onnx.numpy_helper.to_array(tensor)
            for tensor in onnx.load(str(path)).graph.initializer}


def test_weights_are_8_bits_with_a_scale_for_each_channel(make_run):
    folder, net = make_run()
    gb.export_run(folder, formats=['onnx-int8'], max_drop=100)
    held = initializers(folder / 'export' / 'model-int8.onnx')
    weight, = [array for array in held.values() if array.shape == (16, 6, 5, 5)]
    assert weight.dtype == np.int8 and np.abs(weight.astype(int)).max() > 64
    assert [name for name, array in held.items() if array.shape == (16,) and
            array.dtype == np.float32 and name.endswith('_scale')]


def test_a_reduced_range_is_7_bits_and_needs_no_note(make_run):
    folder, _ = make_run()
    export = gb.export_run(folder, formats=['onnx-int8'], max_drop=100, reduce_range=True)
    held = initializers(folder / 'export' / 'model-int8.onnx')
    assert all(np.abs(array.astype(int)).max() <= 64 for array in held.values()
               if array.dtype == np.int8)
    assert export.formats[0].notes == ()
    export = gb.export_run(folder, formats=['onnx-int8'], max_drop=100)
    assert 'without VNNI' in export.formats[0].notes[0]


def test_a_drop_that_is_too_large_is_refused_and_nothing_is_written(make_run, monkeypatch):
    folder, _ = make_run()
    from gluonblocks.export import int8
    # Ranges of black images say nothing of the others.
    quantize = int8.quantize
    monkeypatch.setattr(int8, 'quantize', lambda content, X, reduce_range: quantize(
        content, 1e-3 * X, reduce_range))
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(VerificationError, match='onnx-int8: accuracy falls from .* at most 0 are'):
        gb.export_run(folder, formats=['onnx', 'onnx-int8'], max_drop=0)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_it_is_calibrated_on_512_training_images_or_all(make_run, monkeypatch):
    folder, _ = make_run()
    from gluonblocks.export import int8
    seen, quantize = [], int8.quantize
    monkeypatch.setattr(int8, 'quantize', lambda content, X, reduce_range: (
        seen.append(X), quantize(content, X, reduce_range))[1])
    gb.export_run(folder, formats=['onnx-int8'], max_drop=100)
    assert seen[0].shape == (512, 1, 28, 28)
    train, test = gb.data.load_data_synthetic(64, seed=0)
    known = {X.tobytes() for X in train.images}
    assert {np.rint(255 * X[0]).astype(np.uint8).tobytes() for X in seen[0]} <= known


def test_the_record_has_accuracy_bytes_and_milliseconds_of_both(make_run):
    folder, _ = make_run()
    gb.export_run(folder, formats=['onnx', 'onnx-int8'], max_drop=100)
    record = json.loads((folder / 'export' / 'export.json').read_text())
    sizes = {one['format']: one['bytes'] for one in record['formats']}
    assert sizes['onnx-int8'] < sizes['onnx'] / 2
    for one in record['formats']:
        assert one['bytes'] == (folder / 'export' / one['files'][0]).stat().st_size
        assert set(one['milliseconds']) == {'1', '256'}
        assert 0 <= one['verified']['accuracy_there'] <= 1
