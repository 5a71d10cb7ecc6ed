"""The exercises of D2L 5.11 to 5.13 as experiments: each prints the figures it claims."""
import gluonblocks  # noqa: F401  before mxnet, whose import it mends
