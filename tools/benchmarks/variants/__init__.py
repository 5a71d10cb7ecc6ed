"""Worker functions, called 'module.function'. A worker imports only the module that it needs."""
