"""How a process becomes a part of the parameter server."""
import pytest

from gluonblocks.distributed import cluster
from gluonblocks.distributed.cluster import Cluster, join

BOUND = 'MXNET_KVSTORE_BIGARRAY_BOUND'


@pytest.mark.parametrize('num_servers, bound', [(2, '4096'), (5000, '5000')])
def test_arrays_are_split_over_the_servers_by_all_alike(num_servers, bound, monkeypatch):
    for name in ('DMLC_ROLE', 'DMLC_PS_ROOT_URI', 'DMLC_PS_ROOT_PORT', 'DMLC_NUM_WORKER',
                 'DMLC_NUM_SERVER', 'DMLC_NODE_HOST'):
        monkeypatch.setenv(name, 'of another job')  # and put back at the end
    monkeypatch.setenv(BOUND, "one machine's own")
    monkeypatch.setattr(cluster.kvstore, 'create', lambda kind: dict(cluster.os.environ))
    found = join('worker', Cluster('127.0.0.1', 1, 2, num_servers, '127.0.0.1'))
    # Below that an array goes to one server; each part of a split one has a number at least.
    assert found[BOUND] == bound
