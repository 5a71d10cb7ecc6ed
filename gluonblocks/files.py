"""Files that are whole or not there."""
import os
import tempfile


def write_file(path, content):
    """Write the bytes `content` to `path`, by way of a temporary file beside it.

    What was at `path` stays until the new content is complete on disk. Raises OSError.
    """
    folder, name = os.path.split(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix='.' + name + '.', dir=folder)
    try:
        with os.fdopen(handle, 'wb') as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's files are for their owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
