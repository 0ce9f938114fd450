# target: preprocessing that brings images to a target, from a configuration through a model to a new image
. "$GN_TESTS/lib.sh"

gn-phantom head -n 9 --size 16 --spacing 4 -o data
mkdir conf
cp data/head_001/head_001_t1.nii.gz conf/ref.nii.gz
small_config 4 2 2 'data_preprocessing: {histogram_matching: {target: ref.nii.gz, num_match_points: 8, num_hist_level: 256}, normalize: }' |
    sed 's/testing: 1/testing: -3/' >conf/c.yaml
small_config 4 1 2 'data_preprocessing: {stain_normalizer: {target: tile.png}}' |
    sed 's/testing: 1/testing: -3/; s/\[8, 8, 8\]/[16, 16]/; s/dimension: 3/dimension: 2/; s/num_channels: 1/num_channels: 3/' >stain.yaml
gn-experiment -c conf/c.yaml -i data/data.csv -o whole >/dev/null
cat >>"$base/prelude" <<'P'
id_of() { sed -n 2p "$1/data_testing.csv" | cut -d, -f1; }
P
cat >edit.py <<'P'
# edit.py MODEL NEW HOW: a copy whose stored target is "flipped" in one bit, "gone", or "other" in shape
import json, sys
raw = open(sys.argv[1], 'rb').read()
n = int.from_bytes(raw[:8], 'little')
head, body = json.loads(raw[8:8 + n]), bytearray(raw[8 + n:])
name = [k for k in head if k.startswith('preprocessing.')][0]
if sys.argv[3] == 'flipped':
    body[head[name]['data_offsets'][0] + 9] ^= 1
elif sys.argv[3] == 'gone':
    del head[name]
    head['elsewhere'] = {'dtype': 'F64', 'shape': [1, 11], 'data_offsets': json.loads(raw[8:8 + n])[name]['data_offsets']}
else:
    head[name]['shape'] = [11, 1]
text = json.dumps(head).encode()
text += b' ' * (-len(text) % 8)
open(sys.argv[2], 'wb').write(len(text).to_bytes(8, 'little') + text + body)
P

cat >pair.py <<'P'
# pair.py A B NEW: one NIfTI file of two channels from two of 16x16x16
import gzip, struct, sys
a, b = (gzip.open(f).read() for f in sys.argv[1:3])
head = bytearray(a[:352])
struct.pack_into('<8h', head, 40, 5, 16, 16, 16, 1, 2, 1, 1)
open(sys.argv[3], 'wb').write(bytes(head) + a[352:] + b[352:])
P

t 'a study with a target: the model holds it, and predict gives the bytes of the study with the file gone' '
    mkdir away; cp -r ../whole/model ../whole/data_testing.csv away
    id=$(id_of ../whole); mv ../conf ../gone
    gn-experiment predict -m away/model/best.safetensors -o p ../data/$id/${id}_t1.nii.gz >/dev/null || bad=1
    mv ../gone ../conf
    [ -z "$bad" ]
    same p/${id}_t1/${id}_t1_seg.nii.gz ../whole/predictions/$id/${id}_seg.nii.gz'
t 'the pipeline that predict prints takes the target from the model and gives the same bytes' '
    id=$(id_of ../whole)
    cp ../whole/model/best.safetensors "a model.safetensors"
    gn-experiment predict -n -m "a model.safetensors" -o p ../data/$id/${id}_t1.nii.gz >run.sh
    grep -q "gn-normalize --histogram-match .a model.safetensors. --levels 256 --points 8" run.sh
    sh -e run.sh
    same p/${id}_t1/${id}_t1_seg.nii.gz ../whole/predictions/$id/${id}_seg.nii.gz'
t 'the target makes a difference, and the cache was brought to it' '
    sed "s/histogram_matching: .*}, norm/norm/" ../conf/c.yaml >plain.yaml
    ! grep -q ref plain.yaml
    gn-experiment -c plain.yaml -i ../data/data.csv -o plain >/dev/null
    ! cmp -s plain/model/best.safetensors ../whole/model/best.safetensors
    gn-load ../data/head_002/head_002_t1.nii.gz | gn-normalize --histogram-match ../conf/ref.nii.gz --levels 256 --points 8 |
        gn-normalize --zscore full >x.gnt
    gn-save -o x x.gnt
    gn-save -o y ../whole/cache/head_002.gnt
    same x/*/*_Channel_0.nii.gz y/*/*_Channel_0.nii.gz'
t 'gn-model show names it; neither the model nor the study knows a path or an image' '
    gn-model show ../whole/model/best.safetensors >s
    grep -qx "preprocessing.histogram_matching.target	the values of an image, 1 channel, 8 quantiles" s
    grep -qx "preprocessing	gn-normalize --histogram-match target-[0-9a-f]* --levels 256 --points 8" s
    ! grep -aq ref.nii ../whole/model/best.safetensors ../whole/model/latest.safetensors ../whole/config.yaml ../whole/Makefile
    [ $(wc -c <../whole/targets.safetensors) -lt 2000 ]'
