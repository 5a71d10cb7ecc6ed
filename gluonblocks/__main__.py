"""Run the `gluonblocks` command, also as `python -m gluonblocks COMMAND`."""
from .commands.dispatch import main
from .commands.running import exit_process


def console():
    """Run the command that the process arguments name, and exit."""
    exit_process(main())


if __name__ == '__main__':
    console()
