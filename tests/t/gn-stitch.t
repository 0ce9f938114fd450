# gn-stitch.t - the numbers of crop, average and hann are compared with TorchIO in tests/unit/stitch.c
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib

t 'patches of a grid become the whole again, in every mode' '
    python3 "$lib" make x.gnt 2 11,9,7
    gn-patch --grid -p 4,5,4 --overlap 2 x.gnt >p.gnt
    python3 "$lib" predict x.gnt want.gnt
    python3 "$lib" predict p.gnt y.gnt
    for m in crop average hann; do
        gn-stitch --mode $m y.gnt >z.gnt
        gn-diff --rtol 1e-6 --atol 1e-7 z.gnt want.gnt
        python3 "$lib" get z.gnt 1 sample shape affine patch.of stitch class_list acme.note >o
        printf "%s\n" s1 "3 7 9 11" "1 0 0 0 0 1 0 0 0 0 1 0" - - "1 2 4" kept | cmp - o
    done'

t 'padded patches are cut' '
    python3 "$lib" make x.gnt 1 5,3,1
    gn-patch --grid -p 8,8,1 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    python3 "$lib" predict x.gnt want.gnt
    gn-stitch y.gnt >z.gnt
    gn-diff z.gnt want.gnt'

t 'a prediction that is no patch is an image whole' '
    python3 "$lib" make x.gnt 1 5,3,2
    python3 "$lib" predict x.gnt y.gnt
    gn-stitch y.gnt >z.gnt
    gn-diff y.gnt z.gnt'

cat >"$base/decode.py" <<'P'
# decode.py MAPS OUT HOW: what --labels should give
import sys, image_lib as l
out = []
for m, head, d in l.read(sys.argv[1]):
    v, value = l.numbers(m, d), [1, 2, 4]
    n = len(v) // 3
    lab = []
    for i in range(n):
        p = [v[k * n + i] for k in range(3)]
        if sys.argv[3] == 'argmax':
            lab.append(value[p.index(max(p))])
        else:
            lab.append(([0] + [w for w, q in zip(value, p) if q >= 0.5])[-1])
    keep = [(k, w) for k, w in head if k not in ('dtype', 'shape', 'class_list', 'stitch')]
    out.append(([('dtype', 'uint8'), ('shape', '1' + m['shape'][1:])] + keep, l.pack('uint8', lab)))
l.write(sys.argv[2], out)
P
export decode="$base/decode.py"

t '--labels decodes by threshold, later classes over earlier ones, or by argmax' '
    python3 "$lib" make x.gnt 2 11,9,7
    gn-patch --grid -p 4,5,4 --overlap 2 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    gn-stitch y.gnt >m.gnt
    for how in threshold argmax; do
        python3 "$decode" m.gnt want.gnt $how
        gn-stitch --labels --decode $how y.gnt >z.gnt
        gn-diff z.gnt want.gnt
        python3 "$lib" get z.gnt 0 dtype class_list >o
        printf "uint8\n-\n" | cmp - o
    done
    gn-stitch --labels --threshold 2 y.gnt >z.gnt
    python3 "$lib" values z.gnt 0 | grep -qv "[1-9]"'

t '--to-source interpolates the maps and decodes them there, equal to the steps one by one' '
    python3 "$lib" make x.gnt 2 9,10,8 "affine=0 -1.3 0 3 1.2 0 0 4 0 0 2 5"
    gn-resample --canonical x.gnt | gn-resample -s 1.5 | gn-patch --grid -p 5,4,4 --overlap 2 >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    gn-stitch y.gnt >whole.gnt
    gn-resample --to-source whole.gnt >maps.gnt
    gn-stitch --to-source y.gnt >z.gnt
    gn-diff z.gnt maps.gnt
    python3 "$decode" maps.gnt want.gnt argmax
    python3 - <<P
