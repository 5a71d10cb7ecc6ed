#!/usr/bin/env python3
"""Tell what the net in the ONNX file beside this program says about images."""
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
Pictures are PNG, JPEG, BMP, GIF, TIFF, WebP or PPM of any size, grey or colour. Each is fitted into
what the net takes, without distortion, in grey if that has one channel. Nets of bright things on
dark ground need --invert for the other way round, or the answers mean little. Transparent parts of
a picture count as ground.

A net of classes prints the likeliest. Other nets print each output: detections with class, score
and box, in the unit of the net; the share of each class in a segmentation; the largest values of a
vector; the range of anything else.

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
            self.names = json.loads(said.get('classes', 'null'))  # None: no classifier
            self.channels, *size = json.loads(said['input'])
            self._resize = json.loads(said['resize'] if self.names else 'null')
            self._inside = said['preprocessing'] == 'inside'  # then pictures are (N, H, W)
            self._mean, self._std = [
                np.reshape(np.float32(json.loads(said.get(name, default))), (-1, 1, 1))
                for name, default in (('mean', '0'), ('std', '255'))]
            self.size = (28, 28) if self._resize else tuple(size)  # that pictures are fitted into
        except (KeyError, TypeError, ValueError):
            raise Error('%s: it does not say what it takes (its metadata lack input, resize or '
                        'preprocessing): use a file that gluonblocks exported' % path)
        if self.names and self.channels != 1:
            raise Error('%s: it takes %d colours, but this program reads grey for a net of classes'
                        % (path, self.channels))

    def outputs(self, images):
        """Images, each uint8 (H, W) or (H, W, 3) -> for each, {name: array} without the batch."""
        names = [output.name for output in self._session.get_outputs()]
        for i in range(0, len(images), BATCH if self.names else 1):
            X = images[i:i + BATCH] if self.names else images[i:i + 1]
            if self._resize and not self._inside:
                X = [resized(image, self._resize) for image in X]
            X = np.asarray(X)
            if not self._inside:
                X = X[:, None] if X.ndim == 3 else X.transpose(0, 3, 1, 2)
                X = (X.astype(np.float32) - self._mean) / self._std
            found = self._session.run(None, {self._session.get_inputs()[0].name: X})
            yield from (dict(zip(names, one)) for one in zip(*found))


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def are_probabilities(Y):
    return Y.min() >= 0 and np.abs(Y.sum(axis=0) - 1).max() < 1e-3


def lines(outputs, size, top):
    """Yield text for each of `outputs`, {name: the array of one image of this (H, W)}."""
    arrays = list(outputs.values())
    if [Y.shape[1:] for Y in arrays] == [(1,), (1,), (4,)]:  # class, score and box apart
        outputs = {'detections': np.concatenate(arrays, axis=1)}
    for name, Y in outputs.items():
        best = np.argsort(-Y, kind='stable')[:top] if Y.ndim == 1 else ()
        if Y.ndim == 2 and Y.shape[1] == 6:
            rows = sorted((row for row in Y if row[0] >= 0), key=lambda row: -row[1])
            yield '%s: %d' % (name, len(rows))
            for row in rows[:top]:
                yield '  class %d, score %.3f, box %.4g %.4g %.4g %.4g' % tuple(row)
        elif len(best) and are_probabilities(Y):
            yield name + ': ' + ', '.join('class %d %.3f' % (i, Y[i]) for i in best)
        elif len(best):
            yield '%s: %d values of length %.4g, the largest: %s' % (
                name, Y.size, np.linalg.norm(Y), ', '.join('%.4g at %d' % (Y[i], i) for i in best))
        # Three channels that are no probabilities are rather an image.
        elif Y.shape[1:] == size and len(Y) > 1 and (len(Y) != 3 or are_probabilities(Y)):
            share = np.bincount(Y.argmax(axis=0).ravel(), minlength=len(Y)) / (size[0] * size[1])
            yield name + ': ' + ', '.join('class %d on %.1f %%' % (i, 100 * share[i])
                                          for i in np.argsort(-share, kind='stable')[:top]
                                          if share[i])
        else:
            yield '%s: %s, from %.4g to %.4g' % (
                name, ' x '.join(map(str, Y.shape)) or 'a number', Y.min(), Y.max())


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


def read_image(path, size, invert, color):
    """The picture in a file as uint8 (H, W), or (H, W, 3) in colour. Raises Error."""
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
            pixels = upright(picture, 255 if invert else 0, color)
            return fitted(255 - pixels if invert else pixels, *size)
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
            read.append((path, read_image(path, net.size, args.invert, net.channels == 3), None))
        except Error as error:
            read.append((path, None, str(error)))
    images = [image for _, image, _ in read if image is not None]
    answers = net.outputs(images)
    for path, image, why in read:
        if why:
            print('error: ' + why, file=sys.stderr)
            answer = {'file': path, 'error': why}
        elif net.names:
            p = softmax(next(iter(next(answers).values())))
            classes = [{'name': net.names[i], 'probability': float(p[i])}
                       for i in np.argsort(-p, kind='stable')[:args.top]]
            answer = {'file': path, 'classes': classes}
            said = '%s: %s' % (path, ', '.join('%s %.3f' % tuple(row.values()) for row in classes))
            if not args.invert and looks_inverted(image):
                print('note: %s is brighter at its border than inside; if it shows a dark '
                      'object on a bright background, use --invert' % path, file=sys.stderr)
        else:
            outputs = next(answers)
            answer = {'file': path, 'outputs': {name: Y.tolist() for name, Y in outputs.items()}}
            said = '\n  '.join([path, *lines(outputs, net.size, args.top)])
        if args.json:
            print(json.dumps(answer))
        elif not why:
            print(said)
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
    parser.add_argument('--top', type=int, default=3, metavar='N',
                        help='how many classes or detections; default: 3')
    parser.add_argument('--invert', action='store_true', help='invert the brightness first')
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
