"""The kinds of worker, named 'module.function'. A worker imports only the module of its kind."""
