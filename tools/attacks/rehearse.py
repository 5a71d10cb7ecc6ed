"""Train on several machines that this one plays, as a rehearsal.

Each is a network namespace of Linux, with an address and a link of its own. All of them work in
this folder, and share the cores, unless OMP_NUM_THREADS gives the threads of each.

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
    """Run `gluonblocks train` on `count` machines; return the exit code of the first."""
    threads = max(1, len(os.sched_getaffinity(0)) // count)
    env = dict({'OMP_NUM_THREADS': str(threads)}, **os.environ)
    with Network(count) as network:
        launchers = []
        # The launchers get Ctrl-C from the terminal too, and end by themselves.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: [one.terminate() for one in launchers[:1]])
        for machine in network.machines:
            launchers.append(machine.popen(
                [sys.executable, '-m', 'gluonblocks', 'train', *arguments,
                 *node_options(network.machines, machine.number)], env=env))
        codes = [launcher.wait() for launcher in launchers]
    return codes[0] if codes[0] >= 0 else 128 - codes[0]


def main():
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog='python -m tools.attacks.rehearse', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('machines', type=int, choices=range(2, 100), metavar='M',
                        help='number of machines, 2 or more')
    parser.add_argument('train', nargs=argparse.REMAINDER, metavar='...',
                        help='options of gluonblocks train, except --nodes, --node-rank, --master')
    args = parser.parse_args()
    try:
        return rehearse(args.machines, args.train)
    except NotTried as error:
        print('error: no machines can be played here: %s' % error, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
