"""Inspect this machine's processors and compile libraries for it, without importing MXNet."""
