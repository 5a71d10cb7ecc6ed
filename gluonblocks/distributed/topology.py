"""Determine the machine's rank and the first machine's address from options or the environment."""
import os
import re
import socket
import subprocess
from typing import Mapping, NamedTuple, Optional

from ..checks import Name, OptionError

LOOPBACK, ANY = '127.0.0.1', '0.0.0.0'
MASTER_PORT = 29400  # used if the cluster manager provides the first machine's name but no port

# Environment variables set by each cluster manager: the number of machines, this machine's rank,
# the first machine's address, and its port.
_VARIABLES = [
    ('SLURM_STEP_NUM_NODES', 'SLURM_NODEID', 'SLURM_STEP_NODELIST', ''),  # set only by srun
    ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', '', ''),
    ('PMI_SIZE', 'PMI_RANK', '', ''),
    ('WORLD_SIZE', 'RANK', 'MASTER_ADDR', 'MASTER_PORT'),  # Kubernetes with Kubeflow
    ('', 'JOB_COMPLETION_INDEX', '', '')]  # Kubernetes, an indexed Job


class Topology(NamedTuple):
    """The number of machines, `nodes`, and this machine's rank, `node_rank`, counted from 0.

    `master` is the (host, port) of the first machine. `interface` is the local address on which
    this machine's processes listen; None selects the one used to reach the first machine.
    """

    nodes: int = 1
    node_rank: int = 0
    master: tuple = (LOOPBACK, 0)
    interface: Optional[str] = None


def find_topology(nodes=None, node_rank=None, master=None, interface=None,
               environment: Mapping[str, str] = os.environ):
    """Return the `Topology` of this machine.

    `master` is 'HOST:PORT'. If `nodes`, `node_rank` or `master` is None, it is read from the
    environment variables set by SLURM, MPI or Kubernetes. Raises OptionError, a ValueError, if a
    value is missing or invalid.
    """
    found = {}
    for names in _VARIABLES:
        if names[1] in environment and (not names[0] or names[0] in environment):
            found = dict(zip(('nodes', 'node_rank', 'host', 'port'),
                             (environment.get(name) for name in names)))
            break
    nodes = _number('nodes', found.get('nodes') or 1) if nodes is None else nodes
    if nodes < 1:
        raise OptionError('nodes', 'must be at least 1, got %d', nodes)
    if interface is not None:
        _check_own(interface)
    if nodes == 1:
        for name, value in [('node_rank', node_rank), ('master', master)]:
            if value:
                raise OptionError(name, 'can be set only if %s is above 1, got %r',
                                  Name('nodes'), value)
        return Topology(interface=interface)
    if node_rank is None:
        if not found.get('node_rank'):
            raise OptionError('node_rank', 'is required: each of the %d machines needs its own '
                              'rank, counted from 0', nodes)
        node_rank = _number('node_rank', found['node_rank'])
    if not 0 <= node_rank < nodes:
        raise OptionError('node_rank', 'must be from 0 to %d for %d machines, got %d',
                          nodes - 1, nodes, node_rank)
    if master is None and found.get('host'):
        master = '%s:%s' % (_first_host(found['host']), found.get('port') or MASTER_PORT)
    if master is None:
        raise OptionError('master', 'is required: each of the %d machines needs the HOST:PORT of '
                          'the first machine', nodes)
    return Topology(nodes, node_rank, _parse_master(master), interface)


def _parse_master(text):
    """Return (host, port) from 'HOST:PORT'; the host is a name or an IPv4 address."""
    host, _, port = text.rpartition(':')
    label = r'[^\s/:.]{1,63}'
    if host == ANY or not re.fullmatch(r'(%s\.)*%s\.?' % (label, label), host) or not re.fullmatch(
            '[0-9]{1,5}', port) or not 0 < int(port) < 2 ** 16:
        raise OptionError('master', 'must be HOST:PORT, where HOST is a name or IPv4 address at '
                          'which the other machines can reach the first machine, and PORT is a '
                          'number from 1 to 65535, got %r', text)
    return host, int(port)


def _number(name, text):
    """Convert `text`, the cluster manager's value for the option `name`, to an integer."""
    try:
        return int(text)
    except ValueError:
        raise OptionError(name, "must be an integer, got %r from the cluster manager's environment "
                          "variables", text)


def _first_host(text):
    """Return the first host in a SLURM node list: 'node03-ib' for 'node[03-05,7]-ib,b'."""
    try:
        done = subprocess.run(['scontrol', 'show', 'hostnames', text], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True, timeout=10)
        return done.stdout.decode().split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):  # as in a container without SLURM
        return re.sub(r'\[([^],-]+)[^]]*\]', r'\1', text).split(',')[0]


def _check_own(address):
    """Raise OptionError unless `address` belongs to this machine and is not 0.0.0.0."""
    try:
        with socket.socket() as sock:
            sock.bind((address, 0))
            if sock.getsockname()[0] == ANY:  # also '0', or an empty string
                raise OSError
    except (OSError, UnicodeError):
        raise OptionError('interface', 'must be an IPv4 address of this machine that the other '
                          'machines can reach, got %r', address)
