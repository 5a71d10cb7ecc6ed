"""Data-parallel training of a net in several processes, on one or more machines."""
from .group import ProcessGroup, WorkersDiffer
from .heartbeat import Limits, WorkerError
from .launcher import Launcher, launch

__all__ = ['Launcher', 'Limits', 'ProcessGroup', 'WorkerError', 'WorkersDiffer', 'launch']
