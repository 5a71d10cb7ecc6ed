"""Find this machine's place among several, from options or a cluster manager's variables."""
import os
import re
import socket
import subprocess
from typing import Mapping, NamedTuple, Optional

from ..checks import Name, OptionError

LOOPBACK, ANY = '127.0.0.1', '0.0.0.0'
MASTER_PORT = 29400  # used if the cluster manager sets the first machine but no port

# For each cluster manager, the variables that hold: the number of machines, this machine's number,
# the first machine's address, and its port.
_VARIABLES = [
    ('SLURM_STEP_NUM_NODES', 'SLURM_NODEID', 'SLURM_STEP_NODELIST', ''),  # only within srun
    ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', '', ''),
    ('PMI_SIZE', 'PMI_RANK', '', ''),
    ('WORLD_SIZE', 'RANK', 'MASTER_ADDR', 'MASTER_PORT'),  # Kubernetes with Kubeflow
    ('', 'JOB_COMPLETION_INDEX', '', '')]  # Kubernetes, an indexed Job


class Place(NamedTuple):
    """The number of machines, `nodes`; this machine's number, `node_rank`, from 0; `master`, the
    (host, port) of the first machine; and `interface`, the address on which this machine's
    processes listen, or None for the address that connects to the first machine."""

    nodes: int = 1
    node_rank: int = 0
    master: tuple = (LOOPBACK, 0)
    interface: Optional[str] = None


def find_place(nodes=None, node_rank=None, master=None, interface=None,
               environment: Mapping[str, str] = os.environ):
    """Return the `Place` of this machine; SLURM, MPI or Kubernetes set arguments that are None.

    `master` is 'HOST:PORT'. Raises OptionError, a ValueError, for a missing or invalid value.
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
                raise OptionError(name, 'applies only if %s is above 1, got %r', Name('nodes'),
                                  value)
        return Place(interface=interface)
    if node_rank is None:
        if not found.get('node_rank'):
            raise OptionError('node_rank', 'is required: each of the %d machines needs its '
                              'own number, from 0', nodes)
        node_rank = _number('node_rank', found['node_rank'])
    if not 0 <= node_rank < nodes:
        raise OptionError('node_rank', 'must be from 0 to %d for %d machines, got %d',
                          nodes - 1, nodes, node_rank)
    if master is None and found.get('host'):
        master = '%s:%s' % (_first_host(found['host']), found.get('port') or MASTER_PORT)
    if master is None:
        raise OptionError('master', 'is required: each of the %d machines needs HOST:PORT of the '
                          'first', nodes)
    return Place(nodes, node_rank, _parse_master(master), interface)


def _parse_master(text):
    """Return (host, port) from 'HOST:PORT'; the host is a name or an IPv4 address."""
    host, _, port = text.rpartition(':')
    if not re.fullmatch(r'[^\s/:]+', host) or host == ANY or not re.fullmatch(
            '[0-9]{1,5}', port) or not 0 < int(port) < 2 ** 16:
        raise OptionError('master', 'must be HOST:PORT, with a name or IPv4 address of the first '
                          'machine to which others can connect, and a port from 1 to 65535, got %r',
                          text)
    return host, int(port)


def _number(name, text):
    """Return the integer `text` that a cluster manager set for the option `name`."""
    try:
        return int(text)
    except ValueError:
        raise OptionError(name, "must be an integer, got %r from the cluster manager's variables",
                          text)


def _first_host(text):
    """Return the first host of a list of SLURM: 'node03-ib' for 'node[03-05,7]-ib,b'."""
    try:
        done = subprocess.run(['scontrol', 'show', 'hostnames', text], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True, timeout=10)
        return done.stdout.decode().split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):  # as in a container without SLURM
        return re.sub(r'\[([^],-]+)[^]]*\]', r'\1', text).split(',')[0]


def _check_own(address):
    """Raise OptionError unless `address` is this machine's and others can connect to it."""
    try:
        with socket.socket() as sock:
            sock.bind((address, 0))
            if address == ANY:
                raise OSError
    except (OSError, UnicodeError):
        raise OptionError('interface', 'must be an IPv4 address of this machine to which others '
                          'can connect, got %r', address)
