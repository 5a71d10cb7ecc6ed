"""`python -m gluonblocks`: see `commands.doctor`."""
import sys

from . import _runtime
from .commands.doctor import main

sys.exit(main(_runtime.error))
