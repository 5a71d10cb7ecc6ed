"""The process that makes the namespaces of a `Network`, and ends them with all that runs there."""
import json
import os
import signal
import subprocess
import sys

from . import system
from .network import ADDRESS, end_all, name_of, namespace_of, port_of

BRIDGE = 'bridge'


def main(count):
    """Make `count` machines, tell their pids in a line of JSON, and wait for the end of stdin."""
    try:
        user = system.leave(system.NEWNET | system.NEWUTS)
        machines = [_hold(k) for k in range(count)]
        _configure(machines)
    except (OSError, RuntimeError) as error:
        sys.exit(str(error))
    print(json.dumps({'bridge': os.getpid(), 'user': user, 'machines': machines}), flush=True)
    sys.stdin.read()
    end_all([namespace_of(pid) for pid in machines], but=machines)


def _hold(number):
    """Fork a process that does nothing but hold the namespaces of a machine; its pid."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with open(reading) as pipe:
            said = pipe.read()
        if said != 'held':
            raise RuntimeError(said)
        return pid
    try:
        system.die_with_parent()
        system.unshare(system.NEWNET | system.NEWUTS)
        system.set_host_name(name_of(number))
        os.write(writing, b'held')
    except OSError as error:
        os.write(writing, str(error).encode())
    for stream in (0, 1, 2, writing):
        os.close(stream)
    while True:
        signal.pause()


def _configure(machines):
    """Make the bridge, and link each machine to it."""
    lines = ['link add %s type bridge' % BRIDGE, 'link set %s up' % BRIDGE]
    for k, pid in enumerate(machines):
        lines += ['link add name %s type veth peer name eth0 netns %d' % (port_of(k), pid),
                  'link set %s master %s up' % (port_of(k), BRIDGE)]
    _ip([], lines)
    for k, pid in enumerate(machines):
        _ip(['nsenter', '--target', str(pid), '--net', '--'], [
            'link set lo up', 'address add %s/24 dev eth0' % (ADDRESS % (k + 1)),
            'link set eth0 up'])


def _ip(before, lines):
    done = subprocess.run(before + ['ip', '-batch', '-'], input='\n'.join(lines) + '\n',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout.strip())


if __name__ == '__main__':
    main(int(sys.argv[1]))
