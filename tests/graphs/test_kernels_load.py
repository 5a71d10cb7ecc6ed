"""The operators in a process: where they cannot be had or are wrong, the graph, and a word why."""
import pytest

from gluonblocks.graphs import switch
from gluonblocks.graphs.kernels import build, load


@pytest.fixture
def fresh(monkeypatch):
    """As in a process that has not asked for the operators yet."""
    monkeypatch.setattr(load, '_status', None)
    monkeypatch.setenv('GLUONBLOCKS_WAY', 'operators')


def test_without_them_the_graph_is_taken_and_it_is_said_once_why(fresh, monkeypatch):
    def no():
        raise build.Unavailable('no reason', 'no remedy')
    monkeypatch.setattr(load, 'library', no)
    with pytest.warns(RuntimeWarning, match='no reason.* To have them: no remedy') as told:
        assert [switch.taken() for _ in range(3)] == ['graph'] * 3 and switch.way() == 'operators'
    assert len(told) == 1
    assert load.status() == (False, 'no reason', 'no remedy')


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
    with pytest.warns(RuntimeWarning, match='left alone: MXNet cannot run them: .*no.so'):
        assert switch.taken() == 'graph'
