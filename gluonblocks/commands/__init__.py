"""Parse the arguments of each `gluonblocks` command, call the library, and print the result."""
