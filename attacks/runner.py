"""Which cases there are, and how they are run: several at a time, each in a room of its own."""
import contextlib
import json
import os
import queue
import random
import sys
import threading
import time
import traceback
from typing import Any, Dict, NamedTuple

from . import commands, data, disk, folders, kills, machines, pictures, runs, streams
from .jobs import Server, ServerError
from .material import Material, write_data
from .room import Room
from .sandbox import NotTried, Sandbox, remove
from .verdict import DEFECT, UNTRIED, Defect

# The kinds, and how the cases that are drawn are shared out among them.
KINDS: Dict[str, Any] = {'kills': kills, 'data': data, 'runs': runs, 'pictures': pictures,
                         'folders': folders, 'disk': disk, 'streams': streams,
                         'commands': commands, 'machines': machines}
ASKED = ('machines',)  # the kinds that take long, so that they have to be asked for
SHARES = {'kills': 10, 'data': 14, 'runs': 32, 'pictures': 13, 'folders': 5, 'disk': 7,
          'streams': 1, 'commands': 18, 'machines': 1}
_TAIL = 3000


class Case(NamedTuple):
    """A case: its kind, and its name, which is a fixed one's own or a drawn one's number."""

    kind: str
    name: str


def plan(kinds, number, names=()):
    """The `Case`s of a run: the fixed ones of `kinds`, then drawn ones, `number` in all.

    Of a small number three quarters are fixed ones: of each kind and each number that names begin
    with at least one. Or those named; ValueError for a name that there is not.
    """
    if names:
        cases = [Case(kind, name) for name in names for kind in kinds
                 if name in KINDS[kind].FIXED or name.isdigit()]
        unknown = set(names) - {case.name for case in cases}
        if unknown:
            raise ValueError('there is no case %s in %s' % (sorted(unknown)[0], ', '.join(kinds)))
        return cases
    cases = [Case(kind, name) for kind in kinds for name in KINDS[kind].FIXED]
    if number < len(cases) * 4 / 3:
        first = {(case.kind, case.name.split('-')[0] if case.name[0].isdigit() else ''): case
                 for case in reversed(cases)}
        others = [case for case in cases if case not in first.values()]
        more = max(0, number * 3 // 4 - len(first))
        chosen = {*first.values(), *random.Random(number).sample(others, more)}
        cases = [case for case in cases if case in chosen]
    left, total = max(0, number - len(cases)), sum(SHARES[kind] for kind in kinds)
    counts = {kind: left * SHARES[kind] // total for kind in kinds}
    counts[max(kinds, key=lambda kind: SHARES[kind])] += left - sum(counts.values())
    drawn = [(i / counts[kind], Case(kind, str(i))) for kind in kinds for i in range(counts[kind])]
    return cases + [case for _, case in sorted(drawn)]  # evenly, so that each kind is met early


def run_case(case, seed, material, server):
    """Run one case; its record, a dict."""
    folder = material.sandbox.path('rooms', '%s-%s' % case)
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    room = Room(folder, material, server, '%s-%s-%d' % (case.kind, case.name, seed))
    record, start = {'kind': case.kind, 'case': case.name}, time.monotonic()
    try:
        kind = KINDS[case.kind]
        record['verdict'] = kind.FIXED.get(case.name, kind.draw)(room)
    except NotTried as error:
        record.update(verdict=UNTRIED, what=str(error))
    except Defect as defect:
        record.update(verdict=DEFECT, what=str(defect))
        if defect.done:
            record.update(command=defect.done.job.words, code=defect.done.code,
                          out=defect.done.out[-_TAIL:], err=defect.done.err[-_TAIL:])
    except ServerError as error:
        record.update(verdict=DEFECT, what=str(error))
    except Exception:  # a fault of the attack's own, or files in a state that it did not foresee
        record.update(verdict=DEFECT, what='the attack itself failed', err=traceback.format_exc())
    finally:
        remove(folder)
    return dict(record, notes=room.notes, peak=room.peak, kills=room.kills,
                hits=room.hits, seconds=round(time.monotonic() - start, 2))


class Worker(threading.Thread):
    """Takes cases from a queue until there are none, or `stop` is set."""

    def __init__(self, number, cases, seed, material, server, tell, stop):
        super().__init__(daemon=True)
        self.number, self.cases, self.seed, self.material = number, cases, seed, material
        self.server, self.tell, self.stop = server, tell, stop

    def run(self):
        while not self.stop.is_set():
            try:
                case = self.cases.get_nowait()
            except queue.Empty:
                return
            record = run_case(case, self.seed, self.material, self.server)
            self.tell(record)
            if 'server ended' in record.get('what', ''):
                self.server = Server(self.material.sandbox, self.number + 1000)


def attack(folder, cases, seed, jobs, write):
    """Run `cases` in the sandbox `folder`; `write` gets a line of JSON for each, as it ends.

    For a process of its own, which the sandbox does not let go again.
    """
    sandbox = Sandbox(folder)
    sandbox.enter()
    data_folder = write_data(sandbox)
    servers = [Server(sandbox, i) for i in range(max(1, min(jobs, len(cases))))]
    stop = threading.Event()
    try:
        material = Material(sandbox, data_folder, servers[0])
        write(json.dumps({'lacking': sandbox.lacking}))
        waiting, lock = queue.Queue(), threading.Lock()
        for case in cases:
            waiting.put(case)

        def tell(record):
            with lock, contextlib.suppress(BrokenPipeError):  # nobody listens any more
                write(json.dumps(record))
        workers = [Worker(i, waiting, seed, material, server, tell, stop)
                   for i, server in enumerate(servers)]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(0.2)
        servers = [worker.server for worker in workers]
    except ServerError as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    finally:
        stop.set()
        for server in servers:
            server.close()
    return 0
