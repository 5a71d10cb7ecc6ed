"""Functions that workers run, such as 'ours.train'. A worker imports only its function's module."""
