"""Training images changed at random, differently in each epoch: flips and crops."""
import numpy as np

KINDS = ('none', 'flip', 'crop', 'crop-flip')


class Augmentation:
    """Changes the images of a batch at random, uint8 (N, H, W) or (N, H, W, C); the size stays.

    'flip' mirrors each image, left to right, with probability 1/2. 'crop' shifts each by up to an
    eighth of its sides and repeats the pixels at the border, which equals padding the image so and
    cropping it. 'crop-flip' does both. The random numbers depend on `seed`, the epoch and the batch
    alone, both counted from 0, so a resumed run draws the same. They are drawn for a batch of
    `num_images`, of which `images` are the slice `share`, so workers that share a batch change each
    image as one process would. Not in the book; He et al. 2016.
    """

    def __init__(self, kind, seed):
        if kind not in KINDS:
            raise ValueError('augment is %r, but must be one of %s' % (kind, ', '.join(KINDS)))
        self.kind, self._seed = kind, seed

    def __call__(self, images, epoch, batch, num_images=None, share=slice(None)):
        rng = np.random.RandomState([self._seed, epoch, batch])
        N, H, W = images.shape[:3]
        drawn = num_images or N, 1
        rows, columns = (np.broadcast_to(np.arange(n), (N, n)) for n in (H, W))
        if 'crop' in self.kind:
            rows, columns = (np.clip(places + rng.randint(-(n // 8), n // 8 + 1, drawn)[share],
                                     0, n - 1)
                             for places, n in ((rows, H), (columns, W)))
        if 'flip' in self.kind:
            columns = np.where(rng.randint(0, 2, drawn)[share], columns[:, ::-1], columns)
        return images[np.arange(N)[:, None, None], rows[:, :, None], columns[:, None, :]]
