#!/usr/bin/env python3
"""formats_written.py FOLDER - judges image files that gn-save wrote: X.nii.gz by nibabel, X.mha and X.nrrd by SimpleITK.

All three of an X must hold the same voxels of the same type on the same grid. Exit 77: the judges are not installed.
"""
import os, sys

try:
    import nibabel
    import numpy as np
    import SimpleITK as sitk
except ImportError:
    sys.exit(77 if len(sys.argv) > 1 else 0)


def by_nibabel(path):
    image = nibabel.load(path)
    return np.asarray(image.dataobj), image.affine


def by_sitk(path):
    image = sitk.ReadImage(path)
    a = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        a = np.moveaxis(a, -1, 0)
    m = np.eye(4)
    m[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    m[:3, 3] = image.GetOrigin()
    return a.T, np.diag([-1.0, -1, 1, 1]) @ m


def main():
    if len(sys.argv) == 1: # run with the generators: it generates nothing
        return 0
    n = bad = 0
    for folder, _, files in os.walk(sys.argv[1]):
        for name in sorted(files):
            if not name.endswith('.nii.gz'):
                continue
            base = os.path.join(folder, name[:-7])
            want, affine = by_nibabel(base + '.nii.gz')
            for ext in '.mha', '.nrrd':
                got, m = by_sitk(base + ext)
                n += 1
                if got.shape != want.shape or got.dtype != want.dtype or not np.array_equal(got, want):
                    print('%s: voxels differ: %s %s, %s %s' % (base + ext, got.shape, got.dtype, want.shape, want.dtype))
                    bad += 1
                if not np.allclose(m, affine, rtol=1e-6, atol=1e-5): # NIfTI's affine is float32
                    print('%s: affine %s, expected %s' % (base + ext, m.tolist(), affine.tolist()))
                    bad += 1
    print('%d files, %d wrong' % (n, bad))
    return 1 if bad or not n else 0


sys.exit(main())
