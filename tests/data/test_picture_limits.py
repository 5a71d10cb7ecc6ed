"""Pictures that are none, or too large: what is refused, and what memory the others take."""
import os
import socket
import struct
import sys
import zlib

import pytest
from conftest import run_python
from picture_files import A, saved
from PIL import Image, ImageFile

import gluonblocks as gb


def png(width, height, bits, kind, pixels):
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0)),
              (b'IDAT', pixels), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        for kind, data in chunks)


def bomb(side):
    """A PNG that says it is side x side, of one bit each."""
    return png(side, side, 1, 0, zlib.compress(bytes(10 ** 6)))


def bad_files(tmp_path):
    saved(tmp_path, A, 'whole.png')
    whole = (tmp_path / 'whole.png').read_bytes()
    (tmp_path / 'cut.png').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'flipped.png').write_bytes(whole[:60] + b'xxxx' + whole[64:])
    (tmp_path / 'empty.png').write_bytes(b'')
    (tmp_path / 'text.png').write_text('a thing that is no picture')
    (tmp_path / 'drawing.png').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n')
    (tmp_path / 'bomb.png').write_bytes(bomb(30000))  # Pillow refuses it itself
    (tmp_path / 'large.png').write_bytes(bomb(9000))
    (tmp_path / 'folder').mkdir()
    saved(tmp_path, A, 'animated.gif', save_all=True, append_images=[Image.fromarray(255 - A)])
    saved(tmp_path, A.astype('float32'), 'float.tiff')


@pytest.mark.parametrize('name, said', [
    ('cut.png', 'cannot be read as a picture'), ('flipped.png', 'cannot be read as a picture'),
    ('empty.png', 'no picture in one of the formats PNG, JPEG,'),
    ('text.png', 'no picture in one of the formats'),
    ('drawing.png', 'no picture in one of the formats'),
    ('bomb.png', 'larger than 67108864 pixels'), ('large.png', 'larger than 67108864 pixels'),
    ('folder', 'is a folder'), ('missing.png', 'no such file'),
    ('animated.gif', 'more than one frame'), ('float.tiff', 'not of 8 or 16 bits')])
def test_what_is_no_picture_is_refused_by_name(tmp_path, name, said, monkeypatch):
    bad_files(tmp_path)
    # As GluonCV does when it is imported; then Pillow fills what is missing, and says nothing.
    monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
    with pytest.raises(gb.data.ImageError, match='%s: .*%s' % (name, said)):
        gb.read_image(str(tmp_path / name))


def test_a_png_is_refused_whichever_byte_of_its_pixels_is_another(tmp_path):
    path = tmp_path / 'a.png'
    whole = open(saved(tmp_path, Image.linear_gradient('L').resize((40, 30))), 'rb').read()
    begin, end = whole.index(b'IDAT') + 4, len(whole) - 16  # Pillow itself takes some of them
    for place in range(begin, end):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
        with pytest.raises(gb.data.ImageError, match='a.png: cannot be read as a picture: '):
            gb.read_image(str(path))


@pytest.mark.parametrize('name, said', [
    ('pipe', 'is a pipe'), ('socket', 'is a socket'), ('device', 'is a device'),
    ('loop', 'Too many levels of symbolic links')])
def test_what_is_no_regular_file_is_named_at_once(tmp_path, name, said):
    path = str(tmp_path / name)
    if name == 'pipe':
        os.mkfifo(path)
    elif name == 'socket':
        here = os.getcwd()
        os.chdir(str(tmp_path))  # the path of a socket is short
        socket.socket(socket.AF_UNIX).bind(name)
        os.chdir(here)
    else:
        os.symlink('/dev/zero' if name == 'device' else path, path)
    with pytest.raises(gb.data.ImageError, match='%s: .*%s' % (name, said)):
        gb.read_image(path)


@pytest.mark.parametrize('kind', ['GIF', 'JPEG', 'WEBP', 'PNG'])
def test_a_file_with_an_endless_tail_is_refused_by_its_size(tmp_path, kind):
    path = saved(tmp_path, A, 'a.' + kind.lower())
    os.truncate(path, 2 ** 29)
    with pytest.raises(gb.data.ImageError, match='%s: .*(536870912 bytes)' % path):
        gb.read_image(path)


