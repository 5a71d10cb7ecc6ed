"""Data sets: find or download the files, decode images, and load them in batches."""
from .batches import BatchLoader
from .datasets import load_data_fashion_mnist, load_data_synthetic, register_dataset
from .fashion_mnist import DataError, get_fashion_mnist_labels
from .folder import DataWarning, load_data_folder
from .pictures import ImageError, read_image
from .pixels import looks_inverted

__all__ = ['BatchLoader', 'DataError', 'DataWarning', 'ImageError', 'get_fashion_mnist_labels',
           'load_data_fashion_mnist', 'load_data_folder', 'load_data_synthetic', 'looks_inverted',
           'read_image', 'register_dataset']
