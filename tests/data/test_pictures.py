"""Picture files of many kinds against the same images as arrays, and what is no picture."""
import os
import struct
import zlib

import numpy as np
import pytest
from picture_files import A, cut, saved
from PIL import Image

import gluonblocks as gb

KINDS = {
    'colour.png': lambda: Image.fromarray(np.stack([A] * 3, axis=2)),
    'opaque.png': lambda: Image.fromarray(np.dstack([A, A, A, np.full_like(A, 255)])),
    'grey-alpha.png': lambda: Image.fromarray(np.dstack([A, np.full_like(A, 255)]), 'LA'),
    '16-bit.png': lambda: Image.fromarray(A.astype(np.uint16) * 257),
    'palette.gif': lambda: Image.fromarray(A),
    'a.bmp': lambda: Image.fromarray(A), 'a.tiff': lambda: Image.fromarray(A),
    'a.pgm': lambda: Image.fromarray(A), 'a.png': lambda: Image.fromarray(A),
}


@pytest.mark.filterwarnings("ignore:.*'mode' parameter is deprecated")
@pytest.mark.parametrize('name', KINDS)
def test_kinds_that_lose_nothing_give_the_same_pixels(tmp_path, name):
    assert (gb.read_image(saved(tmp_path, KINDS[name](), name)) == A).all()


def test_a_one_bit_picture_is_black_and_white_and_a_jpeg_nearly_the_same(tmp_path):
    bits = Image.fromarray(A).point(lambda v: 255 * (v > 99)).convert('1')
    assert (gb.read_image(saved(tmp_path, bits)) == 255 * (A > 99)).all()
    smooth = np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4
    got = gb.read_image(saved(tmp_path, smooth, 'a.jpg', quality=95))
    assert np.abs(got.astype(int) - smooth).max() < 8


@pytest.mark.parametrize('invert', [False, True])
def test_transparent_parts_are_ground(tmp_path, invert):
    rgba = np.dstack([A, A, A, np.zeros_like(A)])
    rgba[10:20, 10:20, 3] = 255
    got = gb.read_image(saved(tmp_path, rgba), invert=invert)
    want = np.zeros_like(A)
    want[10:20, 10:20] = (255 - A if invert else A)[10:20, 10:20]
    assert (got == want).all()


def test_a_long_picture_is_centred_on_the_brightness_of_its_border_not_stretched(tmp_path):
    tall = np.full((280, 140), 40, np.uint8)
    tall[70:210, 40:100] = 200  # scaled by ten: rows 7 to 20, columns 7 + 4 to 7 + 9
    got = gb.read_image(saved(tmp_path, tall))
    assert (got[:, :7] == 40).all() and (got[:, 21:] == 40).all()
    assert (got[8:20, 12:16] == 200).all()
    assert (got[:6] == 40).all() and (got[22:] == 40).all()


def test_a_small_picture_is_enlarged_and_a_line_of_pixels_is_no_bomb(tmp_path):
    assert (gb.read_image(saved(tmp_path, np.full((3, 3), 9, np.uint8))) == 9).all()
    line = np.full((1, 60000), 7, np.uint8)
    assert (gb.read_image(saved(tmp_path, line, 'line.png')) == 7).all()


def test_a_camera_held_upright_gives_an_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90 degrees clockwise to see it upright
    path = saved(tmp_path, np.rot90(A), exif=exif)
    assert (gb.read_image(path) == A).all()


def test_damaged_exif_data_do_not_hide_a_photo(tmp_path):
    exif = b'Exif\x00\x00no TIFF header'
    plain, damaged = [saved(tmp_path, A, name, **how) for name, how in (
        ('plain.jpg', {}), ('damaged.jpg', {'exif': exif}))]
    assert (gb.read_image(damaged) == gb.read_image(plain)).all()


def test_bright_borders_are_noticed():
    thing = np.zeros((28, 28), np.uint8)
    thing[6:22, 6:22] = 180
    assert gb.data.looks_inverted(255 - thing) and not gb.data.looks_inverted(thing)


@pytest.mark.parametrize('mode', ['LA', 'RGBA', 'CMYK', 'P'])
def test_other_modes_become_grey_by_way_of_rgb(tmp_path, mode):
    picture = Image.fromarray(A).convert('RGB').convert(mode)
    got = gb.read_image(saved(tmp_path, picture, 'a.tiff'))
    assert (got == np.asarray(picture.convert('RGB').convert('L'))).all()


def bomb(side):
    """A PNG of a few kilobytes that says it is side x side, of one bit each."""
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', side, side, 1, 0, 0, 0, 0)),
              (b'IDAT', zlib.compress(bytes(10 ** 6))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        for kind, data in chunks)


# What is made of a path -> what is said of it.
BAD = {
    'cut.png': (lambda path: cut(path.parent, path.name), 'cannot be read as an image'),
    'cut.jpg': (lambda path: cut(path.parent, path.name), 'cannot be read as an image'),
    'empty.png': (lambda path: path.write_bytes(b''), 'an image in one of the formats PNG, J'),
    'large.png': (lambda path: path.write_bytes(bomb(9000)), 'at most 67108864 pixels, found more'),
    'animated.gif': (lambda path: saved(path.parent, A, path.name, save_all=True, append_images=[
        Image.fromarray(255 - A)]), 'a single frame or page, found more'),
    'float.tiff': (lambda path: saved(path.parent, A.astype('float32'), path.name),
                   'expected 8-bit or 16-bit pixels'),
    'endless.jpg': (lambda path: os.truncate(saved(path.parent, A, path.name), 2 ** 29),
                    'bytes, found 536870912'),
    'folder': (lambda path: path.mkdir(), 'found a folder'),
    'pipe': (lambda path: os.mkfifo(str(path)), 'found a pipe'),
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
        with pytest.raises(gb.data.ImageError, match='a.png: cannot be read as an image: '):
            gb.read_image(str(path))