t 'the pipeline that -n prints and trainings one after the other give the same models' '
    gn-experiment -n -c ../conf/c.yaml -i ../data/data.csv -o s >run.sh
    grep -q "histogram-match ../conf/ref.nii.gz" run.sh
    sh -e run.sh
    for f in model/best.safetensors model/latest.safetensors predictions/predictions.csv scores.tsv; do same ../whole/$f s/$f; done'
t 'a file that has changed is another config, told by its key; a copy elsewhere is not' '
    cp -r ../conf .
    gn-experiment -c conf/c.yaml -i ../data/data.csv -o whole >/dev/null
    mv conf/ref.nii.gz conf/same.nii.gz; sed "s/ref.nii/same.nii/" conf/c.yaml >conf/d.yaml
    gn-experiment -c conf/d.yaml -i ../data/data.csv -o whole >/dev/null
    same whole/model/latest.safetensors ../whole/model/latest.safetensors
    cp ../data/head_002/head_002_t1.nii.gz conf/ref.nii.gz
    fails 1 gn-experiment -c conf/c.yaml -i ../data/data.csv -o whole
    grep -q "whole/config.yaml: another config than conf/c.yaml, in data_preprocessing.histogram_matching.target: use another" err
    gn-epochs -c conf/c.yaml --only whole/data_training.csv --patches whole/cache >e.gnt
    fails 1 gn-train -c conf/c.yaml --cache whole/cache --val whole/data_validation.csv -o whole/model e.gnt
    grep -q "was trained with another config: data_preprocessing.histogram_matching.target (" err
    fails 1 gn-train -c conf/c.yaml --cache whole/cache --val whole/data_validation.csv -o m e.gnt
    grep -q "head_00.: .*: preprocessing differs: .gn-normalize --histogram-match target-.* was done, .*target-.* was expected" err'
t 'as long as nothing was trained, another target may come, and the cache is made again' '
    cp -r ../conf .
    gn-experiment -c conf/c.yaml -i ../data/data.csv -o s >/dev/null
    find s -name "*.safetensors" ! -name targets.safetensors -delete; rm s/model/DONE
    cp ../data/head_002/head_002_t1.nii.gz conf/ref.nii.gz
    gn-experiment -c conf/c.yaml -i ../data/data.csv -o s >/dev/null 2>err
    grep -q "the config has changed, in data_preprocessing.histogram_matching.target; nothing was trained" err
    gn-experiment -c conf/c.yaml -i ../data/data.csv -o fresh >/dev/null
    for f in targets.safetensors config.yaml model/best.safetensors scores.tsv; do same s/$f fresh/$f; done
    sed "s/histogram_matching: .*}, norm/norm/" conf/c.yaml >plain.yaml
    gn-experiment -c plain.yaml -i ../data/data.csv -o s --reset >/dev/null
    [ ! -e s/targets.safetensors ]'
