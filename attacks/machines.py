"""A training on three machines is hit at random moments, and ends as one that was left alone."""
import os
import shutil
import threading
import time
from typing import Any, Dict

from .hits import EPOCHS, SECONDS, SIZE, START, done_of, goes_on, hit, is_time, plans_of
from .jobs import environment
from .kills import compare
from .launches import TURN, Launch
from .network import Network
from .verdict import EQUAL, Defect, said

FIXED: Dict[str, Any] = {}
RUN = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--ctx', 'cpu', '--seed', '0',
       '--batch-size', '64', '--epochs', str(EPOCHS), '--checkpoint-every', '3', '--workers',
       str(SIZE)]
HOW = ['--no-report', '--start-timeout', str(START)]

_starting = threading.Lock()  # one launch at a time: it is starting that takes the cores


def draw(room):
    """Hit a training HITS times, each at a random moment of what is left of it."""
    with Network(SIZE) as network:
        return trial(room, network, plans_of(room.rng))


def baseline(room, network):
    """(folder, printed lines, seconds from each epoch's line to the next) of a run in peace.

    Three workers on one machine.
    """
    def make():
        folder = room.material.path('machines')
        shutil.rmtree(folder, ignore_errors=True)
        launch = Launch(network.machines[:1], folder, ['--out', 'run', *RUN, *HOW],
                        environment(room.sandbox))
        times = [launch.started]
        while goes_on(launch):
            times += [time.monotonic()] * (1 + launch.epoch() - len(times))
            time.sleep(TURN)
        done = done_of(launch)
        if done.code:
            raise Defect('the run that nothing hit failed', done)
        times += [times[-1]] * (1 + EPOCHS - len(times)) + [time.monotonic()]
        return launch.path(0, 'run'), said(done), [b - a for a, b in zip(times, times[1:])]
    return room.material.once('machines', make)


def trial(room, network, plans):
    """Train, hit by each of `plans` and gone on with, then to the end: EQUAL, or Defect."""
    folder, lines, gaps = baseline(room, network)
    run, printed, reached = room.path(network.machines[0].name, 'run'), [], 0
    for plan in plans + [None]:
        begun = os.path.exists(os.path.join(run, 'config.json'))
        # Where a run is gone on with on one machine, it has to be the same as well.
        machines = network.machines[:None if plan or room.rng.random() < 0.5 else 1]
        with _starting:
            launch = Launch(machines, room.folder, (
                ['--resume', 'run'] if begun else ['--out', 'run', *RUN]) + HOW,
                environment(room.sandbox))
            while goes_on(launch) and not launch.has_begun() and not (
                    plan and reached >= plan['epoch'] and is_time(launch, plan, gaps)):
                time.sleep(TURN)
        if plan:
            is_hit = hit(room, network, launch, plan, reached, gaps)
            if not is_hit and launch.processes[0].returncode:
                raise Defect('it ended before it was hit', done_of(launch))
        elif not launch.wait(SECONDS):
            raise Defect('no end after %d s' % SECONDS, done_of(launch))
        printed += said(done_of(launch))
        reached = max(reached, launch.epoch())
        if launch.processes[0].returncode == 0:
            break
    if launch.processes[0].returncode:
        raise Defect('it could not go on', done_of(launch))
    # A line may be lost on its way through a launcher that is killed; the history has it.
    if list(dict.fromkeys(printed)) != [line for line in lines if line in printed]:
        raise Defect('other lines were printed', done_of(launch))
    compare(run, folder, lines, lines, done_of(launch))
    for one in room.hits:
        one['same'] = True
    return EQUAL
