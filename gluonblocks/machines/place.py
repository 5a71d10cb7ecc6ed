"""Which of several machines this is: from what is asked, or from a cluster manager's variables."""
import os
import re
import socket
from typing import Mapping, NamedTuple, Optional

LOOPBACK = '127.0.0.1'
MASTER_PORT = 29400  # where a manager names the first machine and no port

# (number of machines, number of this one, the first one's address, its port), of each manager.
_VARIABLES = [
    ('SLURM_STEP_NUM_NODES', 'SLURM_NODEID', 'SLURM_STEP_NODELIST', ''),  # within srun alone
    ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', '', ''),
    ('PMI_SIZE', 'PMI_RANK', '', ''),
    ('WORLD_SIZE', 'RANK', 'MASTER_ADDR', 'MASTER_PORT'),  # Kubernetes, as Kubeflow sets them
    ('', 'JOB_COMPLETION_INDEX', '', '')]  # an indexed Job of Kubernetes


class Place(NamedTuple):
    """This machine among `nodes`, its number `node_rank` from 0, where the first one listens,
    `master` (HOST, PORT), and the address that processes here listen on, None: by the route."""

    nodes: int = 1
    node_rank: int = 0
    master: tuple = (LOOPBACK, 0)
    interface: Optional[str] = None


def find_place(nodes=None, node_rank=None, master=None, interface=None,
               environment: Mapping[str, str] = os.environ):
    """The `Place` by what is asked; where that is None, by the variables of SLURM, MPI or
    Kubernetes. `master` is 'HOST:PORT'.

    Raises ValueError, which names the option, for what is missing or cannot be.
    """
    found = {}
    for names in _VARIABLES:
        if names[1] in environment and (not names[0] or names[0] in environment):
            found = dict(zip(('nodes', 'node_rank', 'host', 'port'),
                             (environment.get(name) for name in names)))
            break
    nodes = _number('nodes', found.get('nodes') or 1) if nodes is None else nodes
    if interface is not None:
        _check_own(interface)
    if nodes == 1:
        for name, value in [('node_rank', node_rank), ('master', master)]:
            if value:
                raise ValueError('%s is %r, but goes with several nodes only' % (name, value))
        return Place(interface=interface)
    if node_rank is None:
        if not found.get('node_rank'):
            raise ValueError('node_rank is missing: with %d nodes each needs its number, from 0'
                             % nodes)
        node_rank = _number('node_rank', found['node_rank'])
    if not 0 <= node_rank < nodes:
        raise ValueError('node_rank is %d, but must be from 0 to %d, as there are %d nodes'
                         % (node_rank, nodes - 1, nodes))
    if master is None and found.get('host'):
        master = '%s:%s' % (_first_host(found['host']), found.get('port') or MASTER_PORT)
    if master is None:
        raise ValueError('master is missing: with %d nodes each needs HOST:PORT of the first one'
                         % nodes)
    host, _, port = master.rpartition(':')
    if not host or not port.isdigit() or not 0 < int(port) < 2 ** 16:
        raise ValueError('master is %r, but must be HOST:PORT, the port from 1 to 65535' % master)
    return Place(nodes, node_rank, (host, int(port)), interface)


def _number(name, text):
    if not str(text).isdigit():
        raise ValueError("%s is %r in the cluster manager's variables, but must be a number"
                         % (name, text))
    return int(text)


def _first_host(text):
    """The first of a list of hosts as SLURM writes it: 'node[03-05,7],b' -> 'node03'."""
    match = re.match(r'([^\[,]+)(?:\[(\w+))?', text)
    return match.group(1) + (match.group(2) or '') if match else text


def _check_own(address):
    try:
        with socket.socket() as sock:
            sock.bind((address, 0))
    except OSError as error:
        raise ValueError('interface is %r, but must be an IPv4 address of this machine: %s'
                         % (address, error.strerror or error))


def numbers_of(node, nodes, count):
    """Which of `count` things are those of a node: consecutive numbers, as evenly as can be."""
    return range(node * count // nodes, (node + 1) * count // nodes)
