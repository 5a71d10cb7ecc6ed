"""Workers that share each batch: every image once, as many steps for all."""
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data.augment import Augmentation
from gluonblocks.data.batches import make_loaders

WORKERS = pytest.mark.parametrize('workers', [1, 2, 3, 7])
# (images, images a step): a last step of 0, 1, 2, 5 or 6 images less than the others.
SIZES = pytest.mark.parametrize('num_images, batch_size', [(40, 8), (41, 8), (42, 8), (35, 10),
                                                           (46, 20), (7, 7)])


def loader(num_images, batch_size, part=None, which=0):
    images = np.arange(num_images, dtype=np.uint8).repeat(4).reshape(num_images, 2, 2)
    arrays = [images, np.arange(num_images, dtype=np.int32)] * 2
    return make_loaders(arrays, batch_size, seed=3, part=part)[which]


def steps(data_iter):
    """The labels of each step, which are the images' numbers here."""
    return [[] if y is None else y.asnumpy().tolist() for _, y in data_iter]


@WORKERS
@SIZES
@pytest.mark.parametrize('which', [0, 1], ids=['train', 'test'])
def test_together_the_shares_are_each_step_of_one_process(num_images, batch_size, workers, which):
    whole = loader(num_images, batch_size, which=which)
    parts = [loader(num_images, batch_size, (k, workers), which) for k in range(workers)]
    for _ in range(2):  # epochs, of which the second has another order
        expected, shares = steps(whole), [steps(part) for part in parts]
        assert all(len(share) == len(expected) == len(whole) for share in shares)
        assert [sum(step, []) for step in zip(*shares)] == expected
        assert sorted(sum(expected, [])) == list(range(num_images))


@WORKERS
@SIZES
def test_shares_of_a_step_differ_by_one_image_at_most(num_images, batch_size, workers):
    shares = [steps(loader(num_images, batch_size, (k, workers))) for k in range(workers)]
    for step in zip(*shares):
        sizes = [len(share) for share in step]
        assert max(sizes) - min(sizes) <= 1


def test_a_share_holds_the_images_of_its_labels():
    for X, y in loader(40, 8, (1, 3)):
        assert (X[:, 0, 0, 0].asnumpy() == (y.astype('float32') / 255).asnumpy()).all()


def test_workers_change_each_image_as_one_process_does():
    def images(part=None):
        made = loader(40, 10, part)
        made.augment = Augmentation('crop-flip', 4)
        made.images = np.random.RandomState(0).randint(0, 256, (40, 16, 16)).astype(np.uint8)
        return [X.asnumpy() for X, _ in made]
    for whole, *shares in zip(images(), *(images((k, 3)) for k in range(3))):
        assert (np.concatenate(shares) == whole).all()


def test_a_share_that_starts_within_an_epoch_goes_on_as_one_that_came_there():
    came, started = loader(41, 8, (2, 3)), loader(41, 8, (2, 3))
    all_steps = steps(came) + steps(came)
    started.start_at(1, 2)
    assert steps(started) == all_steps[6 + 2:]


@pytest.mark.parametrize('part, said', [
    ((3, 3), 'must be .k, n.'), ((-1, 3), 'must be'), ((0, 0), 'must be'), (2, 'must be'),
    ((0.0, 2), 'must be'), ((0, 9), 'there are 9 workers, but only 8 images a step')])
def test_a_part_that_cannot_be_is_refused(part, said):
    with pytest.raises(ValueError, match=said):
        loader(40, 8, part)


def test_shares_need_one_seed():
    with pytest.raises(ValueError, match='all workers must name the same seed'):
        gb.data.load_data_synthetic(8, part=(0, 2))


def test_fashion_mnist_comes_in_shares(tiny):
    both = [gb.load_data_fashion_mnist(8, root=str(tiny.folder), seed=1, part=(k, 2))
            for k in range(2)]
    labels = [[y for train_iter, _ in both for step in [steps(train_iter)[0]] for y in step]]
    whole, _ = gb.load_data_fashion_mnist(8, root=str(tiny.folder), seed=1)
    assert labels[0] == steps(whole)[0]


def test_a_step_by_a_shares_own_size_is_refused():
    with pytest.raises(ValueError, match='train it by train_ch5'):
        gb.train(loader(40, 8, (0, 2)), None, None, None, None, None, 1)
