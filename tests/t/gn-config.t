# gn-config: check, print, explain, pipeline, init, schema
. "$GN_TESTS/lib.sh"

cat >good.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [32, 32, 16]
model: {architecture: unet, final_layer: softmax, class_list: [0, 1, 2], num_channels: 2}
metrics: [dice]
nested_training: {testing: -5, validation: -5}
data_preprocessing: {normalize_nonZero, clip: {min: -900, max: 300}, resample: {resolution: [1, 1, 1]}}
Y
mod() { # mod LINE: the good config with a line more
    cat "$base/good.yaml"; printf '%s\n' "$1"
}
export base
cat >>prelude <<'P'
mod() { cat "$base/good.yaml"; printf '%s\n' "$1"; }
stage() { grep -A 40 "$1" | sed -n "1,/[^|]\$/p"; }
P

t 'a good config has no faults' '
    gn-config check ../good.yaml 2>err | grep -q "no faults"; [ ! -s err ]'
t 'a fault is one line with file, line, column, key and reason' '
    mod "batch_size: 0" >c.yaml
    fails 1 gn-config check c.yaml; grep -qx "gn-config: c.yaml:8:1: batch_size: must be at least 1: 0" err
    [ ! -s out ]'
t 'all faults are told at once' '
    mod "batch_size: 0
lerning_rate: 1
differential_privacy: true
data_augmentation: {elastic, flip}" >c.yaml
    ! gn-config check c.yaml 2>err >out
    [ "$(wc -l <err)" = 4 ]
    grep -q "c.yaml:9:1: lerning_rate: unknown key; the nearest is learning_rate" err
    grep -q "c.yaml:10:1: differential_privacy: .*not available in this version" err
    grep -q "c.yaml:11:21: data_augmentation.elastic: not available in this version" err'
t '--lenient makes unknown keys warnings, and nothing else' '
    mod "foo: 1" >c.yaml
    gn-config check --lenient c.yaml 2>err; grep -q "warning: c.yaml:8:1: foo: unknown key" err
    mod "batch_size: 0" >d.yaml
    fails 1 gn-config check --lenient d.yaml
    fails 2 gn-config print --lenient c.yaml; fails 1 gn-config print c.yaml'
t 'older spellings are accepted with one note each' '
    sed "s/patch_size/psize/; s/num_channels/n_channels/" ../good.yaml >c.yaml
    gn-config check c.yaml 2>err; [ "$(wc -l <err)" = 2 ]; grep -q "note: c.yaml:3:1: psize: read as patch_size" err'
t 'what is printed reads as the same config' '
    mod "data_augmentation: {noise, flip: {axis: 1}}
optimizer: {type: sgd, momentum: 0.9}" >c.yaml
    gn-config print c.yaml >p.yaml; gn-config print p.yaml 2>err | same - p.yaml; [ ! -s err ]
    gn-config print -o q.yaml c.yaml; same p.yaml q.yaml'
t 'a key is explained, wherever it stands' '
    gn-config explain base_filters | grep -q "^model.base_filters: "
    gn-config explain base_filters | grep -q "default: 32"
    gn-config explain psize | grep -q "^patch_size:"
    gn-config explain optimizer | grep -q "names: sgd, adam, adamw"
    fails 1 gn-config explain base_filter; grep -q "nearest is base_filters" err'
t 'the schema has a row for every key, of equal width' '
    gn-config schema >s.tsv
    awk -F "\t" "NF != 8 { exit 1 }" s.tsv; [ "$(wc -l <s.tsv)" -gt 100 ]
    grep -q "^patch_size	" s.tsv'
t 'the pipeline holds the steps in order, the normalisation last' '
    gn-config pipeline --only cache ../good.yaml >p.sh
    sh -n p.sh
    grep -A 9 "^gn-load" p.sh | tr -d "\n" | tr -s " " >line
    [ "$(cat line)" = "gn-load \"\$DATA\" | gn-normalize --clip -900,300 | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-save --cache -o \"\$OUT/cache/\"" ]'
t 'every part is shell, and all parts are the whole' '
    mod "data_augmentation: {flip}
nested_training_x: 1" | grep -v _x >c.yaml
    for p in cache train predict score; do gn-config pipeline --only $p c.yaml | sh -n; done
    gn-config pipeline c.yaml >all; sh -n all
    for w in gn-load gn-save gn-split gn-epochs gn-augment gn-patch gn-shuffle gn-train gn-infer gn-stitch gn-dice; do grep -q "$w" all; done'
t 'augmentation of raw images reads cache_raw and preprocesses after it' '
    mod "data_augmentation: {flip}" >c.yaml
    gn-config pipeline --only train c.yaml | sed -n "/^gn-epochs/,\$p" | tr -d "\n" | tr -s " " >line
    grep -q "cache_raw/\" | gn-augment -c \"\$CONFIG\" | gn-normalize --clip -900,300 | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-patch -c \"\$CONFIG\" | gn-shuffle -c \"\$CONFIG\" | gn-train" line'
t 'augment_after_preprocessing cuts patches from the cache' '
    mod "data_augmentation: {flip}
augment_after_preprocessing: true" >c.yaml
    gn-config pipeline c.yaml >all
    ! grep -q cache_raw all; ! grep -q gn-shuffle all
    grep -q "^gn-epochs .*--patches \"\$OUT/cache/\" |$" all'
