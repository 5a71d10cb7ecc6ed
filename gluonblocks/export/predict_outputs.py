#!/usr/bin/env python3
"""Print what the net in the ONNX file beside this program says about images, output by output."""
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

from gluonblocks.data.pixels import fitted, upright

NOTES = """\
It needs Python 3.8 or newer and  pip install numpy pillow onnxruntime  ; all else is in the file.
An image is fitted into the net's input without distortion and becomes (pixels - mean) / std, with
the mean and std that were given to the export. Detections are printed as class, score and box, in
the unit of the net; an output of the image's size as the share of each class."""


def read_image(path, info):
    """The net's input for the image in a file: float32 (1, C, H, W)."""
    C, H, W = info['input']
    with Image.open(path) as picture:
        image = fitted(upright(picture, 0, color=C == 3), H, W).reshape(H, W, C)
    mean, std = (np.reshape(np.float32(info[name]), (-1, 1, 1)) for name in ('mean', 'std'))
    return ((image.transpose(2, 0, 1)[None] - mean) / std).astype(np.float32)


def are_probabilities(Y):
    return Y.min() >= 0 and np.abs(Y.sum(axis=0) - 1).max() < 1e-3


def lines(outputs, size, top):
    """Yield text for each of `outputs`, {name: the array of one image of this (H, W)}."""
    arrays = list(outputs.values())
    if [Y.shape[1:] for Y in arrays] == [(1,), (1,), (4,)]:  # class, score and box apart
        outputs = {'detections': np.concatenate(arrays, axis=1)}
    for name, Y in outputs.items():
        if Y.ndim == 2 and Y.shape[1] == 6:
            rows = sorted((row for row in Y if row[0] >= 0), key=lambda row: -row[1])
            yield '%s: %d' % (name, len(rows))
            for row in rows[:top]:
                yield '  class %d, score %.3f, box %.4g %.4g %.4g %.4g' % tuple(row)
        elif Y.ndim == 1 and Y.size > 1:
            best = np.argsort(-Y, kind='stable')[:top]
            if are_probabilities(Y):
                yield name + ': ' + ', '.join('class %d %.3f' % (i, Y[i]) for i in best)
            else:
                yield '%s: %d values of length %.4g, the largest: %s' % (
                    name, Y.size, np.linalg.norm(Y), ', '.join(
                        '%.4g at %d' % (Y[i], i) for i in best))
        # Three channels that are no probabilities are rather an image.
        elif Y.shape[1:] == size and len(Y) > 1 and (len(Y) != 3 or are_probabilities(Y)):
            share = np.bincount(Y.argmax(axis=0).ravel(), minlength=len(Y)) / (size[0] * size[1])
            yield name + ': ' + ', '.join('class %d on %.1f %%' % (i, 100 * share[i])
                                          for i in np.argsort(-share, kind='stable')[:top]
                                          if share[i])
        else:
            yield '%s: %s, from %.4g to %.4g, mean %.4g' % (
                name, ' x '.join(map(str, Y.shape)) or 'a number', Y.min(), Y.max(), Y.mean())


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    beside = [os.path.join(folder, name) for name in ('model.onnx', 'model-int8.onnx')]
    parser = argparse.ArgumentParser(description=__doc__, epilog=NOTES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='image file')
    parser.add_argument('--model', metavar='FILE', help='ONNX file (default: the one beside this '
                        'program)', default=next(filter(os.path.isfile, beside), beside[0]))
    parser.add_argument('--top', type=int, default=5, metavar='N',
                        help='number of classes or detections to print (default: 5)')
    args = parser.parse_args()
    failed = False
    try:
        net = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
        info = {name: json.loads(text) for name, text in
                net.get_modelmeta().custom_metadata_map.items() if name in ('input', 'mean', 'std')}
        names = [output.name for output in net.get_outputs()]
    except Exception as error:  # onnxruntime has a class for each reason, and documents none
        sys.exit('error: %s: %s' % (args.model, str(error).split('\n')[0]))
    for path in args.images:
        try:
            found = net.run(None, {net.get_inputs()[0].name: read_image(path, info)})
        except Exception as error:  # a damaged file makes Pillow raise almost anything
            print('error: %s: %s' % (path, error), file=sys.stderr)
            failed = True
            continue
        print(path)
        for line in lines({name: Y[0] for name, Y in zip(names, found)}, tuple(info['input'][1:]),
                          args.top):
            print('  ' + line)
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
