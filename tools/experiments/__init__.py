"""Experiments for the exercises in D2L, sections 5.11 to 5.13; each prints a table."""
import gluonblocks  # noqa: F401  before mxnet, whose import would otherwise fail
