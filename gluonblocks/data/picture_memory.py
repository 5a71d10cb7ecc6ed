"""How much memory a picture file takes to decode, by its header."""
import os


def memory_to_decode(picture, f):
    """About how many bytes are held at once to decode `picture` from the open file `f`."""
    # As measured of Pillow 10 to 13, for each pixel.
    width, height = picture.size
    decoded = 1 if picture.mode in ('1', 'L', 'P') else 2 if picture.mode[:4] == 'I;16' else 4
    held = os.fstat(f.fileno()).st_size  # parts that are read at once may make up the file
    beside = 1.0  # the grey picture
    if picture.format == 'WEBP':
        beside = 12  # three of RGBA: two within libwebp, and what it hands over
    elif picture.format in ('JPEG', 'MPO'):
        beside = max(beside, _coefficients(picture, f))
    elif picture.format == 'GIF':
        beside = 5  # and what is behind the frame
    elif picture.format == 'TIFF':
        tags = picture.tag_v2
        if picture.tile[0][0] != 'libtiff':  # Pillow itself reads up to where the next strip is
            begins = sorted(tile[2] for tile in picture.tile)
            held = 2 * max([b - a for a, b in zip(begins, begins[1:])], default=0)
        else:  # decodes a tile or strip at once
            block = (tags[322] * tags[323] if 322 in tags and 323 in tags  # TileWidth, TileLength
                     else width * min(tags.get(278, height), height))  # RowsPerStrip
            held += block * max(sum(tags.get(258, (1,))), 32) // 8  # BitsPerSample
        if tags.get(274, 1) != 1:  # Orientation, which Pillow sees to as it decodes
            beside = decoded
    else:
        if picture.format != 'PNG':
            held = 0
        if picture.tile[0][0] in ('bmp_rle', 'ppm', 'ppm_plain'):  # decoded in Python, and copied
            beside = 3.2 * len(picture.getbands()) * (4 if picture.mode == 'I' else 1)
    return held + int(width * height * (decoded + beside)) + 64 * (width + height)


def _coefficients(picture, f):
    """Bytes for each pixel of a JPEG that are held until its last scan; 0 if it has one scan."""
    # The file has been read up to the pixels. Just before them, the header of a scan tells how
    # many components are in it.
    layers = picture.layer
    header = bytes([0, 6 + 2 * len(layers), len(layers)])
    here = f.tell()
    f.seek(max(0, here - len(header) - 2 * len(layers) - 3))
    has_all = f.read(len(header)) == header
    f.seek(here)
    if has_all and 'progressive' not in picture.info:
        return 0
    largest = max(h for _, h, _, _ in layers) * max(v for _, _, v, _ in layers)
    return 2 * sum(h * v for _, h, v, _ in layers) / max(largest, 1)
