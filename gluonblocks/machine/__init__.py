"""Inspect the processors of this machine, and compile libraries for it. Does not import MXNet."""
