"""How the attack judges what it sees."""
import os

import pytest

from attacks.jobs import Done, Job
from attacks.verdict import CLEAN, Defect, clean_error, snapshot, survived, unchanged


def done(code=1, out='', err='', ended='', peak=0):
    return Done(Job(['train'], '/'), code, out, err, 1.0, peak, ended)


def test_an_error_that_names_the_file_is_clean():
    assert clean_error(done(err='a note\nerror: run/x.csv: damaged\n'), 'run/x.csv') == CLEAN


@pytest.mark.parametrize('one, said', [
    (done(0), 'exit code 0'), (done(3, err='error: x'), 'exit code 3'),
    (done(err='it failed'), 'without "error: "'), (done(err='error: '), 'without words'),
    (done(err='error: ' + 'x\n' * 30), '30 lines'),
    (done(err='error: something is wrong'), 'names none of run'),
    (done(err='Traceback (most recent call last):\nKeyError: 3\nerror: run'), 'KeyError: 3'),
    (done(err='error: run: Check failed: x == y'), 'Check failed'),
    (done(-11, err='error: run'), 'signal 11'),
    (done(-9, ended='memory', peak=3 << 30), '3072 MB'), (done(-9, ended='time'), 'no end')])
def test_everything_else_is_a_defect(one, said):
    with pytest.raises(Defect, match=said):
        clean_error(one, 'run')


def test_a_traceback_is_a_defect_whatever_the_exit_code():
    with pytest.raises(Defect, match='Traceback'):
        survived(done(0, err='Traceback (most recent call last):'))


def test_what_is_changed_or_left_is_a_defect(tmp_path):
    (tmp_path / 'mine').write_text('mine')
    before = snapshot(str(tmp_path))
    unchanged(before, snapshot(str(tmp_path)))
    (tmp_path / 'mine').write_text('other')
    with pytest.raises(Defect, match='changed: mine'):
        unchanged(before, snapshot(str(tmp_path)))
    unchanged(before, snapshot(str(tmp_path)), allowed=['mine'])
    (tmp_path / '.tmp-1-0123456789abcdef-x').write_text('')
    with pytest.raises(Defect, match='left behind: .tmp-N-x'):
        unchanged(before, snapshot(str(tmp_path)), allowed=['mine'])


def test_a_device_that_became_a_file_is_a_change(tmp_path):
    os.mkfifo(str(tmp_path / 'x'))
    before = snapshot(str(tmp_path))
    os.unlink(str(tmp_path / 'x'))
    (tmp_path / 'x').write_text('')
    with pytest.raises(Defect, match='changed: x'):
        unchanged(before, snapshot(str(tmp_path)))
