"""Print messages and a progress bar on stderr."""
import sys


def tell(text):
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Iterate over `data_iter`, the batches of one epoch, and show the progress.

    On a terminal, a bar shows the rate and the time left until the epoch ends; otherwise, a line is
    printed every 30 seconds. A resumed run starts after `epochs_done` and `images_done`. For a
    worker's shard, a `BatchLoader` with a `part`, the images of all workers are counted.
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
    """A file object for tqdm that prints each state of the bar on a separate line."""

    def write(self, text):
        text = text.strip('\r\n ')
        if text:
            sys.stderr.write(text + '\n')

    def flush(self):
        sys.stderr.flush()
