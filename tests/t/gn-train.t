# gn-train: training as a filter; whatever interrupts it, the same command ends in the same bytes
. "$GN_TESTS/lib.sh"

cat >c.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: light_unet_multilayer, depth: 2, base_filters: 4, norm_type: instance,
        final_layer: softmax, class_list: [0, 1], num_channels: 3}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
optimizer: adam
learning_rate: 0.01
num_epochs: 3
patience: 10
batch_size: 3
q_samples_per_volume: 4
patch_sampler: label
data_preprocessing: {normalize: }
data_augmentation: {flip: {axis: [0], probability: 0.5}, noise: {mean: 0, std: [0, 0.1], probability: 0.5}}
augment_after_preprocessing: true
Y
gn-phantom fundus -n 6 --size 32,32 -o data
gn-load data/data.csv | gn-normalize --zscore full | gn-save --cache -o cache
sed 5,7d data/data.csv >train.csv
sed 2,4d data/data.csv >val.csv
gn-epochs -c c.yaml --only train.csv --patches cache | gn-augment -c c.yaml >s.gnt
cat >"$base/lib" <<'P'
train() { gn-train -c ../c.yaml --cache ../cache --val ../val.csv "$@"; } # train -o MODEL [OPTION...] [FILE]
resume() { # resume MODEL: the whole command again
    gn-epochs -c ../c.yaml --only ../train.csv --from "$1" --patches ../cache | gn-augment -c ../c.yaml | train -o "$1"
}
same_model() { # same_model A B
    for f in best.safetensors latest.safetensors logs_training.csv logs_validation.csv DONE; do same "$1/$f" "$2/$f"; done
}
edit() { # edit FILE.gnt STATEMENT: the stream, where the statement may change v (the values of a record, m its fields) or leave it out
    PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - "$@" <<E
import gnt, struct, sys
f, n = sys.stdout.buffer, 0
for head, data in gnt.read(open(sys.argv[1], "rb")):
    m, code = dict(head), gnt.TYPES[dict(head)["dtype"]]
    v = list(struct.unpack("<%d%s" % (len(data) // struct.calcsize(code), code), data))
    keep = True
    exec(sys.argv[2])
    if keep:
        head = [(k, m[k] if k == "dtype" else x) for k, x in head]
        gnt.emit(f, head, struct.pack("<%d%s" % (len(v), gnt.TYPES[m["dtype"]]), *v))
        n += 1
gnt.end(f, n)
E
}
waits() { # waits PID FILE: until the file is there, and then some, so that the program hangs in its read
    i=0
    while [ ! -s "$2" ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
    [ -s "$2" ] && sleep 0.3 && kill -0 "$1"
}
P
cat "$base/lib" >>"$base/prelude"
gn-train -c c.yaml --cache cache --val val.csv -o whole s.gnt
size=$(wc -c <s.gnt)
export size

t 'a model folder: weights, state, logs of each epoch, and DONE last' '
    [ "$(ls ../whole | tr "\n" " ")" = "DONE best.safetensors latest.safetensors logs_training.csv logs_validation.csv timing.tsv " ]
    [ "$(cut -d, -f1 ../whole/logs_training.csv | tr "\n" " ")" = "epoch_no 0 1 2 " ]
    head -n 1 ../whole/logs_validation.csv | grep -q "^epoch_no,valid_loss,valid_dice,valid_dice_1$"
    head -n 1 ../whole/DONE | grep -q "^epochs 3$"
    gn-info --header name ../whole/best.safetensors >/dev/null'
t 'training learns: the loss falls' '
    awk -F, "NR == 2 { a = \$2 } END { exit !(\$2 < a - 0.02) }" ../whole/logs_training.csv'
t 'one, two and three threads give the same bytes' '
    for j in 1 2 3; do train -j $j -o m$j ../s.gnt; same_model ../whole m$j; done'
t 'another seed gives another model' '
    gn-epochs -c ../c.yaml --seed 5 --only ../train.csv --patches ../cache | gn-augment -c ../c.yaml --seed 5 | train --seed 5 -o m
    ! cmp -s ../whole/best.safetensors m/best.safetensors'
t 'kill -9 in the middle of an epoch: the same command ends in the same bytes' '
    mkfifo f
    { head -c $((size / 2)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f & p=$!
    waits $p m/logs_validation.csv
    kill -9 $p; wait $p 2>/dev/null || true
    kill $feeder
    [ ! -e m/DONE ]
    resume m
    same_model ../whole m'
t 'SIGTERM saves and exits 75, also while waiting for input; the rest gives the same bytes' '
    mkfifo f
    { head -c $((size * 2 / 5)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f 2>err & p=$!
    waits $p m/logs_validation.csv
    kill -TERM $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    grep -q "goes on" err
    [ ! -e m/DONE ]
    resume m
    same_model ../whole m'
t 'SIGUSR1 does the same' '
    mkfifo f
    { head -c $((size * 2 / 3)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f 2>err & p=$!
    waits $p m/logs_validation.csv
    kill -USR1 $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    resume m
    same_model ../whole m'
t 'a signal to the whole job, which ends gn-epochs first, still saves' '
    mkfifo f
    { head -c $((size / 2)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f 2>err & p=$!
    waits $p m/logs_validation.csv
    kill $feeder; sleep 0.05; kill -TERM $p
    rc=0; wait $p || rc=$?
    [ $rc = 75 ]
    resume m
    same_model ../whole m'
t 'truncated input: status 1, no DONE, and what was done is kept' '
    head -c $((size / 2)) ../s.gnt | fails 1 train -o m
    grep -q "truncated" err
    [ ! -e m/DONE ]
    [ "$(wc -l <m/logs_training.csv)" = 2 ]
    resume m
    same_model ../whole m'
t 'every place to cut the stream is noticed' '
    for part in 1 3 7 9; do
        rm -rf m
        head -c $((size * part / 10 + 64)) ../s.gnt | fails 1 train -o m
        [ ! -e m/DONE ]
    done
    head -c $((size - 128)) ../s.gnt | fails 1 train -o n
    [ ! -e n/DONE ] || { echo "DONE after a cut" >&2; false; }'
t 'a flipped bit is noticed' '
    cp ../s.gnt x; printf "\377" | dd of=x bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null
    fails 1 train -o m x
    [ ! -e m/DONE ]'
t 'empty streams are errors: no samples, no bytes' '
    gn-epochs -c ../c.yaml --only ../train.csv --patches ../cache | head -c 0 >none
    fails 1 train -o m none
    printf "" | gn-epochs -c ../c.yaml --only ../train.csv --from ../whole --patches ../cache >end.gnt
    [ "$(gn-info end.gnt | wc -l)" = 0 ] || [ "$(wc -c <end.gnt)" = 128 ]
    fails 1 train -o m end.gnt
    grep -q "no samples" err
    [ ! -e m/DONE ]'
t 'a finished training given again changes nothing' '
    cp -r ../whole m
    resume m
    same_model ../whole m'
t 'more epochs may be asked for, and give what an undisturbed run gives' '
    sed "s/num_epochs: 3/num_epochs: 5/" ../c.yaml >five.yaml
    long() { gn-epochs -c five.yaml --only ../train.csv --from $1 --patches ../cache | gn-augment -c five.yaml |
        gn-train -c five.yaml --cache ../cache --val ../val.csv -o $1; }
    long whole
    cp -r ../whole m
    long m
    same m/latest.safetensors whole/latest.safetensors
    same m/logs_training.csv whole/logs_training.csv
    same m/DONE whole/DONE'
t 'another config for the same folder is refused, the keys named' '
    sed "s/learning_rate: 0.01/learning_rate: 0.02/" ../c.yaml >other.yaml
    cp -r ../whole m
    fails 1 gn-train -c other.yaml --cache ../cache --val ../val.csv -o m ../s.gnt
    grep -q "learning_rate" err
    same_model ../whole m'
t 'preprocessing that was not done is refused, the first difference named' '
    gn-load ../data/data.csv | gn-save --cache -o raw
    gn-epochs -c ../c.yaml --patches raw | gn-augment -c ../c.yaml >raw.gnt
    fails 1 train -o m raw.gnt
    grep -q "gn-normalize --zscore full.* was not done" err
    gn-load ../data/data.csv | gn-normalize --zscore nonzero | gn-save --cache -o nonzero
    gn-epochs -c ../c.yaml --patches nonzero | gn-augment -c ../c.yaml >nonzero.gnt
    fails 1 train -o m nonzero.gnt
    grep -q "gn-normalize --zscore nonzero.* was done" err
    [ ! -e m/best.safetensors ]'
t 'a window that gn-augment did not turn into a patch is refused' '
    gn-epochs -c ../c.yaml --only ../train.csv --patches ../cache >w.gnt
    fails 1 train -o m w.gnt
    grep -q "gn-augment" err
    [ ! -e m/best.safetensors ]'
t 'patches of another size are refused' '
    sed "s/patch_size: .*/patch_size: [32, 32]/" ../c.yaml >big.yaml
    fails 1 gn-train -c big.yaml --cache ../cache --val ../val.csv -o m ../s.gnt
    grep -q "16x16x1" err; grep -q "32x32x1" err'
t 'a stream at another epoch is refused' '
    gn-epochs -c ../c.yaml --only ../train.csv --from ../whole --patches -n 3 ../cache >/dev/null
    head -c $((size / 2)) ../s.gnt | train -o m 2>/dev/null || true
    fails 1 train -o m ../s.gnt
    grep -q "epoch 0, the training at epoch 1" err'
t '--val with a table needs --cache, a .gnt file does not' '
    fails 2 gn-train -c ../c.yaml --val ../val.csv -o m ../s.gnt
    gn-epochs -n 1 --only ../val.csv ../cache >val.gnt
    gn-train -c ../c.yaml --val val.gnt -o m ../s.gnt
    same ../whole/best.safetensors m/best.safetensors'
t 'a subject that the cache lacks is an error naming it' '
    sed "s/fundus_004,/fundus_404,/" ../val.csv >v.csv
    fails 1 gn-train -c ../c.yaml --cache ../cache --val v.csv -o m ../s.gnt
    grep -q "fundus_404" err'
t 'weighted_loss takes the counts of gn-info --labels, and says when it has none' '
    sed "s/^loss_function.*/loss_function: dc\nweighted_loss: true/" ../c.yaml >w.yaml
    fails 1 gn-train -c w.yaml --cache ../cache --val ../val.csv -o m ../s.gnt
    grep -q "class-counts" err
    gn-epochs -n 1 --only ../train.csv ../cache | gn-info --labels >counts.tsv
    gn-train -c w.yaml --class-counts counts.tsv --cache ../cache --val ../val.csv -o m ../s.gnt
    ! cmp -s m/best.safetensors ../whole/best.safetensors
    printf "label\tvoxels\n0\t10\n" >bad.tsv
    fails 1 gn-train -c w.yaml --class-counts bad.tsv --cache ../cache --val ../val.csv -o n ../s.gnt
    grep -q "class 1" err'
t '--init starts from the weights of another model' '
    train --init ../whole/best.safetensors -o m ../s.gnt
    awk -F, "NR == 2 { print \$2 }" ../whole/logs_training.csv m/logs_training.csv >losses
    awk -F, "NR == 2 { print \$2 }" m/logs_training.csv >a; awk -F, "NR == 2 { print \$2 }" ../whole/logs_training.csv >b
    [ "$(cat a b | sort -g | head -n 1)" = "$(cat a)" ]'
t '--test is logged too, and changes nothing else' '
    train --test ../val.csv -o m ../s.gnt
    cut -d, -f2- ../whole/logs_validation.csv | tail -n +2 >a
    cut -d, -f2- m/logs_testing.csv | tail -n +2 | same - a
    same ../whole/best.safetensors m/best.safetensors'
t 'early stopping: patience epochs without a better loss, then the stream need not end' '
    sed "s/num_epochs: 3/num_epochs: 40/; s/patience: 10/patience: 1/; s/learning_rate: 0.01/learning_rate: 1e-30/" ../c.yaml >p.yaml
    gn-epochs -c p.yaml --only ../train.csv --patches ../cache | gn-augment -c p.yaml |
        gn-train -c p.yaml --cache ../cache --val ../val.csv -o m
    n=$(wc -l <m/logs_training.csv)
    [ "$n" -lt 10 ]
    [ -s m/DONE ]'
t 'a stream of fewer epochs than the config asks for: no DONE, a note, and the same command goes on' '
    gn-epochs -c ../c.yaml -n 2 --only ../train.csv --patches ../cache | gn-augment -c ../c.yaml | train -o m 2>err
    grep -q "stopped after epoch 2 of 3: the stream ended" err
    [ ! -e m/DONE ]
    resume m
    same_model ../whole m'
t 'an epoch that a clean end cuts is not done, be it the last' '
    for e in 1 2; do
        edit ../s.gnt "keep = n < 24 * $e + 14" >cut.gnt # an epoch is 12 patches, each an image and a label
        train -o m$e cut.gnt 2>err
        grep -q "stopped in epoch $((e + 1)) of 3: the stream ended" err
        [ ! -e m$e/DONE ]
        [ "$(wc -l <m$e/logs_training.csv)" = $((e + 1)) ]
        resume m$e
        same_model ../whole m$e
    done'
t 'a signal between two streams, where the input ends cleanly, is acted on too' '
    sed "s/batch_size: 3/batch_size: 5/" ../c.yaml >five.yaml # the last batch of an epoch is not full
    gn-epochs -c five.yaml -n 2 --only ../train.csv --patches ../cache | gn-augment -c five.yaml >two.gnt
    mkfifo f
    { cat two.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c five.yaml -o m f 2>err & p=$!
    waits $p m/logs_training.csv
    kill -TERM $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    [ ! -e m/DONE ]
    gn-train -c five.yaml -o whole ../s.gnt
    gn-epochs -c five.yaml --only ../train.csv --from m --patches ../cache | gn-augment -c five.yaml | gn-train -c five.yaml -o m
    for file in best.safetensors latest.safetensors logs_training.csv DONE; do same whole/$file m/$file; done'
t 'a validation loss that is not finite is an error naming the subject, not a model without best' '
    gn-epochs -n 1 --only ../val.csv ../cache >v.gnt
    edit v.gnt "if m[\"role\"] == \"image\" and m[\"sample\"] == \"fundus_004\": v[7] = float(\"nan\")" >nan.gnt
    fails 1 gn-train -c ../c.yaml --val nan.gnt -o m ../s.gnt
    grep -q "subject fundus_004: .*not finite" err
    [ ! -e m/DONE ]'
t 'two trainings in one folder: the second is refused, and a dead one holds nothing' '
    mkfifo f
    { head -c $((size / 2)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f & p=$!
    waits $p m/logs_validation.csv
    fails 1 train -o m ../s.gnt
    grep -q "m: another gn-train is at work here" err
    kill -9 $p; wait $p 2>/dev/null || true
    kill $feeder
    resume m
    same_model ../whole m'
t 'a label in no class is an error naming value and subject; 0 need not be listed' '
    edit ../s.gnt "if m[\"role\"] == \"label\" and m[\"sample\"] == \"fundus_003\": v[3] = 255" >l.gnt
    fails 1 train -o m l.gnt
    grep -q "subject fundus_003: label value 255 is in no class of class_list" err
    gn-epochs -n 1 --only ../val.csv ../cache >v.gnt
    edit v.gnt "if m[\"role\"] == \"label\" and m[\"sample\"] == \"fundus_004\": v[3] = 2" >w.gnt
    fails 1 gn-train -c ../c.yaml --val w.gnt -o n ../s.gnt
    grep -q "subject fundus_004: label value 2 is in no class of class_list" err
    [ ! -e m/DONE ] && [ ! -e n/DONE ]
    sed "s/class_list: .0, 1./class_list: [1]/; s/softmax/sigmoid/" ../c.yaml >one.yaml
    gn-train -c one.yaml --cache ../cache --val ../val.csv -o o ../s.gnt
    [ -s o/DONE ]'
t 'a fractional label is refused; a whole one stored as float may be off by rounding' '
    edit ../s.gnt "if m[\"role\"] == \"label\": m[\"dtype\"] = \"float32\"; v = [x * 0.99999994 for x in v]" >f.gnt
    train -o m f.gnt
    same_model ../whole m
    edit ../s.gnt "if m[\"role\"] == \"label\": m[\"dtype\"] = \"float32\"; v[5] = 0.75" >g.gnt
    fails 1 train -o n g.gnt
    grep -q "subject fundus_00.: label value 0.75 is not a whole number" err
    [ ! -e n/DONE ]'
t 'no config, no output, two streams: usage' '
    fails 2 gn-train -o m ../s.gnt
    fails 2 gn-train -c ../c.yaml ../s.gnt
    fails 2 train -o m ../s.gnt ../s.gnt'
t 'before the first step it says once what the training will take; not with -q' '
    train -j 2 -o m ../s.gnt 2>err
    [ "$(grep -c note err)" = 1 ]
    grep -Eqx "gn-train: note: light_unet_multilayer, 2.[0-9] k parameters, 2 threads, [0-9.]+ [KM]iB for training, [0-9.]+ [KM]iB more for validation" err
    gn-train -j 1 -c ../c.yaml -o n ../s.gnt 2>err
    grep -Eqx "gn-train: note: .* 1 thread, [0-9]+ [KM]iB for training" err
    train -q -o o ../s.gnt 2>err
    [ ! -s err ]'
t 'what does not fit --memory is refused with the number that would, and that number does' '
    sed "s/patch_size: .*/patch_size: [256, 256]/; s/base_filters: 4/base_filters: 16/; s/num_epochs: 3/num_epochs: 1/; s/batch_size: 3/batch_size: 1/" ../c.yaml >big.yaml
    sed -i "/data_augmentation/d; s/patch_sampler: label/patch_sampler: uniform/; s/q_samples_per_volume: 4/q_samples_per_volume: 1/" big.yaml
    gn-phantom fundus -n 1 --size 256,256 -o data
    gn-load data/data.csv | gn-normalize --zscore full | gn-save --cache -o cache
    gn-epochs -c big.yaml --patches cache >big.gnt
    fails 1 gn-train --memory 5M -c big.yaml -o m big.gnt
    need=$(sed -n "s/.*needs at least .* MiB .*, --memory allows 5.0: give it \([0-9]*\)M$/\1/p" err)
    [ "$need" -gt 5 ]
    fails 1 gn-train --memory $((need - 1))M -c big.yaml -o m big.gnt
    [ ! -e m/logs_training.csv ]
    gn-train --memory ${need}M -c big.yaml -o m big.gnt 2>err
    [ -e m/DONE ]'
t 'on a terminal a line an epoch stays; in a pipe or log it takes -v' '
    train -o m ../s.gnt 2>err
    ! grep -q "epoch 1/3" err
    train -v -o n ../s.gnt 2>err
    [ "$(grep -Ec "^gn-train: epoch [123]/3: train loss 0[.][0-9]{4}, valid loss 0[.][0-9]{4}, valid dice 0[.][0-9]{4}, [0-9.]+ s(, best)?$" err)" = 3 ]
    grep -q "epoch 1/3: .*, best$" err
    if command -v script >/dev/null; then
        script -qec "gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o o ../s.gnt" typed >/dev/null
        tr "\r" "\n" <typed | sed "s/^.*\[K//" >lines
        [ "$(grep -Ec "^gn-train: epoch [123]/3: train loss .*, valid loss .*, valid dice .* s" lines)" = 3 ]
        grep -q "^epoch 1/3: step" lines
        script -qec "gn-train -q -c ../c.yaml --cache ../cache --val ../val.csv -o p ../s.gnt" quiet >/dev/null
        ! grep -q epoch quiet
    fi'
t 'a 2-D config refuses volumes, in training and validation, unless its patch is written x, y, 1' '
    gn-phantom head -n 2 --size 32,32,8 -o data
    gn-load data/data.csv | gn-normalize --zscore full | gn-save --cache -o vol
    sed "s/num_channels: 3/num_channels: 1/; s/num_epochs: 3/num_epochs: 1/; /data_augmentation/d; s/class_list: .0, 1./class_list: [0, 1, 2, 3, 4]/" ../c.yaml >two.yaml
    gn-epochs -c two.yaml --patches vol >vol.gnt
    fails 1 gn-train -c two.yaml -o m vol.gnt
    grep -q "subject head_00[12]: a volume of 32x32x8 voxels: the network is for 2-D images" err
    gn-epochs -n 1 vol >whole.gnt
    fails 1 gn-train -c two.yaml -o m whole.gnt
    grep -q "a volume of 32x32x8" err
    gn-phantom thorax -n 2 --size 32,32 -o flat
    gn-load flat/data.csv | gn-normalize --zscore full | gn-save --cache -o flatcache
    gn-epochs -c two.yaml --patches flatcache >flat.gnt
    fails 1 gn-train -c two.yaml --val whole.gnt -o m flat.gnt
    grep -q "whole.gnt: subject head_001: a volume of 32x32x8" err
    [ ! -e m/best.safetensors ]
    sed "s/patch_size: .*/patch_size: [16, 16, 1]/" two.yaml >slices.yaml
    gn-train -c slices.yaml --val whole.gnt -o m vol.gnt
    [ -e m/DONE ]
    gn-train -c m/best.safetensors --val whole.gnt -o again vol.gnt
    [ -e again/DONE ]'
t 'a 3-D config refuses 2-D images' '
    sed "s/num_epochs: 3/num_epochs: 1/; /data_augmentation/d; s/dimension: 2/dimension: 3/; s/patch_size: .*/patch_size: [16, 16, 16]/" ../c.yaml >three.yaml
    fails 1 gn-train -c three.yaml -o m ../s.gnt
    grep -q "a 2-D image of 32x32 pixels: the network is for volumes" err
    gn-epochs -n 1 --only ../val.csv ../cache >v.gnt
    fails 1 gn-train -c three.yaml --val v.gnt -o m ../s.gnt
    grep -q "v.gnt: subject fundus_004: a 2-D image of 32x32 pixels" err'
t 'a norm over a single value is refused before any data are read' '
    sed "s/architecture: light_unet_multilayer, depth: 2/architecture: unet/" ../c.yaml >one.yaml
    fails 1 gn-train -c one.yaml -o m nothing.gnt
    printf "" | fails 1 gn-train -c one.yaml -o m
    grep -q "single value" err
    [ ! -e m ]'
t 'without data_preprocessing, a step that a model cannot ask for again is refused before training' '
    sed "/data_preprocessing/d; /data_augmentation/d" ../c.yaml >bare.yaml
    gn-load ../data/data.csv | gn-resample --like "../data/$(awk -F, "NR == 2 { print \$2 }" ../data/data.csv)" | gn-save --cache -o like
    gn-epochs -c bare.yaml --patches like >like.gnt
    fails 1 gn-train -c bare.yaml -o m like.gnt
    grep -q "subject fundus_00.: .*gn-resample --like .*a model cannot ask for" err
    [ ! -e m/logs_training.csv ] && [ ! -e m/latest.safetensors ]
    gn-epochs -c bare.yaml --patches ../cache >s.gnt
    gn-train -c bare.yaml -o n s.gnt
    [ -e n/DONE ]'
t 'a class that no label of the first epoch has is a warning, once, also across a stop' '
    sed "s/class_list: .0, 1./class_list: [0, 1, 7, 3]/" ../c.yaml >four.yaml
    gn-train -c four.yaml -o m ../s.gnt 2>err
    [ "$(grep -c warning err)" = 1 ]
    grep -qx "gn-train: warning: classes 7, 3 of class_list occur in no label of epoch 1" err
    sed "s/class_list: .0, 1./class_list: [0, 1, 3]/" ../c.yaml >three.yaml
    gn-train -c three.yaml -o n ../s.gnt 2>err
    grep -qx "gn-train: warning: class 3 of class_list occurs in no label of epoch 1" err
    train -o o ../s.gnt 2>err
    ! grep -q warning err
    edit ../s.gnt "v = [0] * len(v) if m[\"role\"] == \"label\" and n >= 10 else v" >first.gnt # class 1 in the first samples only
    mkfifo f
    { head -c $((size / 6)) first.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o p f & pid=$!
    waits $pid p/logs_validation.csv
    kill -TERM $pid
    rc=0; wait $pid || rc=$?
    kill $feeder
    [ $rc = 75 ]
    train -o p first.gnt 2>err
    [ -e p/DONE ]
    ! grep -q warning err'
t 'stopped before anything was trained: the same command, and another config, start anew' '
    mkfifo f
    { head -c $((size * 5 / 72)) ../s.gnt; sleep 30; } >f & # two and a half patches of a batch of three
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f 2>err & p=$!
    waits $p m/logs_validation.csv
    kill -TERM $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    grep -q "stopped by a signal after saving; the same command goes on from here$" err
    cp -r m m2
    resume m
    same_model ../whole m
    sed "s/learning_rate: 0.01/learning_rate: 0.02/" ../c.yaml >other.yaml
    gn-train -c other.yaml --cache ../cache --val ../val.csv -o m2 ../s.gnt
    gn-train -c other.yaml --cache ../cache --val ../val.csv -o fresh ../s.gnt
    same_model fresh m2'
t 'stopped in a later epoch it says where the stream must start; before the first sample, that nothing was done' '
    mkfifo f g
    { head -c $((size * 2 / 3)) ../s.gnt; sleep 30; } >f &
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f 2>err & p=$!
    waits $p m/logs_validation.csv
    sleep 0.3
    kill -TERM $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    grep -q "goes on from here if its stream starts at epoch [12] (gn-epochs --from m)$" err
    sleep 30 >g & feeder=$!
    gn-train -c ../c.yaml -o n g 2>err & p=$!
    waits $p n/.lock || sleep 0.5
    kill -TERM $p
    rc=0; wait $p || rc=$?
    kill $feeder
    [ $rc = 75 ]
    grep -q "before the first sample: nothing was done" err
    ! grep -q "goes on" err
    [ ! -e n/latest.safetensors ]'
t 'subjects that an earlier stage left out: no DONE, and the sentence of all tools' '
    gn-epochs -n 1 --only ../train.csv ../cache >t.gnt
    sed "/data_augmentation/d; s/num_epochs: 3/num_epochs: 1/" ../c.yaml >c.yaml
    edit t.gnt "keep = m[\"role\"] == \"image\" or m[\"sample\"] != \"fundus_002\"" | gn-patch -c c.yaml --keep-going >p.gnt 2>/dev/null && false
    fails 1 gn-train -c c.yaml -o m p.gnt
    grep -q "gn-train: an earlier stage left out 1 subject$" err
    [ ! -e m/DONE ]'
t 'what a killed training was writing is removed, other files are not' '
    cp -r ../whole m; rm m/DONE
    for f in m/.latest.safetensors.gn-1-0 m/.epoch_2.safetensors.gn-99-3 m/.DONE.gn-1-1 m/.mine m/.a.safetensors; do echo x >$f; done
    resume m
    same_model ../whole m
    [ "$(find m -name ".*" -type f | sort | tr "\n" " ")" = "m/.a.safetensors m/.lock m/.mine " ]'
t 'what would be overwritten is left alone: a best, a log, an epoch or DONE without latest' '
    for f in best.safetensors logs_training.csv logs_validation.csv logs_testing.csv timing.tsv epoch_1.safetensors DONE; do
        rm -rf m; mkdir m; echo mine >m/$f; cp -r m was
        fails 1 train -o m ../s.gnt
        grep -q "m/$f: would be overwritten: without latest.safetensors" err
        diff -r m was; rm -r was
    done
    rm -r m; cp -r ../whole m; rm m/latest.safetensors; cp -r m was
    fails 1 train -o m ../s.gnt
    diff -r m was
    mkdir n; echo mine >n/notes.txt; echo mine >n/epoch_x.safetensors
    train -o n ../s.gnt
    same_model ../whole n'
t 'a training that begins marks its folder first: whatever ends it, the same command goes on' '
    mkfifo f
    { head -c $((size * 5 / 72)) ../s.gnt; sleep 30; } >f & # not one step
    feeder=$!
    gn-train -c ../c.yaml --cache ../cache --val ../val.csv -o m f & p=$!
    waits $p m/logs_validation.csv
    [ -s m/latest.safetensors ]
    kill -9 $p; wait $p 2>/dev/null || true
    kill $feeder
    cp ../whole/best.safetensors m # as if killed between best and latest
    resume m
    same_model ../whole m'
t 'a finished training says so; a broken stream is an error all the same' '
    cp -r ../whole m
    echo garbage | fails 1 train -o m
    printf "" | fails 1 train -o m
    gn-epochs -c ../c.yaml --only ../train.csv --from m --patches ../cache | train -o m 2>err
    grep -qx "gn-train: note: m: already finished after epoch 3: nothing to do" err
    train -o m ../s.gnt 2>err
    grep -q "already finished" err
    same_model ../whole m'
t '--init is refused where another training would go on, and the same command goes on' '
    cp -r ../whole m
    fails 2 train --init ../whole/best.safetensors -o m ../s.gnt
    grep -q "init: m holds a model that did not begin with the weights of ../whole/best.safetensors" err
    same_model ../whole m
    train --init ../whole/best.safetensors -o w ../s.gnt
    head -c $((size / 2)) ../s.gnt | fails 1 train --init ../whole/best.safetensors -o n
    mkdir moved; cp ../whole/best.safetensors moved
    gn-epochs -c ../c.yaml --only ../train.csv --from n --patches ../cache | gn-augment -c ../c.yaml |
        train --init moved/best.safetensors -o n
    for f in best.safetensors logs_training.csv DONE; do same w/$f n/$f; done
    train --init moved/best.safetensors -o n ../s.gnt 2>err
    grep -q "already finished" err
    fails 2 train --init n/best.safetensors -o n ../s.gnt'
