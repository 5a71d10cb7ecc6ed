#!/usr/bin/env python
"""Kill a training run by SIGKILL at random moments, resume it each time, and compare the end.

One run is left alone; another, of the same arguments, is killed again and again, and resumed with
`--resume`. Weights, checkpoints, history and printed lines must be the same to the last byte, the
seconds apart. Prints what was compared and the verdict.
"""
import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time

EXAMPLE = """\
example:
  python scripts/kill_test.py
  python scripts/kill_test.py --kills 5 -- --model resnet --dataset synthetic --checkpoint-every 1

What follows -- goes to scripts/train.py, in the place of: %s
Exit code: 0 the same after all kills, 1 not, 2 wrong arguments."""
ARGUMENTS = ['--model', 'lenet_bn', '--epochs', '3', '--seed', '0', '--checkpoint-every', '20']
TRAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'train.py')
COMPARED = ('final.safetensors', 'final.params', 'best.safetensors', 'last.safetensors',
            'history.csv', 'history.jsonl', 'config.json')


def start(arguments):
    return subprocess.Popen([sys.executable, TRAIN] + arguments, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate()
    if process.returncode:
        sys.exit('train.py ended with code %d:\n%s' % (process.returncode, err))
    return out


def checkpoints(process, folder):
    """Yield each time a checkpoint appears in `folder`, until the process ends."""
    path, before = os.path.join(folder, 'last.safetensors'), None
    while process.poll() is None:
        try:
            now = os.stat(path).st_ino
        except FileNotFoundError:  # none yet, or it makes way for the next
            now = before
        if now != before:
            if before is not None or not process.resumed:
                yield now
            before = now
        time.sleep(0.002)


def undisturbed(arguments, folder):
    """Run to the end; (what it printed, seconds to the first checkpoint, of each, their number)."""
    begin = time.monotonic()
    process = start(arguments + ['--out', folder])
    process.resumed = False
    times = [time.monotonic() for _ in checkpoints(process, folder)]
    if not times:
        finish(process)
    return finish(process), times[0] - begin, (times[-1] - times[0]) / len(times), len(times)


def killed(arguments, folder, kills, start_up, interval, number, rng):
    """Kill `kills` times, then run to the end; (what all printed, how often it was killed)."""
    out, done, seen = '', 0, 0
    for i in range(kills):
        begun = os.path.exists(os.path.join(folder, 'config.json'))
        process = start(['--resume', folder] if begun else arguments + ['--out', folder])
        process.resumed = os.path.exists(os.path.join(folder, 'last.safetensors'))
        # So many checkpoints on that the kills are spread over the run and none comes too late.
        left = max(0, number - 4 - seen)
        wanted = rng.randint(0, int(min(left, 1.6 * left / (kills - i))))
        if wanted == 0 or i % 4 == 3:  # while it starts, which is when it reads and mends
            time.sleep(rng.uniform(0, start_up / 2))
        else:
            for count, _ in enumerate(checkpoints(process, folder), 1):
                if count >= wanted:
                    break
            seen += wanted + 1  # while it sleeps there may come another
            time.sleep(rng.uniform(0, interval))
        process.kill()
        text, _ = process.communicate()
        out += text
        done += process.returncode < 0
        print('kill %d: %s' % (i + 1, (text.strip().splitlines() or ['within an epoch'])[-1]
                               if process.returncode < 0 else 'too late, it had ended'),
              file=sys.stderr, flush=True)
    return out + finish(start(['--resume', folder])), done


def lines(out):
    """The lines of `out` without their seconds, each once: a line may be printed again."""
    return list(dict.fromkeys(re.findall(r'.*(?=, time [\d.]+ sec\n)', out)))


def digest(folder, name):
    with open(os.path.join(folder, name), 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE % ' '.join(ARGUMENTS),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=20, metavar='N', help='default: 20')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of the moments')
    parser.add_argument('arguments', nargs='*', metavar='ARGUMENT', help='for scripts/train.py')
    args = parser.parse_args(argv)
    arguments = args.arguments or ARGUMENTS
    with tempfile.TemporaryDirectory() as folder:
        one, other = os.path.join(folder, 'undisturbed'), os.path.join(folder, 'killed')
        expected, start_up, interval, number = undisturbed(arguments, one)
        print('undisturbed: %.1f s to the first of %d checkpoints, %.2f s from one to the next'
              % (start_up, number, interval), file=sys.stderr, flush=True)
        out, done = killed(arguments, other, args.kills, start_up, interval, number,
                           random.Random(args.seed))
        same = lines(out) == lines(expected)
        print('%-18s %s' % ('printed lines', 'same' if same else 'DIFFER'))
        for name in COMPARED:
            digests = digest(one, name), digest(other, name)
            same = same and digests[0] == digests[1]
            print('%-18s %s' % (name, 'same, SHA-256 ' + digests[0] if digests[0] == digests[1]
                                else 'DIFFER'))
        left = [name for name in os.listdir(other) if name not in os.listdir(one)]
        same = same and not left
        print('killed %d times of %d: %s%s' % (
            done, args.kills, 'the same to the last byte' if same else 'NOT the same',
            ''.join(', left: ' + name for name in left)))
    return 0 if same and done == args.kills else 1


if __name__ == '__main__':
    sys.exit(main())
