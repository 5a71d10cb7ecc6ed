#!/usr/bin/env python3
"""Tell what is on pictures, by the ONNX file beside this program: the likeliest classes."""
import argparse
import json
import os
import sys

try:
    import numpy as np
    import onnxruntime
    from PIL import Image
except ModuleNotFoundError as error:
    sys.exit('error: %s\nInstall what is needed: pip install numpy pillow onnxruntime' % error)

from gluonblocks.data.pixels import fitted, looks_inverted, upright

EXAMPLE = """\
example:
  python predict.py shoe.png
  python predict.py --invert photo.jpg scan.png --model model-int8.onnx
  python predict.py --json --top 10 pictures/*.png > answers.jsonl

It needs Python 3.8 or newer and  pip install numpy pillow onnxruntime  ; all else is in the file.
Pictures are PNG, JPEG, BMP, GIF, TIFF, WebP or PPM of any size, grey or colour. Each is made grey
and fitted into the square that the net was trained on, without distortion. The net knows bright
things on dark ground: for the other way round use --invert, or the answers mean little.
Transparent parts of a picture count as ground.

Exit code: 0 all answered, 1 something failed, 2 wrong arguments, 130 interrupted."""

MAX_PIXELS = 2 ** 26
MAX_BYTES = 2 ** 29  # of a file
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
BATCH = 256


class Error(Exception):
    pass


class Net:
    """The net in an ONNX file, with what the file says of itself."""

    def __init__(self, path):
        check_file(path)
        onnxruntime.set_default_logger_severity(3)  # errors alone
        try:
            self._session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        except Exception as error:  # it has a class for each reason, and documents none
            raise Error('%s: onnxruntime cannot load it: %s' % (path, str(error).split('\n')[0]))
        said = self._session.get_modelmeta().custom_metadata_map
        try:
            self.names, (channels, side, _) = json.loads(said['classes']), json.loads(said['input'])
            self._resize = json.loads(said['resize'])
            self._inside = said['preprocessing'] == 'inside'  # then pictures are (N, H, W)
        except (KeyError, TypeError, ValueError):
            raise Error('%s: it does not say what it takes (its metadata lack classes, input, '
                        'resize or preprocessing): use a file that gluonblocks exported' % path)
        if channels != 1:
            raise Error('%s: it takes %d colours, but this program reads grey' % (path, channels))
        self.side = 28 if self._resize else side  # of the squares that pictures are fitted into

    def predict(self, images):
        """Images, each uint8 (side, side) -> the probabilities of the classes, (n, classes)."""
        if len(images) > BATCH:
            return np.concatenate([self.predict(images[:BATCH]), self.predict(images[BATCH:])])
        if self._resize and not self._inside:
            images = [resized(image, self._resize) for image in images]
        if not self._inside:
            images = np.asarray(images, np.float32)[:, None] / np.float32(255)
        logits, = self._session.run(None, {'data': np.asarray(images)})
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def resized(image, side):
    """uint8 (H, W) -> (side, side), as the training images were: OpenCV's bilinear, bit for bit."""
    def taps(n):
        at = ((np.arange(side) + 0.5) * (n / side) - 0.5).astype(np.float32)
        first = np.floor(at).astype(int)
        part = at - first.astype(np.float32)
        # Whole numbers from here on: weights are of 2048. At the edges both are of one line.
        return [np.clip(i, 0, n - 1) for i in (first, first + 1)] + [
            np.rint(weight * 2048).astype(int) for weight in (1 - part, part)]

    left, right, a, b = taps(image.shape[1])
    lines = (image[:, left] * a + image[:, right] * b) >> 4  # (H, side)
    above, below, a, b = taps(image.shape[0])
    upper, lower = lines[above] * a[:, None] >> 16, lines[below] * b[:, None] >> 16
    return (upper + lower + 2 >> 2).astype(np.uint8)


def check_file(path):
    if not os.path.isfile(path):
        there = os.path.exists(path)
        raise Error(path + (': expected a regular file' if there else ': there is no such file'))


def read_image(path, side, invert):
    """The picture in a file as uint8 (side, side). Raises Error."""
    check_file(path)
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise Error('%s: expected at most %d bytes, found %d'
                        % (path, MAX_BYTES, os.path.getsize(path)))
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Error('%s: expected at most %d pixels, found more' % (path, MAX_PIXELS))
            # MPO, a camera's format, is a JPEG followed by previews.
            if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
                raise Error('%s: expected a single frame or page, found more: save the one you '
                            'need as a separate file' % path)
            if picture.format == 'PNG':  # Pillow decodes it without looking at the checksums
                with Image.open(path) as whole:
                    whole.verify()
            grey = upright(picture, 255 if invert else 0, color=False)
            return fitted(255 - grey if invert else grey, side, side)
    except Error:
        raise
    except Image.DecompressionBombError:
        raise Error('%s: expected at most %d pixels, found more' % (path, MAX_PIXELS))
    except Image.UnidentifiedImageError:
        raise Error('%s: expected an image in one of the formats %s' % (path, ', '.join(FORMATS)))
    except Exception as error:  # a damaged file makes Pillow raise almost anything
        raise Error('%s: cannot be read as an image: %s' % (
            path, getattr(error, 'strerror', None) or error or type(error).__name__))


def run(args):
    net = Net(args.model)
    read: list = []  # (path, image, error)
    for path in args.images:
        try:
            read.append((path, read_image(path, net.side, args.invert), None))
        except Error as error:
            read.append((path, None, str(error)))
    images = [image for _, image, _ in read if image is not None]
    answers = iter(net.predict(images) if images else [])
    for path, image, why in read:
        if why:
            print('error: ' + why, file=sys.stderr)
            answer = {'file': path, 'error': why}
        else:
            p = next(answers)
            best = np.argsort(-p, kind='stable')[:args.top]
            classes = [{'name': net.names[i], 'probability': float(p[i])} for i in best]
            answer = {'file': path, 'classes': classes}
            if not args.invert and looks_inverted(image):
                print('note: %s is brighter at its border than inside; if it shows a dark '
                      'object on a bright background, use --invert' % path, file=sys.stderr)
        if args.json:
            print(json.dumps(answer))
        elif not why:
            said = ', '.join('%s %.3f' % tuple(row.values()) for row in classes)
            print('%s: %s' % (path, said))
    sys.stdout.flush()
    return 1 if len(images) < len(read) else 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print('error: %s\nSee %s --help' % (message, self.prog), file=sys.stderr)
        sys.exit(2)


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    beside = [os.path.join(folder, name) for name in ('model.onnx', 'model-int8.onnx')]
    parser = Parser(description=__doc__, epilog=EXAMPLE,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='picture file')
    parser.add_argument('--model', metavar='FILE', help='ONNX file; default: the one beside this '
                        'program', default=next(filter(os.path.isfile, beside), beside[0]))
    parser.add_argument('--top', type=int, default=3, metavar='N', help='how many; default: 3')
    parser.add_argument('--invert', action='store_true', help='dark things on bright ground')
    parser.add_argument('--json', action='store_true', help='a line of JSON for each picture')
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')  # file names need not be text
    args = parser.parse_intermixed_args()
    if args.top < 1:
        parser.error('argument --top: %d is not a positive whole number' % args.top)
    try:
        return run(args)
    except Error as error:
        sys.exit('error: %s' % error)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except OSError as error:  # stdout: its reader is gone, or the disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141 if isinstance(error, BrokenPipeError) else
                 'error: stdout could not be written: %s' % (error.strerror or error))


if __name__ == '__main__':
    sys.exit(main())
