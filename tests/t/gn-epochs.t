# gn-epochs: samples of a cache, or patches of them, epoch after epoch
. "$GN_TESTS/lib.sh"

cat >c.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: unet, class_list: [0, 1], final_layer: softmax}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
num_epochs: 3
q_samples_per_volume: 4
patch_sampler: uniform
augment_after_preprocessing: true
Y
sed '/augment_after/d' c.yaml >aug.yaml
printf 'data_augmentation: {flip: {axis: [0, 1], probability: 1}}\naugment_after_preprocessing: true\n' >>aug.yaml
gn-phantom fundus -n 5 --size 32,40 -o data
gn-load data/data.csv | gn-normalize --zscore full | gn-save --cache -o cache
cat >>"$base/prelude" <<'P'
keys() { gn-info --header "$1" "$2"; } # one a record: image and label of each sample
P

t 'whole samples: each once an epoch, its image and label together' '
    gn-epochs -c ../c.yaml ../cache >s.gnt
    [ "$(keys sample s.gnt | wc -l)" = 30 ]
    [ "$(keys sample s.gnt | sort | uniq -c | awk "{ print \$1 }" | sort -u)" = 6 ]
    [ "$(keys role s.gnt | head -n 4 | tr "\n" " ")" = "image label image label " ]
    [ "$(keys epoch s.gnt | uniq -c | tr -s " " | tr "\n" ";")" = " 10 0/3; 10 1/3; 10 2/3;" ]'
