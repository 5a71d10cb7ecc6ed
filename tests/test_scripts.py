"""The scripts run_docs.py, matrix.py and check_dist.py."""
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from conftest import REPOSITORY, load_script

run_docs, matrix, check_dist = map(load_script, ('run_docs', 'matrix', 'check_dist'))

TEXT = """\
# Title

```sh
echo one
```

```
output, no command
```

<!-- docs: not run: it takes a day -->
```python
train()
```

<!-- docs: --epochs 5 => --epochs 1 -->
```sh
train --epochs 5
```
"""


def test_blocks_are_found_with_what_the_line_above_says():
    assert run_docs.blocks(TEXT) == [
        ('README.md', 3, 'sh', 'echo one\n', None, None),
        ('README.md', 12, 'python', 'train()\n', 'it takes a day', None),
        ('README.md', 17, 'sh', 'train --epochs 1\n', None, '--epochs 5 => --epochs 1')]
    with pytest.raises(ValueError, match="where OLD occurs in the code block, got '--epochs 7"):
        run_docs.blocks(TEXT.replace('--epochs 5 =>', '--epochs 7 =>'))
    for document in run_docs.documents():
        text = open(os.path.join(REPOSITORY, document), encoding='utf-8').read()
        assert len(run_docs.blocks(text)) == text.count('```sh\n') + text.count('```python\n')


@pytest.mark.parametrize('language, code, exit_code', [
    ('sh', 'true\ntest -f here\n', 0), ('sh', 'false\ntrue\n', 1), ('sh', 'false | true\n', 1),
    ('python', 'open("here").close()\n', 0), ('python', 'raise ValueError\n', 1)])
def test_a_block_runs_in_the_folder_and_fails_at_its_first_error(tmp_path, language, code,
                                                                exit_code):
    (tmp_path / 'here').write_text('')
    python = tmp_path / '.venv' / 'bin' / 'python'
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ntouch used\nexec "%s" "$@"\n' % sys.executable)
    python.chmod(0o755)
    assert run_docs.run(run_docs.Block('x', 1, language, code, None, None), str(tmp_path)) == (
        exit_code)
    assert (tmp_path / 'used').exists() == (language == 'python')


OUTPUT = """\
============ test session starts ============
gluonblocks 0.1.0, NumPy 2.2.6, MXNet 1.9.1
...
======= 1 failed, 300 passed, 9 warnings in 71.02s (0:01:11) =======
"""


def result(success=True):
    return {'python': {'version': '3.12.1 (main)'}, 'result': {'success': success},
            'test': [{'output': OUTPUT}]}


def test_a_record_has_the_versions_that_ran_and_a_missing_interpreter_has_not_passed():
    assert matrix.record('py312', result(), '2030-01-31', 'abc') == (
        'py312', 'passed', '3.12.1', '2.2.6', '1.9.1', '1 failed, 300 passed', '2030-01-31', 'abc')
    assert matrix.record('py312', result(success=False), '', '').result == 'FAILED'
    missing = {'result': {'success': False, 'exit_code': 1}}
    assert matrix.record('py37', missing, '', '').result == 'not run: Python not found'


def test_the_record_of_arm_is_read_from_what_its_script_wrote():
    text = ('gluonblocks at commit abc, 2030-01-31\n\ndoctor, 65 s:\n'
            'ok   Python       3.11.2, /venv\nok   NumPy        1.26.4\n'
            'ok   MXNet        1.9.1, /venv\n\ntests:\n'
            'tests/a.py: 28 passed in 2.31s\ntests/b.py: 16 passed, 2 skipped in 2.80s\n'
            'tests/c.py: 1 skipped in 0.30s\n')
    assert matrix.arm_record(text) == (
        'arm', 'passed', '3.11.2', '1.26.4', '1.9.1', '44 passed, 3 skipped', '2030-01-31', 'abc')


