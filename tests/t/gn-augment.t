# gn-augment.t
. "$GN_TESTS/lib.sh"

PYTHONPATH=$GN_TOP/examples:$GN_TESTS/t
PYTHONDONTWRITEBYTECODE=1
lib=$GN_TESTS/t/image_lib.py
export PYTHONPATH PYTHONDONTWRITEBYTECODE lib

t 'a flip reverses images and label alike and keeps the affine and the dtype' '
    python3 "$lib" make x.gnt 3 4,3,2 dtype=int16
    gn-augment --op flip:axis=0 --print-draws d.tsv x.gnt >y.gnt
    python3 - <<P
import image_lib as l
flips = {r.split("\t")[1]: float(r.split("\t")[6]) for r in open("d.tsv") if "\tx\t" in r}
assert len(flips) == 3 and len(set(flips.values())) == 2, flips
for (a, _, da), (b, _, db) in zip(l.read("x.gnt"), l.read("y.gnt")):
    v, w = l.numbers(a, da), l.numbers(b, db)
    want = sum((v[i:i + 4][::-1] for i in range(0, len(v), 4)), []) if flips[a["sample"]] else v
    assert want == w and a["dtype"] == b["dtype"] and a["affine"] == b["affine"]
P'

t 'noise touches images only, each modality by itself, and makes them float32' '
    python3 "$lib" make x.gnt 1 8,8,8 dtype=int16
    gn-augment --op noise:std=3 x.gnt >y.gnt
    python3 - <<P
import image_lib as l
a, b = l.read("x.gnt"), l.read("y.gnt")
n = [[q - p for p, q in zip(l.numbers(*x[::2]), l.numbers(*y[::2]))] for x, y in zip(a, b)]
assert not any(n[2]) and b[2][0]["dtype"] == "uint8" and b[0][0]["dtype"] == "float32"
assert n[0] != n[1]
for k in (0, 1):
    mean, var = sum(n[k]) / 512, sum(v * v for v in n[k]) / 512
    assert abs(mean) < 0.55 and 7 < var < 11.3, (mean, var)
P'

t 'draws depend on seed, sample and epoch alone: equal bytes for any threads and order' '
    python3 "$lib" make x.gnt 2 9,8,7
    gn-augment --op flip --op noise:std=[1,2] -j 1 x.gnt >a.gnt
    cat x.gnt | gn-augment --op flip --op noise:std=[1,2] -j 4 >b.gnt
    same a.gnt b.gnt
    gn-augment --op flip --op noise:std=[1,2] --seed 1 x.gnt >c.gnt
    if cmp -s a.gnt c.gnt; then false; fi
    python3 "$lib" make e.gnt 2 9,8,7 epoch=1/2
    gn-augment --op noise:std=[1,2] --print-draws d0 x.gnt >a.gnt
    gn-augment --op noise:std=[1,2] --print-draws d1 e.gnt >a.gnt
    cut -f 7 d0 >v0; cut -f 7 d1 >v1
    if cmp -s v0 v1; then false; fi'

t '--print-draws is a table that --apply takes: the same bytes, whatever was drawn' '
    python3 "$lib" make x.gnt 3 9,8,7
    gn-augment --op flip:probability=0.5 --op noise:std=[1,2],mean=1 --op flip --print-draws d.tsv x.gnt >a.gnt
    head -n 1 d.tsv | grep -qx "epoch	sample	patch	image	op	parameter	value"
    grep -q "^0	s1	0	t2	noise	std	1\.[0-9]*$" d.tsv
    grep -q "^0	s2	0	\*	flip\.2	z	[01]$" d.tsv
    gn-augment --op flip:probability=0.5 --op noise:std=[1,2],mean=1 --op flip --apply d.tsv --no-history x.gnt >b.gnt
    gn-augment --op flip:probability=0.5 --op noise:std=[1,2],mean=1 --op flip --no-history x.gnt >a.gnt
    same a.gnt b.gnt
    sed "s/\(	done	\)[01]/\10/" d.tsv >e.tsv
    gn-augment --op flip:probability=0.5 --op noise:std=[1,2],mean=1 --op flip --apply e.tsv --no-history x.gnt >b.gnt
    gn-diff x.gnt b.gnt
    grep -v "	t2	noise	std" d.tsv >f.tsv
    fails 1 gn-augment --op flip:probability=0.5 --op noise:std=[1,2],mean=1 --op flip --apply f.tsv x.gnt
    grep -q "f.tsv: no row for image t2, op noise, parameter std" err'

