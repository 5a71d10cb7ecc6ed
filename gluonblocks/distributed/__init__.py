"""Train one net in several processes or on several machines: launcher, heartbeats, all-reduce."""
from .group import ProcessGroup, WorkersDiffer
from .heartbeat import Limits, WorkerError
from .launcher import Launcher, launch

__all__ = ['Launcher', 'Limits', 'ProcessGroup', 'WorkerError', 'WorkersDiffer', 'launch']
