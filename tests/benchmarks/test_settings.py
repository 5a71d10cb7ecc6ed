"""The benchmark of settings: each has its row, in this checkout and in another."""
import re

import pytest
from conftest import REPOSITORY

from benchmarks import settings


def test_each_setting_is_measured_here_and_in_the_checkout_before(monkeypatch, capsys):
    monkeypatch.setattr(settings, 'BATCH', 8)
    assert settings.main(['OMP_NUM_THREADS=1', '--before', REPOSITORY, '--beside', '1',
                          '--rounds', '1', '--steps', '1']) == 0
    title, _, before, now = capsys.readouterr().out.split('\n')[1:5]
    assert title == 'lenet_bn, beside 1: ms of a step, median of 1 rounds of 1 steps'
    number = r' +\d+\.\d\d +%s +\(\S+\)'
    assert re.fullmatch('OMP_NUM_THREADS=1 before' + number % r'1\.000' * 2, before)
    assert re.fullmatch('OMP_NUM_THREADS=1' + number % r'\d+\.\d{3}' * 2, now)


def test_a_setting_reaches_its_process(capsys):
    assert settings.main(['GLUONBLOCKS_OPERATORS=none', '--rounds', '1']) == 1
    assert "GLUONBLOCKS_OPERATORS must be 0 (off) or 1" in capsys.readouterr().err


def test_a_word_that_is_no_setting_is_refused(capsys):
    with pytest.raises(SystemExit):
        settings.main(['OMP_NUM_THREADS'])
    assert "'OMP_NUM_THREADS' is not NAME=VALUE" in capsys.readouterr().err
