"""Launchers that meet over loopback, with stand-ins for their processes."""
import concurrent.futures
import socket
import sys
import time

from stand_ins import WORKER

from gluonblocks.distributed import Launcher, Limits, WorkerError
from gluonblocks.distributed.connection import Connection
from gluonblocks.distributed.relay import Relay
from gluonblocks.distributed.topology import Topology


def address():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()


def first_machine(code, master, options=None, limits=None, show=None, nodes=2):
    return Launcher([sys.executable, '-c', WORKER + code], 3,
                    {'folder': '/of/the/first', 'data_root': '/there'}, show, limits,
                    Topology(nodes, 0, master), options)


def second_machine(code, master, options=None, limits=None):
    return Relay([sys.executable, '-c', WORKER + code], Topology(2, 1, master, '127.0.0.2'),
                 options or {}, {'data_root': '/here'}, limits or Limits())


def error_of(launcher):
    """Run a launcher; what it raised, or None."""
    try:
        launcher.run()
    except WorkerError as error:
        return str(error)


def both(code):
    """Run two machines: ((what each raised, or None), lines that were shown)."""
    master, shown = address(), []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(error_of, second_machine(code, master))
        first = error_of(first_machine(code, master, show=lambda *line: shown.append(line)))
        return [first, other.result()], sorted(shown)


def connect(master):
    """A connection to a first machine, once it listens."""
    while True:
        try:
            return socket.create_connection(master)
        except ConnectionRefusedError:
            time.sleep(0.02)


def join(master):
    """A machine that has joined, and does nothing more of its own."""
    connection = Connection(connect(master), 40)
    connection.send('join', node=1, host='far', options={})
    return connection
