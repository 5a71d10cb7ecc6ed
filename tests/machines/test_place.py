"""Which machine this is, by what is asked and by the variables of cluster managers."""
import pytest

from gluonblocks.machines.place import Place, find_place, numbers_of


def test_one_machine_listens_on_loopback_unless_an_interface_is_named():
    assert find_place(environment={}) == Place(1, 0, ('127.0.0.1', 0), None)
    assert find_place(interface='127.0.0.1', environment={}).interface == '127.0.0.1'


def test_what_is_asked_counts():
    assert find_place(3, 2, 'host:29', environment={}) == Place(3, 2, ('host', 29), None)


@pytest.mark.parametrize('variables, place', [
    ({'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '1', 'SLURM_STEP_NODELIST': 'gpu[07-08]'},
     Place(2, 1, ('gpu07', 29400))),
    ({'SLURM_STEP_NUM_NODES': '2', 'SLURM_NODEID': '0', 'SLURM_STEP_NODELIST': 'one,two'},
     Place(2, 0, ('one', 29400))),
    ({'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_RANK': '3'}, Place(4, 3, ('m', 5))),
    ({'PMI_SIZE': '4', 'PMI_RANK': '0'}, Place(4, 0, ('m', 5))),
    ({'WORLD_SIZE': '2', 'RANK': '1', 'MASTER_ADDR': '10.0.0.1', 'MASTER_PORT': '77'},
     Place(2, 1, ('10.0.0.1', 77)))])
def test_a_managers_variables_stand_in_for_what_is_not_asked(variables, place):
    master = 'm:5' if place.master[0] == 'm' else None
    assert find_place(master=master, environment=variables) == place
    # What is asked comes first.
    assert find_place(9, 8, 'x:1', environment=variables) == Place(9, 8, ('x', 1))


def test_an_indexed_job_of_kubernetes_has_its_number():
    found = find_place(3, master='m:5', environment={'JOB_COMPLETION_INDEX': '2'})
    assert found == Place(3, 2, ('m', 5))


def test_an_allocation_of_slurm_without_srun_is_one_machine():
    allocation = {'SLURM_NNODES': '4', 'SLURM_NODEID': '0'}
    assert find_place(environment=allocation).nodes == 1
    with pytest.raises(ValueError, match='^node_rank is missing'):
        find_place(4, master='m:5', environment=allocation)


@pytest.mark.parametrize('asked, said', [
    ({'nodes': 2}, '^node_rank is missing'), ({'nodes': 2, 'node_rank': 0}, 'master is missing'),
    ({'nodes': 2, 'node_rank': 2, 'master': 'm:5'}, 'node_rank is 2, but must be from 0 to 1'),
    ({'nodes': 2, 'node_rank': 0, 'master': 'm'}, "master is 'm', but must be HOST:PORT"),
    ({'nodes': 2, 'node_rank': 0, 'master': 'm:0'}, 'the port from 1 to 65535'),
    ({'node_rank': 1}, 'node_rank is 1, but goes with several nodes only'),
    ({'master': 'm:5'}, 'goes with several nodes only'),
    ({'interface': '203.0.113.1'}, 'interface is .* must be an IPv4 address of this machine'),
    ({'environment': {'PMI_SIZE': 'x', 'PMI_RANK': '0'}}, "nodes is 'x' in the cluster manager's")])
def test_what_is_missing_or_cannot_be_is_told_by_its_name(asked, said):
    with pytest.raises(ValueError, match=said):
        find_place(**dict({'environment': {}}, **asked))


@pytest.mark.parametrize('count', [1, 2, 3, 5, 8])
def test_workers_are_dealt_to_the_machines_in_order_and_evenly(count):
    parts = [list(numbers_of(r, 3, count)) for r in range(3)]
    assert sum(parts, []) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