@pytest.mark.parametrize('kind, size', [('GIF', 2 ** 24), ('JPEG', 2 ** 26), ('WEBP', 2 ** 26)])
def test_formats_that_are_looked_through_have_a_smaller_limit(tmp_path, kind, size):
    path = saved(tmp_path, A, 'a.' + kind.lower())
    os.truncate(path, size)
    gb.read_image(path)
    os.truncate(path, size + 1)
    with pytest.raises(gb.data.ImageError, match='for the others its %d bytes' % (size + 1)):
        gb.read_image(path)


def zeros(width, height, bits, kind, channels):
    """A PNG of zeros; its pixels are deflated a row at a time, for there may be many."""
    deflate, row = zlib.compressobj(1), bytes(1 + width * bits * channels // 8)
    pixels = b''.join([deflate.compress(row) for _ in range(height)]) + deflate.flush()
    return png(width, height, bits, kind, pixels)


PEAKS = """
import os, re, sys, gluonblocks as gb
from PIL import Image
Image.init()
def peak():
    return int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) * 1024
for name in sorted(os.listdir('%s')):
    open('/proc/self/clear_refs', 'w').write('5')  # the peak is now, and counts from here
    before = peak()
    gb.read_image('%s/' + name)
    print(name, (peak() - before) // 10 ** 6)
"""
PLAIN = Image.new('RGB', (8000, 6000), (200, 100, 30))  # 48 megapixels
LARGEST = {
    'rgba.png': lambda: zeros(8192, 8192, 8, 6, 4),
    '16-bit.png': lambda: zeros(8192, 8192, 16, 0, 1),
    'tall.png': lambda: zeros(1, 6000000, 8, 0, 1),
    'wide.png': lambda: zeros(6000000, 1, 16, 0, 1),
    'progressive.jpg': lambda: (PLAIN, dict(progressive=True, subsampling=0)),
    'turned.jpg': lambda: (PLAIN, dict(exif=b'Exif\0\0II*\0\b\0\0\0\1\0\x12\1\3\0\1\0\0\0\6'
                                            b'\0\0\0\0\0\0\0')),
    'a.gif': lambda: (PLAIN.convert('P'), dict(transparency=3, disposal=2)),
    'strip.tiff': lambda: (PLAIN, dict(compression='tiff_lzw', strip_size=2 ** 30)),
    'a.ppm': lambda: (PLAIN, {}), 'a.bmp': lambda: (PLAIN, {}),
    'a.webp': lambda: (PLAIN.crop((0, 0, 6000, 5000)), dict(lossless=True, method=0, quality=0)),
}


@pytest.mark.skipif(sys.platform != 'linux', reason='asks Linux for the peak of memory')
def test_large_pictures_take_at_most_half_a_gigabyte(tmp_path):
    for name, make in LARGEST.items():
        made = make()
        if isinstance(made, bytes):
            (tmp_path / name).write_bytes(made)
        else:
            saved(tmp_path, made[0], name, **made[1])
    peaks = dict(line.split() for line in run_python(PEAKS % (tmp_path, tmp_path)).splitlines())
    assert set(peaks) == set(LARGEST)
    assert {name: peak for name, peak in peaks.items() if int(peak) > 500} == {}


@pytest.mark.parametrize('name, size', [('line.png', (1, 2 ** 26)), ('line.png', (2 ** 26, 1)),
                                        ('wide.webp', (8000, 6000)), ('full.jpg', (8192, 8192))])
def test_what_would_take_more_is_refused_by_its_header(tmp_path, name, size):
    if name == 'line.png':
        (tmp_path / name).write_bytes(png(*size, 8, 0, zlib.compress(b'')))
    else:
        options = (dict(progressive=True, subsampling=0) if name == 'full.jpg' else
                   dict(lossless=True, method=0, quality=0))
        saved(tmp_path, Image.new('RGB', size), name, **options)
    with pytest.raises(gb.data.ImageError, match='%s: to read its %d x %d pixels takes' % (
            (name,) + size)):
        gb.read_image(str(tmp_path / name))
