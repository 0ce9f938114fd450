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
data_augmentation: {spatial, flip}" >c.yaml
    ! gn-config check c.yaml 2>err >out
    [ "$(wc -l <err)" = 4 ]
    grep -q "c.yaml:9:1: lerning_rate: unknown key; the nearest is learning_rate" err
    grep -q "c.yaml:10:1: differential_privacy: .*not available in this version" err
    grep -q "c.yaml:11:21: data_augmentation.spatial: no longer a key; write affine and elastic" err'
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
t 'init writes a config that is good, even when no image can be read, and says so' '
    printf "SubjectID,Channel_0,Label\n1,gone.nii,gone2.nii\n" >d.csv
    gn-config init -o c.yaml d.csv 2>err
    grep -q "warning: d.csv: 2 of 2 files cannot be read, the first: .*gone.nii: " err; [ "$(wc -l <err)" = 1 ]
    grep -q "^# 2 of 2 files could not be read" c.yaml
    gn-config check c.yaml 2>err; [ ! -s err ]; grep -q "augment_after_preprocessing: true" c.yaml
    fails 1 gn-config init missing.csv'
# nii.py FILE NX NY NZ [SHIFT [FIRST]]: a volume of that size whose affine lies SHIFT mm off in x; with FIRST, its first voxels are 1
# and the others 0 (-1: all are), else they are grey
cat >nii.py <<'P'
import struct, sys
nx, ny, nz = map(int, sys.argv[2:5])
head = bytearray(352)
struct.pack_into('<i', head, 0, 348)
struct.pack_into('<8h', head, 40, 3, nx, ny, nz, 1, 1, 1, 1)
struct.pack_into('<hh', head, 70, 2, 8)
struct.pack_into('<8f', head, 76, 1, 1, 1, 1, 0, 0, 0, 0)
struct.pack_into('<f', head, 108, 352)
struct.pack_into('<h', head, 254, 1)
struct.pack_into('<12f', head, 280, 1, 0, 0, float((sys.argv[5:] or [0])[0]), 0, 1, 0, 0, 0, 0, 1, 0)
head[344:348] = b'n+1\0'
n, first = nx * ny * nz, int((sys.argv[6:] or [0])[0])
voxels = bytes(i < first for i in range(n)) if first else bytes(i * 7 % 250 for i in range(n))
open(sys.argv[1], 'wb').write(head + voxels)
P
# What init writes must train, whatever the sizes: one epoch of it, with fewer filters.
cat >>prelude <<'P'
nii() { python3 "$base/nii.py" "$@"; }
study() { gn-phantom "$@" -o s >/dev/null; }
trains() { # trains [TABLE]: init, check and one epoch
    gn-config init -o c.yaml "${1:-s/data.csv}" 2>err; [ ! -s err ] || { cat err >&2; return 1; }
    gn-config check c.yaml "${1:-s/data.csv}" >&2
    sed 's/^num_epochs: .*/num_epochs: 1/; s/base_filters: .*/base_filters: 2/; s/^q_samples.*/q_samples_per_volume: 1/' c.yaml >e.yaml
    gn-experiment -q -c e.yaml -i "${1:-s/data.csv}" -o out >&2
    find out -name best.safetensors | grep -q .
}
has() { for line in "$@"; do grep -qx -e "$line" c.yaml || { echo "no line $line" >&2; cat c.yaml >&2; return 1; }; done; }
cut_to() { gn-load s/data.csv | gn-resample --center-crop "$1" | gn-save -o cut; } # whole images of odd sizes
P
t 'init trains: volumes of 8 voxels a side' '
    study head -n 3 --size 8,8,8; trains
    has "patch_size: \[8, 8, 8\]" "  architecture: unet_multilayer" "  depth: 2" "q_samples_per_volume: 1" "patch_sampler: uniform .*"'
t 'init trains: a few thick slices, where a patch is the image' '
    study head -n 3 --size 40,40,12; trains
    has "patch_size: \[40, 40, 12\]" "  depth: 2" "q_samples_per_volume: 1" "patch_sampler: uniform .*whole image"'
