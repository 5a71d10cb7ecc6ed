"""Several processes and machines that train one net: what they exchange, how they start and end."""
from .launcher import WorkerError, launch
from .watch import Limits, Watch
from .workers import Workers, WorkersDiffer

__all__ = ['Limits', 'Watch', 'WorkerError', 'Workers', 'WorkersDiffer', 'launch']
