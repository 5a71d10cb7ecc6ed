"""What the benchmarks' command lines take."""
import argparse
import importlib

import pytest

from benchmarks.arguments import positive


@pytest.mark.parametrize('command', ['bounds', 'norm_stats', 'parts', 'settings'])
def test_a_model_that_there_is_not_is_refused_with_those_that_are(capsys, command):
    main = importlib.import_module('benchmarks.' + command).main
    given = {'bounds': ['--models'], 'norm_stats': ['--model'], 'settings': ['A=1', '--models']}
    with pytest.raises(SystemExit) as stop:
        main(given.get(command, []) + ['no_such'])
    assert stop.value.code == 2
    assert "there is no model 'no_such'; the models are" in capsys.readouterr().err


@pytest.mark.parametrize('text', ['0', '-1', 'x', '1.5'])
def test_a_number_is_a_positive_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match='%s is not a positive number' % text):
        positive(text)
