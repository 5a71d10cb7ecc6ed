"""Checkpoints of MXNet, of any age: found, checked and read."""
from .find import is_checkpoint
from .load import CheckpointNet, read_net
from .params import read_params

__all__ = ['CheckpointNet', 'is_checkpoint', 'read_net', 'read_params']
