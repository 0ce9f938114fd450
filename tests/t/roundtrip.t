# roundtrip.t - properties of whole pipelines on many small images: there and back nothing is lost
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE

cat >"$base/files.py" <<'P'
# files.py write: raw/ID.nii, raw/ID_label.nii and data.csv: 48 orientations, straight and sheared, of three odd sizes
# files.py compare A B TABLE...: every image and label of folder A lies in folder B with the same voxels, type and affine
import itertools, os, struct, sys

def images():
    sizes = [(7, 5, 3), (1, 9, 5), (11, 3, 1)]
    for k, (order, signs, shear) in enumerate(itertools.product(itertools.permutations(range(3)),
                                              itertools.product((1, -1), repeat=3), (False, True))):
        rows = [[0.0] * 4 for _ in range(3)]
        for axis in range(3):
            for r in range(3):
                rows[r][axis] = (0.08, -0.05, 0.11)[(2 * r + axis) % 3] if shear else 0.0
            rows[order[axis]][axis] = signs[axis] * (0.7, 1.1, 2.3)[axis]
        for r in range(3):
            rows[r][3] = -12.3 + 31.7 * r
        yield 's%02d' % k, sizes[k % 3], rows

def nifti(path, size, rows, code, form, values):
    h = bytearray(352)
    struct.pack_into('<i', h, 0, 348)
    struct.pack_into('<8h', h, 40, 3, *size, 1, 1, 1, 1)
    struct.pack_into('<2h', h, 70, code, 8 * struct.calcsize(form))
    spacing = [sum(r[k] ** 2 for r in rows) ** 0.5 for k in range(3)]
    struct.pack_into('<8f', h, 76, 1, *spacing, 1, 1, 1, 1)
    struct.pack_into('<f', h, 108, 352)
    struct.pack_into('<2h', h, 252, 0, 1)
    struct.pack_into('<12f', h, 280, *[v for r in rows for v in r])
    h[344:348] = b'n+1\0'
    with open(path, 'wb') as f:
        f.write(bytes(h) + struct.pack('<%d%s' % (len(values), form), *values))

def load(path):
    d = open(path, 'rb').read()
    dim, kind = struct.unpack_from('<4h', d, 40), struct.unpack_from('<h', d, 70)
    return dim, kind, struct.unpack_from('<12f', d, 280), d[int(struct.unpack_from('<f', d, 108)[0]):]

if sys.argv[1] == 'write':
    os.mkdir('raw')
    with open('data.csv', 'w') as f:
        f.write('SubjectID,Channel_0,Label\n')
        for name, size, rows in images():
            n = size[0] * size[1] * size[2]
            nifti('raw/%s.nii' % name, size, rows, 4, 'h', [(7919 * i) % 4001 - 2000 for i in range(n)])
            nifti('raw/%s_label.nii' % name, size, rows, 2, 'B', [i % 251 for i in range(n)])
            f.write('%s,raw/%s.nii,raw/%s_label.nii\n' % (name, name, name))
else:
    seen = 0
    for name, _, _ in images():
        made = sorted(os.listdir('out/' + name))
        label = [m for m in made if m.endswith('_label.nii')]
        image = [m for m in made if m not in label]
        assert len(label) == len(image) == 1, made
        for was, now in (('raw/%s.nii' % name, image[0]), ('raw/%s_label.nii' % name, label[0])):
            assert load(was) == load('out/%s/%s' % (name, now)), (was, now)
            seen += 1
    assert seen == 192, seen
P
(cd "$base" && python3 files.py write)

t '48 orientations, straight and sheared, odd sizes: gn-load, canonical, to-source, gn-save: voxels, types and affines as they were' '
    cp -r ../raw ../data.csv .
    gn-load data.csv | gn-resample --canonical | tee c.gnt | gn-resample --to-source | gn-save --ext nii -o out
    python3 ../files.py compare
    gn-info --header affine c.gnt | awk "{ for (c = 1; c < 4; c++) for (r = 0; r < 3; r++) if ((\$(4 * r + c) ^ 2) > (\$(5 * c - 4)) ^ 2 || \$(5 * c - 4) <= 0) exit 1 }"'
t 'and with padding and a crop of it in between' '
    cp -r ../raw ../data.csv .
    gn-load data.csv | gn-resample --pad 3,2,1 | gn-resample --canonical | gn-resample --crop 1 |
        gn-resample --to-source | gn-save --ext nii -o out
    python3 ../files.py compare'

cat >"$base/maps.py" <<'P'
# maps.py OUT: predictions of two maps, float32 of both signs, of many sizes; odd, even, flat
import sys, image_lib as l
out = []
for i, (x, y, z) in enumerate([(1, 1, 1), (5, 5, 5), (8, 7, 6), (13, 4, 9), (6, 11, 1), (9, 2, 3), (16, 16, 2), (3, 10, 7)]):
    n = 2 * x * y * z
    v = [((k * 2654435761 + i) % 65521 - 30000) / 7 * 2.0 ** (k % 21 - 10) for k in range(n)]
    affine = '0 -1.25 0 %d 1.5 0.25 0 2 0 0 -0.75 3' % i
    out.append(([('dtype', 'float32'), ('shape', '2 %d %d %d' % (z, y, x)), ('axes', 'c z y x'), ('sample', 's%d' % i),
                 ('role', 'prediction'), ('affine', affine), ('class_list', '0 1')], l.pack('float32', v)))
l.write(sys.argv[1], out)
P
python3 "$base/maps.py" "$base/maps.gnt"

t 'patches of predictions by gn-patch --grid, any size and overlap, become the predictions again by gn-stitch' '
    n=0
    for p in "4 0" "4 2" "5 4" "3 2" "8 0" "8 6" "7,3,2 4,2,0" "1 0" "6,5,4 4,0,2"; do
        gn-patch --grid -p "${p% *}" --overlap "${p#* }" ../maps.gnt >p.gnt
        for m in crop average hann; do
            gn-stitch --mode $m p.gnt >z.gnt
            rtol=0
            [ $m != hann ] || rtol=1.2e-7
            gn-diff --rtol $rtol z.gnt ../maps.gnt
            n=$((n + 1))
        done
    done
    [ $n = 27 ]'
