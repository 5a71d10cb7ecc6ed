"""Random augmentation of training images: flips and crops, different in each epoch."""
import numpy as np

KINDS = ('none', 'flip', 'crop', 'crop-flip')


class Augmentation:
    """Randomly flip or crop each image in a uint8 batch of shape (N, H, W) or (N, H, W, C).

    'flip' mirrors an image left to right with probability 1/2. 'crop' shifts an image by up to an
    eighth of its height and width and repeats its border pixels, which is the same as padding the
    image with its border and cropping it. 'crop-flip' does both.

    The random numbers depend only on `seed` and on `epoch` and `batch`, both counted from 0, so a
    resumed run draws the same numbers. If `images` is only a shard of a batch, `num_images` is the
    size of the full batch, and `shard` is the slice of the batch that `images` contains; each image
    is then augmented as in a run with a single process. Source: He et al. 2016, not the book.
    """

    def __init__(self, kind, seed):
        if kind not in KINDS:
            raise ValueError('augment must be one of %s, got %r' % (', '.join(KINDS), kind))
        self.kind, self._seed = kind, seed

    def __call__(self, images, epoch, batch, num_images=None, shard=slice(None)):
        rng = np.random.RandomState([self._seed, epoch, batch])
        N, H, W = images.shape[:3]
        shape = num_images or N, 1
        rows, columns = (np.broadcast_to(np.arange(n), (N, n)) for n in (H, W))
        if 'crop' in self.kind:
            rows, columns = (np.clip(indices + rng.randint(-(n // 8), n // 8 + 1, shape)[shard],
                                     0, n - 1)
                             for indices, n in ((rows, H), (columns, W)))
        if 'flip' in self.kind:
            columns = np.where(rng.randint(0, 2, shape)[shard], columns[:, ::-1], columns)
        return images[np.arange(N)[:, None, None], rows[:, :, None], columns[:, None, :]]
