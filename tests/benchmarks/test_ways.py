"""The small benchmark of the ways: it measures each, and says which is taken by itself."""
from benchmarks import ways


def test_each_way_is_measured_on_each_model_and_shape(monkeypatch, capsys):
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'graph')  # put back afterwards
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    for name, value in dict(ROUNDS=1, TIMES=1, BATCH=2, SHAPES=[(4, 3), (4, 3, 2, 2)]).items():
        monkeypatch.setattr(ways, name, value)
    ways.main(['lenet_bn'])
    first, *rows = capsys.readouterr().out.splitlines()
    assert 'the way taken by itself: ' in first
    assert [row.split()[0] for row in rows] == ['lenet_bn', '4x3', '4x3x2x2']
    assert all(way in row for row in rows for way in ('graph', 'operators'))
