"""What can stand in the place of a file: pipes, devices, folders, links, giants."""
import os
import stat

from .sandbox import make_socket


def pipe(room, path, data):
    os.mkfifo(path)


def null(room, path, data):
    room.sandbox.device(path, 3)


def zero(room, path, data):
    room.sandbox.device(path, 5)


def full(room, path, data):
    room.sandbox.device(path, 7)


def folder(room, path, data):
    os.mkdir(path)


def full_folder(room, path, data):
    os.mkdir(path)
    with open(os.path.join(path, 'mine'), 'w') as f:
        f.write('mine')


def looping_link(room, path, data):
    os.symlink(os.path.basename(path), path)


def dangling_link(room, path, data):
    os.symlink('no-such-file', path)


def link(room, path, data):
    elsewhere = room.path('elsewhere-' + os.path.basename(path))
    with open(elsewhere, 'wb') as f:
        f.write(data)
    os.symlink(elsewhere, path)


def link_to_pipe(room, path, data):
    elsewhere = room.path('pipe-' + os.path.basename(path))
    os.mkfifo(elsewhere)
    os.symlink(elsewhere, path)


def a_socket(room, path, data):
    make_socket(path)


def nothing(room, path, data):
    pass


def sparse_giant(room, path, data):
    with open(path, 'wb') as f:
        f.truncate(1 << 40)


def sparse_tail(room, path, data):
    with open(path, 'wb') as f:
        f.write(data)
        f.truncate(1 << 33)


def large_tail(room, path, data):
    """As large as a reader may still take for right."""
    with open(path, 'wb') as f:
        f.write(data)
        f.truncate((1 << 31) - 1)


def without_rights(room, path, data):
    with open(path, 'wb') as f:
        f.write(data)
    os.chmod(path, 0)


ALL = (pipe, null, zero, full, folder, full_folder, looping_link, dangling_link, link, link_to_pipe,
       a_socket, nothing, sparse_giant, sparse_tail, large_tail)


def put(room, place, path):
    """Put `place`, one of ALL, where a file is or could be; words for it."""
    data = b''
    if os.path.lexists(path):
        if stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, 'rb') as f:
                data = f.read()
        os.unlink(path)
    place(room, path, data)
    return '%s in place of %s' % (place.__name__.replace('_', ' '), os.path.basename(path))
