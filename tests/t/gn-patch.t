# gn-patch.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib

t 'a grid covers the image, x fastest, and says where each patch lies' '
    python3 "$lib" make x.gnt 1 10,6,1
    gn-patch --grid -p 5,4 --overlap 2 x.gnt >p.gnt
    test "$(python3 "$lib" count p.gnt)" = 18
    python3 - <<P
import image_lib as l
r = l.read("p.gnt")
whole = l.read("x.gnt")
want = [(x, y, 0) for y in (0, 2) for x in (0, 3, 5)]
for i, (m, h, d) in enumerate(r):
    at = want[i // 3]
    assert l.ints(m["patch.origin"]) == at and m["patch.size"] == "5 4 1" and m["patch.of"] == "10 6 1", m
    assert m["patch.index"] == "%d/6" % (i // 3) and m["patch.overlap"] == "2 2 0" and m["acme.note"] == "kept", m
    assert m["affine"] == "1 0 0 %d 0 1 0 %d 0 0 1 0" % at[:2], m
    w, _, wd = whole[i % 3]
    assert l.numbers(m, d) == l.cut(w, wd, at, (5, 4, 1)) and m["dtype"] == w["dtype"]
P'

t 'an image smaller than the patch is padded with zeros at the far end' '
    python3 "$lib" make x.gnt 1 3,2,2
    gn-patch --grid -p 4,4,2 x.gnt >p.gnt
    test "$(python3 "$lib" values p.gnt 0)" = "0 7 3 0 5 1 8 0 0 0 0 0 0 0 0 0 3 10 6 0 8 4 0 0 0 0 0 0 0 0 0 0"
    python3 "$lib" get p.gnt 0 patch.size patch.of patch.origin >o
    printf "4 4 2\n3 2 2\n0 0 0\n" | cmp - o'

t 'random patches lie in the image and are cut alike from all records' '
    python3 "$lib" make x.gnt 2 12,11,10
    for s in uniform label weighted balanced; do
        gn-patch -p 5,4,3 -n 7 --sampler $s --seed 3 x.gnt >p.gnt
        test "$(python3 "$lib" count p.gnt)" = 42
        SAMPLER=$s python3 - <<P
import os, image_lib as l
r, whole = l.read("p.gnt"), l.read("x.gnt")
for i in range(0, len(r), 3):
    s = i // 21
    assert len({m["patch.origin"] for m, _, _ in r[i:i + 3]}) == 1
    at = l.ints(r[i][0]["patch.origin"])
    assert all(0 <= a <= n - p for a, n, p in zip(at, (12, 11, 10), (5, 4, 3)))
    for k in range(3):
        m, _, d = r[i + k]
        assert l.numbers(m, d) == l.cut(*whole[3 * s + k][::2], at, (5, 4, 3))
        assert m["patch.index"] == "%d/7" % (i // 3 % 7)
    if os.environ["SAMPLER"] in ("label", "weighted"):
        centre = l.cut(*whole[3 * s + 2][::2], [a + p // 2 for a, p in zip(at, (5, 4, 3))], (1, 1, 1))
        assert centre[0] > 0
P
    done'

t 'draws depend on seed, sample and epoch, not on order or threads' '
    python3 "$lib" make x.gnt 2 12,11,10
    where() { gn-patch -p 5 -n 6 "$@" | gn-info --header patch.origin - | sort -u; }
    gn-patch -p 5 -n 6 -j 1 x.gnt >a.gnt
    cat x.gnt | gn-patch -p 5 -n 6 -j 4 >b.gnt
    same a.gnt b.gnt
    gn-patch -p 5 -n 6 --seed 1 x.gnt >c.gnt
    if cmp -s a.gnt c.gnt; then false; fi
    python3 "$lib" make e.gnt 2 12,11,10 epoch=1/2
    gn-patch -p 5 -n 6 e.gnt >d.gnt
    for f in a c d; do gn-info --header patch.origin $f.gnt >$f; done
    if cmp -s a d || cmp -s a c; then false; fi'

t 'a patch larger than the image is an error that says how to pad' '
    python3 "$lib" make x.gnt 1 4,4,4
    fails 1 gn-patch -p 5,4,4 x.gnt
    grep -q "subject s0: the patch 5x4x4 is larger than the image 4x4x4: pad by 1,0,0 on each side" err'

t 'no labelled voxel: error, skip or uniform' '
    python3 - <<P
import image_lib as l
rec = [(h, bytes(len(d)) if dict(h)["role"] == "label" else d) for h, d in l.sample("s", (6, 6, 6))]
l.write("x.gnt", rec)
P
    fails 1 gn-patch -p 3 --sampler label x.gnt
    grep -q "subject s: no labelled voxel" err
    gn-patch -p 3 --sampler label --empty skip x.gnt 2>err >y.gnt
    test "$(python3 "$lib" count y.gnt)" = 0
    grep -q skipped err
    gn-patch -p 3 -n 2 --sampler label --empty uniform x.gnt >y.gnt
    test "$(python3 "$lib" count y.gnt)" = 6'

t 'only whole images of one size are cut' '
    python3 "$lib" make x.gnt 1 6,6,6
    gn-patch --grid -p 3 x.gnt >p.gnt
    fails 1 gn-patch --grid -p 2 p.gnt
    python3 - <<P
import image_lib as l
a, b = list(l.sample("s", (6, 6, 6))), list(l.sample("s", (5, 6, 6)))
l.write("y.gnt", [a[0], b[1]])
P
    fails 1 gn-patch --grid -p 3 y.gnt
    grep -q "records differ in size" err'

t 'wrong usage' '
    python3 "$lib" make x.gnt 1 6,6,6
    fails 2 gn-patch x.gnt
    fails 2 gn-patch --grid -p 0 x.gnt
    fails 2 gn-patch --grid -p 4 --overlap 3 x.gnt
    fails 2 gn-patch -p 4 --overlap 2 x.gnt
    fails 2 gn-patch -p 4 -n 0 x.gnt
    fails 2 gn-patch -p 4 --sampler best x.gnt
    fails 1 gn-patch --grid -p 4 --overlap 4 x.gnt'

t 'a config gives size, overlap, sampler and number; options beat it' '
    python3 "$lib" make x.gnt 1 24,20,18
    python3 "$lib" config >c.yaml
    gn-patch -q -c c.yaml x.gnt >a.gnt
    test "$(python3 "$lib" count a.gnt)" = 9
    gn-patch -p 16 --sampler label -n 3 --seed 5 x.gnt >b.gnt
    gn-diff a.gnt b.gnt
    gn-patch -q -c c.yaml --grid x.gnt >a.gnt
    gn-patch -p 16 --overlap 2 --grid x.gnt >b.gnt
    gn-diff a.gnt b.gnt
    test "$(gn-patch -q -c c.yaml -n 1 x.gnt | python3 "$lib" count -)" = 3'
