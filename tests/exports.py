"""A small net to export, and the content of folders."""
import os

import mxnet as mx
from mxnet import autograd, nd
from mxnet.gluon import nn

import gluonblocks as gb


def small_net(*last):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), gb.BatchNorm(4, num_dims=4), nn.Activation('relu'), nn.Dense(3), *last)
    net.initialize(mx.init.Xavier())
    with autograd.train_mode():
        net(nd.random.uniform(shape=(8, 1, 8, 8)))
    return net


def names(folder):
    return sorted(os.listdir(str(folder)))


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
