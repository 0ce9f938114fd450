#!/usr/bin/env python3
"""real.py - the real images that tests are run on: small crops of published ones.

With GN_REAL=FOLDER (a folder that holds chest/ct.nii.gz, chest/lung.nii.gz and CMU-1-Small-Region.svs) it cuts them again and
writes tests/data/real/ct.txt and he.txt; without it there is nothing to do: the crops are kept. tests/data/real/README.md says
where they come from and under which licence.
"""
import io
import os

import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'real')
CT_AT = (101, 83, 32)


def put(f, name, values, fmt='%d'):
    values = np.asarray(values).ravel()
    f.write('%s %d\n%s\n' % (name, len(values), ' '.join(fmt % v for v in values)))


def read(name):
    """The arrays of DATA/NAME.txt."""
    with open(os.path.join(DATA, name + '.txt')) as f:
        lines = f.read().split('\n')
    return {h.split()[0]: np.array(v.split(), float) for h, v in zip(lines[::2], lines[1::2]) if h}


def cut_ct(folder):
    import nibabel as nib
    box = tuple(slice(a, a + n) for a, n in zip(CT_AT, (13, 12, 9)))
    image, lung = (nib.load(os.path.join(folder, 'chest', n + '.nii.gz')) for n in ('ct', 'lung'))
    affine = image.affine.copy()
    affine[:3, 3] = affine[:3] @ (*CT_AT, 1)
    part = np.asanyarray(image.dataobj)[box]
    with open(os.path.join(DATA, 'ct.txt'), 'w') as f:
        put(f, 'ct.size', part.shape)
        put(f, 'ct.affine', affine[:3], '%.17g')
        put(f, 'ct.image', part.T)
        put(f, 'ct.label', np.asanyarray(lung.dataobj)[box].T)


def cut_he(folder):
    """Every third pixel of a tile of the slide: red, green, blue by component."""
    import tifffile
    from PIL import Image
    path = os.path.join(folder, 'CMU-1-Small-Region.svs')
    with open(path, 'rb') as f:
        page = tifffile.TiffFile(f).pages[0]
        k = 4 * -(-page.imagewidth // page.tilewidth) + 3
        f.seek(page.dataoffsets[k])
        tile = f.read(page.databytecounts[k])
    colours_as_stored = bytes.fromhex('ffee000e41646f626500640000000000')
    v = np.array(Image.open(io.BytesIO(b'\xff\xd8' + colours_as_stored + page.jpegtables[2:-2] + tile[2:])))
    part = v[90:210:3, 30:165:3]
    with open(os.path.join(DATA, 'he.txt'), 'w') as f:
        put(f, 'he.size', (part.shape[1], part.shape[0]))
        put(f, 'he.image', part.transpose(2, 0, 1))


if __name__ == '__main__' and 'GN_REAL' in os.environ:
    os.makedirs(DATA, exist_ok=True)
    cut_ct(os.environ['GN_REAL'])
    cut_he(os.environ['GN_REAL'])
