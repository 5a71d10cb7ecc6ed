"""Operators in C++ for training on the CPU, built where they run, through MXNet's own interface.

`moments.h` has the mathematics of batch normalization, `convolution.h` that of convolution,
`norm.h`, `stage.h` and `matrix.h` the operators, `operators.cc` what MXNet calls; `build` compiles
them once, and `load` hands them to MXNet and has `selfcheck` try them.
"""
