"""The operators in C++, for float32 on the CPU, through MXNet's interface of operator libraries.

`moments.h` has the mathematics of batch normalization and `convolution.h` that of convolution;
`norm.h`, `stage.h`, `matrix.h` and `loss.h` compute an operator each, and MXNet calls them through
`operators.cc`. `build` compiles that file, and `selfcheck` compares the results with MXNet's own.
"""
