"""A start-up file of IPython: what the notebooks train on is made on the spot, and small.

Who copies it to $IPYTHONDIR/profile_default/startup/ has every kernel run it before the first cell.
"""
import functools

import gluonblocks as gb

gb.load_data_fashion_mnist = functools.partial(gb.data.load_data_synthetic,
                                               num_train=8, num_test=4)
