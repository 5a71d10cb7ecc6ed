"""Rehearse training on several machines by simulating them on this one.

Each simulated machine is a Linux network namespace with its own address and link. All of them use
the current folder and share the host's cores. OMP_NUM_THREADS sets the thread count per machine.

example:
  python -m tools.attacks.rehearse 3 --model resnet --workers 3 --epochs 1 --out runs/rehearsal
"""
import argparse
import os
import signal
import sys

from .network import Network, node_options
from .verdict import NotTried


def rehearse(count, arguments):
    """Run `gluonblocks train` on `count` simulated machines; return the exit code on machine 0."""
    threads = max(1, len(os.sched_getaffinity(0)) // count)
    env = dict({'OMP_NUM_THREADS': str(threads)}, **os.environ)
    with Network(count) as network:
        launchers = []
        # Ctrl-C also reaches the launchers. Ignore it in this process, which waits until they exit.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(
            signal.SIGTERM, lambda *_: [launcher.terminate() for launcher in launchers[:1]])
        for machine in network.machines:
            launchers.append(machine.popen(
                [sys.executable, '-m', 'gluonblocks', 'train', *arguments,
                 *node_options(network.machines, machine.number)], env=env))
        codes = [launcher.wait() for launcher in launchers]
    return codes[0] if codes[0] >= 0 else 128 - codes[0]


def main():
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog='python -m tools.attacks.rehearse', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('machines', type=int, choices=range(2, 100), metavar='M',
                        help='number of machines to simulate (2 to 99)')
    parser.add_argument('train', nargs=argparse.REMAINDER, metavar='...',
                        help='options for gluonblocks train, except --nodes, --node-rank and '
                             '--master')
    args = parser.parse_args()
    try:
        return rehearse(args.machines, args.train)
    except NotTried as error:
        print('error: cannot simulate machines: %s' % error, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
