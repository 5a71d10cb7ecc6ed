"""Commands run in the process of the tests, which spares each the seconds of an import."""
import sys

import pytest
from small_runs import make_quick

from gluonblocks.commands import dispatch


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    make_quick(monkeypatch)


@pytest.fixture
def command(capsys, monkeypatch):
    """Run `gluonblocks ARGV`; returns its exit code, stdout and stderr."""
    monkeypatch.setattr(sys, 'path', sys.path[:])  # which commands extend by the current folder

    def run(*argv):
        capsys.readouterr()  # what the test printed before
        streams = sys.stdout, sys.stderr
        try:
            code = dispatch.main([str(arg) for arg in argv])
        except SystemExit as end:  # argparse's
            code = end.code
        finally:
            sys.stdout, sys.stderr = streams
        return (code, *capsys.readouterr())
    return run
