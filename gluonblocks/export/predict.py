#!/usr/bin/env python3
"""Run an exported ONNX file on image files and print what the net predicts."""
import argparse
import json
import os
import sys

try:
    import numpy as np
    import onnxruntime
    from PIL import Image
except ModuleNotFoundError as error:
    sys.exit('error: %s\nInstall the dependencies: pip install numpy pillow onnxruntime' % error)

from gluonblocks.data.pixels import fitted, looks_inverted, upright

EXAMPLE = """\
examples:
  python predict.py shoe.png
  python predict.py --invert photo.jpg scan.png --model model-int8.onnx
  python predict.py --json --top 10 pictures/*.png > answers.jsonl

Requires Python 3.8 or later; install the dependencies with "pip install numpy pillow onnxruntime".
Images may be PNG, JPEG, BMP, GIF, TIFF, WebP or PPM files of any size, in grey or colour. They are
scaled to fit the net's input without distortion, and converted to grey if that input has one
channel. If the net was trained on bright objects on a dark background, use --invert for images that
show the opposite; otherwise, the predictions mean little. Transparent pixels count as background.

For a classifier, the most probable classes are printed. For any other net, each output is printed:
detections as class, score and box, in the units of the net; a segmentation as the percentage of
pixels in each class; a vector as its largest values; anything else as its range of values.

Exit code: 0 all images processed, 1 some failed, 2 invalid arguments, 130 interrupted."""

MAX_PIXELS = 2 ** 26
MAX_BYTES = 2 ** 29  # maximum size of an image file
FORMATS = ('PNG', 'JPEG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM')
BATCH = 256


class Error(Exception):
    pass


class Net:
    """The net in an ONNX file, and the preprocessing that the file's metadata specifies."""

    def __init__(self, path):
        check_file(path)
        onnxruntime.set_default_logger_severity(3)  # only errors
        try:
            self._session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
        except Exception as error:  # onnxruntime does not document its exception classes
            raise Error('%s: onnxruntime cannot load the file: %s'
                        % (path, str(error).split('\n')[0]))
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.names = json.loads(metadata.get('classes', 'null'))  # None: not a classifier
            self.channels, *size = json.loads(metadata['input'])
            self._resize = json.loads(metadata['resize'] if self.names else 'null')
            self._inside = metadata['preprocessing'] == 'inside'  # if so, the input is (N, H, W)
            self._mean, self._std = [
                np.reshape(np.float32(json.loads(metadata.get(name, default))), (-1, 1, 1))
                for name, default in (('mean', '0'), ('std', '255'))]
            self.size = (28, 28) if self._resize else tuple(size)  # size to fit images into
        except (KeyError, TypeError, ValueError):
            raise Error('%s: expected metadata for input, resize and preprocessing, but an entry '
                        'is missing or invalid. Use a file exported by gluonblocks' % path)
        if self.names and self.channels != 1:
            raise Error('%s: expected a classifier of greyscale images, found one with %d input '
                        'channels' % (path, self.channels))

    def outputs(self, images):
        """Yield {output name: array without the batch axis} for each uint8 image (H, W[, 3])."""
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
    """Yield the lines to print for one image. `outputs` is {name: array}, and `size` is (H, W)."""
    arrays = list(outputs.values())
    if [Y.shape[1:] for Y in arrays] == [(1,), (1,), (4,)]:  # classes, scores and boxes
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
        # Unless they are probabilities, three channels are probably an image.
        elif Y.shape[1:] == size and len(Y) > 1 and (len(Y) != 3 or are_probabilities(Y)):
            ratio = np.bincount(Y.argmax(axis=0).ravel(), minlength=len(Y)) / (size[0] * size[1])
            yield name + ': ' + ', '.join('class %d %.1f %%' % (i, 100 * ratio[i])
                                          for i in np.argsort(-ratio, kind='stable')[:top]
                                          if ratio[i])
        else:
            yield '%s: %s, from %.4g to %.4g' % (
                name, ' x '.join(map(str, Y.shape)) or 'a number', Y.min(), Y.max())


