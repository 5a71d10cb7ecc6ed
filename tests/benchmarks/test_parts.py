"""The benchmark of a step's parts: it names them all, and leaves the library as it was."""
from benchmarks import parts
from gluonblocks.training import loop


def test_each_part_of_a_step_has_its_time(monkeypatch, capsys):
    for name, value in dict(EPOCHS=2, BATCHES=2, BATCH=4).items():
        monkeypatch.setattr(parts, name, value)
    before = loop.batches_of
    parts.main(['lenet_bn'])
    title, *rows = capsys.readouterr().out.splitlines()
    assert title == 'lenet_bn: CPU ms of a batch, median of 1 epochs of 2'
    found = {name.strip(): float(ms) for name, ms in (row.rsplit(None, 1) for row in rows)}
    assert set(found) == {'data', 'split', 'the net', 'labels', 'the loss', 'hits', 'backward',
                          "trainer's step", 'waiting for a loss', 'hook', "Python's thread",
                          'the process'}
    whole = found.pop("Python's thread")
    assert 0 < whole <= found.pop('the process') and sum(found.values()) <= whole
    assert loop.batches_of is before
