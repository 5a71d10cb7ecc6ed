"""MXNet's parameter server: how a process joins it, and what its scheduler and servers do."""
import os
from typing import NamedTuple

from mxnet import kvstore
from mxnet.kvstore import KVStoreServer

from .connection import Member

REFUSED = 71  # exit code of a server that was sent a command
UNSPLIT = 2 ** 12  # arrays with fewer values are not split over the servers


class Cluster(NamedTuple):
    """The scheduler's address `root` and its `port`, the numbers of workers and of servers, and
    `own`, the address that the processes of this machine listen on."""

    root: str
    port: int
    world_size: int
    num_servers: int
    own: str


def join(role, cluster):
    """Become 'worker', 'server' or 'scheduler' of the `Cluster`; return the KVStore, `dist_sync`.

    A worker returns once all processes have joined; the others return at once and wait in `main`.
    A process can join once.
    """
    for name in list(os.environ):
        if name.startswith(('DMLC_', 'PS_')) or name == 'PORT':  # ps-lite's, of another job
            del os.environ[name]
    os.environ.update({
        # MXNet learns its role only now: an import in another role than worker never returns.
        'DMLC_ROLE': role, 'DMLC_PS_ROOT_URI': cluster.root, 'DMLC_PS_ROOT_PORT': str(cluster.port),
        'DMLC_NUM_WORKER': str(cluster.world_size), 'DMLC_NUM_SERVER': str(cluster.num_servers),
        'DMLC_NODE_HOST': cluster.own,
        # Each server gets an equal part of an array. With MXNet's default, a million, one server
        # would get all gradients of a small net. All workers must have the same value.
        'MXNET_KVSTORE_BIGARRAY_BOUND': str(max(UNSPLIT, cluster.num_servers))})
    return kvstore.create('dist_sync')


def server_environment():
    """Return the environment variables that a server must start with: see `Collectives.check`."""
    return {'GLIBC_TUNABLES': 'glibc.malloc.perturb=255:glibc.malloc.tcache_count=0'}


def main(role):
    """Run as 'scheduler' or 'server' until the launcher ends this process."""
    member = Member.of_environment()
    member.set_mark('loading')
    member.send('ready', facts={})
    cluster = Cluster(*member.wait_for('go')['cluster'])
    member.set_mark('serving')
    NumbersOnlyServer(join(role, cluster)).run()


class NumbersOnlyServer(KVStoreServer):
    """A server that sums arrays and takes no object that runs code.

    MXNet's own server takes an optimizer from anybody who reaches its port, and with it the
    sender's code. This server ends instead, and the run with it. MXNet handles commands to stop,
    to compress gradients and to profile before they get here. `_controller` is private to MXNet;
    tried on 1.7 to 1.9.
    """

    def _controller(self):
        def refuse(command, content, _):
            # An exception within MXNet's callback would be dropped.
            os.write(2, b'error: a command was sent to the server, which takes numbers only\n')
            os._exit(REFUSED)
        return refuse
