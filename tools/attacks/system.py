"""Linux system calls that Python's library lacks: namespaces, mounts, and the end of a parent."""
import contextlib
import ctypes
import os
import signal

NEWNS, NEWUTS, NEWUSER, NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x40000000
_REC, _PRIVATE, _REMOUNT, _NOSUID, _DETACH = 0x4000, 1 << 18, 32, 2, 2
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags):
    """Move this process into new namespaces of the kinds in `flags`. Raises OSError."""
    _check(_libc.unshare(flags))


def leave(flags):
    """As `unshare`, as root of a new user namespace if that is needed; return True if it was."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        with contextlib.suppress(OSError):  # a container's root may lack the right
            unshare(flags)
            return False
    unshare(NEWUSER | flags)
    for name, text in [('uid_map', '0 %d 1' % uid), ('setgroups', 'deny'),
                       ('gid_map', '0 %d 1' % gid)]:
        with open('/proc/self/' + name, 'w') as f:
            f.write(text)
    return True


def set_host_name(name):
    """Name this UTS namespace."""
    content = name.encode()
    _check(_libc.sethostname(content, ctypes.c_size_t(len(content))))


def make_private():
    """Hide later mounts from every other mount namespace."""
    _check(_libc.mount(None, b'/', None, ctypes.c_ulong(_REC | _PRIVATE), None))


def mount_tmpfs(folder, size, again=False):
    """Mount a file system of `size` bytes, in memory, on `folder`; `again` changes its size."""
    flags = _NOSUID | (_REMOUNT if again else 0)
    _check(_libc.mount(b'tmpfs', os.fsencode(folder), b'tmpfs', ctypes.c_ulong(flags),
                       b'mode=0777,size=%d' % size))


def unmount(folder):
    """Unmount what is mounted on `folder`, open files or not."""
    _check(_libc.umount2(os.fsencode(folder), _DETACH))


def die_with_parent():
    """Have the kernel kill this process when its parent ends, for whatever reason."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0))


def memory(pid):
    """Return the bytes of memory that the process `pid` uses; 0 once it has ended."""
    try:
        with open('/proc/%d/statm' % pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, IndexError):
        return 0
