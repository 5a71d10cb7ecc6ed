"""Lines on stderr, and a progress bar around a data iterator."""
import sys


def tell(text):
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Iterates over `data_iter`, the batches of one epoch, and shows how far it is.

    On a terminal a bar with rate and time left, which is gone when the epoch ends; elsewhere a
    plain line every half minute. A resumed run begins after `epochs_done` and `images_done`. For a
    worker's shard, a `BatchLoader` with a `part`, the images of all workers count.
    """

    def __init__(self, data_iter, num_epochs, epochs_done=0, images_done=0):
        self.data_iter, self.num_epochs, self.epoch = data_iter, num_epochs, epochs_done
        self._images_done = images_done

    def __iter__(self):
        from tqdm import tqdm
        self.epoch += 1
        terminal = sys.stderr.isatty()
        how = {'leave': False} if terminal else {'file': _PlainLines(), 'mininterval': 30,
                                                 'maxinterval': 60, 'delay': 30, 'leave': False}
        done, self._images_done = self._images_done, 0
        with tqdm(total=self.data_iter.num_images, initial=done, unit='img', ascii=not terminal,
                  desc='epoch %d/%d' % (self.epoch, self.num_epochs), **how) as bar:
            for X, y in self.data_iter:
                yield X, y
                now = (min(self.data_iter.batch_size, self.data_iter.num_images - done)
                       if getattr(self.data_iter, 'part', None) else X.shape[0])
                done += now
                bar.update(now)


class _PlainLines:
    """A file for tqdm that makes each state of the bar a line of its own."""

    def write(self, text):
        text = text.strip('\r\n ')
        if text:
            sys.stderr.write(text + '\n')

    def flush(self):
        sys.stderr.flush()
