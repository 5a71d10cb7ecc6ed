"""Training of one net by several processes and machines: launching, watching, all-reduce."""
from .launcher import WorkerError, launch
from .watch import Limits, Watch
from .workers import Workers, WorkersDiffer

__all__ = ['Limits', 'Watch', 'WorkerError', 'Workers', 'WorkersDiffer', 'launch']
