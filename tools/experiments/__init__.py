"""Experiments for the exercises of D2L 5.11 to 5.13; each prints a table of measurements."""
import gluonblocks  # noqa: F401  before mxnet, whose import would otherwise fail