t 'init trains: small pictures' '
    study thorax -n 3 --size 20,20; trains
    has "patch_size: \[16, 16\]" "  depth: 3" "q_samples_per_volume: 8"'
t 'init trains: pictures whose sides are no multiples' '
    study fundus -n 3 --size 256,200; trains; has "patch_size: \[256, 192\]" "  architecture: unet"; ! grep -q depth c.yaml'
t 'init trains: lesions that no patch of that size can have as its centre' '
    study tumour -n 3 --size 24,40,20 --channels 2; trains; has "patch_size: \[16, 32, 16\]" "patch_sampler: uniform .*"'
t 'init trains: lesions of which a patch is a small part keep their sampler' '
    study head -n 3 --size 48,48,48; gn-config init -o c.yaml s/data.csv; has "patch_size: \[48, 48, 48\]" "patch_sampler: uniform .*"
    study thorax -n 2 --size 1024,1024; gn-config init -o c.yaml s/data.csv; has "patch_size: \[256, 256\]" "patch_sampler: label .*"'
t 'init trains: labels at the border of large images, which are padded' '
    nii a.nii 800 800 1; nii l.nii 800 800 1 0 2000
    printf "%s\n" SubjectID,Channel_0,Label 1,a.nii,l.nii 2,a.nii,l.nii 3,a.nii,l.nii >d.csv; trains d.csv
    has "patch_size: \[256, 256\]" "patch_sampler: {type: label, enable_padding: true} .*"
    sed "s/, enable_padding: true//" e.yaml >f.yaml; ! gn-experiment -q -c f.yaml -i d.csv -o out2 2>err; grep -q "no labelled voxel" err'
t 'init: without a label above 0 patches are taken anywhere' '
    nii a.nii 800 800 1; nii z.nii 800 800 1 0 -1; nii l.nii 800 800 1 0 640000
    printf "%s\n" SubjectID,Channel_0,Label 1,a.nii,l.nii >d.csv; gn-config init -o c.yaml d.csv
    has "patch_sampler: label .*"
    printf "%s\n" SubjectID,Channel_0,Label 1,a.nii,l.nii 2,a.nii,z.nii >d.csv; gn-config init -o c.yaml d.csv
    has "patch_sampler: uniform .*" "  class_list: \[0, 1\]"'
t 'init trains: volumes thinner than any network takes are padded' '
    study head -n 3 --size 16,16,16; cut_to 16,16,5; trains cut/data.csv
    has "# the shortest side of an image is 5 voxels; .* takes 8: .*" "patch_size: \[16, 16, 8\]" "patch_sampler: {type: label, enable_padding: true} .*"'
t 'init trains: pictures of five pixels' '
    study thorax -n 3 --size 20,20; cut_to 5,6; trains cut/data.csv; has "patch_size: \[8, 8\]"'
t 'init trains: pictures of many sizes, resized to the usual one' '
    study thorax -n 4 --size 29,19; mv s a; study thorax -n 2 --size 30,21
    sed "1,3s/thorax_00.\//s\/&/g; 4,5s/thorax_00.\//a\/&/g" a/data.csv >m.csv; trains m.csv
    has "  resize_image: \[24, 16\]" "patch_size: \[24, 16\]" "q_samples_per_volume: 1"'
t 'init trains: volumes of many sizes and spacings, resampled to the usual one' '
    study head -n 2 --size 30,20,24 --spacing 2; mv s a; study tumour --channels 1 -n 2 --size 60,40,12 --spacing 1,1,4
    sed "1d; s/head_00.\//..\/a\/&/g" a/data.csv >>s/data.csv; trains; has "  resample: {resolution: \[2, 2, 4\]}" "patch_size: \[28, 20, 12\]"'
