#!/usr/bin/env python
"""Train a model of the book and print the book's lines."""
import argparse
import os
import sys

EXAMPLE = """\
example:
  python scripts/train.py --model lenet_bn
  python scripts/train.py --model lenet_bn --dataset synthetic --epochs 2    (needs no data)
  python scripts/train.py --model resnet --summary

Results go to stdout, everything else to stderr. Exit code: 0 trained, 1 failed, 2 wrong
arguments, 130 interrupted."""


def parse(argv, gb):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', required=True, type=model_name(gb), metavar='NAME',
                        help='%s; or a classifier of GluonCV, as gluoncv:cifar_resnet20_v1 '
                             '(gluoncv: alone lists them)' % ', '.join(gb.list_models()))
    parser.add_argument('--epochs', type=positive(int), metavar='N', help="default: the model's")
    parser.add_argument('--batch-size', type=positive(int), metavar='N',
                        help="default: the model's")
    parser.add_argument('--lr', type=positive(float), metavar='RATE',
                        help="learning rate; default: the model's")
    parser.add_argument('--ctx', metavar='DEVICE',
                        help='cpu, gpu, gpu:1, ...; default: the first GPU, or else the CPU')
    parser.add_argument('--seed', type=int, metavar='N',
                        help='same seed, same numbers (on the same machine and thread count)')
    parser.add_argument('--dataset', choices=sorted(gb.DATASETS), default='fashion-mnist',
                        help='default: %(default)s')
    parser.add_argument('--data-root', metavar='FOLDER',
                        help='where the files of Fashion-MNIST are or shall be; default: found, '
                             'or else fetched into ~/.mxnet/datasets/fashion-mnist')
    parser.add_argument('--summary', action='store_true',
                        help="print the model's layers, with shapes and costs, and do no more")
    args = parser.parse_args(argv)
    if args.data_root and args.dataset != 'fashion-mnist':
        parser.error('--data-root goes with --dataset fashion-mnist only')
    if args.seed is not None and not 0 <= args.seed < 2 ** 31:
        parser.error('argument --seed: must be from 0 to 2147483647')
    return args


def model_name(gb):
    def known(name):
        try:
            gb.get_recipe(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(error)
        return name
    return known


def positive(kind):
    def number(text):
        value = kind(text)
        if not 0 < value < float('inf'):
            raise argparse.ArgumentTypeError('%s is not a positive number' % text)
        return value
    number.__name__ = kind.__name__
    return number


def main(argv=None):
    try:
        import gluonblocks as gb
        args = parse(argv, gb)
        if args.summary:
            print(gb.model_summary(args.model))
            return 0
        gb.train_model(args.model, num_epochs=args.epochs, batch_size=args.batch_size, lr=args.lr,
                       ctx=args.ctx, seed=args.seed, dataset=args.dataset, root=args.data_root)
    except ModuleNotFoundError as error:
        print('error: %s\nInstall it from the repository: pip install -r requirements.txt' % error,
              file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        after_bar = '\n' if sys.stderr.isatty() else ''
        print(after_bar + 'interrupted: training stopped, nothing was saved', file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 141
    except (ImportError, OSError, ValueError, MemoryError) as error:
        print('error: %s' % error, file=sys.stderr)
        return 1
    except RuntimeError as error:  # MXNet's own, which bring their C++ trace: the last line counts
        print('error: %s' % str(error).strip().splitlines()[-1], file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
