"""The kinds of worker, 'module.function'. Each module imports one library."""
