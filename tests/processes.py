"""Processes of a test."""


def is_alive(pid):
    """Whether a process runs, or will once it is told to."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False