def resized(image, side):
    """Resize a uint8 image (H, W) to (side, side), exactly as OpenCV's bilinear resizing does."""
    def taps(n):
        position = ((np.arange(side) + 0.5) * (n / side) - 0.5).astype(np.float32)
        first = np.floor(position).astype(int)
        fraction = position - first.astype(np.float32)
        # Use integer interpolation weights, as OpenCV does: 2048 represents a weight of 1.
        return [np.clip(i, 0, n - 1) for i in (first, first + 1)] + [
            np.rint(weight * 2048).astype(int) for weight in (1 - fraction, fraction)]

    left, right, a, b = taps(image.shape[1])
    lines = (image[:, left] * a + image[:, right] * b) >> 4  # (H, side)
    above, below, a, b = taps(image.shape[0])
    upper, lower = lines[above] * a[:, None] >> 16, lines[below] * b[:, None] >> 16
    return (upper + lower + 2 >> 2).astype(np.uint8)


def check_file(path):
    if not os.path.isfile(path):
        exists = os.path.exists(path)
        raise Error(path + (': expected a regular file' if exists else ': no such file'))


def read_image(path, size, invert, color):
    """Return an image, scaled and padded to `size`, as uint8 (H, W), or (H, W, 3) if `color`."""
    check_file(path)
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise Error('%s: expected at most %d bytes, found %d'
                        % (path, MAX_BYTES, os.path.getsize(path)))
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Error('%s: expected at most %d pixels, found more' % (path, MAX_PIXELS))
            # Accept MPO files, which some cameras write: each is a JPEG followed by previews.
            if getattr(picture, 'is_animated', False) and picture.format != 'MPO':
                raise Error('%s: expected a single frame or page, found more: save the one you '
                            'need as a separate file' % path)
            if picture.format == 'PNG':  # Pillow skips the checksums when it decodes a PNG
                with Image.open(path) as checked:
                    checked.verify()
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
    files: list = []  # (path, image or None, error message or None)
    for path in args.images:
        try:
            files.append((path, read_image(path, net.size, args.invert, net.channels == 3), None))
        except Error as error:
            files.append((path, None, str(error)))
    images = [image for _, image, _ in files if image is not None]
    predictions = net.outputs(images)
    for path, image, message in files:
        if message:
            print('error: ' + message, file=sys.stderr)
            record = {'file': path, 'error': message}
        elif net.names:
            p = softmax(next(iter(next(predictions).values())))
            classes = [{'name': net.names[i], 'probability': float(p[i])}
                       for i in np.argsort(-p, kind='stable')[:args.top]]
            record = {'file': path, 'classes': classes}
            text = '%s: %s' % (path, ', '.join('%s %.3f' % tuple(row.values()) for row in classes))
            if not args.invert and looks_inverted(image):
                print('note: %s is brighter at its border than inside; if it shows a dark '
                      'object on a bright background, use --invert' % path, file=sys.stderr)
        else:
            outputs = next(predictions)
            record = {'file': path, 'outputs': {name: Y.tolist() for name, Y in outputs.items()}}
            text = '\n  '.join([path, *lines(outputs, net.size, args.top)])
        if args.json:
            print(json.dumps(record))
        elif not message:
            print(text)
    sys.stdout.flush()
    return 1 if len(images) < len(files) else 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print('error: %s\nSee %s --help' % (message, self.prog), file=sys.stderr)
        sys.exit(2)


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    models = [os.path.join(folder, name) for name in ('model.onnx', 'model-int8.onnx')]
    parser = Parser(description=__doc__, epilog=EXAMPLE,
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='image file')
    parser.add_argument('--model', metavar='FILE', help='ONNX file (default: the one next to this '
                        'script)', default=next(filter(os.path.isfile, models), models[0]))
    parser.add_argument('--top', type=int, default=3, metavar='N',
                        help='number of classes, detections or values to list (default: 3)')
    parser.add_argument('--invert', action='store_true', help='invert the brightness of the images')
    parser.add_argument('--json', action='store_true', help='print one line of JSON per image')
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')  # file names may not be valid Unicode
    args = parser.parse_intermixed_args()
    if args.top < 1:
        parser.error('argument --top: must be a positive integer, got %d' % args.top)
    try:
        return run(args)
    except Error as error:
        sys.exit('error: %s' % error)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except OSError as error:  # stdout: the reader closed the pipe, or the disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(141 if isinstance(error, BrokenPipeError) else
                 'error: stdout could not be written: %s' % (error.strerror or error))


if __name__ == '__main__':
    sys.exit(main())
