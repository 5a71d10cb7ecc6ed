"""The operators in a process: where they cannot be had or are wrong, the graph, and a word why."""
import pytest

from gluonblocks.graphs import switch
from gluonblocks.graphs.kernels import build, load


@pytest.fixture
def fresh(monkeypatch):
    """As in a process that has not asked for the operators yet."""
    monkeypatch.setattr(load, '_status', None)
    monkeypatch.setattr(switch, '_warned', [])
    monkeypatch.delenv('GLUONBLOCKS_WAY', raising=False)


def cannot_be_had():
    raise build.Unavailable('no reason', 'no remedy')


def test_without_them_the_graph_is_taken_without_a_word(fresh, monkeypatch, recwarn):
    monkeypatch.setattr(load, 'library', cannot_be_had)
    assert switch.taken() == 'graph' and switch.way() == 'operators'
    assert not recwarn.list


def test_who_asks_for_them_is_told_once_why_they_are_not_taken(fresh, monkeypatch):
    monkeypatch.setattr(load, 'library', cannot_be_had)
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')
    with pytest.warns(RuntimeWarning, match='no reason.* To have them: no remedy') as told:
        assert [switch.taken() for _ in range(3)] == ['graph'] * 3 and switch.way() == 'operators'
    assert len(told) == 1
    assert load.status() == (False, 'no reason', 'no remedy', False)


def test_where_they_compute_otherwise_there_is_one_warning_and_the_graph(fresh, monkeypatch):
    monkeypatch.setattr(load, 'library', lambda: 'a path')
    monkeypatch.setattr(load, 'check_call', lambda code: None)
    monkeypatch.setattr(load._LIB, 'MXLoadLib', lambda path, verbose: 0, raising=False)
    monkeypatch.setattr(load, 'differences', lambda: ['norm: out'])
    with pytest.warns(RuntimeWarning, match='left alone: .* norm: out') as told:
        assert [switch.taken() for _ in range(3)] == ['graph'] * 3
    assert len(told) == 1


def test_what_mxnet_cannot_load_is_left_alone(fresh, monkeypatch, tmp_path):
    path = tmp_path / 'no.so'
    path.write_text('no library')
    monkeypatch.setattr(load, 'library', lambda: str(path))
    with pytest.warns(RuntimeWarning, match='MXNet cannot run them: [^.]*no.so: .* short'):
        assert switch.taken() == 'graph'