import image_lib as l # outside the prediction every map is 0, and so is the label
maps, want = l.read("maps.gnt"), l.read("want.gnt")
out = []
for (m, _, d), (_, h, lab) in zip(maps, want):
    v = l.numbers(m, d)
    n = len(lab)
    out.append((h, bytes(b if any(v[k * n + i] for k in range(3)) else 0 for i, b in enumerate(lab))))
l.write("want.gnt", out)
P
    gn-stitch --labels --decode argmax --to-source y.gnt >z.gnt
    gn-diff z.gnt want.gnt
    python3 "$decode" maps.gnt want.gnt threshold
    gn-stitch --labels --to-source y.gnt >z.gnt
    gn-diff z.gnt want.gnt
    python3 "$lib" get z.gnt 0 shape affine dtype >o
    printf "%s\n" "1 8 10 9" "0 -1.3 0 3 1.2 0 0 4 0 0 2 5" uint8 | cmp - o'

t 'one thread and four give the same bytes' '
    python3 "$lib" make x.gnt 1 40,37,21
    gn-resample -s 1.3,1.1,0.9 x.gnt | gn-patch --grid -p 16 --overlap 6 >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    for o in "--mode hann" "--mode average --to-source" "--labels --to-source --mode hann"; do
        gn-stitch $o -j 1 y.gnt >a.gnt
        cat y.gnt | gn-stitch $o -j 4 >b.gnt
        same a.gnt b.gnt
    done'

cat >"$base/drop.py" <<'P'
# drop.py FILE OUT K...: without these records
import sys, image_lib as l
l.write(sys.argv[2], [(h, d) for i, (_, h, d) in enumerate(l.read(sys.argv[1])) if str(i) not in sys.argv[3:]])
P
export drop="$base/drop.py"

t 'a missing patch is an error, wherever it was' '
    python3 "$lib" make x.gnt 2 8,8,8
    gn-patch --grid -p 4 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    for k in 0 3 7 8 15; do
        python3 "$drop" y.gnt z.gnt $k
        fails 1 gn-stitch z.gnt -o o.gnt
        test ! -e o.gnt
        grep -q "patches are missing" err
    done'

t 'under --keep-going the other subjects come out' '
    python3 "$lib" make x.gnt 3 8,8,8
    gn-patch --grid -p 4 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    for k in 8 11 15; do
        python3 "$drop" y.gnt z.gnt $k
        got=0; gn-stitch --keep-going z.gnt >o.gnt 2>err || got=$?
        test $got = 1
        test "$(gn-info --header sample o.gnt | sort -u | tr "\n" " ")" = "s0 s2 " || { cat err; gn-info --header sample o.gnt; false; }
        grep -q "subject s1.*left out" err
    done
    python3 "$drop" y.gnt z.gnt 23
    got=0; gn-stitch --keep-going z.gnt >o.gnt 2>err || got=$?
    test $got = 1
    python3 "$lib" count o.gnt | grep -qx 2'

t 'what are not class maps of patches is refused' '
    python3 "$lib" make x.gnt 1 8,8,8
    gn-patch --grid -p 4 x.gnt >p.gnt
    fails 1 gn-stitch p.gnt
    python3 "$lib" predict p.gnt y.gnt logits=1
    fails 1 gn-stitch --labels y.gnt
    grep -q "logits" err
    gn-stitch --labels --decode argmax y.gnt >z.gnt
    python3 "$lib" predict p.gnt y.gnt "class_list=1 2"
    fails 1 gn-stitch --labels y.gnt
    grep -q "3 maps, but 2 classes" err
    python3 "$lib" predict p.gnt y.gnt stitch=best
    fails 1 gn-stitch y.gnt'

t 'a config gives the mode, --mode beats it' '
    python3 "$lib" make x.gnt 1 24,20,18
    python3 "$lib" config >c.yaml
    gn-patch -q -c c.yaml --grid x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt
    gn-stitch -q -c c.yaml y.gnt >a.gnt
    gn-stitch --mode average y.gnt >b.gnt
    gn-diff a.gnt b.gnt
    gn-stitch -q -c c.yaml --mode crop y.gnt >a.gnt
    gn-stitch y.gnt >b.gnt
    gn-diff a.gnt b.gnt'

