"""Files that are no pictures, are damaged, or hold too large a picture: refused with the reason."""
import os
import struct
import zlib

import pytest
from picture_files import A, saved
from PIL import Image

import gluonblocks as gb


def bomb(side):
    """A PNG of a few kilobytes that says it is side x side, of one bit each."""
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', side, side, 1, 0, 0, 0, 0)),
              (b'IDAT', zlib.compress(bytes(10 ** 6))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        for kind, data in chunks)


def halved(folder, name):
    path = saved(folder, A, name)
    os.truncate(path, os.path.getsize(path) // 2)


# What is made of a path -> what is said of it.
BAD = {
    'cut.png': (lambda path: halved(path.parent, path.name), 'cannot be read as a picture'),
    'cut.jpg': (lambda path: halved(path.parent, path.name), 'cannot be read as a picture'),
    'empty.png': (lambda path: path.write_bytes(b''), 'no picture in one of the formats PNG, JPEG'),
    'large.png': (lambda path: path.write_bytes(bomb(9000)), 'larger than 67108864 pixels'),
    'animated.gif': (lambda path: saved(path.parent, A, path.name, save_all=True, append_images=[
        Image.fromarray(255 - A)]), 'more than one frame'),
    'float.tiff': (lambda path: saved(path.parent, A.astype('float32'), path.name),
                   'not of 8 or 16 bits'),
    'endless.jpg': (lambda path: os.truncate(saved(path.parent, A, path.name), 2 ** 29),
                    '536870912 bytes'),
    'folder': (lambda path: path.mkdir(), 'is a folder'),
    'pipe': (lambda path: os.mkfifo(str(path)), 'is a pipe'),
    'missing.png': (lambda path: None, 'no such file'),
}


@pytest.mark.parametrize('name', BAD)
def test_what_is_no_picture_is_refused_by_name_with_the_reason(tmp_path, name):
    make, said = BAD[name]
    make(tmp_path / name)
    with pytest.raises(gb.data.ImageError, match='%s: .*%s' % (name, said)):
        gb.read_image(str(tmp_path / name))


def test_a_png_is_refused_whichever_byte_of_its_pixels_is_another(tmp_path):
    path = tmp_path / 'a.png'
    content = open(saved(tmp_path, Image.linear_gradient('L').resize((40, 30))), 'rb').read()
    begin, end = content.index(b'IDAT') + 4, len(content) - 16  # Pillow itself takes some of them
    for place in range(begin, end, 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1:])
        with pytest.raises(gb.data.ImageError, match='a.png: cannot be read as a picture: '):
            gb.read_image(str(path))
