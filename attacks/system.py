"""What the attack asks of Linux that Python's library does not have: namespaces and mounts."""
import contextlib
import ctypes
import os
import signal

NEWNS, NEWUTS, NEWUSER, NEWNET = 0x00020000, 0x04000000, 0x10000000, 0x40000000
_REC, _PRIVATE, _REMOUNT, _NOSUID = 0x4000, 1 << 18, 32, 2
_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY, _MOUNT_SETATTR = -100, 0x8000, 1, 442
_PR_SET_PDEATHSIG, _CAPABILITY_VERSION_3 = 1, 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags):
    """Leave the namespaces that `flags` name for new ones. Raises OSError."""
    _check(_libc.unshare(flags))


def leave(flags):
    """As `unshare`; who may not is made root of a user namespace first. Returns whether so."""
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
    """Keep what is mounted from here on from every other namespace."""
    _check(_libc.mount(None, b'/', None, ctypes.c_ulong(_REC | _PRIVATE), None))


def seal():
    """Make all that is mounted now read-only, for this mount namespace. Needs Linux 5.12."""
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY, 0, 0, 0)
    _check(_libc.syscall(ctypes.c_long(_MOUNT_SETATTR), ctypes.c_int(_AT_FDCWD),
                         ctypes.c_char_p(b'/'), ctypes.c_uint(_AT_RECURSIVE), attributes,
                         ctypes.c_size_t(32)))


def mount_tmpfs(folder, size, again=False):
    """Mount a file system in memory, of `size` bytes, on `folder`; `again` changes its size."""
    flags = _NOSUID | (_REMOUNT if again else 0)
    _check(_libc.mount(b'tmpfs', os.fsencode(folder), b'tmpfs', ctypes.c_ulong(flags),
                       b'mode=0755,size=%d' % size))


def unmount(folder):
    _check(_libc.umount2(os.fsencode(folder), _DETACH))


def die_with_parent():
    """Have this process end when the one that made it ends, however that is."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0))


def drop_rights():
    """Make this process one that no file belongs to and that may do nothing special.

    As root it becomes another user. In a user namespace there is none: it loses what root may do,
    and files stay its own. Returns whether it is another user.
    """
    try:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        return True
    except OSError:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        _check(_libc.capset(header, (ctypes.c_uint32 * 6)()))
        return False


def memory(pid):
    """Bytes of memory that the process `pid` has in use; 0 when it has ended."""
    try:
        with open('/proc/%d/statm' % pid) as f:
            return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, IndexError):
        return 0