t 'whole samples are the voxels of the cache' '
    gn-epochs -n 1 --only ../data/data.csv ../cache >s.gnt
    cat ../cache/*.gnt >all.gnt
    for r in image label; do
        gn-info --stats s.gnt | awk -F"\t" -v r=$r "\$4 == r" | cut -f3- | sort >a
        gn-info --stats all.gnt | awk -F"\t" -v r=$r "\$4 == r" | cut -f3- | sort | same - a
    done'
t 'without a config: whole samples and -n, nothing else' '
    gn-epochs -n 2 ../cache >/dev/null
    fails 2 gn-epochs ../cache
    fails 2 gn-epochs -n 2 --patches ../cache'
t 'every epoch has another order, a pure function of seed and epoch' '
    gn-epochs -c ../c.yaml ../cache >s.gnt; gn-epochs -c ../c.yaml ../cache | same - s.gnt
    keys sample s.gnt | awk "NR % 2" >order
    sed -n 1,5p order >a; sed -n 6,10p order >b; sed -n 11,15p order >c
    ! cmp -s a b || ! cmp -s b c
    gn-epochs -c ../c.yaml --seed 9 ../cache >o.gnt
    ! cmp -s s.gnt o.gnt'
t 'patches: q_samples_per_volume of each sample, inside the image, of the patch size' '
    gn-epochs -c ../c.yaml --patches ../cache >s.gnt
    [ "$(keys sample s.gnt | wc -l)" = 120 ]
    [ "$(keys shape s.gnt | sort | uniq -c | awk "{ print \$2, \$3, \$4, \$5 }" | tr "\n" ";")" = "1 1 16 16;3 1 16 16;" ]
    keys patch.origin s.gnt | awk "{ exit \$1 < 0 || \$1 > 16 || \$2 < 0 || \$2 > 24 || \$3 }"
    [ "$(keys patch.of s.gnt | sort -u)" = "32 40 1" ]
    [ "$(keys patch.index s.gnt | sort | uniq -c | awk "{ print \$1, \$2 }" | tr "\n" ";")" = "30 0/4;30 1/4;30 2/4;30 3/4;" ]'
t 'patches are fully shuffled: those of a sample do not stand together' '
    gn-epochs -c ../c.yaml --patches -n 1 ../cache >s.gnt
    [ "$(keys sample s.gnt | awk "NR % 2" | uniq | wc -l)" -gt 8 ]'
t 'a patch is the part of its parent that it says' '
    gn-epochs -c ../c.yaml --patches -n 1 ../cache >s.gnt
    gn-epochs -c ../c.yaml -n 1 ../cache >w.gnt
    PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - <<P
import gnt
def voxels(m, raw):
    c, z, y, x = (int(v) for v in m["shape"].split())
    n = len(bytes(raw)) // (c * z * y * x)
    b = bytes(raw)
    return c, y, x, n, b
whole = {}
for m, raw in gnt.read(open("w.gnt", "rb")):
    m = dict(m)
    whole[m["sample"], m["role"]] = voxels(m, raw)
seen = 0
for m, raw in gnt.read(open("s.gnt", "rb")):
    m = dict(m)
    ox, oy, oz = (int(v) for v in m["patch.origin"].split())
    c, h, w, n, b = voxels(m, raw)
    C, H, W, N, B = whole[m["sample"], m["role"]]
    assert n == N and c == C
    for k in range(c):
        for y in range(h):
            at = ((k * H + y + oy) * W + ox) * n
            assert B[at:at + w * n] == b[(k * h + y) * w * n:(k * h + y + 1) * w * n]
    seen += 1
assert seen == 40, seen
P'
t 'the label sampler centres on a label voxel where it can' '
    sed "s/uniform/label/" ../c.yaml >l.yaml
    gn-epochs -c l.yaml --patches ../cache | gn-info --labels >l
    gn-epochs -c ../c.yaml --patches ../cache | gn-info --labels >u
    [ "$(awk "\$1 == 1 { print \$2 }" l)" -gt "$(awk "\$1 == 1 { print \$2 }" u)" ]'
t 'with an augmentation the window it needs is emitted, and gn-augment turns it into the patch' '
    gn-epochs -c ../aug.yaml --patches ../cache >s.gnt
    [ "$(keys window.origin s.gnt | wc -l)" = 120 ]
    gn-augment -c ../aug.yaml s.gnt >p.gnt
    [ "$(keys shape p.gnt | sort -u | tr "\n" ";")" = "1 1 16 16;3 1 16 16;" ]
    [ "$(keys window.origin p.gnt | sed "/^$/d" | wc -l)" = 0 ]
    gn-epochs -c ../aug.yaml --seed 3 --patches ../cache >t.gnt
    fails 1 gn-augment -c ../aug.yaml t.gnt'
t '--from starts at the first unfinished epoch; a model without latest at the beginning' '
    gn-epochs -c ../c.yaml --from none ../cache >a.gnt
    gn-epochs -c ../c.yaml ../cache | same - a.gnt
    mkdir m; printf "x" >m/latest.safetensors
    fails 1 gn-epochs -c ../c.yaml --from m ../cache'
t '--share deals the samples out: together the shares are the whole' '
    gn-epochs -c ../c.yaml ../cache >s.gnt
    for r in 0 1 2; do gn-epochs -c ../c.yaml --share $r/3 ../cache >$r.gnt; done
    keys sample s.gnt | awk "NR % 2" | sed -n 1,5p >want
    for r in 0 1 2; do keys epoch $r.gnt >e; keys sample $r.gnt | paste e - | awk "\$1 == \"0/3\" { print \$2 }" | awk "NR % 2" >p$r; done
    paste -d "\n" p0 p1 p2 | sed "/^$/d" | same - want
    fails 2 gn-epochs -c ../c.yaml --share 3/3 ../cache
    fails 2 gn-epochs -c ../c.yaml --share 1 ../cache'
t '--only selects subjects; one that is not there is an error naming it' '
    sed 4,6d ../data/data.csv >o.csv
    gn-epochs -n 1 --only o.csv ../cache >s.gnt
    [ "$(keys sample s.gnt | sort -u | tr "\n" " ")" = "fundus_001 fundus_002 " ]
    printf "SubjectID,Channel_0\nnobody,x.png\n" >n.csv
    fails 1 gn-epochs -n 1 --only n.csv ../cache
    grep -q nobody err'
t '.gnt files serve as a cache, and give the same bytes whatever their order' '
    gn-epochs -c ../c.yaml --patches ../cache >a.gnt
    gn-epochs -c ../c.yaml --patches ../cache/fundus_004.gnt ../cache/fundus_002.gnt ../cache/fundus_001.gnt \
        ../cache/fundus_005.gnt ../cache/fundus_003.gnt | same - a.gnt
    cat ../cache/*.gnt >all.gnt
    gn-epochs -c ../c.yaml --patches all.gnt | same - a.gnt'
t 'an unfinished cache, a sample twice, a damaged file: refused' '
    cp -r ../cache c; rm c/data.csv
    fails 1 gn-epochs -n 1 c
    grep -q "data.csv" err
    fails 1 gn-epochs -n 1 ../cache ../cache/fundus_001.gnt
    grep -q "fundus_001" err
    cp ../cache/data.csv c/; chmod u+w c/*
    size=$(wc -c <c/fundus_003.gnt)
    printf "\377\001" | dd of=c/fundus_003.gnt bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
    gn-epochs -c ../c.yaml --patches c >out.gnt 2>err && false
    grep -q "fundus_003" err
    fails 1 gn-info out.gnt
    head -c $((size / 2)) ../cache/fundus_003.gnt >c/fundus_003.gnt
    fails 1 gn-epochs -n 1 -o x.gnt c
    [ ! -e x.gnt ]'
t 'a .gnt file that an earlier stage left subjects out of is warned of' '
    gn-load ../data/data.csv | gn-normalize --zscore full >all.gnt
    { gn-phantom thorax -n 1 --size 8,8 -o small; gn-load small/data.csv | cat - all.gnt; } |
        gn-normalize --divide 2 | gn-patch --keep-going -c ../c.yaml >some.gnt 2>log || grep -q "left out" log
    gn-epochs -n 1 some.gnt 2>err >/dev/null
    grep -qx "gn-epochs: warning: some.gnt: an earlier stage left out 1 subject" err'
t 'a patch larger than the image is refused' '
    sed "s/patch_size.*/patch_size: [48, 16]/" ../c.yaml >big.yaml
    fails 1 gn-epochs -c big.yaml --patches -o x.gnt ../cache
    [ ! -e x.gnt ]'
t 'a reader that leaves early is no failure' '
    (gn-epochs -n 500 ../cache; echo $? >rc) | head -c 100 >/dev/null
    [ "$(cat rc)" = 0 ]'
