"""Ranks that share each batch: every image once, as many steps for all."""
import numpy as np
import pytest

import gluonblocks as gb
from gluonblocks.data.augment import Augmentation
from gluonblocks.data.batches import make_loaders


def loader(num_images, batch_size, part=None):
    images = np.arange(num_images, dtype=np.uint8).repeat(4).reshape(num_images, 2, 2)
    arrays = [images, np.arange(num_images, dtype=np.int32)] * 2
    return make_loaders(arrays, batch_size, seed=3, part=part)[0]


def steps(data_iter):
    """The labels of each step, which are the images' numbers here."""
    return [[] if y is None else y.asnumpy().tolist() for _, y in data_iter]


# The last steps have 8, 1, 2, 5 and 6 images.
@pytest.mark.parametrize('num_images, batch_size', [(40, 8), (41, 8), (42, 8), (35, 10), (46, 20)])
@pytest.mark.parametrize('world_size', [2, 3, 7])
def test_together_the_shards_are_each_step_of_one_process_and_about_equal(num_images, batch_size,
                                                                          world_size):
    alone = loader(num_images, batch_size)
    ranks = [loader(num_images, batch_size, (k, world_size)) for k in range(world_size)]
    for _ in range(2):  # epochs, of which the second has another order
        expected, shards = steps(alone), [steps(rank) for rank in ranks]
        assert all(len(shard) == len(expected) == len(alone) for shard in shards)
        assert [sum(step, []) for step in zip(*shards)] == expected
        assert sorted(sum(expected, [])) == list(range(num_images))
        for step in zip(*shards):
            assert max(map(len, step)) - min(map(len, step)) <= 1


def test_ranks_augment_each_image_as_one_process_does():
    def images(part=None):
        made = loader(40, 10, part)
        made.augment = Augmentation('crop-flip', 4)
        made.images = np.random.RandomState(0).randint(0, 256, (40, 16, 16)).astype(np.uint8)
        return [X.asnumpy() for X, _ in made]
    for alone, *shards in zip(images(), *(images((k, 3)) for k in range(3))):
        assert (np.concatenate(shards) == alone).all()


def test_a_shard_that_starts_within_an_epoch_resumes_as_one_that_came_there():
    came, started = loader(41, 8, (2, 3)), loader(41, 8, (2, 3))
    all_steps = steps(came) + steps(came)
    started.start_at(1, 2)
    assert steps(started) == all_steps[6 + 2:]


@pytest.mark.parametrize('part, said', [
    ((3, 3), 'must be .k, n.'), ((-1, 3), 'must be'), (2, 'must be'), ((0.0, 2), 'must be'),
    ((0, 9), 'there are 9 workers, but only 8 images a step')])
def test_a_part_that_cannot_be_is_refused(part, said):
    with pytest.raises(ValueError, match=said):
        loader(40, 8, part)


def test_shards_need_one_seed_and_one_size_of_a_step(tiny):
    with pytest.raises(ValueError, match='all workers must name the same seed'):
        gb.load_data_fashion_mnist(8, root=str(tiny.folder), part=(0, 2))
    with pytest.raises(ValueError, match='train it by train_ch5'):
        gb.train(loader(40, 8, (0, 2)), None, None, None, None, None, 1)
