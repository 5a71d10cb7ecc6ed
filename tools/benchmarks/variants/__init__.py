"""Functions that workers run, named 'module.function'. A worker imports only what it needs."""
