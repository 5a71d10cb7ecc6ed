"""`python -m gluonblocks COMMAND`, and the command `gluonblocks`."""
from .commands.dispatch import main
from .commands.running import leave


def console():
    """Run the command of this process's arguments, and end the process."""
    leave(main())


if __name__ == '__main__':
    console()
