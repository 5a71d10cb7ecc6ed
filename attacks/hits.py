"""How a training on three machines is hit, and how it has to end then."""
import os
import re
import signal
import time

from .jobs import Done, Job
from .launches import PORT, TURN
from .verdict import Defect, survived

SIZE = 3  # machines, with a worker each
EPOCHS, HITS = 5, 4  # of a case
START = 120  # seconds that all may take to be there: many processes start on few cores
IMPORT = 15  # and before they count, in which each imports MXNet
SECONDS = 600  # that a launch may take which nothing hits

# Where each victim may be: of one server it is the last machine that has it.
PLACES = {'worker': (0, 1, 2), 'server': (2,), 'scheduler': (0,), 'launcher': (0, 1, 2),
          'machine': (0, 1, 2)}
FAULTS = [(victim, fault) for victim in ('worker', 'server', 'scheduler', 'launcher')
          for fault in ('SIGKILL', 'SIGSTOP')] + [('machine', 'link down')]
# Seconds after which all have to have ended, and what a busy machine may take more.
PROMISED, MARGIN = {'SIGKILL': 5, 'SIGSTOP': 60, 'link down': 30}, 5


def plans_of(rng):
    """What is to be hit, how and when, HITS times: dicts. `share` is of the time from an epoch's
    line to the next; an epoch that has ended before means a launch that is starting."""
    epochs = sorted(rng.randrange(EPOCHS) for _ in range(HITS))
    if rng.random() < 0.2:
        epochs[-1] = EPOCHS  # after the last line, as it ends
    plans = []
    for epoch in epochs:
        victim, fault = rng.choice(FAULTS)
        plans.append({'victim': victim, 'fault': fault, 'machine': rng.choice(PLACES[victim]),
                      'epoch': epoch, 'share': round(rng.random(), 3)})
    return plans


def hit(room, network, launch, plan, reached, gaps):
    """Wait for the moment of a plan, do what it says, and judge how all end; False: too late."""
    target = wait_for(launch, plan, reached, gaps)
    if target is None:
        room.note('%(victim)s of machine %(machine)d, %(fault)s: the run had ended before' % plan)
        return False
    k, fault, launchers = plan['machine'], plan['fault'], plan['victim'] in ('launcher', 'machine')
    has_come = bool(launch.children(k))  # it is one of several from when it starts processes
    starting = launchers and not has_come or fault == 'SIGSTOP' and not launch.has_begun()
    allowed = START + IMPORT if starting else PROMISED[fault]
    one = dict(plan, after=launch.epoch(), allowed=allowed, in_time=False, none_left=False,
               named=False, same=False)
    room.note('%(victim)s of machine %(machine)d: %(fault)s, %(share)g of the way from epoch '
              '%(after)d on' % one)
    if fault == 'link down':
        network.machines[k].link(up=False)
    else:
        try:
            os.kill(target, getattr(signal, fault))
        except ProcessLookupError:  # it has ended by itself, and so do the others
            return not launch.wait(SECONDS)
    room.hits.append(one)
    room.kills += 1
    stopped = launch.processes[k] if (plan['victim'], fault) == ('launcher', 'SIGSTOP') else None
    one['seconds'], left = wait_for_end(network, launch, stopped, allowed)
    one['in_time'], one['none_left'] = one['seconds'] <= allowed + MARGIN, not left
    if stopped:  # which can end once it goes on, and may find nobody then
        stopped.send_signal(signal.SIGCONT)
        launch.wait(MARGIN + (PROMISED['SIGKILL'] if has_come else START))
    network.machines[k].link(up=True)
    if not one['in_time'] or left:
        raise Defect('%(victim)s, %(fault)s: not all ended within %(allowed)d s' % one,
                     done_of(launch, 1 if k == 0 and launchers else 0))
    for n in range(SIZE):
        judge(launch, n, one, complete=launch.epoch() == EPOCHS)
    one['named'] = True
    return True


def wait_for(launch, plan, reached, gaps):
    """The pid that a plan is for, at its moment; None where the run has ended before."""
    since = None
    while goes_on(launch) and max(reached, launch.epoch()) < plan['epoch']:
        time.sleep(TURN)
    if reached < plan['epoch']:
        since = time.monotonic()
    while goes_on(launch) and not is_time(launch, plan, gaps, since):
        time.sleep(TURN)
    while goes_on(launch):
        if plan['victim'] in ('launcher', 'machine'):
            return launch.processes[plan['machine']].pid
        pid = launch.children(plan['machine']).get(plan['victim'])
        if pid:
            return pid
        time.sleep(TURN)
    return None


def wait_for_end(network, launch, stopped, allowed):
    """(seconds until nothing runs but a launcher that is `stopped`, pids that are left)."""
    start = time.monotonic()
    while True:
        left = [pid for pid in network.processes() if not stopped or pid != stopped.pid]
        seconds = time.monotonic() - start
        if not launch.running(but=stopped) and not left:
            return seconds, []
        if seconds > 2 * (allowed + MARGIN):
            return seconds, left
        time.sleep(TURN)


def judge(launch, n, one, complete):
    """Defect unless a launcher ended with an error, in a line that says who was hit.

    After the last epoch, `complete`, all may have been done, and end well.
    """
    done = done_of(launch, n)
    if one['victim'] == 'launcher' and n == one['machine'] and (
            one['fault'] == 'SIGKILL' and done.code == -signal.SIGKILL):
        return
    if complete and done.code == 0:
        return
    survived(done)
    if done.code != 1:
        raise Defect('%(victim)s, %(fault)s: exit code %%d' % one % done.code, done)
    found = re.findall(r'^error: (.*)', done.err, re.M)
    if len(found) != 1 or not re.match(_who(one, n), found[0]):
        raise Defect('%(victim)s, %(fault)s: the error names another' % one, done)


def _who(one, n):
    """A pattern of the error that the launcher of machine `n` shows."""
    k = one['machine']
    of_first = 'the first machine, 10.77.0.1:%d(, step |, was not reached)' % PORT
    if one['victim'] in ('worker', 'server', 'scheduler'):
        name = {'worker': str(k), 'server': 'server 0', 'scheduler': 'scheduler'}[one['victim']]
        return r'node%d:%s(, step \d+)?: ' % (k, name)
    if n == k and one['victim'] == 'launcher' or n == k == 0:  # it sees what has become of others
        return 'node|' + of_first
    if k == 0 or n == k:
        return of_first
    return r'node%d(:%d, step \d+)? \(node %d\): |node %d has not come' % (k, k, k, k)


def goes_on(launch):
    """Whether a launch has not ended; Defect where it does not end."""
    if launch.running() and time.monotonic() > launch.started + SECONDS:
        raise Defect('no end after %d s' % SECONDS, done_of(launch))
    return bool(launch.running())


def is_time(launch, plan, gaps, since=None):
    """Whether the moment of a plan has come, where its epoch's line came at `since`, if at all."""
    begin, gap = (launch.started, gaps[0]) if since is None else (since, gaps[plan['epoch']])
    return time.monotonic() >= begin + plan['share'] * gap


def done_of(launch, k=0):
    """The `Done` of the launcher of a machine."""
    code = launch.processes[k].poll()
    return Done(Job(launch.argv, launch.path(k)), -1 if code is None else code, launch.out(k),
                launch.err(k), 0, 0, '')