cat >"$base/alter.py" <<'P'
# alter.py FILE OUT K KEY=VALUE...: in record K; without a value the key goes; data=NUMBER sets the first element
import struct, sys, image_lib as l
out = []
for i, (_, h, d) in enumerate(l.read(sys.argv[1])):
    if i == int(sys.argv[3]):
        for key, v in (a.split('=', 1) for a in sys.argv[4:]):
            if key == 'data':
                d = struct.pack('<f', float(v)) + d[4:]
                continue
            new = [(key, v)] if v and key not in dict(h) else []
            h = [(k, v if k == key else w) for k, w in h if k != key or v] + new
    out.append((h, d))
l.write(sys.argv[2], out)
P
export alter="$base/alter.py"

t 'a patch where the grid has none is refused' '
    python3 - <<P
import image_lib as l
def patch(i, x, size):
    return [("dtype", "float32"), ("shape", "2 8 8 %d" % size), ("axes", "c z y x"), ("role", "prediction"), ("sample", "s"),
            ("patch.of", "9 8 8"), ("patch.overlap", "4 0 0"), ("affine", "1 0 0 %d 0 1 0 0 0 0 1 0" % x),
            ("patch.origin", "%d 0 0" % x), ("patch.index", "%d/%d" % (i, 2 if size == 8 else 3))], l.pack("float32", [0.5] * (128 * size))
l.write("far.gnt", [patch(0, 0, 8), patch(1, 8, 8)])
l.write("odd.gnt", [patch(0, 0, 6), patch(1, 1, 6), patch(2, 3, 6)])
l.write("good.gnt", [patch(0, 0, 8), patch(1, 1, 8)])
l.write("wide.gnt", [patch(0, 0, 6), patch(1, 2, 6), patch(2, 3, 6)])
P
    gn-stitch good.gnt >z.gnt
    gn-stitch wide.gnt >z.gnt
    fails 1 gn-stitch far.gnt
    fails 1 gn-stitch odd.gnt
    grep -q "subject s: patch 1/3: patches are missing or out of order: one at 1 0 0 came when that at 2 0 0 was due" err'

t 'a patch unlike the first is refused, and the key named' '
    python3 "$lib" make x.gnt 1 8,8,8
    gn-patch --grid -p 4 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt "stitch=crop" "class_list=1 2 4"
    gn-stitch y.gnt >z.gnt
    for c in "class_list=1 2 9" class_list= logits=1 stitch=hann stitch= "patch.overlap=2 2 2" source=other.nii "source.shape=8 8 9" \
        source.shape= "source.affine=2 0 0 0 0 1 0 0 0 0 1 0" source.new=1 "affine=1 0 0 5 0 1 0 0 0 0 1 0" \
        "affine=1.01 0 0 4 0 1 0 0 0 0 1 0"; do
        python3 "$alter" y.gnt bad.gnt 1 "$c"
        fails 1 gn-stitch bad.gnt
        grep -q "subject s0: patch 1/8: ${c%%=*}: " err || { echo "$c"; cat err; false; }
    done
    python3 "$alter" y.gnt good.gnt 1 "affine=1 0 0 4.0000001 0 1 0 0 0 0 1 0"
    gn-stitch good.gnt >z.gnt'

t 'no labels from maps that are not finite' '
    python3 "$lib" make x.gnt 1 8,8,8
    gn-patch --grid -p 4 x.gnt >p.gnt
    python3 "$lib" predict p.gnt y.gnt "class_list=1 2 4"
    for v in nan inf -inf; do
        python3 "$alter" y.gnt bad.gnt 3 data=$v
        for how in threshold argmax; do
            fails 1 gn-stitch --labels --decode $how bad.gnt
            grep -q "subject s0: patch 3/8: a map holds values that are not finite" err
        done
        gn-stitch bad.gnt >z.gnt
    done'