t 'the folder of a study is enough: its own config, and a model as the config, train the same' '
    cp -r ../whole .; rm whole/model/*
    gn-experiment -c whole/config.yaml -i ../data/data.csv -o s >/dev/null
    same s/model/best.safetensors ../whole/model/best.safetensors
    gn-epochs -c s/model/best.safetensors --only s/data_training.csv --patches s/cache |
        gn-train -q -c s/model/best.safetensors --cache s/cache --val s/data_validation.csv -o m
    same m/best.safetensors ../whole/model/best.safetensors
    gn-model config s/model/best.safetensors >c.yaml
    fails 1 gn-train -c c.yaml --cache s/cache --val s/data_validation.csv -o n /dev/null
    grep -q "c.yaml: data_preprocessing.histogram_matching.target: .*targets.safetensors" err'
t 'stopped in the middle and given again: the same bytes' '
    gn-epochs -c ../conf/c.yaml --only ../whole/data_training.csv --patches ../whole/cache >e.gnt
    train() { gn-train -q -c ../conf/c.yaml --cache ../whole/cache --val ../whole/data_validation.csv -o m; }
    head -c $(($(wc -c <e.gnt) * 7 / 10)) e.gnt | train 2>/dev/null || true
    [ ! -e m/DONE ] && [ -e m/latest.safetensors ]
    gn-epochs -c ../conf/c.yaml --only ../whole/data_training.csv --from m/ --patches ../whole/cache | train
    for f in best latest; do same m/$f.safetensors ../whole/model/$f.safetensors; done'
t 'folds, and augmentation before preprocessing: recipes in leaves find the target' '
    mkdir conf; cp ../conf/ref.nii.gz conf
    sed "s/testing: -3, validation: -3/testing: 3, validation: -2/" ../conf/c.yaml >conf/c.yaml
    echo "data_augmentation: {flip: {axis: [0]}}" >>conf/c.yaml
    gn-experiment -c conf/c.yaml -i ../data/data.csv -o s >/dev/null
    grep -q "histogram-match ../../targets.safetensors\|histogram-match ../targets.safetensors" s/Makefile
    [ "$(ls -d s/testing_*/model/DONE s/testing_*/*/model/DONE 2>/dev/null | wc -l)" = 3 ]
    for m in $(find s -name best.safetensors); do
        gn-model show $m | grep "^preprocessing	"
    done | sort -u | wc -l | grep -qx 1'
t 'a stored target that is damaged, gone or of another shape: one line, from each program' '
    id=$(id_of ../whole); image=../data/$id/${id}_t1.nii.gz
    gn-load $image | gn-normalize --histogram-match ../whole/model/best.safetensors --levels 256 --points 8 |
        gn-normalize --zscore full | gn-patch --grid -c ../whole/model/best.safetensors >patches
    gn-infer -m ../whole/model/best.safetensors patches >/dev/null
    gn-load $image >x.gnt
    for how in flipped gone other; do
        python3 ../edit.py ../whole/model/best.safetensors m.safetensors $how
        for c in "gn-experiment predict -m m.safetensors -o p $image" "gn-infer -m m.safetensors patches" \
            "gn-normalize --histogram-match m.safetensors --levels 256 --points 8 x.gnt" "gn-train -c m.safetensors -o t patches"; do
            fails 1 $c
            grep -q "m.safetensors: tensor preprocessing.histogram_matching.target: \(is\|has\) " err
        done
        gn-model show m.safetensors >s 2>err && exit 1
        grep -q "tensor preprocessing.histogram_matching.target: " err
    done
    [ ! -e p ] && [ ! -e t ]'
t 'images brought to another target are refused by the model' '
    id=$(id_of ../whole)
    gn-load ../data/$id/${id}_t1.nii.gz | gn-normalize --histogram-match ../data/head_003/head_003_t1.nii.gz --levels 256 --points 8 |
        gn-normalize --zscore full | gn-patch --grid -c ../whole/model/best.safetensors >patches
    fails 1 gn-infer -m ../whole/model/best.safetensors patches
    grep -q "preprocessing differs: .gn-normalize --histogram-match target-" err'
t 'a target that is missing, of one value, of other channels, 2-D where volumes are trained' '
    try() { sed "s#ref.nii.gz#$1#" ../conf/c.yaml >c.yaml; fails 1 gn-experiment -c c.yaml -i ../data/data.csv -o s; [ ! -e s ]; }
    try none.nii.gz
    grep -q "c.yaml: data_preprocessing.histogram_matching.target: none.nii.gz: no such file" err
    fails 1 gn-config check c.yaml
    grep -q "c.yaml: data_preprocessing.histogram_matching.target: none.nii.gz: no such file" err
    fails 1 gn-train -c c.yaml -o m /dev/null
    [ ! -e m ]
    gn-phantom fundus -n 1 --size 32,32 -o f
    cp f/fundus_001/fundus_001_photo.png rgb.png
    try rgb.png
    grep -q "c.yaml: data_preprocessing.histogram_matching.target: rgb.png: a 2-D image of 32x32 pixels: the network is for volumes" err
    gn-load ../data/head_001/head_001_t1.nii.gz | gn-normalize --clip 0,0 | gn-save -o one/
    try one/head_001_t1/head_001_t1_Channel_0.nii.gz
    grep -q "one value only: not a target" err
    gn-phantom head -n 1 --size 16 --spacing 4 --channels 2 -o two
    python3 ../pair.py two/head_001/head_001_t1.nii.gz two/head_001/head_001_t2.nii.gz pair.nii
    try pair.nii
    grep -q "c.yaml: data_preprocessing.histogram_matching: .*_t1.nii.gz has 1 channel, the target has 2" err'
t 'without data_preprocessing a step with a target is refused, and where it belongs is said' '
    grep -v data_preprocessing ../conf/c.yaml >bare.yaml
    gn-epochs -c bare.yaml --only ../whole/data_training.csv --patches ../whole/cache >e.gnt
    fails 1 gn-train -c bare.yaml --cache ../whole/cache --val ../whole/data_validation.csv -o m e.gnt
    grep -q "which a model cannot ask for: .*(written in data_preprocessing it is: then its target goes into the model)" err'
t 'stains of a picture: trained, stored, and predicted with the file gone' '
    gn-phantom fundus -n 6 --size 48,48 -o f
    cp f/fundus_001/fundus_001_photo.png tile.png
    cp ../stain.yaml c.yaml
    gn-experiment -c c.yaml -i f/data.csv -o s >/dev/null 2>&1
    rm tile.png s/targets.safetensors
    gn-model show s/model/best.safetensors | grep -q "^preprocessing.stain_normalizer.target	the stains of a picture"
    gn-experiment predict -m s/model/best.safetensors -o p s/data_testing.csv >/dev/null
    diff -r p s/predictions >&2
    python3 ../edit.py s/model/best.safetensors m.safetensors flipped
    fails 1 gn-experiment predict -m m.safetensors -o q s/data_testing.csv
    grep -q "tensor preprocessing.stain_normalizer.target: is damaged" err'
