"""Print messages and a progress bar to stderr."""
import sys


def tell(text):
    """Print a line to stderr."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Iterate over `data_iter`, the batches of one epoch, and show the progress.

    On a terminal, a bar shows the rate and the time left until the epoch ends; otherwise, a line is
    printed every 30 seconds. A resumed run starts after `epochs_done` epochs and `images_done`
    images of the next epoch. The images of all workers are counted, not only this worker's.
    """

    def __init__(self, data_iter, num_epochs, epochs_done=0, images_done=0):
        self.data_iter, self.num_epochs, self.epoch = data_iter, num_epochs, epochs_done
        self._images_done = images_done

    def __iter__(self):
        from tqdm import tqdm
        self.epoch += 1
        terminal = sys.stderr.isatty()
        options = {} if terminal else {'file': _PlainLines(), 'mininterval': 30, 'maxinterval': 60,
                                       'delay': 30}
        done, self._images_done = self._images_done, 0
        with tqdm(total=self.data_iter.num_images, initial=done, unit='img', ascii=not terminal,
                  leave=False, desc='epoch %d/%d' % (self.epoch, self.num_epochs),
                  **options) as bar:
            for X, y in self.data_iter:
                yield X, y
                count = (min(self.data_iter.batch_size, self.data_iter.num_images - done)
                         if getattr(self.data_iter, 'part', None) else X.shape[0])
                done += count
                bar.update(count)


class _PlainLines:
    """A file-like object that prints each update of a tqdm bar on a separate line."""

    def write(self, text):
        text = text.strip('\r\n ')
        if text:
            sys.stderr.write(text + '\n')

    def flush(self):
        sys.stderr.flush()
