"""C++ operators for float32 on the CPU, which MXNet loads as an operator library.

`moments.h` and `convolution.h` contain the math for batch normalization and convolution.
`norm.h`, `stage.h`, `matrix.h` and `loss.h` each implement one operator; `stage_predict.h` contains
the predictions of a stage. MXNet calls the operators through `operators.cc`. `build` compiles the
library, and `selfcheck` compares its results with MXNet's.
"""
