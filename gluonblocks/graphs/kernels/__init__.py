"""The operators in C++, for float32 on the CPU, through MXNet's interface of operator libraries.

`moments.h` has the mathematics of batch normalization and `convolution.h` that of convolution;
`norm`, `stage`, `matrix` and `sgd` are the operators, each a header with the computation and a unit
that MXNet calls. `build` compiles them, and `selfcheck` compares them with MXNet's own.
"""
