"""`gluonblocks export`: the table, the files, and how it fails."""
import json
import os

import pytest


def test_the_command_prints_a_table_and_writes_the_files(make_run, command):
    folder, _ = make_run()
    code, out, err = command('export', folder, '--format', 'onnx', 'onnx-int8', '--max-drop',
                             '100')
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    record = json.loads((folder / 'export' / 'export.json').read_text())
    assert [line[0] for line in lines] == ['format', 'MXNet', 'onnx', 'onnx-int8', '20']
    for line, one in zip(lines[2:], record['formats']):
        assert line[1] == str(one['bytes'])
        assert line[2] == '%.4f' % one['verified']['accuracy_there']
    assert 'note: onnx-int8: on x86 CPUs without VNNI' in err
    assert 'wrote the files to %s' % (folder / 'export') in err


def test_a_format_that_fails_is_code_1_and_nothing_is_written(make_run, command, tmp_path):
    folder, _ = make_run()
    code, out, err = command('export', folder, '--atol', '0', '--out', tmp_path / 'out')
    assert code == 1 and out == ''
    assert err.splitlines()[-1].startswith('error: onnx: output 0 for a batch of ')
    assert not (tmp_path / 'out').exists()
    assert not [name for name in os.listdir(str(tmp_path)) if name.startswith('.tmp')]


@pytest.mark.parametrize('arguments, said', [
    (['--format', 'onxn'], "argument --format: invalid choice: 'onxn'"),
    (['--atol', '-1'], 'argument --atol: must be a non-negative number, got -1.0'),
    (['--max-drop', 'nan'], 'argument --max-drop: must be a non-negative number, got nan')])
def test_wrong_arguments_are_code_2(command, arguments, said):
    code, out, err = command('export', 'run', *arguments)
    assert (code, out) == (2, '') and 'error: ' + said in err
