"""Launchers that meet over loopback, with stand-ins for their processes."""
import socket
import sys
import threading
import time

from stand_ins import WORKER

from gluonblocks.distributed import nodes
from gluonblocks.distributed import relay as relays
from gluonblocks.distributed.launcher import WorkerError, free_port
from gluonblocks.distributed.lines import Lines
from gluonblocks.distributed.place import Place
from gluonblocks.distributed.watch import Limits


def hub(code, master, asked=None, limits=None, show=None, num_nodes=2, before=WORKER):
    return nodes.NodesHub([sys.executable, '-c', before + code], 3, 2,
                          {'folder': '/of/the/first', 'data_root': '/there'}, show, limits,
                          Place(num_nodes, 0, master), asked or {})


def relay(code, master, asked=None, limits=None, before=WORKER):
    place = Place(2, 1, master, '127.0.0.2')
    return relays.Relay([sys.executable, '-c', before + code], place, asked or {},
                       {'data_root': '/here'}, limits or Limits())


def both(code, asked=({}, {}), show=None, before=WORKER):
    """Run two launchers; what each raised, or None."""
    master, errors = ('127.0.0.1', free_port('127.0.0.1')), {}

    def run(which, launcher):
        try:
            launcher.run()
            errors[which] = None
        except WorkerError as error:
            errors[which] = str(error)
    other = threading.Thread(target=run, args=(1, relay(code, master, asked[1], before=before)))
    other.start()
    run(0, hub(code, master, asked[0], show=show, before=before))
    other.join()
    return errors[0], errors[1]


def join(master):
    """A machine that has joined, and says nothing more."""
    while True:
        try:
            lines = Lines(socket.create_connection(master))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    lines.send('join', node=1, host='far', address='127.0.0.1', asked={})
    return lines
