"""Find, check and read checkpoints from any MXNet version."""
from .load import CheckpointNet, read_net
from .params import read_params

__all__ = ['CheckpointNet', 'read_net', 'read_params']
