"""The command lines: arguments and words, no logic."""
