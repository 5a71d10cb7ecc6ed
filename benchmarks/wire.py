"""How long a step takes by several workers: a model of the network, and what it gives.

    seconds = compute / N + busiest / bandwidth + latency * rounds

`busiest` is the number of bytes in one direction of the busiest link. Each of N workers, on a
machine of its own, sends B bytes in a step and receives as many; each of S servers, on S of these
machines, receives B / S from the worker of each other machine. So the busiest link carries
B (S - 1) / S + B (N - 1) / S each way, and sending and receiving overlap in full duplex. B is 4
bytes a parameter for two workers and 8 for more, whose gradients travel in double precision, so
that their sum is the same in any order. `rounds` is 2, a push and a pull: the buckets of gradients
follow each other without waiting.

Not in the model: that the exchange overlaps with the backward pass, which makes a step shorter, and
that parts of one machine share its cores, which makes it longer.

example:
  python -m benchmarks.wire
  python -m benchmarks.wire --models resnet --compute 0.5 --gbit 1,10 --latency 0.0002
"""
import argparse

import gluonblocks as gb
from gluonblocks.tables import format_table

WORKERS = (2, 4, 8, 16, 64, 256, 1000)


def bytes_of(num_parameters, num_workers):
    """Bytes of gradients that a worker sends in a step, and receives."""
    return num_parameters * (4 if num_workers < 3 else 8)


def seconds_of(compute, num_parameters, num_workers, num_servers, bandwidth, latency):
    """Seconds of a step, by the model; `compute` is that of one process, `bandwidth` bytes a
    second of a link each way, `latency` seconds."""
    if num_workers == 1:
        return compute
    share = bytes_of(num_parameters, num_workers) / num_servers
    busiest = share * (num_servers - 1) + share * (num_workers - 1)
    return compute / num_workers + busiest / bandwidth + 2 * latency


def num_parameters_of(model):
    """Trainable parameters of a model."""
    net, side = gb.get_model(model), gb.get_recipe(model).resize or 28
    net.initialize()
    return sum(row.parameters for row in gb.layer_shapes(net, (1, 1, side, side)))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', default='lenet_bn,resnet,densenet', metavar='NAMES')
    parser.add_argument('--compute', type=float, default=0.5, metavar='SECONDS',
                        help='of a step in one process; default: %(default)s')
    parser.add_argument('--gbit', default='1,10', metavar='N,N', help='default: %(default)s')
    parser.add_argument('--latency', type=float, default=0.0001, metavar='SECONDS',
                        help='default: %(default)s')
    args = parser.parse_args(argv)
    for model in args.models.split(','):
        size = num_parameters_of(model)
        print('%s: %s parameters, a step of %g s in one process' % (
            model, f'{size:,}', args.compute))
        rows = [['workers', 'MB sent by each'] + [
            '%s Gbit/s, %s' % (gbit, servers) for gbit in args.gbit.split(',')
            for servers in ('1 server', 'N servers')]]
        for n in WORKERS:
            row = [n, '%.1f' % (bytes_of(size, n) / 1e6)]
            for gbit in args.gbit.split(','):
                for servers in (1, n):
                    seconds = seconds_of(args.compute, size, n, servers, float(gbit) * 1e9 / 8,
                                         args.latency)
                    row.append('%.3g s (%.3g x)' % (seconds, args.compute / seconds))
            rows.append(row)
        print(format_table(rows) + '\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
