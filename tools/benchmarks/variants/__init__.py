"""Worker functions, selected as 'module.function'. A worker imports only the module it needs."""