@pytest.fixture
def short_matrix(tmp_path, monkeypatch):
    """matrix.py with three environments that pass at once, in a repository with nothing in it."""
    for name in ('RECORDS', 'DOCUMENT'):
        monkeypatch.setattr(matrix, name, str(tmp_path / name))
    (tmp_path / 'RECORDS').write_text('[]')
    (tmp_path / 'DOCUMENT').write_text('before\n<!-- matrix: begin -->\nold\n'
                                       '<!-- matrix: end -->\nafter\n')
    monkeypatch.setattr(matrix, 'REPOSITORY', str(tmp_path))
    for arguments in ['init -q', 'add .', '-c user.name=x -c user.email=x commit -qm first']:
        subprocess.check_call(['git', '-C', str(tmp_path), *arguments.split()])
    monkeypatch.setattr(matrix, 'environments', lambda: ['py38', 'py39', 'lint'])
    ran = []

    def run(name):
        ran.append(name)
        return matrix.record(name, result(), '2030-01-31', matrix.git('rev-parse', 'HEAD'))

    monkeypatch.setattr(matrix, 'run', run)
    return ran


def test_only_leaves_the_other_records_and_the_text_around_the_table(tmp_path, short_matrix,
                                                                    capsys):
    assert matrix.main(['--only', 'lint']) == 1  # py38 and py39 have not run
    assert '1 passed, 2 failed or not run: py38 py39' in capsys.readouterr().out
    assert matrix.main(['--only', 'py39', 'py38']) == 0
    assert list(matrix.read_records()) == ['py38', 'py39', 'lint']
    text = (tmp_path / 'DOCUMENT').read_text()
    assert text.startswith('before\n') and text.endswith('after\n') and 'old' not in text
    assert '| `py39` | passed | 3.12.1 | 2.2.6 | 1.9.1 | ' in text
    assert text.count('| 2030-01-31 |') == 3


def test_an_environment_that_passed_is_run_again_only_if_the_code_has_changed(tmp_path,
                                                                              short_matrix):
    matrix.main(['--only', 'py38'])
    assert matrix.main([]) == 0
    assert short_matrix == ['py38', 'py39', 'lint']
    assert matrix.main([]) == 0 and len(short_matrix) == 3
    matrix.main(['--only', 'py38', '--again'])
    assert short_matrix[3:] == ['py38']
    (tmp_path / 'tox.ini').write_text('')
    subprocess.check_call(['git', '-C', str(tmp_path), 'add', 'tox.ini'])
    with pytest.raises(SystemExit, match='commit your changes first, .* changes in tox.ini'):
        matrix.main([])
    subprocess.check_call(['git', '-C', str(tmp_path), '-c', 'user.name=x', '-c', 'user.email=x',
                           'commit', '-qm', 'second'])
    matrix.main([])
    assert short_matrix[4:] == ['py38', 'py39', 'lint']


def test_an_environment_that_failed_is_run_again(monkeypatch, short_matrix):
    run = matrix.run
    monkeypatch.setattr(matrix, 'run', lambda name: run(name)._replace(result='FAILED'))
    assert matrix.main(['--only', 'py38']) == 1
    monkeypatch.setattr(matrix, 'run', run)
    matrix.main(['--only', 'py38'])
    assert short_matrix == ['py38', 'py38']


def test_the_table_of_tested_environments_is_not_older_than_the_latest_release():
    with open(os.path.join(REPOSITORY, 'CHANGELOG.md'), encoding='utf-8') as f:
        released = re.search(r'^## [\d.]+ - (\S+)$', f.read(), re.M).group(1)
    assert min(record.date for record in matrix.read_records().values()) >= released


@pytest.mark.parametrize('name, package', [
    ('matrix', 'tox'), ('check_dist', 'build'), ('build_site', 'sphinx')])
def test_a_missing_program_is_named_with_how_to_install_it(monkeypatch, name, package):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda asked: None)
    with pytest.raises(SystemExit, match='(?i)^error: %s is not installed for this P' % package):
        load_script(name).main([])


def test_an_archive_without_a_file_is_refused(tmp_path):
    files = ['.ci/run', 'README.md', 'gluonblocks/blocks/norm.py', 'gluonblocks/data/style.css']
    wheel, sources = str(tmp_path / 'g-1-py3-none-any.whl'), str(tmp_path / 'g-1.tar.gz')
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr(files[2], '')
    with tarfile.open(sources, 'w:gz') as archive:
        for name in files[2:]:
            archive.addfile(tarfile.TarInfo('gluonblocks-1/' + name))
    with pytest.raises(SystemExit, match='whl lacks gluonblocks/data/style.css$'):
        check_dist.check_files(wheel, files)
    with pytest.raises(SystemExit, match='gz lacks README.md$'):
        check_dist.check_files(sources, files)
    check_dist.check_files(wheel, files[:3])
    check_dist.check_files(sources, files[2:])
