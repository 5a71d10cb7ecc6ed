"""Flips and crops: what they may do to an image, and what decides which."""
import numpy as np
import pytest

from gluonblocks.data.augment import Augmentation

IMAGES = np.random.RandomState(2).randint(0, 256, (64, 16, 24)).astype(np.uint8)


def test_a_flip_mirrors_some_images_left_and_right_and_leaves_the_others():
    made = Augmentation('flip', 0)(IMAGES, 0, 0)
    same = (made == IMAGES).all(axis=(1, 2))
    mirrored = (made == IMAGES[:, :, ::-1]).all(axis=(1, 2))
    assert (same ^ mirrored).all() and 16 < same.sum() < 48


def test_a_crop_is_one_of_the_image_padded_by_an_eighth_with_its_border():
    made = Augmentation('crop', 0)(IMAGES, 0, 0)
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (3, 3)), mode='edge')
    found = set()
    for image, whole in zip(made, padded):
        places = [(y, x) for y in range(5) for x in range(7)
                  if (whole[y:y + 16, x:x + 24] == image).all()]
        assert len(places) == 1
        found.update(places)
    assert len({y for y, _ in found}) == 5 and len({x for _, x in found}) == 7


def test_seed_epoch_and_batch_decide_what_is_drawn_for_all_colours_alike():
    def draw(seed, epoch, batch):
        return Augmentation('crop-flip', seed)(IMAGES, epoch, batch)
    drawn = [draw(*numbers).tobytes() for numbers in (
        (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0))]
    assert drawn[0] == drawn[4] and len(set(drawn)) == 4
    color = Augmentation('crop-flip', 3)(np.stack([IMAGES] * 3, axis=-1), 1, 2)
    assert color.shape == (64, 16, 24, 3) and (color == draw(3, 1, 2)[..., None]).all()


def test_an_unknown_kind_is_refused_with_the_list():
    with pytest.raises(ValueError, match="one of none, flip, crop, crop-flip, got 'spin'"):
        Augmentation('spin', 0)
