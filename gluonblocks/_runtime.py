"""Make MXNet 1.7 to 1.9 import on today's Python and NumPy, and use every core. Nothing else.

`prepare` has to be called before MXNet's own import: MXNet looks NumPy's names up while its modules
load, and its library reads the thread count once, when it is loaded. Importing this module alone
changes nothing. What was mended is told in `mended`.
"""
import atexit
import importlib.machinery
import os
import platform
import sys
import warnings

from . import _compat, _threads

mended = []  # what was put in its place, in words
error = None  # the ImportError of `prepare`, where it failed

# MXNet looks for another at its first computation, and cannot end in order then.
ENGINES = ('ThreadedEnginePerDevice', 'ThreadedEngine', 'NaiveEngine')
NUMPY = 'numpy>=1.19.5,<2.6'  # the versions that are tested
# MXNet's wheels on PyPI: (sys.platform, platform.machine()).
WHEELS = {('linux', 'x86_64'), ('linux', 'aarch64'), ('darwin', 'x86_64')}
# From here on NumPy has no wheels that MXNet's own requirement, numpy<2, allows.
_WITHOUT_PIN = (3, 13)

_MISSING_LIBRARY = """\
MXNet is installed but its library could not be loaded: {error}
MXNet's wheel needs two system libraries that it does not bring, libgomp and libquadmath.
  Debian, Ubuntu:  apt-get install libgomp1 libquadmath0
  Fedora, RHEL:    dnf install libgomp libquadmath"""

_MISSING_MXNET = """\
MXNet could not be imported: {error}
{remedy}"""

_BEYOND_MENDING = """\
MXNet could not be imported: {error}
It looks for what this NumPy, {numpy}, lacks. Install one that it works with:
  pip install --no-deps '{allowed}'"""

_NO_DOCSTRINGS = """\
MXNet could not be imported: Python was started with -OO (or PYTHONOPTIMIZE=2), which leaves out
the docstrings, and MXNet puts its own together as it is imported. Start Python without it, or with
-O (PYTHONOPTIMIZE=1), which keeps them."""


def install_command():
    """What installs MXNet here, or what to do where there is no wheel of it: text, lines."""
    if (sys.platform, platform.machine()) not in WHEELS:
        return ('There is no MXNet for %s on %s. Wheels exist for 64-bit Linux and for macOS on\n'
                'Intel: use a Linux container (docker run --platform linux/amd64), or a virtual '
                'machine.' % (platform.system() or sys.platform, platform.machine()))
    if sys.version_info >= _WITHOUT_PIN:
        return ("Install it with:  pip install --no-deps mxnet==1.9.1\n"
                '(without --no-deps its numpy<2 would have NumPy built from source)')
    return 'Install it with:  pip install mxnet==1.9.1'


def check_environment():
    """Raise ImportError for what would abort MXNet's import, or end it in a traceback."""
    if _threads.library_is_loaded():
        return
    if sys.flags.optimize > 1:
        raise ImportError(_NO_DOCSTRINGS)
    _threads.check_counts()
    engine = os.environ.get('MXNET_ENGINE_TYPE') or ENGINES[0]
    if engine not in ENGINES:
        raise ImportError('MXNET_ENGINE_TYPE is %r, but must be one of %s, or unset'
                          % (engine, ', '.join(ENGINES)))


def forget_failed_import(package):
    """Drop the submodules that a failed import of `package` left behind.

    Python removes only the package itself. The next import would find the submodules done, and
    not make them attributes of the package again.
    """
    if package not in sys.modules:
        for name in [name for name in sys.modules if name.startswith(package + '.')]:
            del sys.modules[name]


def import_mxnet():
    """Import MXNet; raise an ImportError that says what to install where that fails."""
    # MXNet's import warns, and would fail where the user makes warnings errors (python -W error):
    # until it is over they are shown, but for those on what NumPy drops, which are for its authors.
    try:
        with warnings.catch_warnings():
            if any(action == 'error' for action, *_ in warnings.filters):
                warnings.simplefilter('default')
            for kind in (DeprecationWarning, FutureWarning):
                warnings.simplefilter('ignore', kind)
            import mxnet  # noqa: F401
    except ImportError as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        remedy = (install_command() if missing in (None, 'mxnet') else
                  'MXNet needs it; install it with:  pip install ' + missing)
        raise ImportError(_MISSING_MXNET.format(error=error, remedy=remedy)) from error
    except OSError as error:
        raise ImportError(_MISSING_LIBRARY.format(error=error)) from error
    except (AttributeError, RuntimeError) as error:
        import numpy
        raise ImportError(_BEYOND_MENDING.format(
            error=error, numpy=numpy.__version__, allowed=NUMPY)) from error


class _GluonCVCheck(importlib.machinery.SourceFileLoader):
    """Finds and loads GluonCV's check of versions, corrected; it touches no other module.

    GluonCV 0.10.5 refuses to be imported beside PyTorch 2, which its MXNet networks do not need.
    Its check now reports that PyTorch is missing, which GluonCV accepts; nothing else in it asks.
    """

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """The entry of sys.meta_path that is asked for every module to be imported."""
        spec = None
        if name == 'gluoncv.check':
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if spec:
                spec.loader = cls(name, spec.origin)
        return spec

    def exec_module(self, module):
        super().exec_module(module)
        module._require_pytorch_version = _report_missing_pytorch


def _report_missing_pytorch(*versions):
    raise ImportError('gluonblocks has GluonCV use MXNet only')


def correct_gluoncv():
    """Make GluonCV work beside PyTorch 2, unless it has already been imported."""
    forget_failed_import('gluoncv')
    if _GluonCVCheck not in sys.meta_path:
        sys.meta_path.insert(0, _GluonCVCheck)


def wait_at_exit():
    """Let MXNet 1.7 finish what it computes before Python ends; otherwise it aborts the process."""
    import mxnet
    if not mxnet.__version__.startswith('1.7.'):
        return []

    def wait():
        try:
            mxnet.nd.waitall()
        except mxnet.base.MXNetError:  # of an operation whose result nobody asked for
            pass
    atexit.register(wait)
    return ['wait-at-exit']


def prepare():
    """Mend what keeps MXNet from working, then import it: the package calls it first of all."""
    global error
    try:
        check_environment()
        mended.extend(_compat.put_back_numpy_names() + _compat.put_back_distutils()
                      + _threads.set_threads())
        _threads.copy_in_one_thread()
        _threads.keep_one_workspace()
        forget_failed_import('mxnet')
        import_mxnet()
        mended.extend(_compat.mend_mxnet() + wait_at_exit())
        correct_gluoncv()
    except ImportError as failed:
        error = failed
        raise


def may_be_own_command():
    """Whether this process may be a command of ours, which tells what is missing without MXNet.

    Python says '-m' while it looks for the module to run, ours or another's: `python -m
    gluonblocks` imports the package first.
    """
    return bool(sys.argv) and os.path.basename(sys.argv[0]) in ('-m', 'gluonblocks')


def end_interrupted():
    """End a command that is interrupted before it could begin: in a line, with a shell's code."""
    sys.stderr.write('interrupted\n')
    sys.stderr.flush()
    os._exit(130)  # at once: what is half imported has nothing to tidy up
