"""Functions that workers run, named 'module.function'. A worker imports only the named module."""