for size in 9,8,7 9,8,1; do
    t "flipped twice, turned by a half twice, by a quarter four times: bit for bit what it was, $size" "
        size=$size"'
        python3 "$lib" make x.gnt 2 $size dtype=int16
        for op in flip:2 rotate_180:2 rotate_90:4; do
            list="--op ${op%:*}"
            n=1
            while [ $n -lt ${op#*:} ]; do
                list="$list --op ${op%:*}"
                n=$((n + 1))
            done
            axis=1
            [ $size = 9,8,7 ] || axis=2
            gn-augment $list --print-draws d.tsv x.gnt >y.gnt
            sed "s/\(	axis	\).*/\1$axis/; s/\(	[xy]	\).*/\11/; s/\(	z	\).*/\10/" d.tsv >e.tsv
            gn-augment $list --apply e.tsv --no-history x.gnt >y.gnt
            same x.gnt y.gnt
            gn-augment --op ${op%:*} --apply e.tsv --no-history x.gnt >y.gnt # one of them is not all of it
            if cmp -s x.gnt y.gnt; then false; fi
        done'
done

t 'a table of draws with other numbers in it does what they say' '
    python3 "$lib" make x.gnt 1 9,8,7
    gn-augment --op bias:order=0 --op noise:mean=1,std=2 --print-draws d.tsv x.gnt >y.gnt
    sed "s/\(	x0.y0.z0	\).*/\10/; s/\(	mean	\).*/\1-3/; s/\(	std	\).*/\10/" d.tsv >e.tsv
    gn-augment --op bias:order=0 --op noise:mean=1,std=2 --apply e.tsv x.gnt >y.gnt
    python3 - <<P
import image_lib as l
for (a, _, da), (b, _, db) in zip(l.read("x.gnt"), l.read("y.gnt")):
    off = -3 if a["role"] == "image" else 0
    assert [v + off for v in l.numbers(a, da)] == l.numbers(b, db), a["name"]
P'

cat >"$base/window.py" <<'P'
# window.py PATCHES WHOLE OUT: for every patch of PATCHES, its sample of WHOLE as if it were that patch's draw
import sys, image_lib as l
whole = {}
for m, h, d in l.read(sys.argv[2]):
    whole.setdefault(m['sample'], []).append((h, d))
out, seen = [], set()
for m, _, _ in l.read(sys.argv[1]):
    key = m['sample'], m['epoch'], m['patch.index']
    if key in seen:
        continue
    seen.add(key)
    for h, d in whole[m['sample']]:
        h = [(k, v) for k, v in h if k not in ('epoch', 'patch.index')]
        out.append((h + [('epoch', m['epoch']), ('patch.index', m['patch.index'])], d))
l.write(sys.argv[3], out)
P
cat >"$base/compare.py" <<'P'
# compare.py PATCHES WHOLE: each patch is the part of the augmented whole that it says; prints how many
import sys, image_lib as l
p, w = l.read(sys.argv[1]), l.read(sys.argv[2])
assert len(p) == len(w)
for (m, _, d), (n, _, e) in zip(p, w):
    assert (m['sample'], m['name'], m['dtype']) == (n['sample'], n['name'], n['dtype'])
    assert not any(k.startswith('window.') for k in m), m
    assert l.numbers(m, d) == l.cut(n, e, l.ints(m['patch.origin']), l.ints(m['patch.size'])), m
print(len(p))
P
export window="$base/window.py" compare="$base/compare.py"

for size in 24,20,18 30,26,1; do
    t "windows of gn-epochs become the patches of the whole augmented image, $size" "
        size=$size"'
        python3 "$lib" make x.gnt 3 $size dtype=int16
        gn-save --cache -o cache x.gnt
        python3 "$lib" config "data_augmentation: {default_probability: 0.8, flip: {axis: [0, 1, 2]}, noise: {std: [1, 3], mean: 2}}" >c.yaml
        test $size = 24,20,18 || sed -i "s/dimension: 3/dimension: 2/; s/16, 16, 16/16, 16/" c.yaml
        gn-epochs -q -c c.yaml --patches cache >e.gnt
        gn-augment -q -c c.yaml e.gnt >p.gnt
        python3 "$window" e.gnt x.gnt w.gnt
        gn-augment -q -c c.yaml w.gnt >a.gnt
        test "$(python3 "$compare" p.gnt a.gnt)" = 54
        gn-augment -q -c c.yaml -j 4 e.gnt >q.gnt
        same p.gnt q.gnt'
done

t 'windows with halos, and statistics of the parent, become the patches of the whole augmented image' '
    python3 "$lib" make x.gnt 2 24,20,18 dtype=int16
    gn-save --cache -o cache x.gnt
    python3 "$lib" config "data_augmentation: {default_probability: 0.9, blur: {}, anisotropic: {downsampling: [1.2, 2]}, flip: {axis: [0, 2]}, bias: {}, gamma: {}, noise_var: {}}" >c.yaml
    gn-epochs -q -c c.yaml --patches cache >e.gnt
    gn-epochs -q -c c.yaml -n 1 cache >x.gnt
    gn-augment -q -c c.yaml e.gnt >p.gnt
    python3 "$window" e.gnt x.gnt w.gnt
    gn-augment -q -c c.yaml w.gnt >a.gnt
    test "$(python3 "$compare" p.gnt a.gnt)" = 36
    largest=$(python3 -c "import image_lib as l; print(max(l.ints(m[\"shape\"])[3] for m, h, d in l.read(\"e.gnt\")))")
    test "$largest" -lt 24 -a "$largest" -gt 16'

t 'the keys of a config are those of --op' '
    python3 "$lib" make x.gnt 1 12,11,10
    python3 "$lib" config "data_augmentation: {default_probability: 1, motion: {axis: 0, centre: origin, interpolation: nearest, num_transforms: 1, degrees: [1, 3], translation: 1}, elastic: {patch_size: [6, 3, 5], locked_borders: 1}, affine: {scales: [0.8, 0.9], degrees: [1, 2, 3], translation: 4}, blur: {std: [1, 2, 3]}, bias: {coefficients: 0.2, order: 2}, swap: {patch_size: [3, 2, 1], num_iterations: 4}, ghosting: {num_ghosts: 5, axis: [1], intensity: 0.6}, spike: {num_spikes: 2, intensity: 0.4}, noise: {mean: 1, std: 2}, gamma: {log_gamma: 0.1}, anisotropic: {axis: [0], downsampling: 2}, rotate_90: {axis: 2}}" >c.yaml
    gn-augment -q -c c.yaml --no-history x.gnt >a.gnt
    gn-augment --seed 5 --no-history --op motion:axis=0,centre=origin,interpolation=nearest,num_transforms=1,degrees=[1,3],translation=1 \
        --op elastic:patch_size=[6,3,5],locked_borders=1 --op affine:scales=[0.8,0.9],degrees=[1,2,3],translation=4 --op blur:std=[1,2,3] \
        --op bias:coefficients=0.2,order=2 --op swap:patch_size=[3,2,1],num_iterations=4 --op ghosting:num_ghosts=5,axis=1,intensity=0.6 \
        --op spike:num_spikes=2,intensity=0.4 --op noise:mean=1,std=2 --op gamma:log_gamma=0.1 --op anisotropic:axis=0,downsampling=2 \
        --op rotate_90:axis=2 x.gnt >b.gnt
    same a.gnt b.gnt
    sed "s/centre: origin/centre: middle/" c.yaml >d.yaml
    fails 1 gn-augment -q -c d.yaml x.gnt
    grep -q "motion.centre" err'

t 'what images share is drawn once: the axis of anisotropic' '
    python3 "$lib" make x.gnt 2 12,10,9
    gn-augment --op anisotropic:downsampling=[1.5,3] --op gamma --print-draws d.tsv x.gnt >a.gnt
    test "$(grep -c "	\*	anisotropic	downsampling	" d.tsv)" = 2
    test "$(grep -c "	t[12]	gamma	log_gamma.0	" d.tsv)" = 4
    gn-augment --op anisotropic:downsampling=[1.5,3] --op gamma --apply d.tsv --no-history x.gnt >b.gnt
    gn-augment --op anisotropic:downsampling=[1.5,3] --op gamma --no-history x.gnt >a.gnt
    same a.gnt b.gnt'

t 'colours need three components, and say so' '
    python3 "$lib" make x.gnt 1 8,8,1 channels=2
    fails 1 gn-augment --op hed_transform x.gnt
    grep -q "hed_transform: an image of 3 components is needed, not 2" err
    fails 1 gn-augment --op colorjitter x.gnt
    grep -q "colorjitter: an image of 1 or 3 components is needed, not 2" err
    python3 "$lib" make y.gnt 1 8,8,1 channels=3 dtype=uint8
    gn-augment --op colorjitter:brightness=0.1,contrast=0.1 --op hed_transform y.gnt >z.gnt
    python3 - <<P
import image_lib as l
v = l.numbers(*l.read("z.gnt")[0][::2])
assert 20 < max(v) <= 255 and min(v) >= 0, (min(v), max(v))
P'

t 'with a label sampler a flip keeps the labelled voxel in the centre' '
    python3 - <<P
import image_lib as l
lab = bytearray(24 * 20 * 18)
lab[(9 * 20 + 10) * 24 + 8] = 1
l.write("x.gnt", [(h, bytes(lab) if dict(h)["role"] == "label" else d) for h, d in l.sample("s", (24, 20, 18))])
P
    gn-save --cache -o cache x.gnt
    python3 "$lib" config "data_augmentation: {flip: {probability: 1}}" >c.yaml
    gn-epochs -q -c c.yaml -n 4 --patches cache | gn-augment -q -c c.yaml >p.gnt
    python3 - <<P
import image_lib as l
r = [l.numbers(m, d) for m, h, d in l.read("p.gnt") if m["role"] == "label"]
assert len(r) == 12 and all(sum(v) == 1 for v in r)
P'

t 'a window cut for another seed or another list is refused' '
    python3 "$lib" make x.gnt 1 24,20,18
    gn-save --cache -o cache x.gnt
    python3 "$lib" config "data_augmentation: {flip: {axis: [0]}}" >c.yaml
    gn-epochs -q -c c.yaml --patches cache >e.gnt
    fails 1 gn-augment -q -c c.yaml --seed 6 e.gnt
    grep -q "subject s0: the window was cut for another seed or another list" err
    fails 1 gn-augment --op flip:axis=0 --seed 5 e.gnt
    sed "s/axis: .0./axis: [1]/" c.yaml >d.yaml
    fails 1 gn-augment -q -c d.yaml e.gnt
    gn-augment --op flip:axis=0,probability=0.5 --seed 5 e.gnt >a.gnt
    gn-augment -q -c c.yaml e.gnt >b.gnt
    gn-diff a.gnt b.gnt'

t 'the noise of a patch is that of its parent' '
    python3 "$lib" make x.gnt 1 9,8,7
    gn-patch --grid -p 5,4,3 x.gnt | gn-augment --op noise:std=2 >a.gnt
    gn-augment --op noise:std=2 x.gnt >w.gnt
    python3 - <<P
import image_lib as l
m, _, d = l.read("a.gnt")[0]
w, _, e = l.read("w.gnt")[0]
assert m["patch.index"].startswith("0/") and l.numbers(m, d) == l.cut(w, e, (0, 0, 0), (5, 4, 3))
P'

t 'wrong usage' '
    python3 "$lib" make x.gnt 1 4,4,4
    python3 "$lib" config >c.yaml
    fails 2 gn-augment x.gnt
    fails 2 gn-augment -c c.yaml --op flip x.gnt
    fails 2 gn-augment --op flp x.gnt
    grep -q "did you mean flip" err
    fails 2 gn-augment --op flip:axes=0 x.gnt
    fails 2 gn-augment --op flip:axis=3 x.gnt
    fails 2 gn-augment --op noise:std=-1 x.gnt
    fails 2 gn-augment --op flip --print-draws - x.gnt
    fails 2 gn-augment --op noise:probability=2 x.gnt
    printf "a,b\n1,2\n" >t.csv
    fails 1 gn-augment --op flip --apply t.csv x.gnt
    gn-augment -q -c c.yaml x.gnt >y.gnt
    gn-diff x.gnt y.gnt'