t 'steps for training cases only get a cache of their own' '
    sed "s/normalize_nonZero/normalize_nonZero, crop_external_zero_planes/" ../good.yaml >c.yaml
    gn-config pipeline c.yaml >all
    grep -q "gn-save --cache -o \"\$OUT/cache_training/\"" all
    [ "$(grep -c crop-zero all)" = 1 ]; grep -q -e "--patches \"\$OUT/cache_training/\"" all'
t 'weighted losses count classes first' '
    mod "weighted_loss: true" >c.yaml
    gn-config pipeline --only train c.yaml >p
    grep -q "gn-info --labels >\"\$LEAF/class_counts.tsv\"" p; grep -q -e "--class-counts" p'
t 'unions of labels need post-processing; without gn-postprocess both are refused' '
    sed "s/class_list: .0, 1, 2./class_list: [0, 1||2, 2]/" ../good.yaml >c.yaml
    fails 1 gn-config check c.yaml; grep -q mapping err
    echo "data_postprocessing_after_reverse_one_hot_encoding: {mapping: {0: 0, 1: 1, 2: 2}}" >>c.yaml
    if [ -x "$B/bin/gn-postprocess" ]; then
        gn-config pipeline c.yaml >p; sh -n p; grep -q -e "--labels .1||2,2. " p; grep -q gn-postprocess p
    else
        ! gn-config pipeline c.yaml >p 2>err; [ ! -s p ]; grep -q "mapping: not available in this version" err
    fi'
t 'no pipeline names a program that is not there' '
    for c in "$GN_TOP"/examples/*.yaml; do gn-config pipeline "$c"; done | grep -o "gn-[a-z]*" | sort -u >programs
    while read -r p; do [ -x "$B/bin/$p" ] || { echo "no $p"; exit 1; }; done <programs'
t 'check with a table finds what does not fit the data' '
    : >a.nii
    printf "SubjectID,Channel_0,Channel_1\n1,a.nii,gone.nii\n" >d.csv
    ! gn-config check ../good.yaml d.csv 2>err >out; [ ! -s out ]
    grep -q "d.csv:2: subject 1: Channel_1: .*no such file" err; grep -q "no label column" err
    fails 1 gn-config check ../good.yaml missing.csv'
t 'init writes a config that is good, even when no image can be read' '
    printf "SubjectID,Channel_0,Label\n1,gone.nii,gone2.nii\n" >d.csv
    gn-config init -o c.yaml d.csv
    gn-config check c.yaml 2>err; [ ! -s err ]; grep -q "augment_after_preprocessing: true" c.yaml
    fails 1 gn-config init missing.csv'
t 'the examples are good' '
    for c in "$GN_TOP"/examples/*.yaml; do gn-config check "$c" >/dev/null 2>err; [ ! -s err ] || { cat err; exit 1; }; done'
t 'wrong usage is one line and exit 2' '
    fails 2 gn-config; fails 2 gn-config check; fails 2 gn-config print a b; fails 2 gn-config schema x
    fails 2 gn-config check --only cache ../good.yaml; fails 1 gn-config check gone.yaml; fails 1 gn-config check /dev/null'

# A training case is compared with its config by the history lines of its samples, so the chain must be written in the same words.
cat >image.py <<'P'
import struct
head = bytearray(352)
struct.pack_into('<i', head, 0, 348)
struct.pack_into('<8h', head, 40, 3, 40, 36, 34, 1, 1, 1, 1)
struct.pack_into('<hh', head, 70, 2, 8)
struct.pack_into('<8f', head, 76, 1, 1, 1, 1, 0, 0, 0, 0)
struct.pack_into('<f', head, 108, 352)
struct.pack_into('<h', head, 254, 1)
struct.pack_into('<12f', head, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
head[344:348] = b'n+1\0'
open('a.nii', 'wb').write(head + bytes(1 + i * 7 % 250 for i in range(40 * 36 * 34)))
P
cat >>prelude <<'P'
told() { # told 'STEPS': run the training chain of these steps and compare it with the history that it leaves
    sed "s/^data_preprocessing.*/data_preprocessing: {$1}/" "$base/good.yaml" >c.yaml
    python3 "$base/image.py"
    gn-config pipeline --only cache c.yaml >p.sh
    sed -n 's/^    \(gn-[rn].*\) |$/\1/p' p.sh >want
    { echo "gn-load a.nii |"; sed 's/$/ |/' want; echo "cat >o.gnt"; } >run.sh
    sh -e run.sh
    gn-info o.gnt | sed -n 's/^  history: \(gn-[rn][a-z]*\) [^ ]*/\1/p' >got
    [ -s want ]; same got want || { diff got want >&2; return 1; }
}
P
t 'history lines read as the chain: grids' '
    told "to_canonical, crop: [1, 2, 1], centercrop: [32, 33, 32], resample: {resolution: [1.5, 1, 1]}"
    told "resize_image: [48, 32, 32], resize_patch: [32, 32, 33], resample_min: {resolution: 0.75}"'
t 'history lines read as the chain: intensities' '
    told "clip: {max: 200.5}, rescale: {out_min_max: [-1, 1], percentiles: [5, 95.5]}, normalize_nonZero"
    told "threshold: {min: 10}, rescale: {in_min_max: [0, 1e-5]}, normalize_by_val: {mean: 0.1, std: 0.25}"
    told "normalize_nonZero_masked"; told "normalize_positive"; told "rescale, normalize"; told "normalize_div_by_255"; told normalize_standardize'
