"""Train on several machines that this one plays, as a rehearsal.

Each is a network namespace of Linux, with an address and a link of its own. All work in this
folder, and share the cores, unless OMP_NUM_THREADS says how many threads each may have.

example:
  python -m attacks.rehearse 3 --model resnet --workers 3 --epochs 1 --out runs/rehearsal
"""
import argparse
import os
import signal
import sys

from .launches import PORT
from .network import Network
from .sandbox import NotTried


def parse(argv):
    parser = argparse.ArgumentParser(
        prog='python -m attacks.rehearse', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('machines', type=_several, metavar='M', help='how many machines, 2 or more')
    parser.add_argument('train', nargs=argparse.REMAINDER, metavar='...',
                        help='options of gluonblocks train, without --nodes, --node-rank, --master')
    return parser.parse_args(argv)


def _several(text):
    if not text.isdigit() or int(text) < 2:
        raise argparse.ArgumentTypeError('%s is no number of machines, 2 or more' % text)
    return int(text)


def rehearse(count, arguments):
    """Run `gluonblocks train` on `count` machines to its end; the first one's exit code."""
    threads = max(1, len(os.sched_getaffinity(0)) // count)
    env = dict({'OMP_NUM_THREADS': str(threads)}, **os.environ)
    with Network(count) as network:
        first = network.machines[0]
        nodes = ['--nodes', str(count), '--master', '%s:%d' % (first.address, PORT)]
        launchers = []
        # Ctrl-C is for the launchers, which have it from the terminal too; they end by themselves.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: [one.terminate() for one in launchers[:1]])
        for machine in network.machines:
            launchers.append(machine.popen(
                [sys.executable, '-m', 'gluonblocks', 'train', *arguments, *nodes, '--node-rank',
                 str(machine.number)], env=env))
        codes = [launcher.wait() for launcher in launchers]
    return codes[0] if codes[0] >= 0 else 128 - codes[0]


def main(argv=None):
    args = parse(argv)
    try:
        return rehearse(args.machines, args.train)
    except NotTried as error:
        print('error: no machines can be played here: %s' % error, file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
