"""Choose the cases of an attack, and run them in parallel.

`python -m tools.attacks.runner FOLDER JSON` calls `main` with FOLDER and the arguments in JSON.
"""
import functools
import json
import multiprocessing
import os
import shutil
import sys
import time
import traceback
from typing import Any, Dict, NamedTuple

from . import data, disk, kills, machines, pictures, runs
from .fixtures import Fixtures, write_data
from .jobs import Sandbox, die_with_parent
from .verdict import DEFECT, UNTRIED, Defect, NotTried

# Each kind of attack is a module with fixed cases, FIXED = {name: case}, and a random case, `draw`.
# Each case is a function that takes a `Sandbox` and returns a verdict, or raises Defect or
# NotTried.
KINDS: Dict[str, Any] = {'kills': kills, 'disk': disk, 'data': data, 'runs': runs,
                         'pictures': pictures, 'machines': machines}
SLOW = ('machines',)  # kinds that run only if --only names them
_TAIL = 3000  # number of last characters of stdout and of stderr to record


class Case(NamedTuple):
    """An attack case; `name` is the name of a predefined case or the number of a random one."""

    kind: str
    name: str


def plan(kinds, number, names=()):
    """Return the cases that `names` lists or, if it is empty, a total of `number` cases.

    Predefined cases come before random ones. If there are more than `number` predefined cases,
    an evenly spaced selection of them is returned. Raises ValueError for an unknown name.
    """
    if names:
        cases = [Case(kind, name) for name in names for kind in kinds
                 if name in KINDS[kind].FIXED or name.isdigit()]
        unknown = set(names) - {case.name for case in cases}
        if unknown:
            raise ValueError('%s: unknown case %r; see --list'
                             % (', '.join(kinds), sorted(unknown)[0]))
        return cases
    fixed = [Case(kind, name) for kind in kinds for name in KINDS[kind].FIXED]
    if number <= len(fixed):
        return [fixed[i * len(fixed) // number] for i in range(number)]
    return fixed + [Case(kinds[i % len(kinds)], str(i // len(kinds)))
                    for i in range(number - len(fixed))]


def _start_worker(folder, data_folder):
    global _fixtures
    die_with_parent()
    _fixtures = Fixtures(folder, data_folder)


def _run(words, seed):
    """Run one case in a new sandbox; return its record, a dict."""
    case = Case(*words)
    folder = os.path.join(_fixtures.root, '%d-%d' % (os.getpid(), time.monotonic_ns()))
    os.mkdir(folder)
    sandbox = Sandbox(folder, _fixtures, '%s-%s-%d' % (case.kind, case.name, seed))
    record, start = {'kind': case.kind, 'case': case.name}, time.monotonic()
    try:
        kind = KINDS[case.kind]
        record['verdict'] = kind.FIXED.get(case.name, kind.draw)(sandbox)
    except NotTried as error:
        record.update(verdict=UNTRIED, what=str(error))
    except Defect as defect:
        record.update(verdict=DEFECT, what=str(defect))
        if defect.done:
            record.update(command=defect.done.job.words, code=defect.done.code,
                          out=defect.done.out[-_TAIL:], err=defect.done.err[-_TAIL:])
    except Exception:  # a bug in the attack, or files in an unexpected state
        record.update(verdict=DEFECT, what='the attack itself failed', err=traceback.format_exc())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return dict(record, notes=sandbox.notes, kills=sandbox.kills,
                seconds=round(time.monotonic() - start, 2))


def main(folder, cases, seed, jobs):
    """Run `cases` in `folder`, `jobs` at a time, and print their records as JSON."""
    die_with_parent()
    home, tmp = os.path.join(folder, 'home'), os.path.join(folder, 'tmp')
    os.mkdir(home)
    os.mkdir(tmp)
    unreachable = 'http://127.0.0.1:9/'
    os.environ.update({
        'HOME': home, 'MXNET_HOME': home, 'LC_ALL': 'C.UTF-8', 'TMPDIR': tmp,
        'OMP_NUM_THREADS': '1', 'PYTHONDONTWRITEBYTECODE': '1', 'MXNET_GLUON_REPO': unreachable,
        'http_proxy': unreachable, 'https_proxy': unreachable, 'GLUONBLOCKS_OPERATORS': '0'})
    data_folder = os.path.join(home, 'datasets', 'fashion-mnist')
    sys.modules['matplotlib'] = None  # blocked, because drawing would take longer than training
    if any(case[0] not in SLOW for case in cases):
        import gluonblocks.commands.train  # noqa: F401
        write_data(data_folder)
    with multiprocessing.get_context('fork').Pool(
            min(jobs, len(cases)), _start_worker, (folder, data_folder)) as pool:
        for record in pool.imap_unordered(functools.partial(_run, seed=seed), cases):
            print(json.dumps(record), flush=True)


if __name__ == '__main__':
    main(sys.argv[1], **json.loads(sys.argv[2]))
