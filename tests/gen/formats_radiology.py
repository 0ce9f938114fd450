#!/usr/bin/env python3
"""formats_radiology.py [ZOO] - small MetaImage, NRRD, MGH and Analyze files, and what SimpleITK and nibabel say of them.

Writes tests/data/formats/FORMAT/* and tests/data/formats/expected.tsv, which formats.py reads. With ZOO, a folder of
real files with mha/, nrrd/ and dicom/ in it, also tests/data/formats_zoo.tsv: the same table of those files by SimpleITK.
"""
import gzip, hashlib, json, os, struct, sys
import nibabel
import numpy as np
import SimpleITK as sitk

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data')
OUT = os.path.join(HERE, 'formats')
HEAD = ['file', 'reader', 'kind', 'shape', 'dtype', 'min', 'max', 'mean', 'sha256_16_of_pixels', 'details']
DTYPES = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64']
rng = np.random.default_rng(12)
sitk.ProcessObject.SetGlobalWarningDisplay(False)


def voxels(dtype, shape):
    """Values over the whole range of the type; shape x y z (c)."""
    if dtype.startswith('float'):
        return rng.normal(0, 1000, shape).astype(dtype)
    i = np.iinfo(dtype)
    return rng.integers(i.min, i.max, shape, dtype=dtype, endpoint=True)


def row(name, reader, kind, a, affine):
    """a: x y z (c), as the file's type."""
    a = np.asarray(a)
    a = a.reshape(a.shape + (1,) * (3 - a.ndim))
    pixels = a.astype(a.dtype.newbyteorder('<')).tobytes(order='F')
    # Sums in exact integers or in double, whatever the type.
    flat = a.astype(object if a.dtype.kind in 'iu' else np.float64).ravel()
    return [name, reader, kind, 'x'.join(map(str, a.shape)), a.dtype.name, '%.9g' % float(flat.min()),
            '%.9g' % float(flat.max()), '%.9g' % float(flat.sum() / len(flat)),
            hashlib.sha256(pixels).hexdigest()[:16],
            json.dumps({'affine': np.asarray(affine)[:3].tolist()}, separators=(',', ':'))]


def refused(name, why):
    return [name, 'reference reader refuses'] + [''] * 7 + [json.dumps({'error': why})]


def affine_of(image):
    """A SimpleITK image's grid, in RAS."""
    n = image.GetDimension()
    m = np.eye(4)
    k = min(n, 3)
    d = np.reshape(image.GetDirection(), (n, n))[:k, :k] * np.asarray(image.GetSpacing())[:k]
    m[:k, :k] = d
    m[:k, 3] = image.GetOrigin()[:k]
    return np.diag([-1.0, -1, 1, 1]) @ m + 0.0


def array_of(image):
    """x y z c, channels of a pixel and frames as c."""
    a = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        return np.moveaxis(a, -1, 0).T if image.GetDimension() == 3 else np.moveaxis(a, -1, 0)[:, None].T
    return a.T


def by_sitk(path, name):
    image = sitk.ReadImage(path)
    return row(name, 'SimpleITK', os.path.splitext(path)[1][1:], array_of(image), affine_of(image))


