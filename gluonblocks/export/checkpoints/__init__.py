"""Checkpoints of MXNet, of any age: found, checked and read."""
from .load import CheckpointNet, read_net
from .params import read_params

__all__ = ['CheckpointNet', 'read_net', 'read_params']
