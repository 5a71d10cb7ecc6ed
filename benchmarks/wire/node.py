"""The launcher on one of the measured machines: `python -m benchmarks.wire.node SPEC`, JSON.

SPEC has "job", "workers", "servers", "cpus" (null: all), and of several machines "nodes", "rank"
and "master", [host, port]; without "nodes" all processes are on this one.
"""
import json
import os
import sys

STALL = 900.0  # seconds: nobody is looked for who takes his time


def main():
    spec = json.loads(sys.argv[1])
    if spec['cpus'] is not None:
        os.sched_setaffinity(0, spec['cpus'])  # before gluonblocks looks how many there are
    from gluonblocks.distributed.launcher import Hub, WorkerError, python_argv
    from gluonblocks.distributed.nodes import NodesHub
    from gluonblocks.distributed.place import Place
    from gluonblocks.distributed.relay import Relay
    from gluonblocks.distributed.watch import Limits

    def show(name, stream, text):
        if name == 'worker 0':
            print(text, file=getattr(sys, stream), flush=True)

    argv, limits = python_argv('benchmarks.wire.worker'), Limits(180.0, STALL, STALL, STALL)
    how = argv, spec['workers'], spec['servers'], spec['job'], show, limits
    try:
        if 'nodes' not in spec:
            Hub(*how).run()
            return
        place = Place(spec['nodes'], spec['rank'], tuple(spec['master']))
        if spec['rank']:
            Relay(argv, place, {}, {}, limits).run()
        else:
            NodesHub(*how, place, {}).run()
    except WorkerError as error:
        sys.exit(str(error))


if __name__ == '__main__':
    main()