t 'init leaves images of another dimension aside, and says so' '
    study head -n 3 --size 16,16,16; cp s/data.csv d.csv; mv s a; study thorax -n 1 --size 20,20
    sed "1d; s/head_00.\//..\/a\/&/g" a/data.csv >>s/data.csv
    gn-config init -o c.yaml s/data.csv 2>err; grep -q "1 images are 2-D, as the first is, but 3 are 3-D" err
    grep -q "^# 3 images are 3-D" c.yaml
    ! gn-config check c.yaml s/data.csv 2>err; [ "$(grep -c "a volume of 16x16x16 voxels, but the config is for 2-D" err)" = 3 ]'
t 'init keeps the rows of a person together' '
    study thorax -n 6 --size 20,20
    rename() { awk -F, -v OFS=, "NR > 1 { \$1 = $1 } { print }" s/data.csv >s/r.csv; gn-config init -o c.yaml s/r.csv; gn-config check c.yaml s/r.csv; }
    rename "\"p\" int(NR / 2) \"_\" NR"
    has "nested_training: {testing: 1, validation: -2, group_regex: .\^(\[^_\]+)_.}   # 3 persons in 6 rows"
    gn-split --test 1 --val -2 --group-regex "^([^_]+)_" -o split s/r.csv
    rename "(NR % 2 ? \"left\" : \"right\") \"_\" NR"
    has "# if SubjectIDs are PERSON_NUMBER, write group_regex: .\^(\[^_\]+)_. in nested_training: .*" "nested_training: {testing: -3, validation: -2} .*"
    rename "\"p\" NR \"_1\""; ! grep -q group_regex c.yaml
    gn-config init -o c.yaml s/data.csv; ! grep -q group_regex c.yaml'
GN_DATA=${GN_DATA:-$GN_TOP/../shared/data}
export GN_DATA
if ls "$GN_DATA"/*/data*.csv >/dev/null 2>&1; then
    t 'init fits real data: every table of the collection' '
        for f in "$GN_DATA"/*/data*.csv; do
            case $f in *wsi_tissue*) continue ;; esac # a label eight times coarser than its slide
            gn-config init -o c.yaml "$f" 2>err; [ ! -s err ] || { cat err >&2; exit 1; }
            gn-config check c.yaml "$f" >/dev/null 2>err || grep -q "regression and classification are not available\|2 folds of 1 subjects" err ||
                { echo "$f"; cat err; exit 1; }
        done'
else
    skip 'init on real data' "no $GN_DATA"
fi

cat >plain.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [32, 32, 16]
model: {architecture: unet, final_layer: softmax, class_list: [0, 1]}
metrics: [dice]
nested_training: {testing: 1, validation: -2}
Y
cat >>prelude <<'P'
table() { echo SubjectID,Channel_0,Label >d.csv; printf '%s\n' "$@" >>d.csv; }
P
t 'check finds a norm over a single value; tools that do not train take the config' '
    sed "s/32, 32, 16/16, 16, 16/" ../plain.yaml >one.yaml; grep -q "16, 16, 16" one.yaml
    fails 1 gn-config check one.yaml
    grep -q "one.yaml: patch_size: leaves one voxel at the deepest level of unet, and batch norm needs two" err
    gn-config print one.yaml >/dev/null
    echo "batch_size: 2" >>one.yaml; gn-config check one.yaml
    sed -i "s/unet,/unet, norm_type: instance,/" one.yaml; fails 1 gn-config check one.yaml
    grep -q "instance norm needs two" err'
t 'check with a table: files that fit give no line' '
    nii a.nii 40 36 16; nii b.nii 32 32 64; table 1,a.nii,a.nii 2,b.nii,b.nii
    gn-config check ../plain.yaml d.csv 2>err; [ ! -s err ]'
t 'check with a table: more folds than subjects' '
    nii a.nii 40 36 16; table 1,a.nii,a.nii 2,a.nii,a.nii 2,a.nii,a.nii
    sed "s/testing: 1/testing: 3/" ../plain.yaml >c.yaml; fails 1 gn-config check c.yaml d.csv
    grep -q "c.yaml: nested_training: testing: 3 folds of 2 subjects in d.csv: ask for fewer folds" err'
