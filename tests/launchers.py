"""Launchers that meet over loopback, with stand-ins for their processes."""
import socket
import sys
import threading
import time

from stand_ins import WORKER

from gluonblocks.distributed import Launcher, Limits, WorkerError
from gluonblocks.distributed.connection import Connection
from gluonblocks.distributed.place import Place
from gluonblocks.distributed.relay import Relay


def address():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()


def first_machine(code, master, options=None, limits=None, show=None, nodes=2, before=WORKER):
    return Launcher([sys.executable, '-c', before + code], 3,
                    {'folder': '/of/the/first', 'data_root': '/there'}, show, limits,
                    Place(nodes, 0, master), options)


def second_machine(code, master, options=None, limits=None, before=WORKER, interface='127.0.0.2'):
    return Relay([sys.executable, '-c', before + code], Place(2, 1, master, interface),
                 options or {}, {'data_root': '/here'}, limits or Limits())


def error_of(launcher):
    """Run a launcher; what it raised, or None."""
    try:
        launcher.run()
    except WorkerError as error:
        return str(error)


def both(code, before=WORKER, master=None):
    """Run two machines: ((what each raised, or None), lines that were shown)."""
    master, errors, shown = master or address(), [], []
    other = threading.Thread(target=lambda: errors.append(
        error_of(second_machine(code, master, before=before))))
    other.start()
    errors.insert(0, error_of(first_machine(
        code, master, show=lambda *line: shown.append(line), before=before)))
    other.join()
    return errors, sorted(shown)


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
