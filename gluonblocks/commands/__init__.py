"""The `gluonblocks` commands: parse the arguments, call the library, and print the result."""
