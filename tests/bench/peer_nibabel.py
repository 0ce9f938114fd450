"""peer_nibabel.py FOLDER - nibabel in the place of bench_io: the same lines, answered by "SECONDS LABEL"."""
import os
import sys
import time

import nibabel
import numpy as np
from nibabel.openers import Opener

FOLDER = sys.argv[1]
LEVEL = 6  # of our writer too; nibabel's own is 1, faster and larger
Opener.default_compresslevel = LEVEL
NAME = 'nibabel ' + nibabel.__version__


def load(path):
    return nibabel.load(path).get_fdata(dtype=np.float32)


def main():
    image = None
    for line in sys.stdin:
        what, name = line.split()
        path = os.path.join(FOLDER, name)
        label = NAME
        if what == 'save':
            path = os.path.join(FOLDER, 'peer-' + name)
            label += ', level %d' % LEVEL
            if image is None:
                head = nibabel.load(os.path.join(FOLDER, 'head.nii'))
                image = nibabel.Nifti1Image(np.asarray(head.dataobj), head.affine)
        t = time.perf_counter()
        if what == 'load':
            load(path)
        else:
            nibabel.save(image, path)
        print('%.9f %s' % (time.perf_counter() - t, label), flush=True)


main()
