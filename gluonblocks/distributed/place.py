"""The place of this machine among several, by options or a cluster manager's variables."""
import os
import re
import socket
import subprocess
from typing import Mapping, NamedTuple, Optional

from ..checks import OptionError

LOOPBACK, ANY = '127.0.0.1', '0.0.0.0'
MASTER_PORT = 29400  # if a manager names the first machine and no port

# (number of machines, number of this one, the first one's address, its port), of each manager.
_VARIABLES = [
    ('SLURM_STEP_NUM_NODES', 'SLURM_NODEID', 'SLURM_STEP_NODELIST', ''),  # within srun alone
    ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', '', ''),
    ('PMI_SIZE', 'PMI_RANK', '', ''),
    ('WORLD_SIZE', 'RANK', 'MASTER_ADDR', 'MASTER_PORT'),  # Kubernetes, as Kubeflow sets them
    ('', 'JOB_COMPLETION_INDEX', '', '')]  # an indexed Job of Kubernetes


class Place(NamedTuple):
    """The number of machines, `nodes`; this one's, `node_rank`, from 0; the first one's `master`,
    (host, port); and `interface`, the address that processes here listen on, or None: the address
    by which the first machine is reached."""

    nodes: int = 1
    node_rank: int = 0
    master: tuple = (LOOPBACK, 0)
    interface: Optional[str] = None


def find_place(nodes=None, node_rank=None, master=None, interface=None,
               environment: Mapping[str, str] = os.environ):
    """Return the `Place` by the arguments, and by variables of SLURM, MPI or Kubernetes if None.

    `master` is 'HOST:PORT'. Raises OptionError, a ValueError, for a value that is missing or cannot
    be used.
    """
    found = {}
    for names in _VARIABLES:
        if names[1] in environment and (not names[0] or names[0] in environment):
            found = dict(zip(('nodes', 'node_rank', 'host', 'port'),
                             (environment.get(name) for name in names)))
            break
    nodes = _number('nodes', found.get('nodes') or 1) if nodes is None else nodes
    if nodes < 1:
        raise OptionError('nodes', 'is %d, but must be at least 1', nodes)
    if interface is not None:
        _check_own(interface)
    if nodes == 1:
        for name, value in [('node_rank', node_rank), ('master', master)]:
            if value:
                raise OptionError(name, 'is %r, but goes with several machines only', value)
        return Place(interface=interface)
    if node_rank is None:
        if not found.get('node_rank'):
            raise OptionError('node_rank', 'is missing: each of %d machines needs its number, '
                              'from 0', nodes)
        node_rank = _number('node_rank', found['node_rank'])
    if not 0 <= node_rank < nodes:
        raise OptionError('node_rank', 'is %d, but must be from 0 to %d, as there are %d machines',
                          node_rank, nodes - 1, nodes)
    if master is None and found.get('host'):
        master = '%s:%s' % (_first_host(found['host']), found.get('port') or MASTER_PORT)
    if master is None:
        raise OptionError('master', 'is missing: each of %d machines needs HOST:PORT of the first '
                          'one', nodes)
    return Place(nodes, node_rank, _parse_master(master), interface)


def _parse_master(text):
    """Return (host, port) of 'HOST:PORT', whose host is a name or an IPv4 address."""
    host, _, port = text.rpartition(':')
    if not re.fullmatch(r'[^\s/:]+', host) or host == ANY or not re.fullmatch(
            '[0-9]{1,5}', port) or not 0 < int(port) < 2 ** 16:
        raise OptionError('master', "is %r, but must be HOST:PORT: the first machine's name or "
                          'IPv4 address, which others can connect to, and a port from 1 to 65535',
                          text)
    return host, int(port)


def _number(name, text):
    """Return the integer in a cluster manager's variable."""
    try:
        return int(text)
    except ValueError:
        raise OptionError(name, "is %r in the cluster manager's variables, but must be a number",
                          text)


def _first_host(text):
    """Return the first host of a list as SLURM writes it: 'node03-ib' of 'node[03-05,7]-ib,b'."""
    try:
        done = subprocess.run(['scontrol', 'show', 'hostnames', text], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True, timeout=10)
        return done.stdout.decode().split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):  # as in a container without SLURM
        return re.sub(r'\[([^],-]+)[^]]*\]', r'\1', text).split(',')[0]


def _check_own(address):
    """Raise OptionError unless `address` is one of this machine to which others can connect."""
    try:
        with socket.socket() as sock:
            sock.bind((address, 0))
            if address == ANY:
                raise OSError
    except (OSError, UnicodeError):
        raise OptionError('interface', 'is %r, but must be an IPv4 address of this machine, which '
                          'others can connect to', address)
