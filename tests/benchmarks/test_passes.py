"""The benchmark of the passes: one net with all of them beside one without one."""
import pytest

from benchmarks import passes
from gluonblocks.graphs import net as net_module


@pytest.mark.parametrize('mode', passes.LISTS)
def test_only_the_other_net_is_compiled_without_the_pass(monkeypatch, mode):
    name, ran = passes.LISTS[mode], []

    def note(graph):
        ran.append(mode)
        return graph
    monkeypatch.setattr(net_module, name, [note])
    (ratio,) = passes.compare('lenet_bn', 2, mode, note, rounds=1)
    assert ratio > 0 and len(ran) == 1
