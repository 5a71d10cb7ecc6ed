"""Pictures that are small on the disk and huge when they are decoded, and others made by hand."""
import functools
import struct
import zlib

SIZES = ((1, 2 ** 26), (2 ** 26, 1), (8192, 8192), (8192, 8193), (65535, 65535), (2 ** 31 - 1, 1),
         (2 ** 31 - 1, 2 ** 31 - 1), (16384, 4096), (0, 10), (10, 0))
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(width, height, bits, colour, path, interlaced=0):
    """A black PNG of this size, written a piece at a time."""
    row = 1 + (width * bits * _CHANNELS[colour] + 7) // 8
    packer, packed = zlib.compressobj(9), []
    left = row * height
    while left:
        size = min(left, 1 << 24)
        packed.append(packer.compress(bytes(size)))
        left -= size
    packed.append(packer.flush())
    chunks = [(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, interlaced))]
    if colour == 3:
        chunks.append((b'PLTE', bytes(768)))
    chunks += [(b'IDAT', b''.join(packed)), (b'IEND', b'')]
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n')
        for name, data in chunks:
            f.write(struct.pack('>I', len(data)) + name + data
                    + struct.pack('>I', zlib.crc32(name + data)))


def by_pillow(kind, mode, size, how, path):
    """A black picture that Pillow writes."""
    from PIL import Image
    Image.new(mode, size).save(path, kind, **how)


def sparse(header, size, path):
    """A picture of a few bytes' header, and pixels that are a hole in the file."""
    with open(path, 'wb') as f:
        f.write(header)
        f.truncate(len(header) + size)


def bmp(path):
    size = 8192 * 8192 * 4
    sparse(struct.pack('<2sIHHIIiiHHIIiiII', b'BM', min(size + 54, 2 ** 32 - 1), 0, 0, 54, 40, 8192,
                       8192, 1, 32, 0, size, 0, 0, 0, 0), size, path)


def frames(kind, path):
    from PIL import Image
    one, two = Image.new('L', (28, 28), 9), Image.new('L', (28, 28), 200)
    one.save(path, kind, save_all=True, append_images=[two])


def text(content, path):
    with open(path, 'wb') as f:
        f.write(content)


def broken_exif(path):
    """A JPEG whose EXIF data end too early."""
    from PIL import Image
    Image.new('L', (28, 28), 100).save(
        path, 'JPEG', exif=b'Exif\0\0II*\0\x08\0\0\0\xff\0\x12\1\3\0\1\0\0\0\6\0\0\0')


def larger(size, room, path):
    """The header of a small picture tells of another size."""
    with open(path, 'rb') as f:
        data = f.read()
    width, height = size
    changed = data
    if data.startswith(b'\x89PNG'):
        header = b'IHDR' + struct.pack('>II', width, height) + data[24:29]
        changed = data[:12] + header + struct.pack('>I', zlib.crc32(header)) + data[33:]
    elif data.startswith(b'BM'):
        changed = data[:18] + struct.pack('<II', width, height) + data[26:]
    elif data.startswith(b'GIF'):
        short = struct.pack('<HH', width % 65536, height % 65536)
        place = data.find(b',') + 5  # the frame's own size, in most files
        changed = data[:6] + short + data[10:place] + short + data[place + 4:]
    elif data.startswith(b'P') and data[1:2].isdigit():
        changed = data.replace(b'40 30', b'%d %d' % size, 1)
    elif data.startswith(b'\xff\xd8'):
        for mark in (b'\xff\xc0', b'\xff\xc2'):
            at = data.find(mark)
            if at > 0:
                changed = data[:at + 5] + struct.pack('>HH', height % 65536, width % 65536) + (
                    data[at + 9:])
    else:
        changed = data.replace(struct.pack('<H', 40), struct.pack('<H', width % 65536), 1).replace(
            struct.pack('<H', 30), struct.pack('<H', height % 65536), 1)
    with open(path, 'wb') as f:
        f.write(changed)
    return 'the header says %d x %d' % size


def _png(*what, **how):
    return functools.partial(png, *what, **how)


ALL = {
    'line-down-of-2**26-pixels': _png(1, 2 ** 26, 8, 0),
    'line-across-of-2**26-pixels': _png(2 ** 26, 1, 8, 0),
    '8192-squared-16-bit': _png(8192, 8192, 16, 0),
    '8192-squared-16-bit-colour': _png(8192, 8192, 16, 2),
    '8192-squared-16-bit-alpha': _png(8192, 8192, 16, 6),
    '8192-squared-alpha': _png(8192, 8192, 8, 6),
    '8192-squared-interlaced': _png(8192, 8192, 8, 2, interlaced=1),
    '8192-squared-palette': _png(8192, 8192, 8, 3), '8192-squared-bits': _png(8192, 8192, 1, 0),
    '30000-squared': _png(30000, 30000, 1, 0),
    '4096-squared-alpha': _png(4096, 4096, 8, 6), '4096-squared-16-bit': _png(4096, 4096, 16, 0),
    'huge-jpeg': functools.partial(by_pillow, 'JPEG', 'RGB', (8000, 8000), {}),
    'huge-progressive-jpeg': functools.partial(by_pillow, 'JPEG', 'RGB', (8000, 8000),
                                               {'progressive': True}),
    'huge-gif': functools.partial(by_pillow, 'GIF', 'L', (8000, 8000), {}),
    'huge-tiff': functools.partial(by_pillow, 'TIFF', 'RGBA', (8000, 8000),
                                   {'compression': 'tiff_adobe_deflate'}),
    'huge-float-tiff': functools.partial(by_pillow, 'TIFF', 'F', (8000, 8000),
                                         {'compression': 'tiff_adobe_deflate'}),
    'huge-webp': functools.partial(by_pillow, 'WEBP', 'RGB', (8000, 8000), {'method': 0}),
    'huge-bmp': bmp,
    'huge-ppm': functools.partial(sparse, b'P6 8192 8192 255\n', 8192 * 8192 * 3),
    'huge-16-bit-ppm': functools.partial(sparse, b'P6 8192 8192 65535\n', 8192 * 8192 * 6),
    'ppm-of-text': functools.partial(text, b'P2 8000 8000 255\n' + b'0 ' * 1000),
    'ppm-without-end': functools.partial(text, b'P5 ' + b'9' * 1000000)}
