#!/usr/bin/env python
"""Train a model of the book and print the book's lines; with --out, keep the run in a folder."""
import argparse
import sys

import cli
from cli import positive

EXAMPLE = """\
example:
  python scripts/train.py --model lenet_bn
  python scripts/train.py --model lenet_bn --dataset synthetic --epochs 2    (needs no data)
  python scripts/train.py --model resnet --summary
  python scripts/train.py --model resnet --out runs/resnet --checkpoint-every 50
  python scripts/train.py --resume runs/resnet

Results go to stdout, everything else to stderr. Exit code: 0 trained, 1 failed, 2 wrong
arguments, 130 interrupted, 143 terminated."""


def parse(argv, gb):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', type=model_name(gb), metavar='NAME',
                        help='%s; or a classifier of GluonCV, as gluoncv:cifar_resnet20_v1 '
                             '(gluoncv: alone lists them)' % ', '.join(gb.list_models()))
    parser.add_argument('--epochs', type=positive(int), metavar='N', help="default: the model's")
    parser.add_argument('--batch-size', type=positive(int), metavar='N',
                        help="default: the model's")
    parser.add_argument('--lr', type=positive(float), metavar='RATE',
                        help="learning rate; default: the model's")
    parser.add_argument('--ctx', metavar='DEVICE',
                        help='cpu, gpu, gpu:1, ..., and several as gpu:0,1, which share each '
                             'batch; default: the first GPU, or else the CPU')
    parser.add_argument('--seed', type=int, metavar='N',
                        help='same seed, same numbers (on the same machine and thread count)')
    parser.add_argument('--dataset', choices=gb.list_datasets(), help='default: fashion-mnist')
    parser.add_argument('--data-root', metavar='FOLDER',
                        help='where the files of Fashion-MNIST are or shall be; default: found, '
                             'or else fetched into ~/.mxnet/datasets/fashion-mnist')
    parser.add_argument('--summary', action='store_true',
                        help="print the model's layers, with shapes and costs, and do no more")

    run = parser.add_argument_group('the run, kept in a folder')
    run.add_argument('--out', metavar='FOLDER',
                     help='a new folder for history, curves, checkpoints and weights')
    run.add_argument('--resume', metavar='FOLDER',
                     help='go on with the run there, exactly; only --epochs, --checkpoint-every, '
                          '--tensorboard and --data-root may be given otherwise than before')
    run.add_argument('--checkpoint-every', type=positive(int), metavar='STEPS',
                     help="also within an epoch; default: after the first step and at each "
                          "epoch's end")
    run.add_argument('--tensorboard', action='store_true', default=None,
                     help='write TensorBoard events too (needs tensorboardX)')

    feature = parser.add_argument_group("what the book does not do; unset, it is the book's")
    feature.add_argument('--optimizer', choices=gb.OPTIMIZERS, help='default: sgd')
    feature.add_argument('--momentum', type=float, metavar='SHARE')
    feature.add_argument('--weight-decay', type=float, metavar='FACTOR')
    feature.add_argument('--lr-schedule', choices=gb.SCHEDULES, help='default: constant')
    feature.add_argument('--lr-decay-epochs', type=whole_numbers, metavar='N,N',
                         help='after which epochs the schedule step lowers the rate')
    feature.add_argument('--lr-decay', type=positive(float), metavar='FACTOR', help='default: 0.1')
    feature.add_argument('--warmup-epochs', type=positive(int), metavar='N',
                         help='epochs over which the learning rate rises from 0')
    feature.add_argument('--label-smoothing', type=float, metavar='SHARE')
    feature.add_argument('--early-stop', type=positive(int), metavar='EPOCHS',
                         help='stop when the test accuracy has not risen for so many epochs')
    feature.add_argument('--stop-non-finite', action='store_true', default=None,
                         help='stop at the first loss that is infinite or no number; a run with '
                              '--out always does')
    feature.add_argument('--dtype', choices=('float32', 'float16'), help='float16 needs a GPU')
    args = parser.parse_args(argv)
    if not args.model and not args.resume:
        parser.error('--model is needed, or --resume')
    if args.out and args.resume:
        parser.error('--out starts a run and --resume goes on with one: name one of them')
    if (args.checkpoint_every or args.tensorboard) and not (args.out or args.resume):
        parser.error('--checkpoint-every and --tensorboard go with --out or --resume')
    if args.data_root and args.dataset == 'synthetic':
        parser.error('--data-root goes with --dataset fashion-mnist only')
    if args.seed is not None and not 0 <= args.seed < 2 ** 31:
        parser.error('argument --seed: must be from 0 to 2147483647')
    return args


def whole_numbers(text):
    return [int(part) for part in text.split(',')]


def model_name(gb):
    def known(name):
        try:
            gb.get_recipe(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(error)
        return name
    return known


def train(args, gb):
    features = {name: getattr(args, name) for name in (
        'optimizer', 'momentum', 'weight_decay', 'lr_schedule', 'lr_decay', 'lr_decay_epochs',
        'warmup_epochs', 'label_smoothing', 'early_stop', 'stop_non_finite', 'dtype')}
    common = dict(features, num_epochs=args.epochs, batch_size=args.batch_size, lr=args.lr,
                  ctx=args.ctx, seed=args.seed, root=args.data_root,
                  checkpoint_every=args.checkpoint_every)
    if args.resume:
        gb.resume_run(args.resume, model=args.model, dataset=args.dataset,
                      tensorboard=args.tensorboard, **common)
    else:
        gb.train_model(args.model, dataset=args.dataset or 'fashion-mnist', out=args.out,
                       tensorboard=bool(args.tensorboard), **common)


def main(argv=None):
    import gluonblocks as gb
    args = parse(argv, gb)
    if args.summary:
        print(gb.model_summary(args.model))
    else:
        train(args, gb)
    return 0


if __name__ == '__main__':
    sys.exit(cli.run(main))
