"""`vectors.npy`: NPY format 1.0, float32, C order, byte-equal to NumPy's own file."""

import io

import numpy as np


def read(path):
    """(array N x D of float32, whether the bytes before the data are what NumPy writes)."""
    array = np.load(path, allow_pickle=False)
    own = io.BytesIO()
    np.lib.format.write_array_header_1_0(own, np.lib.format.header_data_from_array_1_0(array))
    head = own.getvalue()
    with open(path, "rb") as f:
        same = f.read(len(head)) == head
        f.seek(0, 2)
        same = same and f.tell() == len(head) + array.nbytes
    if array.ndim != 2 or array.dtype != np.dtype("<f4"):
        raise ValueError("%s: %s of shape %s, expected a matrix of float32"
                         % (path, array.dtype, array.shape))
    return array, same
