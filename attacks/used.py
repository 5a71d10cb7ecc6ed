"""A run of which a file was changed is resumed, evaluated or asked, and how that is judged."""
import json
import os
import shutil

from .forge import FREE
from .material import SAME
from .verdict import (
    EQUAL,
    OK,
    Defect,
    changed,
    clean_error,
    digest,
    left_behind,
    said,
    snapshot,
    survived,
    unchanged,
)

USED_BEFORE = 'The checkpoint before it is used'


def ask(room, run, command, base, weights):
    """Evaluate or predict by a run one of whose files was changed; the verdict."""
    before = snapshot(run)
    more = ['--png', room.path('matrix.png')] if command == 'evaluate' else [
        room.material.path('picture.pgm')]
    done = room.run(command, run, '--ctx', 'cpu', '--weights', weights, *more)
    survived(done)
    unchanged(before, snapshot(run), done=done)
    if done.code:
        return clean_error(done, run)
    answer = [line.replace(room.material.path('picture.pgm'), 'picture.pgm') for line in said(done)]
    if answer == room.material.answer(command, base, weights):
        return EQUAL
    if USED_BEFORE in done.err and answer == room.material.answer(
            command, base + '-before', 'last'):
        return OK
    raise Defect('another answer, and nothing said', done)


def resume(room, run, name, apart=()):
    """Resume a run whose file `name` was changed; the verdict. `apart` may differ in the end."""
    whole, path = room.material.path('whole'), os.path.join(run, name)
    before, mine = snapshot(run), digest(path)
    others = snapshot(room.folder)
    done = room.run('train', '--resume', run)
    survived(done)
    after = snapshot(run)
    left_behind(before, after)
    lost = [file for file in changed(others, snapshot(room.folder))
            if not file.startswith('run' + os.sep) and not file.startswith('elsewhere-')]
    if lost:
        raise Defect('changed outside of the run: ' + lost[0], done)
    untouched = after.get(name) == mine
    if done.code == 0:
        return ended(room, run, name, untouched, done, apart)
    verdict = clean_error(done, run)
    if changed(before, after):
        # Some was done before the error: with the file as it was, the run has to go on to its end.
        if untouched:
            room.note('%s put back' % name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
            if os.path.exists(room.material.path('halted', name)):  # not yet, of the run's end
                shutil.copyfile(room.material.path('halted', name), path)
        again = room.run('train', '--resume', run)
        survived(again)
        if again.code:
            raise Defect('the run is lost: ' + again.err.strip().splitlines()[-1][:200], done)
        check_end(run, whole, (), again)
    return verdict


def ended(room, run, name, untouched, done, apart):
    """The verdict on a resumed run that ended with code 0."""
    try:
        with open(os.path.join(run, 'config.json')) as f:
            config = json.load(f)
    except (OSError, ValueError):
        raise Defect('it ended well by a config.json that cannot be read', done)
    with open(room.material.path('whole', 'config.json')) as f:
        asked = json.load(f)
    other = sorted(key for key in asked if config.get(key) != asked[key])
    if set(other) <= set(FREE):
        if 'epochs' in other:  # which anybody may ask for: another end, and rightly so
            return OK
    else:
        raise Defect('it ended well by another config: ' + ', '.join(other), done)
    check_end(run, room.material.path('whole'), {name, *apart} if untouched else apart, done,
              other)
    if not untouched and said(done) != room.material.lines['whole'][-len(said(done)):]:
        raise Defect('other lines were printed', done)
    return EQUAL


def check_end(run, whole, without, done, other=()):
    """Defect unless the run's files are those of the whole one, but for those of `without`."""
    names = [file for file in SAME
             if file not in without and os.path.isfile(os.path.join(run, file))]
    if other:  # another rhythm of checkpoints
        names = ['final.safetensors', 'final.params', 'history.csv']
    missing = [file for file in SAME if file not in without
               and not os.path.lexists(os.path.join(run, file))]
    if missing:
        raise Defect('missing in the end: ' + missing[0], done)
    for file in names:
        compare_file(os.path.join(run, file), os.path.join(whole, file), done)


def compare_file(path, other, done):
    with open(path, 'rb') as one, open(other, 'rb') as two:
        if one.read() != two.read():
            raise Defect('%s is another than it would be' % os.path.basename(path), done)
