"""`gluonblocks report`, and the page that a training leaves."""
import pytest

import gluonblocks as gb
from gluonblocks.commands import report, train
from gluonblocks.report import write

pytestmark = pytest.mark.usefixtures('little_data')
ARGUMENTS = ['--model', 'lenet_bn', '--dataset', 'synthetic', '--epochs', '1', '--batch-size',
             '16', '--seed', '0', '--ctx', 'cpu']


def test_the_command_writes_into_the_folder_of_its_run_or_where_it_is_told(
        make_run, script, tmp_path):
    folder, _ = make_run()
    code, out, err = script('report.py', folder)
    assert (code, out) == (0, '') and err.endswith('the page is %s/report.html\n' % folder)
    code, out, err = script('report.py', folder, '--out', tmp_path / 'other.html')
    assert (code, out) == (0, '')
    assert (tmp_path / 'other.html').read_bytes() == (folder / 'report.html').read_bytes()


def test_several_runs_are_written_where_the_command_stands(make_run, monkeypatch, tmp_path):
    runs = [str(make_run(name=name)[0]) for name in 'ab']
    monkeypatch.chdir(tmp_path)
    assert report.main(report.parse(runs + ['--ctx', 'cpu'], 'report')) == 0
    assert '2 runs compared' in (tmp_path / 'report.html').read_text()


def test_a_folder_that_is_no_run_ends_with_code_1(script, tmp_path):
    code, out, err = script('report.py', tmp_path)
    assert code == 1 and out == '' and err.startswith('error: ') and 'is not a run' in err


def test_without_matplotlib_the_command_says_what_to_install(make_run, script, tmp_path):
    folder, _ = make_run()
    (tmp_path / 'matplotlib.py').write_text('raise ModuleNotFoundError("No module named '
                                            '\'matplotlib\'", name="matplotlib")')
    code, out, err = script('report.py', folder, PYTHONPATH=str(tmp_path))
    assert code == 1 and 'pip install matplotlib' in err
    assert not (folder / 'report.html').exists()


def test_a_run_leaves_its_page_and_one_that_goes_on_a_new_one(folder):
    train.main(train.parse(ARGUMENTS + ['--out', folder], 'train'))
    with open(folder + '/report.html') as f:
        first = f.read()
    assert 'in epoch 1 of 1' in first
    train.main(train.parse(['--resume', folder, '--epochs', '2'], 'train'))
    with open(folder + '/report.html') as f:
        assert 'of 2' in f.read()


def test_no_report_is_written_where_none_is_wanted(folder, tmp_path):
    train.main(train.parse(ARGUMENTS + ['--out', folder, '--no-report'], 'train'))
    assert not (tmp_path / 'run' / 'report.html').exists()
    assert (tmp_path / 'run' / 'final.safetensors').exists()


def test_no_report_goes_with_a_folder_only(capsys):
    with pytest.raises(SystemExit) as end:
        train.parse(ARGUMENTS + ['--no-report'], 'train')
    assert end.value.code == 2 and '--out or --resume' in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_a_line_and_no_failure(folder, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise OSError('the disk is\nfull')
    monkeypatch.setattr(report, 'write_report', fail)
    assert train.main(train.parse(ARGUMENTS + ['--out', folder], 'train')) == 0
    assert capsys.readouterr().err.endswith(
        'note: %s/report.html is not written: the disk is full\n' % folder)


def test_the_public_function_takes_one_folder_too(make_run, tmp_path):
    folder, _ = make_run()
    gb.write_report(folder, tmp_path / 'page.html', ctx='cpu')
    assert 'lenet_bn on synthetic' in (tmp_path / 'page.html').read_text()


def test_a_file_that_is_not_a_page_is_not_replaced(make_run, tmp_path, monkeypatch):
    folder, _ = make_run()
    (tmp_path / 'notes.html').write_text('mine')
    for path, said in [('notes.html', 'is not an earlier report: name another file'),
                       ('', 'must be a file, but is a folder: name a file in it')]:
        with monkeypatch.context() as patch, pytest.raises(ValueError, match=said):
            patch.setattr(write, 'findings_of', None)  # refused before the work
            gb.write_report(folder, str(tmp_path / path), ctx='cpu')
    assert (tmp_path / 'notes.html').read_text() == 'mine'


def test_an_earlier_page_and_an_empty_file_are_replaced(make_run, tmp_path):
    folder, _ = make_run()
    (tmp_path / 'page.html').write_text('')
    gb.write_report(folder, tmp_path / 'page.html', ctx='cpu')
    (tmp_path / 'page.html').write_bytes((tmp_path / 'page.html').read_bytes() + b'old')
    gb.write_report(folder, tmp_path / 'page.html', ctx='cpu')
    assert not (tmp_path / 'page.html').read_bytes().endswith(b'old')
