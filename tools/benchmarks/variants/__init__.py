"""The kinds of worker, 'module.function': each imports its library, and serves requests."""
