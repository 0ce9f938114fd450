#!/usr/bin/env python3
"""formats.py DATA FOLDER - judges gn-load on a zoo of image files against what other readers say of them.

DATA/expected.tsv holds, per file, shape, type, minimum, maximum, mean and a hash of the pixels by nibabel, tifffile,
Pillow or SimpleITK; tests/data/formats_zoo.tsv more of the same files. This program reads gn-load's stream, undoes the conversions that gn promises (one named function each), and compares. `formats.py DATA corrupt/FOLDER` judges damaged files: exit 0 or one line and exit 1, within a second of computing
and 64 MiB (sanitizers need more of both). `formats.py DATA damage/FOLDER` damages good files first, in the working folder.
"""
import array, gzip, hashlib, json, os, random, shutil, struct, subprocess, sys, zlib

SIZE = {'uint8': 1, 'int8': 1, 'uint16': 2, 'int16': 2, 'uint32': 4, 'int32': 4, 'uint64': 8, 'int64': 8,
        'float16': 2, 'float32': 4, 'float64': 8}
CODE = {'uint8': 'B', 'int8': 'b', 'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i', 'uint64': 'Q', 'int64': 'q',
        'float16': 'e', 'float32': 'f', 'float64': 'd'}

# Files that gn refuses by design, and what it must say.
REFUSED = {
    'nrrd/BallBinary30x30x30_bz2.nrrd': 'bzip2 are not supported',
    'nrrd/BallBinary30x30x30_byteskip_minus_five.nhdr': 'byte skip -5 is not supported',
    'nrrd/BallBinary30x30x30_nifti.nhdr': 'more than the 54000 bytes', # others read the header of another format as voxels
    'mha/2D_2x2_square_object_at_(1_3).mhd': 'No such file', 'mha/2D_2x2_square_object_at_(2_1).mhd': 'No such file',
    'nifti/complex32.nii': 'complex64', 'nifti/complex64.nii': 'complex128',
    'tiff/minisblack-1c-3b.tiff': '3 bits', 'tiff/minisblack-1c-7b.tiff': '7 bits', 'tiff/miniswhite-1c-6b.tiff': '6 bits',
    'tiff/off_l16.tif': 'LogLuv', 'tiff/off_luv24.tif': 'LogLuv', 'tiff/off_luv32.tif': 'LogLuv',
    'tiff/zero_gi.tif': 'damaged TIFF',
    # A page of another size that nothing marks as a thumbnail: which is the image?
    'tiff/dscf0013.tif': 'page 2 is 160 x 120 pixels', 'tiff/multipage.tiff': 'page 3 is 20 x 20 pixels',
    'tiff/multipage-mmap.tiff': 'page 3 is 20 x 20 pixels',
    # Damaged, and other decoders look away: they fill in grey, or stop half way.
    'tiff/text.tif': 'Not enough data', 'jpeg/mjpeg.jpg': 'extraneous bytes', 'jpeg/progressive-missing-dc.jpg': 'progression',
    'jpeg/jpg-cmyk-2.jpg': 'subsampling',
}


REFUSED.update({
    'dicom/wsi_boxes/boxes_0.dcm': 'whole-slide',
    'dicom/wsi_boxes/boxes_1.dcm': 'whole-slide', 'dicom/MR_truncated.dcm': 'truncated', 'dicom/no_meta.dcm': 'not a DICOM file',
})

# Formats of radiology: shape x first, voxels in file order, an affine.
PLACED = 'nifti', 'analyze', 'mgh', 'mha', 'nrrd'


def stream(data):
    """Yield (header, payload) of each record; an error if the stream is damaged."""
    at, ended = 0, False
    while at < len(data):
        p = data[at:at + 64]
        h, n = int(p[7:17]), int(p[18:38])
        head, body = data[at + 64:at + 64 + h], data[at + 64 + h:at + 64 + h + n]
        if p[:5] != b'GNT1 ' or len(body) != n or b'%08x' % zlib.crc32(body) != p[48:56]:
            raise ValueError('corrupt stream')
        at += 64 + h + n + -n % 64
        ended = p[5:6] == b'E'
        if not ended:
            yield dict(s.split(': ', 1) for s in head.decode().rstrip().splitlines()), body
    if not ended:
        raise ValueError('truncated stream')