def oblique(n=3):
    """A rotation that is none about an axis."""
    q = np.array([0.8, 0.3, -0.4, 0.33])
    w, x, y, z = q / np.linalg.norm(q)
    r = np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                  [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                  [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
    return r if n == 3 else np.array([[0.6, -0.8], [0.8, 0.6]])


def image_of(a, channels=False, place=True):
    """x y z (c) -> a SimpleITK image on an oblique grid."""
    image = sitk.GetImageFromArray(np.moveaxis(a, -1, 0).T if channels else a.T, isVector=channels)
    n = image.GetDimension()
    if place:
        d = np.eye(n)
        d[:min(n, 3), :min(n, 3)] = oblique(min(n, 3))
        image.SetSpacing(([0.7, 1.3, 2.5] + [1] * n)[:n])
        image.SetOrigin(([-31.25, 17.5, 93.125] + [0] * n)[:n])
        image.SetDirection(d.ravel().tolist())
    return image


def write(name, text, data=b''):
    path = os.path.join(OUT, name)
    with open(path, 'wb') as f:
        f.write(text.encode() + data)
    return path


def written_by_sitk(rows):
    for ext in 'mha', 'nrrd':
        for dtype in DTYPES:
            a = voxels(dtype, (5, 4, 3))
            for packed in False, True:
                name = '%s/%s%s.%s' % (ext, dtype, '_packed' if packed else '', ext)
                sitk.WriteImage(image_of(a), os.path.join(OUT, name), packed)
                rows.append(by_sitk(os.path.join(OUT, name), name))
        for what, shape, vector in ('flat', (7, 5), False), ('channels', (5, 4, 3, 3), True), ('frames', (5, 4, 3, 2), False), \
                                   ('flat_channels', (6, 5, 4), True):
            name = '%s/%s.%s' % (ext, what, ext)
            sitk.WriteImage(image_of(voxels('int16', shape), vector), os.path.join(OUT, name), True)
            rows.append(by_sitk(os.path.join(OUT, name), name))
        pair = {'mha': 'mhd', 'nrrd': 'nhdr'}[ext]
        for packed in False, True:
            name = '%s/pair%s.%s' % (ext, '_packed' if packed else '', pair)
            sitk.WriteImage(image_of(voxels('uint16', (5, 4, 3))), os.path.join(OUT, name), packed)
            rows.append(by_sitk(os.path.join(OUT, name), name))


def by_hand_mha(rows):
    """What SimpleITK reads and does not write."""
    a = voxels('int16', (5, 4, 3))
    big, little = a.astype('>i2').tobytes(order='F'), a.astype('<i2').tobytes(order='F')
    head = 'NDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n'
    cases = {
        'big.mha': (head + 'ElementByteOrderMSB = True\nElementSize = 2 3 4\nElementDataFile = LOCAL\n', big),
        'long.mha': ('NDims = 3\nDimSize = 5 4 3\nElementType = MET_LONG\nPosition = 1 2 3\nElementDataFile = LOCAL\n',
                     a.astype('<i4').tobytes(order='F')),
        'text.mha': (head + 'BinaryData = False\nElementDataFile = LOCAL\n', ' '.join(map(str, a.ravel(order='F'))).encode() + b'\n'),
        'skip.mhd': (head + 'HeaderSize = 7\nElementDataFile = skip.raw\n', b''),
        'tail.mhd': (head + 'HeaderSize = -1\nElementDataFile = skip.raw\n', b''),
        'list.mhd': (head + 'ElementSpacing = 1 2 3\nElementDataFile = LIST\nlist1.raw\nlist2.raw\nlist3.raw\n', b''),
        'pattern.mhd': (head + 'ElementDataFile = list%d.raw 1 3 1\n', b''),
    }
    write('mha/skip.raw', '7 bytes', little)
    for k in range(3):
        write('mha/list%d.raw' % (k + 1), '', a[:, :, k].astype('<i2').tobytes(order='F'))
    for name, (text, data) in cases.items():
        path = write('mha/' + name, text, data)
        rows.append(by_sitk(path, 'mha/' + name))
    if (np.frombuffer(little, '<i2').reshape(5, 4, 3, order='F') != a).any():
        raise ValueError('the bytes are not the voxels')


def by_hand_nrrd(rows):
    a = voxels('int16', (5, 4, 3))
    big, little = a.astype('>i2').tobytes(order='F'), a.astype('<i2').tobytes(order='F')
    head = 'NRRD0004\n# a comment\ntype: short\ndimension: 3\nsizes: 5 4 3\nkey:=value\n'
    ras = 'space: %s\nspace directions: (0,2,0) (0.6,0,-0.8) (-1.6,0,-1.2)\nspace origin: (1,-2,3.5)\n'
    text = ' '.join(map(str, a.ravel(order='F'))).encode()
    hexed = little.hex().encode()
    lines = b'\n'.join(hexed[i:i + 30] for i in range(0, len(hexed), 30))
    cases = {
        'big.nrrd': (head + ras % 'left-posterior-superior' + 'endian: big\nencoding: raw\n\n', big),
        'ras.nrrd': (head + ras % 'right-anterior-superior' + 'endian: little\nencoding: raw\n\n', little),
        'las.nrrd': (head + ras % 'LAS' + 'endian: little\nencoding: gz\n\n', gzip.compress(little, mtime=0)),
        'scanner.nrrd': (head + ras % 'scanner-xyz' + 'endian: little\nencoding: raw\n\n', little),
        'text.nrrd': (head + 'spacings: 0.5 0.25 3\nencoding: text\n\n', text),
        'hex.nrrd': (head + 'encoding: hex\nendian: little\n\n', lines),
        'nodes.nrrd': (head + 'spacings: 2 3 4\naxis mins: 1 2 3\ncenters: node node node\nencoding: raw\nendian: little\n\n', little),
        'cells.nrrd': (head + 'spacings: 2 3 4\naxis mins: 1 2 3\ncenters: cell cell cell\nencoding: raw\nendian: little\n\n', little),
        'skip.nrrd': (head + 'line skip: 2\nbyte skip: 3\nencoding: raw\nendian: little\n\n', b'one\ntwo\nabc' + little),
        'list.nhdr': (head + 'encoding: raw\nendian: little\ndata file: LIST\nlist1.raw\nlist2.raw\nlist3.raw\n', b''),
        'pattern.nhdr': (head + 'encoding: raw\nendian: little\ndata file: list%02d.raw 1 3 1\n', b''),
    }
    for k in range(3):
        data = a[:, :, k].astype('<i2').tobytes(order='F')
        write('nrrd/list%d.raw' % (k + 1), '', data)
        write('nrrd/list%02d.raw' % (k + 1), '', data)
    for name, (text, data) in cases.items():
        path = write('nrrd/' + name, text, data)
        rows.append(by_sitk(path, 'nrrd/' + name))
    # The channel axis in three places: one image.
    c = voxels('int16', (5, 4, 3, 2))
    for name, order in ('axis_first', (3, 0, 1, 2)), ('axis_last', (0, 1, 2, 3)), ('axis_third', (0, 1, 3, 2)):
        sizes = ' '.join(str(c.shape[i]) for i in order)
        kinds = ' '.join('vector' if i == 3 else 'domain' for i in order)
        vectors = ['(0,2,0)', '(0.6,0,-0.8)', '(-1.6,0,-1.2)', 'none']
        text = 'NRRD0005\ntype: int16\ndimension: 4\nspace: LPS\nsizes: %s\nspace directions: %s\nkinds: %s\nendian: little\n' \
               'encoding: raw\n\n' % (sizes, ' '.join(vectors[i] for i in order), kinds)
        path = write('nrrd/%s.nrrd' % name, text, c.transpose(order).astype('<i2').tobytes(order='F'))
        rows.append(by_sitk(path, 'nrrd/%s.nrrd' % name))


def by_nibabel(path, name):
    image = nibabel.load(path)
    a = np.asarray(image.dataobj)
    scaled = image.dataobj.slope != 1 or image.dataobj.inter != 0 if hasattr(image.dataobj, 'slope') else False
    stored = image.dataobj.get_unscaled() if scaled else a
    r = row(name, 'nibabel', type(image).__name__, stored, image.affine)
    if scaled:
        r[5:8] = ['%.9g' % v for v in (a.min(), a.max(), a.mean())]
    return r


def written_by_nibabel(rows):
    affine = np.eye(4)
    affine[:3, :3] = oblique() * [0.7, 1.3, 2.5]
    affine[:3, 3] = [-31.25, 17.5, 93.125]
    for dtype in 'uint8', 'int16', 'int32', 'float32':
        for ext in 'mgh', 'mgz':
            name = 'mgh/%s.%s' % (dtype, ext)
            nibabel.MGHImage(voxels(dtype, (5, 4, 3)), affine).to_filename(os.path.join(OUT, name))
            rows.append(by_nibabel(os.path.join(OUT, name), name))
    nibabel.MGHImage(voxels('int16', (5, 4, 3, 2)), affine).to_filename(os.path.join(OUT, 'mgh/frames.mgh'))
    rows.append(by_nibabel(os.path.join(OUT, 'mgh/frames.mgh'), 'mgh/frames.mgh'))
    for order in '<', '>':
        for dtype in 'uint8', 'int16', 'int32', 'float32', 'float64':
            name = 'analyze/%s_%s.hdr' % (dtype, 'little' if order == '<' else 'big')
            header = nibabel.Spm2AnalyzeHeader(endianness=order)
            image = nibabel.Spm2AnalyzeImage(voxels(dtype, (5, 4, 3)), None, header)
            image.set_data_dtype(dtype)
            image.header.set_zooms([0.7, 1.3, 2.5])
            if dtype == 'int16':
                image.header['origin'][:3] = [2, 3, 1]
            path = os.path.join(OUT, name)
            nibabel.Spm2AnalyzeImage.to_filename(image, path)
            if os.path.exists(path[:-4] + '.mat'): # nibabel's note of its own; origin and sizes say the same
                os.remove(path[:-4] + '.mat')
            if dtype == 'uint8': # SPM's scale factor
                h = bytearray(open(path, 'rb').read())
                h[112:116] = struct.pack(order + 'f', 0.25)
                open(path, 'wb').write(h)
            rows.append(by_nibabel(path, name))


def save(path, rows):
    with open(path, 'w') as f:
        f.write('\n'.join('\t'.join(r) for r in [HEAD] + sorted(rows)) + '\n')


def main():
    rows = []
    for folder in 'mha', 'nrrd', 'mgh', 'analyze':
        os.makedirs(os.path.join(OUT, folder), exist_ok=True)
    written_by_sitk(rows)
    by_hand_mha(rows)
    by_hand_nrrd(rows)
    written_by_nibabel(rows)
    save(os.path.join(OUT, 'expected.tsv'), rows)
    if len(sys.argv) > 1:
        zoo, rows = sys.argv[1], []
        # What SimpleITK refuses and is nevertheless right; the numbers are those that the files' makers give.
        count = np.arange(1, 28, dtype='uint8')
        line = np.diag([-1.0458, -1, 1, 1]) + 0.0
        known = {'nrrd/test1d_ascii.nrrd': (count, line), 'nrrd/test_customFields.nrrd': (count, line),
                 'nrrd/test_simple4d_raw.nrrd': (np.full((1, 1, 1), 0.76903426), np.diag([1.5, 1.5, 1, 1]))}
        for folder in 'mha', 'nrrd':
            for name in sorted(os.listdir(os.path.join(zoo, folder))):
                if not name.endswith('.raw') and not name.endswith('.nii.gz'):
                    key = folder + '/' + name
                    if key in known:
                        r = row(key, 'known', 'nrrd', *known[key])
                        r[8] = '' if known[key][0].dtype.kind == 'f' else r[8] # given to 8 digits
                        rows.append(r)
                        continue
                    try:
                        rows.append(by_sitk(os.path.join(zoo, folder, name), folder + '/' + name))
                    except RuntimeError as e:
                        rows.append(refused(folder + '/' + name, str(e).splitlines()[-1].split(': ')[-1][:80]))
        series = os.path.join(zoo, 'dicom', 'series_mr17')
        image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(series))
        rows.append(row('dicom/series_mr17', 'SimpleITK', 'DICOM', array_of(image), affine_of(image)))
        save(os.path.join(HERE, 'formats_zoo.tsv'), rows)


main()
