"""The entry point of the `gluonblocks` command and of `python -m gluonblocks`."""
from .commands.dispatch import main
from .commands.running import exit_process


def console():
    """Run the command in `sys.argv`, and exit with its exit code."""
    exit_process(main())


if __name__ == '__main__':
    console()
