"""Finding the rank of this machine, from the arguments or from a cluster manager's variables."""
import pytest

from gluonblocks.checks import OptionError
from gluonblocks.distributed.topology import Topology, find_topology


def test_one_machine_listens_on_loopback_unless_an_interface_is_named():
    assert find_topology(environment={}) == Topology(1, 0, ('127.0.0.1', 0), None)
    assert find_topology(interface='127.0.0.1', environment={}).interface == '127.0.0.1'


@pytest.mark.parametrize('variables, topology', [
    ({'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '1', 'SLURM_STEP_NODELIST': 'gpu[07-08]'},
     Topology(2, 1, ('gpu07', 29400))),
    ({'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '0', 'SLURM_STEP_NODELIST': 'one,two'},
     Topology(2, 0, ('one', 29400))),
    ({'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_RANK': '3'}, Topology(4, 3, ('m', 5))),
    ({'JOB_COMPLETION_INDEX': '2'}, None),
    ({'WORLD_SIZE': '2', 'RANK': '1', 'MASTER_ADDR': '10.0.0.1', 'MASTER_PORT': '77'},
     Topology(2, 1, ('10.0.0.1', 77)))])
def test_a_managers_variables_stand_in_for_what_is_not_asked(variables, topology):
    if topology is None:  # an indexed job of Kubernetes, which says only which machine this is
        assert find_topology(3, master='m:5', environment=variables) == Topology(3, 2, ('m', 5))
    else:
        master = 'm:5' if topology.master[0] == 'm' else None
        assert find_topology(master=master, environment=variables) == topology
    # What is asked comes first.
    assert find_topology(9, 8, 'x:1', environment=variables) == Topology(9, 8, ('x', 1))


def test_an_allocation_of_slurm_without_srun_is_one_machine():
    allocation = {'SLURM_NNODES': '4', 'SLURM_NODEID': '0'}
    assert find_topology(environment=allocation).nodes == 1
    with pytest.raises(ValueError, match='^node_rank is required'):
        find_topology(4, master='m:5', environment=allocation)


@pytest.fixture
def no_scontrol(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    return tmp_path


# The expected hosts are the first that `scontrol show hostnames` of SLURM lists.
@pytest.mark.parametrize('hosts, first', [
    ('gpu[1-2]-ib', 'gpu1-ib'), ('rack[0-1]n[0-3]', 'rack0n0'), ('node[03-05,7],b', 'node03'),
    ('n[7,3-4]', 'n7'), ('a-b,c[1-2]', 'a-b'), ('n[001-003]y[2]z.cluster', 'n001y2z.cluster')])
def test_the_first_host_of_slurms_list_is_the_master(hosts, first, no_scontrol):
    assert find_topology(environment={
        'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '1',
        'SLURM_STEP_NODELIST': hosts}) == Topology(2, 1, (first, 29400))


@pytest.mark.parametrize('then, first', [('echo one; echo two', 'one'), ('exit 1', 'gpu1')])
def test_slurms_own_command_is_asked_for_the_first_host_where_it_works(then, first, no_scontrol):
    scontrol = no_scontrol / 'scontrol'
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames gpu[1-2]" ] || exit 1\n' + then)
    scontrol.chmod(0o755)
    assert find_topology(environment={
        'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '1', 'SLURM_STEP_NODELIST': 'gpu[1-2]'}) == (
            Topology(2, 1, (first, 29400)))


@pytest.mark.parametrize('master', ['m', 'm:²', 'm:99999', 'tcp://m:80', '[::1]:7000',
                                    '0.0.0.0:7000', 'node..cluster:80', 'm' * 64 + ':80'])
def test_a_master_that_cannot_be_one_is_refused_with_what_it_must_be(master):
    with pytest.raises(OptionError, match='HOST:PORT, .* IPv4 address .* from 1 to 65') as error:
        find_topology(2, 1, master, environment={})
    assert error.value.option == 'master' and repr(master) in str(error.value)


@pytest.mark.parametrize('asked, option, said', [
    ({'nodes': 2}, 'node_rank', 'is required'),
    ({'nodes': 2, 'node_rank': 0}, 'master', 'is required'),
    ({'nodes': 2, 'node_rank': 2, 'master': 'm:5'}, 'node_rank', 'must be from 0 to 1'),
    ({'node_rank': 1}, 'node_rank', 'can be set only if nodes is above 1, got 1'),
    ({'master': 'm:5'}, 'master', "can be set only if nodes is above 1, got 'm:5'"),
    ({'interface': '203.0.113.1'}, 'interface', 'must be an IPv4 address of this machine'),
    ({'interface': '0.0.0.0'}, 'interface', 'that the other machines can reach'),
    ({'interface': '0'}, 'interface', 'that the other machines can reach'),
    ({'interface': ''}, 'interface', "that the other machines can reach, got ''"),
    ({'environment': {'PMI_SIZE': 'x', 'PMI_RANK': '0'}}, 'nodes', "cluster manager's environment"),
    ({'nodes': 0}, 'nodes', 'must be at least 1')])
def test_an_error_carries_the_option_that_is_missing_or_impossible(asked, option, said):
    with pytest.raises(OptionError, match='^%s .*%s' % (option, said)) as error:
        find_topology(**dict({'environment': {}}, **asked))
    assert error.value.option == option
