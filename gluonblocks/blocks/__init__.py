"""Batch normalization, residual blocks and dense blocks, from D2L sections 5.11 to 5.13."""
from .dense import DenseBlock, conv_block, transition_block
from .norm import BatchNorm, batch_norm
from .residual import Residual, resnet_block

__all__ = ['BatchNorm', 'DenseBlock', 'Residual', 'batch_norm', 'conv_block', 'resnet_block',
           'transition_block']