t 'check with a table: a label on another grid' '
    nii a.nii 40 36 16; nii b.nii 40 35 16; nii c.nii 40 36 16 0.5; nii d.nii 40 36 16 0.000005
    table 1,a.nii,b.nii 2,a.nii,c.nii 3,a.nii,d.nii
    ! gn-config check ../plain.yaml d.csv 2>err; [ "$(wc -l <err)" = 2 ]
    grep -q "d.csv:2: subject 1: Label: b.nii: has 40x35x16 voxels, a.nii has 40x36x16" err
    grep -q "d.csv:3: subject 2: Label: c.nii: lies apart from a.nii: their affines differ by 0.5 mm" err
    gn-load d.csv 2>load >/dev/null || true; [ "$(wc -l <load)" = 2 ]'
t 'check with a table: files that cannot be read, and empty cells' '
    nii a.nii 40 36 16; echo no image >b.nii; head -c 100 a.nii >c.nii; table 1,a.nii,a.nii 2,b.nii,c.nii 3,a.nii,
    ! gn-config check ../plain.yaml d.csv 2>err; [ "$(wc -l <err)" = 3 ]
    grep -q "d.csv:3: subject 2: Channel_0: b.nii: " err; grep -q "d.csv:3: subject 2: Label: c.nii: " err
    grep -q "d.csv:4: subject 3: Label: the cell is empty" err'
t 'check with a table: images of another dimension' '
    nii a.nii 40 36 16; nii b.nii 40 36 1; table 1,a.nii,a.nii 2,b.nii,b.nii
    fails 1 gn-config check ../plain.yaml d.csv; grep -q "subject 2: Channel_0: b.nii: a 2-D image of 40x36, but the config is for volumes" err
    sed "s/32, 32, 16/32, 32/" ../plain.yaml >c.yaml
    fails 1 gn-config check c.yaml d.csv; grep -q "subject 1: Channel_0: a.nii: a volume of 40x36x16 voxels, but the config is for 2-D images" err
    sed "s/32, 32, 16/32, 32, 1/; s/model: {/&dimension: 2, /" ../plain.yaml >c.yaml
    gn-config check c.yaml d.csv'
t 'check with a table: images smaller than a patch, unless a step may change that' '
    nii a.nii 40 36 16; nii b.nii 40 31 64; table 1,a.nii,a.nii 2,b.nii,b.nii
    fails 1 gn-config check ../plain.yaml d.csv; grep -q "subject 2: Channel_0: b.nii: 40x31x64 is smaller than the patch_size, 32x32x16" err
    for step in "centercrop: [32, 32, 16]" "resample: {resolution: 0.5}" "crop_external_zero_planes" "resize_image: [32, 32, 16]"; do
        { cat ../plain.yaml; echo "data_preprocessing: {$step}"; } >c.yaml; gn-config check c.yaml d.csv
    done
    { cat ../plain.yaml; echo "patch_sampler: {type: uniform, enable_padding: true}"; } >c.yaml; gn-config check c.yaml d.csv
    { cat ../plain.yaml; echo "data_preprocessing: {to_canonical, normalize}"; } >c.yaml; fails 1 gn-config check c.yaml d.csv'
t 'check with a table: rows of differing channels' '
    study thorax -n 2 --size 32,32; mv s a; study fundus -n 1 --size 32,32
    { sed "s/thorax_00.\//a\/&/g" a/data.csv; sed "1d; s/fundus_00.\//s\/&/g" s/data.csv; } >d.csv
    sed "s/32, 32, 16/32, 32/" ../plain.yaml >c.yaml
    fails 1 gn-config check c.yaml d.csv; grep -q "d.csv:4: subject fundus_001: has 3 channels, but subject thorax_001 has 1" err'
t 'check with a table: a fault of many rows takes twenty lines' '
    for i in $(seq 25); do echo "$i,gone$i.nii,"; done >rows; { echo SubjectID,Channel_0,Label; cat rows; } >d.csv
    ! gn-config check ../plain.yaml d.csv 2>err; [ "$(wc -l <err)" = 42 ]
    grep -q "d.csv: and 5 more missing files" err; grep -q "d.csv: and 5 more empty cells" err'
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
