"""`gluonblocks report`, and the page that a training leaves."""
import os
import pathlib
import signal

import pytest

import gluonblocks as gb
from gluonblocks.commands import report
from gluonblocks.report import write

ARGUMENTS = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '1', '--batch-size',
             '16', '--seed', '0', '--ctx', 'cpu']


def test_a_page_is_in_the_folder_of_its_run_or_where_it_is_told_that_of_several_runs_here(
        make_run, command, monkeypatch, tmp_path):
    runs = [make_run(name=name)[0] for name in 'ab']
    code, out, err = command('report', runs[0])
    assert (code, out) == (0, '') and err.endswith('wrote the report to %s/report.html\n' % runs[0])
    code, out, err = command('report', runs[0], '--out', tmp_path / 'other.html')
    assert (code, out) == (0, '')
    assert (tmp_path / 'other.html').read_bytes() == (runs[0] / 'report.html').read_bytes()
    monkeypatch.chdir(tmp_path)
    assert command('report', *runs, '--ctx', 'cpu')[0] == 0
    assert '2 runs compared' in (tmp_path / 'report.html').read_text()


def test_a_run_leaves_its_page_unless_it_is_not_wanted_and_one_that_is_resumed_a_new_one(
        folder, command):
    page = pathlib.Path(folder) / 'report.html'
    assert command('train', *ARGUMENTS, '--out', folder, '--no-report')[0] == 0
    assert not page.exists()
    command('train', '--resume', folder)
    assert 'in epoch 1 of 1' in page.read_text()
    command('train', '--resume', folder, '--epochs', '2')
    assert 'of 2' in page.read_text()


@pytest.mark.parametrize('error, said', [
    (OSError('run/report.html could not be\nwritten'), 'run/report.html could not be written\n'),
    (ImportError('No module named jinja2', name='jinja2'), 'Install it: pip install jinja2\n')])
def test_a_page_that_cannot_be_written_is_a_line_and_no_failure(folder, monkeypatch, command,
                                                                error, said):
    def fail(*args, **kwargs):
        raise error
    monkeypatch.setattr(report, 'write_report', fail)
    code, _, err = command('train', *ARGUMENTS, '--out', folder)
    assert code == 0 and err.endswith(said)
    assert 'note: could not write the report: ' in err and err.count('report.html') <= 1


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_page_is_written_says_that_the_run_is_complete(folder, monkeypatch,
                                                                         command, signum):
    before = signal.getsignal(signum)
    monkeypatch.setattr(report, 'write_report', lambda *args, **how: os.kill(os.getpid(), signum))
    code, _, err = command('train', *ARGUMENTS, '--out', folder)
    assert code == 128 + signum and signal.getsignal(signum) == before
    assert err.endswith('interrupted: the run in %s is complete, but its report.html is not. Run '
                        '"gluonblocks report %s" to write it\n' % (folder, folder))
    assert 'To resume' not in err and gb.load_run(folder, weights='final')


def test_a_page_replaces_an_earlier_one_or_an_empty_file_and_nothing_else(
        make_run, tmp_path, monkeypatch):
    folder, _ = make_run()
    for name, content in (('page', ''), ('notes', 'mine')):
        (tmp_path / (name + '.html')).write_text(content)
    gb.write_report(folder, tmp_path / 'page.html', ctx='cpu')
    (tmp_path / 'page.html').write_bytes((tmp_path / 'page.html').read_bytes() + b'old')
    gb.write_report(folder, tmp_path / 'page.html', ctx='cpu')
    assert not (tmp_path / 'page.html').read_bytes().endswith(b'old')
    monkeypatch.setattr(write, 'examine', None)  # what follows is refused before the work
    for path, said in [('notes.html', 'exists and is not a report: choose'),
                       ('', 'expected an output file, got the folder .*; specify a file in it')]:
        with pytest.raises(ValueError, match=said):
            gb.write_report(folder, str(tmp_path / path), ctx='cpu')
    assert (tmp_path / 'notes.html').read_text() == 'mine'