def values(body, dtype):
    if dtype == 'float16':
        return struct.unpack('<%de' % (len(body) // 2), body)
    a = array.array(CODE[dtype])
    a.frombytes(body)
    return a


def interleave(body, size, channels):
    """Planes -> pixels."""
    n = len(body) // channels
    out = bytearray(len(body))
    for c in range(channels):
        for b in range(size):
            out[c * size + b::channels * size] = body[c * n + b:(c + 1) * n:size]
    return bytes(out)


def nifti_header(path):
    """(bytes, order, version) of a header, gzipped or not."""
    if '.img' in path:
        path = path.replace('.img', '.hdr')
        if not os.path.exists(path):
            path = path[:-3] if path.endswith('.gz') else path + '.gz'
    h = open(path, 'rb').read(1 << 20)
    if h[:2] == b'\x1f\x8b':
        h = gzip.open(path).read(544)
    order = '<' if struct.unpack('<i', h[:4])[0] in (348, 540) else '>'
    return h, order, 1 if struct.unpack(order + 'i', h[:4])[0] == 348 else 2


def tiff_tags(path):
    """The first directory of a classic TIFF: tag -> list of numbers."""
    d = open(path, 'rb').read()
    o = '<' if d[:2] == b'II' else '>'
    at, = struct.unpack(o + 'I', d[4:8])
    n, = struct.unpack(o + 'H', d[at:at + 2])
    tags = {}
    for i in range(n):
        tag, kind, count = struct.unpack(o + 'HHI', d[at + 2 + 12 * i:at + 10 + 12 * i])
        form = {1: 'B', 3: 'H', 4: 'I'}.get(kind)
        if form:
            size = count * struct.calcsize(form)
            where = at + 10 + 12 * i if size <= 4 else struct.unpack(o + 'I', d[at + 10 + 12 * i:at + 14 + 12 * i])[0]
            tags[tag] = struct.unpack(o + '%d%s' % (count, form), d[where:where + size])
    return d, tags


# ---- the conversions that gn promises, undone: (header, pixels in file order, row of expected.tsv) -> pixels to be hashed ----
def unscale(rec, body, row, path):
    """NIfTI: the hash is of the stored values, gn emits slope * value + inter."""
    h, o, v = nifti_header(path)
    slope, inter = struct.unpack(o + ('ff' if v == 1 else 'dd'), h[112:120] if v == 1 else h[176:192])
    kind = rec['source.dtype']
    stored = [(x - inter) / slope for x in values(body, rec['dtype'])]
    if not kind.startswith('float'):
        stored = [round(x) for x in stored]
    return array.array(CODE[kind], stored).tobytes()


def unrescale(rec, body, row, path):
    """DICOM: the same, with the rescale slope and intercept."""
    details = json.loads(row['details'])
    slope, inter = float(details['slope']), float(details['inter'])
    return array.array(CODE[rec['source.dtype']],
                       [round((v - inter) / slope) for v in values(body, rec['dtype'])]).tobytes()


def from_scaled_bits(rec, body, row, path):
    """1 bit is scaled to 0 and 255, as Pillow does; tifffile keeps 0 and 1."""
    if set(body) - {0, 255}:
        raise ValueError('1-bit pixels other than 0 and 255')
    return bytes(b // 255 for b in body) if row['reader'] == 'tifffile' else body


def from_inverted(rec, body, row, path):
    """White is zero: gn turns unsigned samples round; the reference keeps what is stored."""
    return bytes(255 - b for b in body) if not rec['dtype'].startswith('float') else body


def from_16_bit_grey(rec, body, row, path):
    """Pillow holds 16-bit grey as int32."""
    return array.array('i', values(body, 'uint16')).tobytes()


def to_8_bit(rec, body, row, path):
    """Pillow keeps the high byte of 16-bit colours, and makes RGBA of grey with alpha."""
    body = body[1::2]
    c = int(rec['shape'].split()[0])
    return b''.join(body[i:i + 1] * 3 + body[i + 1:i + 2] for i in range(0, len(body), 2)) if c == 2 else body


def through_palette(rec, body, row, path):
    """gn gives the colours; the reference the indices. Both are made here from the file and must agree."""
    d, tags = tiff_tags(path)
    bits, w, n = tags.get(258, (1,))[0], tags[256][0], len(body) // 3
    packed = b''.join(d[o:o + c] for o, c in zip(tags[273], tags[279]))
    stride = (w * bits + 7) // 8
    index = bytes(packed[i // w * stride + i % w * bits // 8] >> (8 - bits - i % w * bits % 8) & (1 << bits) - 1 for i in range(n))
    size = 1 << bits
    colour = [bytes(tags[320][k * size + i] >> 8 for k in range(3)) for i in range(size)]
    if b''.join(colour[i] for i in index) != body:
        raise ValueError('colours are not those of the palette')
    return index


def first_page(rec, body, row, path):
    """gn stacks pages of equal size as z; the reference hashed the first."""
    c, z = [int(t) for t in rec['shape'].split()][:2]
    n = len(body) // (c * z)
    return b''.join(body[k * z * n:k * z * n + n] for k in range(c))


def conversions(rec, row, details, path):
    """Which of them this file needs."""
    folder = row['file'].split('/')[0]
    c = int(rec['shape'].split()[0])
    if folder in PLACED:
        return [unscale] if rec['dtype'] != rec['source.dtype'] else []
    if folder == 'dicom':
        return [unrescale] if rec['dtype'] != rec['source.dtype'] else []
    if row['kind'] == 'PNG':
        if row['dtype'] == 'bool':
            return [from_scaled_bits]
        if rec['dtype'] == 'uint16':
            return [from_16_bit_grey if c == 1 else to_8_bit]
        return []
    steps = []
    if details.get('photo') == '3':
        return [through_palette]
    if details.get('photo') == '0':
        steps.append(from_inverted)
    return steps + ([from_scaled_bits] if row['dtype'] == 'bool' else [])


def near(a, b, tol):
    return abs(a - b) <= tol * max(1, abs(b))


def judge(data, row):
    """None, or what is wrong."""
    path, details = os.path.join(data, row['file']), json.loads(row['details'])
    folder = row['file'].split('/')[0]
    placed = folder in PLACED or row['reader'] == 'SimpleITK'
    p = subprocess.run(['gn-load', path], capture_output=True)
    lines = p.stderr.decode(errors='replace').splitlines()
    if p.returncode:
        if p.returncode != 1 or len(lines) != 1 or not lines[0].startswith('gn-load: '):
            return 'status %d: %s' % (p.returncode, lines)
        if row['file'] in REFUSED:
            return None if REFUSED[row['file']] in lines[0] else 'refused for another reason: ' + lines[0]
        if row['reader'] == 'reference reader refuses' or '"pixels":"not decoded' in row['details']:
            return None
        if folder == 'dicom' and 'is not installed' in lines[0]: # built without DCMTK
            return None
        return 'refused: ' + lines[0]
    if lines:
        return 'talks: %s' % lines
    if row['file'] in REFUSED:
        return 'should be refused'
    (rec, body), = stream(p.stdout)
    if row['reader'] == 'reference reader refuses':
        return None
    c, z, y, x = [int(s) for s in rec['shape'].split()]
    shape = [int(s) for s in row['shape'].split('x')]

    # Shape: x first for volumes and Pillow, rows first for tifffile.
    if placed:
        rgb = len(row['dtype'].split('),')) if row['dtype'].startswith('[') else 1
        spatial, more = (shape + [1, 1])[:3], [s for s in shape[3:] if s > 1]
        if [x, y, z] != spatial or c != (more + [1])[0] * rgb:
            return 'shape %s, expected %s' % (rec['shape'], row['shape'])
        pixels = b''.join(interleave(body[i * (len(body) // (c // rgb)):(i + 1) * (len(body) // (c // rgb))], 1, rgb)
                          for i in range(c // rgb)) if rgb > 1 else body
    elif row['reader'] in ('Pillow', 'pydicom'):
        if [x, y] != shape or z != details.get('frames', 1):
            return 'shape %s, expected %s' % (rec['shape'], row['shape'])
        pixels = interleave(body, SIZE[rec['dtype']], c)
    else:
        planar = details['planar'] == 2 and len(shape) == 3
        want = shape[1:] if planar else shape[:2]
        samples = (shape[0] if planar else shape[2]) if len(shape) == 3 else 3 if details['photo'] == '3' else 1
        if [y, x] != want or c != samples:
            return 'shape %s, expected %s' % (rec['shape'], row['shape'])
        pixels = first_page(rec, body, row, path)
        if not planar:
            pixels = interleave(pixels, SIZE[rec['dtype']], c)
    if details.get('photo', '').startswith('YBR'): # the reference's mean is of luma and chroma, undecoded
        r, g, b = [sum(body[k * z * y * x:(k + 1) * z * y * x]) / (z * y * x) for k in range(3)]
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        got = (luma + 128 + (b - luma) / 1.772 + 128 + (r - luma) / 1.402) / 3
        return None if abs(got - float(row['mean'])) < 0.1 else 'mean is %g, expected %s' % (got, row['mean'])
    steps = conversions(rec, row, details, path)
    if row['sha256_16_of_pixels']:
        for step in steps:
            pixels = step(rec, pixels, row, path)
        if hashlib.sha256(pixels).hexdigest()[:16] != row['sha256_16_of_pixels']:
            return 'pixels differ (after %s)' % ', '.join(s.__name__ for s in steps)

    # Values as a reader of the picture sees them.
    if row['min'] and (placed or not row['sha256_16_of_pixels']):
        v = [x for x in values(body, rec['dtype']) if x == x]
        got = min(v), max(v), sum(v) / len(v)
        tol = [1e-5] * 3 if placed else [4, 4, 0.5] # JPEG decoders differ by a few levels
        for g, key, t in zip(got, ('min', 'max', 'mean'), tol):
            if placed and not near(g, float(row[key]), t) or not placed and abs(g - float(row[key])) > t:
                return '%s is %g, expected %s' % (key, g, row[key])
    if row['reader'] == 'pydicom' and details['pos']:
        got = rec['affine'].split()
        if any(abs(float(got[4 * i + 3]) - float(p) * (1 if i == 2 else -1)) > 1e-9 for i, p in enumerate(details['pos'])):
            return 'affine %s' % rec['affine']
    if placed and (folder != 'nifti' or details['sform'] > 0 or details['qform'] > 0):
        got = [float(s) for s in rec['affine'].split()]
        want = [a for r in details['affine'][:3] for a in r]
        tol = 1e-12 if row['reader'] == 'SimpleITK' else 2e-5 # the others' are float32, or printed to 5 digits
        if any(not near(g, w, tol) for g, w in zip(got, want)):
            return 'affine %s' % rec['affine']
    return None


def corrupt(path):
    """A damaged file: an error in one line or a decode, soon, and in little memory."""
    p = subprocess.Popen(['gn-load', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.stdout.read(), p.stderr.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status) # or Popen would wait again
    took, lines = usage.ru_utime + usage.ru_stime, err.decode(errors='replace').splitlines()
    if p.returncode == 0:
        if not list(stream(out)) or lines:
            return 'exit 0: %s' % lines
    elif p.returncode != 1 or len(lines) != 1 or path not in lines[0]:
        return 'status %d: %s' % (p.returncode, lines)
    slow = 8 if os.environ.get('GN_SANITIZE') else 1
    if usage.ru_maxrss > (64 << 10) * slow:
        return '%d kB resident' % usage.ru_maxrss
    if took > slow:
        return '%.2f s' % took
    return None


def damage(data, folder):
    """Copies of good files, cut or with bytes changed: [(what, path of a bad one's remains, why)]."""
    rng, bad, n = random.Random(7), [], 0
    shutil.copytree(os.path.join(data, folder), folder)
    for name in sorted(os.listdir(folder)):
        if os.path.isdir(os.path.join(folder, name)) or any(t in name for t in ('uint', 'int8', 'int32', 'int64', 'float64')) or name.endswith('.raw'):
            continue
        path = os.path.join(folder, name)
        os.chmod(path, 0o644)
        good = open(path, 'rb').read()
        for k in range(10):
            d = bytearray(good)
            if k < 4:
                d = d[:rng.randrange(len(d))]
            else: # mostly headers
                for _ in range(k - 3):
                    d[rng.randrange(min(len(d), 350) if k % 2 else len(d))] = rng.choice(b'\0\xff\n 09-(:=x')
            open(path, 'wb').write(d)
            why = corrupt(path)
            n += 1
            if why:
                bad.append('%s, damage %d: %s' % (path, k, why))
        open(path, 'wb').write(good)
    return n, bad


def main():
    if len(sys.argv) == 1: # run with the generators: it generates nothing
        return 0
    data, folder = sys.argv[1:]
    bad = n = 0
    if folder.startswith('corrupt'):
        for name in sorted(os.listdir(os.path.join(data, folder))):
            why = corrupt(os.path.join(data, folder, name))
            n += 1
            if why:
                bad += 1
                print('%s/%s: %s' % (folder, name, why), file=sys.stderr)
    elif folder.startswith('damage'):
        n, why = damage(data, folder.split('/')[1])
        bad = len(why)
        print('\n'.join(why), file=sys.stderr)
    else:
        lines = open(os.path.join(data, 'expected.tsv'), encoding='utf-8').read().splitlines()
        more = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'formats_zoo.tsv')
        known = {line.split('\t')[0] for line in lines}
        if os.path.isdir(os.path.join(data, 'corrupt')): # the zoo
            lines += [line for line in open(more, encoding='utf-8').read().splitlines() if line.split('\t')[0] not in known]
        for line in lines[1:]:
            row = dict(zip(lines[0].split('\t'), line.split('\t')))
            if row['file'].split('/')[0] != folder:
                continue
            try:
                why = judge(data, row)
            except ValueError as e:
                why = str(e)
            n += 1
            if why:
                bad += 1
                print('%s: %s' % (row['file'], why), file=sys.stderr)
    print('%s: %d files, %d wrong' % (folder, n, bad), file=sys.stderr)
    return 1 if bad or not n else 0


sys.exit(main())
