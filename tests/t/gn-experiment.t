# gn-experiment: a whole study from a configuration and a table; predict
. "$GN_TESTS/lib.sh"

cat >c.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: light_unet_multilayer, depth: 2, base_filters: 4, norm_type: instance,
        final_layer: softmax, class_list: [0, 1], num_channels: 1}
loss_function: dc
metrics: [dice]
nested_training: {testing: -3, validation: -3}
optimizer: adam
learning_rate: 0.01
num_epochs: 2
patience: 50
batch_size: 2
q_samples_per_volume: 4
patch_sampler: label
inference_mechanism: {grid_aggregator_overlap: average, patch_overlap: 4}
data_preprocessing: {resample: {resolution: [1.5, 1.5]}, normalize_nonzero: }
data_augmentation: {flip: {axis: [0], probability: 0.5}}
augment_after_preprocessing: true
Y
sed 's/num_epochs: 2/num_epochs: 30/' c.yaml >long.yaml
small_config 4 1 1 >v.yaml
gn-phantom thorax -n 9 --size 48,48 -o data
gn-experiment -c c.yaml -i data/data.csv -o whole >summary
gn-experiment -c long.yaml -i data/data.csv -o long >/dev/null
cat >>"$base/prelude" <<'P'
products() { # what a study made, without times and the lock
    (cd "$1" && find . -type f ! -name timing.tsv ! -name .status ! -name .gn-experiment ! -name Makefile ! -name '*.gnt' | sort)
}
same_study() { # same_study A B: the same files with the same bytes
    products "$1" >la; products "$2" >lb
    diff la lb >&2
    while read -r f; do same "$1/$f" "$2/$f"; done <la
}
saved() { # saved DIR: waits until a training has saved once and goes on
    i=0
    while [ ! -s "$1/model/latest.safetensors" ] && [ $i -lt 400 ]; do sleep 0.02; i=$((i + 1)); done
    [ -s "$1/model/latest.safetensors" ] && [ ! -e "$1/model/DONE" ]
}
P

t 'a study: tables, cache, model, predictions of the test set, scores, a picture' '
    [ "$(ls ../whole | tr "\n" " ")" = "Makefile cache config.yaml data.csv data_testing.csv data_training.csv data_validation.csv model predictions report scores.tsv sources.tsv " ]
    [ "$(ls ../whole/model | tr "\n" " ")" = "DONE best.safetensors latest.safetensors logs_testing.csv logs_training.csv logs_validation.csv timing.tsv " ]
    [ "$(ls ../whole/cache | wc -l)" = 10 ]
    tail -n +2 ../whole/data_testing.csv | cut -d, -f1 | sort >want
    tail -n +2 ../whole/predictions/predictions.csv | cut -d, -f1 | sort | same - want
    tail -n +2 ../whole/scores.tsv | cut -f1 | sed 3q | sort | same - want
    [ -s ../whole/report/predictions.png ]
    gn-config print ../c.yaml | same - ../whole/config.yaml'
t 'the summary says mean Dice and where everything is' '
    mean=$(awk -F"\t" "\$1 == \"mean\" && \$2 == \"all\" { printf \"%.4f\", \$4 }" ../whole/scores.tsv)
    echo "mean Dice $mean over 3 test subjects, scores whole/scores.tsv, picture whole/report/predictions.png, model whole/model/best.safetensors" | same - ../summary
    cd ..
    tr "," "\n" <summary | sed -n "s/^ [a-z]* //p" >places
    [ "$(wc -l <places)" = 3 ]
    while read -r f; do [ -s "$f" ]; done <places'
t 'logs_testing.csv has one row: the best epoch, as gn-train --test would have logged it' '
    w=../whole
    gn-epochs -c ../c.yaml --only $w/data_training.csv --patches $w/cache | gn-augment -c ../c.yaml |
        gn-train -q -c ../c.yaml --cache $w/cache --val $w/data_validation.csv --test $w/data_testing.csv -o m
    best=$(sed -n "s/^best_epoch //p" $w/model/DONE)
    { head -n 1 m/logs_testing.csv; grep "^$best," m/logs_testing.csv; } | same - $w/model/logs_testing.csv'
t 'logs_testing.csv is made again when it is gone or of another epoch, from a cache that is whole' '
    cp -rp ../whole ../m
    rm ../m/model/logs_testing.csv ../m/cache/thorax_001.gnt
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err
    grep -q "thorax_001.gnt: .*: the cache is made again" err
    same ../m/model/logs_testing.csv ../whole/model/logs_testing.csv
    sed "2s/^[0-9]*/77/" ../whole/model/logs_testing.csv >../m/model/logs_testing.csv
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    same_study ../whole ../m; rm -rf ../m'
t 'the same command again does nothing and says the same' '
    cp -r ../whole s; cp -r ../data data
    find s | sort | xargs ls -ld --time-style=full-iso >before
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../whole | same - ../summary || true
    (cd .. && gn-experiment -c c.yaml -i data/data.csv -o whole) | same - ../summary
    find ../whole -newer ../summary -type f | grep -v -e Makefile -e .gn-experiment >newer || true
    [ ! -s newer ]'
t 'the pipeline that -n prints gives the same bytes' '
    gn-experiment -n -c ../c.yaml -i ../data/data.csv -o s >run.sh
    [ ! -e s ]
    sh -e run.sh
    for f in data_training.csv data_validation.csv data_testing.csv model/best.safetensors model/latest.safetensors \
        model/logs_training.csv model/logs_validation.csv predictions/predictions.csv scores.tsv; do
        [ $f = data_training.csv ] || [ $f = data_validation.csv ] || [ $f = data_testing.csv ] || same ../whole/$f s/$f
    done
    for p in ../whole/predictions/*/*; do same $p s/predictions/${p#../whole/predictions/}; done'
t 'the pipeline that -n prints does not depend on the variables of the shell it is pasted in' '
    gn-experiment -n -c ../c.yaml -i ../data/data.csv -o s >run.sh
    ! grep -q -e "[A-Z]:-" run.sh
    CONFIG=no DATA=no OUT=no LEAF=no MODEL=no TEST=no sh -e run.sh
    same ../whole/scores.tsv s/scores.tsv; [ ! -e no ]'
t 'one, two and three threads give the same bytes' '
    for j in 1 2 3; do
        gn-experiment -j $j -c ../c.yaml -i ../data/data.csv -o ../j >/dev/null
        same_study ../whole ../j
        rm -rf ../j
    done'
t 'predict gives the bytes that the study gives for the same image, from an image or a table' '
    id=$(sed -n 2p ../whole/data_testing.csv | cut -d, -f1)
    image=$(ls ../data/$id/* | grep -v label)
    gn-experiment predict -m ../whole/model/best.safetensors -o p "$image"
    same p/*/*_seg.* ../whole/predictions/$id/*_seg.*
    [ "$(wc -l <p/predictions.csv)" = 2 ]
    gn-experiment predict -m ../whole/model/best.safetensors -o q ../whole/data_testing.csv
    diff -r q ../whole/predictions >&2
    gn-experiment predict -n -m ../whole/model/best.safetensors -o r "$image" >run.sh
    sh -e run.sh
    diff -r p r >&2'
t 'predict: a bad image among good ones: status 1, one line naming it, no predictions.csv' '
    cp ../data/thorax_001/thorax_001_xray.png a.png
    printf "hello" >b.png
    fails 1 gn-experiment predict -m ../whole/model/best.safetensors -o p a.png b.png
    grep -q "^gn-load: .*b.png" err
    [ ! -e p/predictions.csv ]
    fails 1 gn-experiment predict -m ../whole/model/best.safetensors -o p nothere.png
    fails 1 gn-experiment predict -m nothere.safetensors -o p a.png
    fails 1 gn-experiment predict -m b.png -o p a.png
    fails 2 gn-experiment predict -m ../whole/model/best.safetensors -o p a.png,a.png
    fails 2 gn-experiment predict -m ../whole/model/best.safetensors -o p
    fails 2 gn-experiment predict -o p a.png
    printf "x" >file
    fails 1 gn-experiment predict -m ../whole/model/best.safetensors -o file a.png'
cat >meta.py <<'P'
# meta.py MODEL NEW KEY VALUE...: a copy with other metadata (\n in a VALUE is a new line)
import json, sys
raw = open(sys.argv[1], 'rb').read()
n = int.from_bytes(raw[:8], 'little')
head = json.loads(raw[8:8 + n])
for key, value in zip(sys.argv[3::2], sys.argv[4::2]):
    head['__metadata__'][key] = value.replace('\\n', '\n')
text = json.dumps(head).encode()
text += b' ' * (-len(text) % 8)
open(sys.argv[2], 'wb').write(len(text).to_bytes(8, 'little') + text + raw[8 + n:])
P
t 'a model whose preprocessing is any other command is refused, and nothing runs' '
    cp ../data/thorax_001/thorax_001_xray.png a.png
    gn-load a.png | gn-resample -s 1.5,1.5,1 | gn-normalize --zscore nonzero | gn-patch --grid -c ../whole/model/best.safetensors >patches
    gn-infer -m ../whole/model/best.safetensors patches >good
    while read -r line; do
        python3 ../meta.py ../whole/model/best.safetensors m.safetensors preprocessing "$line"
        fails 1 gn-experiment predict -m m.safetensors -o p a.png
        grep -q "m.safetensors: metadata .preprocessing.: not a preprocessing step: " err
        fails 1 gn-experiment predict -n -m m.safetensors -o p a.png
        fails 1 gn-infer -m m.safetensors patches
        grep -q "not a preprocessing step: " err
        [ ! -e p ]; [ ! -e made ]
    done <<L
touch made
gn-resample -s 1.5,1.5,1\\ntouch made
./gn-resample -s 1.5,1.5,1
/bin/touch made
gn-resamples -s 1,1,1
gn-save -o made
gn-resample
gn-resample -s
gn-resample  -s 1,1,1
gn-resample -s 1,1,1 made
gn-resample -s 1,1,1 -o made
gn-resample -s 1,1,1 --output made
gn-resample -s 1,1,1 --output=made
gn-resample --like a.png
gn-resample --to-source
gn-resample -c a.yaml
gn-resample -s 1,1,1 -- made
gn-resample --zscore full
gn-resample -s ../a.png
gn-normalize --zscore full\\n\\ngn-normalize --divide 2
gn-normalize --zscore \$(touch made)
L'
t 'a model whose metadata contradict its config is refused' '
    cp ../data/thorax_001/thorax_001_xray.png a.png
    for change in "class_list|0 2" "class_list|0 1 2" "class_list|" "channels|3"; do
        python3 ../meta.py ../whole/model/best.safetensors m.safetensors "${change%|*}" "${change#*|}"
        fails 1 gn-infer -m m.safetensors </dev/null
        grep -q "metadata .${change%|*}.: .*its config has" err
    done'
t 'predict says what is wrong with the config in a model' '
    cp ../data/thorax_001/thorax_001_xray.png a.png
    python3 ../meta.py ../whole/model/best.safetensors m.safetensors config "$(sed "s/^num_epochs.*/num_epochs: many/; s/^batch_size.*/batch_size: -1/" ../whole/config.yaml)"
    rc=0; gn-experiment predict -m m.safetensors -o p a.png 2>err || rc=$?
    [ $rc = 1 ]; [ "$(wc -l <err)" = 2 ]; grep -q "num_epochs: " err; grep -q "batch_size: " err'
t 'predict: channels: an operand with another number is wrong usage, a row of a table is bad data' '
    m=../whole/model/best.safetensors
    sed "1s/.*/SubjectID,Channel_0,Channel_1/" ../data/data.csv >../data/two.csv
    fails 1 gn-experiment predict -m $m -o p ../data/two.csv
    grep -q "thorax_001.*channels" err; [ ! -e p/predictions.csv ]
    fails 2 gn-experiment predict -m $m -o p ../data/thorax_001/thorax_001_xray.png,../data/thorax_001/thorax_001_label.png
    fails 2 gn-experiment predict --keep-going -m $m -o p ../data/thorax_001/thorax_001_xray.png,../data/thorax_001/thorax_001_label.png
    rm ../data/two.csv'
t 'predict --keep-going: the good ones are written and listed, the others named, status 1' '
    m=../whole/model/best.safetensors
    cp ../data/thorax_00[1-4]/*_xray.png .; printf "hello" >thorax_002_xray.png
    fails 1 gn-experiment predict --keep-going -m $m -o p *.png
    grep -q "^gn-load: .*thorax_002_xray.png.*(left out)" err
    tail -n +2 p/predictions.csv | cut -d, -f1 >ids
    printf "thorax_001_xray\nthorax_003_xray\nthorax_004_xray\n" | same - ids
    gn-experiment predict -m $m -o q thorax_001_xray.png
    same p/thorax_001_xray/thorax_001_xray_seg.png q/thorax_001_xray/thorax_001_xray_seg.png
    fails 1 gn-experiment predict -m $m -o p *.png
    [ ! -e p/predictions.csv ]
    cp ../data/thorax_002/*_xray.png .
    gn-experiment predict --keep-going -m $m -o p *.png 2>err
    [ ! -s err ]; [ "$(wc -l <p/predictions.csv)" = 5 ]
    fails 2 gn-experiment --keep-going -c ../c.yaml -i ../data/data.csv -o s'
t 'predict --keep-going: a later stage names its subject once, whatever it leaves out' '
    { echo SubjectID,Channel_0,Channel_1; echo a,../data/thorax_001/thorax_001_xray.png,
        echo b,../data/thorax_002/thorax_002_xray.png,../data/thorax_002/thorax_002_xray.png; } >two.csv
    fails 1 gn-experiment predict --keep-going -m ../whole/model/best.safetensors -o p two.csv
    grep -q "^gn-infer: subject b: .*(left out)" err
    tail -n +2 p/predictions.csv | cut -d, -f1 | grep -qx a'
t 'predict says what it wrote and how to look at it' '
    m=../whole/model/best.safetensors
    cp ../data/thorax_001/*_xray.png "a b.png"; cp ../data/thorax_002/*_xray.png c.png
    gn-experiment predict -m $m -o p "a b.png" c.png >out
    q=$(printf "\047")
    { echo "a b: p/a b/a b_seg.png"; echo "c: p/c/c_seg.png"; echo "2 images predicted, listed in p/predictions.csv"
      echo "to look at: gn-load ${q}a b.png$q c.png p/predictions.csv | gn-view -o p/predictions.png"; } | same - out
    sed -n "s/^to look at: //p" out >draw; sh -e draw; [ -s p/predictions.png ]
    gn-experiment predict -q -m $m -o p c.png >out; [ ! -s out ]
    for i in 1 2 3 4 5 6 7 8 9 10 11; do cp c.png $i.png; done
    gn-experiment predict -m $m -o q ?.png ??.png >out
    [ "$(wc -l <out)" = 2 ]; grep -q "^12 images predicted, listed in q/predictions.csv" out
    sed -n "s/^to look at: //p" out >draw; sh -e draw 2>err; [ -s q/predictions.png ]; [ ! -s err ]
    gn-experiment predict -m $m -o r ../whole/data_testing.csv >out
    sed -n "s/^to look at: //p" out >draw; sh -e draw; [ -s r/predictions.png ]'
t 'predict: a volume for a model of 2-D images is refused, whatever its preprocessing would make of it' '
    gn-phantom head -n 1 --size 24 -o head; f=head/head_001/head_001_t1.nii.gz
    python3 ../meta.py ../whole/model/best.safetensors m.safetensors preprocessing "gn-resample --size 48,48,1\ngn-normalize --zscore nonzero"
    fails 1 gn-experiment predict -m m.safetensors -o p/q $f
    grep -q "^gn-experiment: subject head_001_t1: $f: a volume of 24x24x24 voxels: the network is for 2-D" err; [ ! -e p ]
    fails 1 gn-experiment predict -m m.safetensors -o p head/data.csv
    grep -q "head/data.csv:2: subject head_001: .*a volume of 24x24x24" err; [ ! -e p ]
    gn-load $f | gn-resample --size 48,48,1 | gn-normalize --zscore nonzero | gn-patch --grid -c m.safetensors >patches
    fails 1 gn-infer -m m.safetensors patches; grep -q "subject head_001_t1: a volume of 24x24x24" err
    fails 1 gn-experiment predict --keep-going -m m.safetensors -o p $f ../data/thorax_001/thorax_001_xray.png
    grep -q "gn-infer: subject head_001_t1: a volume of .*(left out)" err; [ "$(wc -l <p/predictions.csv)" = 2 ]
    sed -n "s/^to look at: //p" out >draw; ! grep -q head draw; sh -e draw'
t 'predict: a 2-D image for a model of volumes is refused' '
    gn-phantom head -n 3 --size 16 --spacing 1 -o head
    gn-experiment -c ../v.yaml -i head/data.csv -o v >/dev/null 2>&1
    fails 1 gn-experiment predict -m v/model/best.safetensors -o p ../data/thorax_001/thorax_001_xray.png
    grep -q "subject thorax_001_xray: .*a 2-D image of 48x48 pixels: the network is for volumes" err; [ ! -e p ]'
t 'predict --keep-going: one of ten files that is not there is left out, and nine are written' '
    i=0; while [ $i -lt 9 ]; do i=$((i + 1)); cp ../data/thorax_00$i/*_xray.png $i.png; done
    m=../whole/model/best.safetensors
    fails 1 gn-experiment predict --keep-going -m $m -o p 1.png 2.png 3.png gone.png 4.png 5.png 6.png 7.png 8.png 9.png
    grep -q "^gn-load: gone.png: no such file (left out)" err; [ "$(wc -l <p/predictions.csv)" = 10 ]
    grep -q "^9 images predicted" out
    fails 1 gn-experiment predict -m $m -o q 1.png gone.png; [ ! -e q ]'
t 'predict: --memory is a limit of its stages' '
    gn-phantom thorax -n 1 --size 512,512 -o big
    fails 1 gn-experiment predict --memory 100K -m ../whole/model/best.safetensors -o p big/thorax_001/thorax_001_xray.png
    grep -q "^gn-load: .*--memory" err
    gn-experiment predict -n --memory 100K -m ../whole/model/best.safetensors -o p big/thorax_001/thorax_001_xray.png >run.sh
    [ "$(grep -c -e "--memory 102400" run.sh)" = 7 ]'
t 'predict leaves a predictions.csv alone that somebody else wrote' '
    cp ../data/thorax_001/thorax_001_xray.png a.png
    mkdir p; echo mine >p/predictions.csv
    fails 1 gn-experiment predict -m ../whole/model/best.safetensors -o p a.png
    [ "$(cat p/predictions.csv)" = mine ]'
t 'predict: an earlier index does not survive a failure' '
    cp ../data/thorax_001/thorax_001_xray.png a.png; printf "hello" >b.png
    gn-experiment predict -m ../whole/model/best.safetensors -o p a.png
    fails 1 gn-experiment predict -m ../whole/model/best.safetensors -o p b.png
    [ ! -e p/predictions.csv ]'
t 'kill -9 of everything in the middle of training: the same command ends in the same bytes' '
    setsid gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k1 >/dev/null 2>&1 & p=$!
    saved ../k1
    kill -s KILL -- -$p; wait $p 2>/dev/null || true
    [ ! -e ../k1/model/DONE ]
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k1 >/dev/null
    same_study ../long ../k1; rm -rf ../k1'
t 'kill -9 of gn-experiment alone: what it left behind is ended first' '
    setsid gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k2 >/dev/null 2>&1 & p=$!
    saved ../k2
    kill -9 $p; wait $p 2>/dev/null || true
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k2 >/dev/null 2>err
    same_study ../long ../k2; rm -rf ../k2'
t 'SIGTERM: gn-train saves, the status is 75, and the same command goes on' '
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k3 >out 2>err & p=$!
    saved ../k3
    kill -TERM $p
    rc=0; wait $p || rc=$?
    [ $rc = 75 ]; [ ! -s out ]; [ ! -e ../k3/model/DONE ]
    said err; [ "$(cat err)" = "gn-experiment: note: ../k3: stopped by a signal, after saving; the same command goes on from here" ]
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k3 >/dev/null
    same_study ../long ../k3; rm -rf ../k3'
t 'SIGUSR1 does the same' '
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k4 >out 2>err & p=$!
    saved ../k4
    kill -USR1 $p
    rc=0; wait $p || rc=$?
    [ $rc = 75 ]
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k4 >/dev/null
    same_study ../long ../k4; rm -rf ../k4'
t 'SIGTERM to the whole job: still saved, still 75' '
    setsid gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k5 >out 2>err & p=$!
    saved ../k5
    kill -s TERM -- -$p
    rc=0; wait $p || rc=$?
    [ $rc = 75 ]
    said err; [ "$(cat err)" = "gn-experiment: note: ../k5: stopped by a signal, after saving; the same command goes on from here" ]
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k5 >/dev/null
    same_study ../long ../k5; rm -rf ../k5'
t 'an interrupt from the keyboard ends everything, in one line; nothing half made has a final name' '
    setsid env --default-signal=INT gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k6 >out 2>err & p=$!
    saved ../k6
    kill -s INT -- -$p
    rc=0; wait $p || rc=$?
    [ $rc = 130 ]; [ ! -s out ]
    said err; [ "$(cat err)" = "gn-experiment: note: ../k6: stopped; the same command goes on from here" ]
    [ ! -e ../k6/model/DONE ]; [ ! -e ../k6/scores.tsv ]
    [ -z "$(ls -A ../k6/model | grep "gn-[0-9]")" ]
    gn-experiment -c ../long.yaml -i ../data/data.csv -o ../k6 >/dev/null
    same_study ../long ../k6; rm -rf ../k6'
t 'two at work in one folder: the second is refused' '
    gn-experiment -c ../long.yaml -i ../data/data.csv -o k >/dev/null 2>&1 & p=$!
    saved k
    fails 1 gn-experiment -c ../long.yaml -i ../data/data.csv -o k
    grep -q "another gn-experiment" err
    kill -TERM $p; wait $p || true'
t 'more epochs may be asked for; other changes of the config are refused, the keys named' '
    cp -r ../whole ../m
    sed "s/num_epochs: 2/num_epochs: 4/" ../c.yaml >four.yaml
    gn-experiment -c four.yaml -i ../data/data.csv -o ../m >/dev/null
    [ "$(wc -l <../m/model/logs_training.csv)" = 5 ]
    gn-experiment -c four.yaml -i ../data/data.csv -o ../n >/dev/null
    for f in model/latest.safetensors model/logs_training.csv model/logs_testing.csv scores.tsv; do same ../m/$f ../n/$f; done
    sed "s/learning_rate: 0.01/learning_rate: 0.02/" four.yaml >rate.yaml
    cp -r ../m ../before
    fails 1 gn-experiment -c rate.yaml -i ../data/data.csv -o ../m
    grep -q "learning_rate" err
    diff -r ../m ../before >&2
    rm -rf ../m ../n ../before'
t 'as long as nothing was trained, another config may come' '
    sed "s/class_list: \[0, 1\]/class_list: [0, 7]/" ../c.yaml >wrong.yaml
    rc=0; gn-experiment -c wrong.yaml -i ../data/data.csv -o ../m >/dev/null 2>err || rc=$?; said err
    [ $rc = 1 ]; grep -q "label value 1 is in no class of class_list" err
    grep -q "^gn-experiment: subject thorax_001: ../data/thorax_001/thorax_001_label.png: label value 1 is in no class of class_list (8 more subjects have such labels)" err
    ls -l --time-style=full-iso ../m/cache >before
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err; said err
    [ "$(wc -l <err)" = 1 ]; grep -q "^gn-experiment: note: ../m: the config has changed, in model.class_list; nothing was trained.*goes on with this one$" err
    ls -l --time-style=full-iso ../m/cache | same - before
    same_study ../whole ../m
    fails 1 gn-experiment -c wrong.yaml -i ../data/data.csv -o ../m; grep -q "another config than wrong.yaml, in model.class_list" err
    rm -rf ../m
    sed "s/resolution: \[1.5, 1.5\]/resolution: [3, 3]/; s/testing: -3/testing: 2/; s/class_list: \[0, 1\]/class_list: [0, 7]/" ../c.yaml >other.yaml
    rc=0; gn-experiment -c other.yaml -i ../data/data.csv -o ../m >/dev/null 2>&1 || rc=$?; [ $rc = 1 ]; [ -e ../m/testing_0 ]
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err; said err
    [ "$(wc -l <err)" = 1 ]; grep -q "the study begins anew$" err
    same_study ../whole ../m; [ ! -e ../m/testing_0 ]; rm -rf ../m'
t 'a study that could not be set up leaves no folder, nor the parents made for it' '
    mkdir bin here; printf "#!/bin/sh\nexit 1\n" >bin/gn-split; chmod +x bin/gn-split
    for f in $B/bin/*; do [ -e bin/${f##*/} ] || cp $f bin/; done; ln -s $B/lib lib
    for o in new/deep/study here/study "$PWD/abs//study/"; do
        rc=0; bin/gn-experiment -c ../c.yaml -i ../data/data.csv -o "$o" 2>err || rc=$?
        [ $rc = 1 ]
    done
    [ ! -e new ]; [ -d here ]; [ ! -e here/study ]; [ ! -e abs ]
    rc=0; bin/gn-experiment -c ../c.yaml -i ../data/data.csv -o here 2>err || rc=$?; [ $rc = 1 ]
    [ -d here ]; [ -z "$(ls -A here)" ]'
t 'changed data and a changed split are refused, unless --reset' '
    cp -r ../whole ../m; cp ../data/data.csv ../data/more.csv; head -n 9 ../data/data.csv >../data/fewer.csv
    fails 1 gn-experiment -c ../c.yaml -i ../data/fewer.csv -o ../m
    grep -q "m/data.csv: other data" err
    { head -n 1 ../m/data_training.csv; tail -n +2 ../m/data_testing.csv; } >../m/data_validation.csv
    fails 1 gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m
    grep -q "data_validation.csv: other subjects" err
    echo mine >../m/notes.txt
    gn-experiment --reset -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    [ "$(cat ../m/notes.txt)" = mine ]; rm ../m/notes.txt
    same_study ../whole ../m
    rm -rf ../m ../data/fewer.csv ../data/more.csv'
t 'a source file that has changed is refused and named; before anything is made of it, it is not' '
    cp -rp ../data ../d2; f=$(ls ../d2/thorax_004/*.png | grep -v label); cp -p $f keep
    gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m >/dev/null
    cp ../d2/thorax_005/thorax_005_xray.png $f
    cp -r ../m ../before
    fails 1 gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m
    grep -q "thorax_004.*xray.png: has changed since the earlier run" err; grep -q -e "--reset" err
    diff -r ../m ../before >&2
    rm -r ../m/cache
    fails 1 gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m
    cp -p keep $f; touch -d "2001-02-03 04:05:06" $f
    fails 1 gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m
    gn-experiment --reset -c ../c.yaml -i ../d2/data.csv -o ../m >/dev/null
    same ../m/scores.tsv ../whole/scores.tsv
    rm -r ../m/cache ../m/model; touch $f
    gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m >/dev/null
    same ../m/scores.tsv ../whole/scores.tsv
    rm -rf ../m ../before ../d2'
t 'predictions that were removed are made again; a model that was removed is asked for' '
    cp -rp ../whole ../m
    rm -r ../m/predictions/$(sed -n 2p ../m/data_testing.csv | cut -d, -f1)
    (cd .. && gn-experiment -c c.yaml -i data/data.csv -o m) >/dev/null 2>err
    grep -q "predictions are made again" err
    same_study ../whole ../m
    rm ../m/model/best.safetensors
    fails 1 gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m
    grep -q "m/model/best.safetensors: is gone" err
    rm -r ../m/model
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    same_study ../whole ../m
    rm -rf ../m'
t 'a cache file that is gone or cut is noticed when a leaf still has to train, and only then' '
    cp -rp ../whole ../m
    rm ../m/cache/thorax_002.gnt
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err
    [ ! -s err ]; [ ! -e ../m/cache/thorax_002.gnt ]
    rm -r ../m/model
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err
    grep -q "m/cache/thorax_002.gnt: .*: the cache is made again" err
    same_study ../whole ../m; same ../m/cache/thorax_002.gnt ../whole/cache/thorax_002.gnt
    size=$(wc -c <../m/cache/thorax_003.gnt)
    head -c $((size - 1)) ../whole/cache/thorax_003.gnt >../m/cache/thorax_003.gnt
    rm -r ../m/model
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err
    grep -q "m/cache/thorax_003.gnt: .*: the cache is made again" err
    same_study ../whole ../m; same ../m/cache/thorax_003.gnt ../whole/cache/thorax_003.gnt
    rm -rf ../m'
t '--memory goes to every program of a study, which stays the same study' '
    mkdir bin; printf "#!/bin/sh\nprintf \"%%s\\\\n\" \"\$@\" >$PWD/args\nexec $(command -v make) \"\$@\"\n" >bin/make; chmod +x bin/make
    PATH=$PWD/bin:$PATH gn-experiment --memory 1G -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    grep -qx "V=--memory 1073741824" args
    [ "$(grep -c "gn-[a-z]* " ../m/Makefile)" -gt 5 ]
    grep -o "gn-[a-z]* [^|]*" ../m/Makefile | grep -v -e "^gn-experiment" -e "^gn-split" >calls
    ! grep -v -F "\$(V)" calls
    same ../m/Makefile ../whole/Makefile
    gn-experiment -q --memory 2G -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    same_study ../whole ../m; rm -rf ../m'
t 'a folder that is not a study is left alone, --reset or not' '
    mkdir d; echo precious >d/config.yaml; mkdir d/model
    fails 1 gn-experiment -c ../c.yaml -i ../data/data.csv -o d
    fails 1 gn-experiment --reset -c ../c.yaml -i ../data/data.csv -o d
    [ "$(cat d/config.yaml)" = precious ]; [ "$(ls -A d | wc -l)" = 2 ]
    fails 1 gn-experiment -c ../c.yaml -i ../data/data.csv -o d/config.yaml
    fails 1 gn-experiment status d'
t 'given splits are used as they are, with and without a test set' '
    head -n 1 ../data/data.csv >../data/h
    { cat ../data/h; sed -n 2,6p ../data/data.csv; } >../data/a.csv
    { cat ../data/h; sed -n 7,8p ../data/data.csv; } >../data/b.csv
    { cat ../data/h; sed -n 9,10p ../data/data.csv; } >../data/c.csv
    gn-experiment -c ../c.yaml -i ../data/a.csv,../data/b.csv,../data/c.csv -o three | head -n 1 | grep -q "over 2 test subjects"
    for p in training:a validation:b testing:c; do
        cut -d, -f1 three/data_${p%:*}.csv >x; cut -d, -f1 ../data/${p#*:}.csv | same - x
    done
    gn-experiment -n -c ../c.yaml -i ../data/a.csv,../data/b.csv,../data/c.csv -o shell >run.sh
    sh -e run.sh
    same three/model/best.safetensors shell/model/best.safetensors; same three/scores.tsv shell/scores.tsv
    gn-experiment -c ../c.yaml -i ../data/a.csv,../data/b.csv -o two | head -n 1 | grep -q "over 2 validation subjects"
    [ ! -e two/data_testing.csv ]
    fails 1 gn-experiment -c ../c.yaml -i ../data/a.csv,../data/c.csv -o two
    { cat ../data/b.csv; sed -n 6p ../data/data.csv; } >../data/d.csv
    fails 1 gn-experiment -c ../c.yaml -i ../data/a.csv,../data/d.csv -o twice
    grep -q "d.csv:4: subject thorax_005: is also in" err
    [ ! -e twice ]'
t 'without test folds the validation set is scored' '
    sed "s/testing: -3/testing: 1/" ../c.yaml >v.yaml
    gn-experiment -c v.yaml -i ../data/data.csv -o v | head -n 1 | grep -q "over 3 validation subjects"'
t 'several folds: a leaf each, from one cache; --only and --folds; status' '
    sed "s/testing: -3, validation: -3/testing: 2, validation: 2/; s/num_epochs: 2/num_epochs: 1/" ../c.yaml >f.yaml
    gn-experiment --only testing_1/0 -c f.yaml -i ../data/data.csv -o f >/dev/null
    [ -s f/testing_1/0/scores.tsv ]; [ ! -e f/testing_0/0/model ]
    gn-experiment status f | cut -f1,5 >st
    gn-experiment status f | awk "NR == 1 || NR == 4 { print \$2, \$3, \$4, \$9 }" >best
    printf "epochs of best_epoch best_epoch_no\n1 1 1 0\n" | same - best
    printf "leaf\tmodel\ntesting_0/0\tmissing\ntesting_0/1\tmissing\ntesting_1/0\tdone\ntesting_1/1\tmissing\n" | same - st
    gn-experiment --folds 2 -c f.yaml -i ../data/data.csv -o f >sum
    tail -n 1 sum | grep -q "over 4 leaves"
    [ "$(wc -l <sum)" = 5 ]; sed -n 3p sum | grep -q "^testing_1/0: mean Dice .*, scores f/testing_1/0/scores.tsv, picture f/testing_1/0/report/predictions.png, model f/testing_1/0/model/best.safetensors$"
    gn-experiment -j 1 -c f.yaml -i ../data/data.csv -o g >/dev/null
    for leaf in testing_0/0 testing_0/1 testing_1/0 testing_1/1; do
        for x in model/best.safetensors model/logs_testing.csv scores.tsv; do same f/$leaf/$x g/$leaf/$x; done
        [ -s f/$leaf/report/predictions.png ]
    done
    [ ! -e f/testing_0/0/cache ]
    fails 2 gn-experiment --only testing_7/0 -c f.yaml -i ../data/data.csv -o f'
t 'GaNDLF order: raw samples are augmented, then preprocessed; the printed pipeline agrees' '
    sed "s/augment_after_preprocessing: true/augment_after_preprocessing: false/" ../c.yaml >raw.yaml
    gn-experiment -c raw.yaml -i ../data/data.csv -o r >/dev/null
    [ -s r/cache_raw/data.csv ]; [ -s r/scores.tsv ]
    gn-experiment -n -c raw.yaml -i ../data/data.csv -o s >run.sh
    grep -q gn-shuffle run.sh
    sh -e run.sh
    same r/model/best.safetensors s/model/best.safetensors; same r/scores.tsv s/scores.tsv'
t 'zero planes are cropped for training cases only, from a cache of their own' '
    sed "s/normalize_nonzero: /crop_external_zero_planes: , normalize_nonzero: /" ../c.yaml >z.yaml
    gn-experiment -c z.yaml -i ../data/data.csv -o z >/dev/null
    [ -s z/cache_training/data.csv ]; [ -s z/scores.tsv ]'
t 'weights from label counts' '
    sed "s/^loss_function.*/loss_function: dc\nweighted_loss: true/
        s/^patch_sampler: label/patch_sampler: {type: label, biased_sampling: true}/" ../c.yaml >w.yaml
    gn-experiment -c w.yaml -i ../data/data.csv -o w >/dev/null
    head -n 1 w/class_counts.tsv | grep -q "^label"
    ! cmp -s w/model/best.safetensors ../whole/model/best.safetensors
    gn-experiment -n -c w.yaml -i ../data/data.csv -o s >run.sh
    sh -e run.sh
    same w/model/best.safetensors s/model/best.safetensors'
t 'odd names: spaces and signs in the folder, the tables and the subjects' '
    d="my data"
    mkdir "$d"
    awk -F, "NR == 1 { print; next } { printf \"it is #%d: \$(ls) %%\x27,../../data/%s,../../data/%s\n\", NR, \$2, \$3 }" ../data/data.csv >"$d/all the data.csv"
    cp ../c.yaml "my config.yaml"
    gn-experiment -c "my config.yaml" -i "$d/all the data.csv" -o "my \$study" >sum
    [ -s "my \$study/scores.tsv" ]
    tail -n +2 "my \$study/predictions/predictions.csv" | cut -d, -f1 | grep -c "it is #" | grep -qx 3
    gn-experiment -n -c "my config.yaml" -i "$d/all the data.csv" -o "an other" >run.sh
    sh -e run.sh
    same "my \$study/scores.tsv" "an other/scores.tsv"'
t 'called from a makefile that has options of its own' '
    cp -r ../whole ../m
    rm ../m/scores.tsv
    (cd .. && MAKEFLAGS="n --silent" MAKELEVEL=3 gn-experiment -c c.yaml -i data/data.csv -o m) >/dev/null
    same ../m/scores.tsv ../whole/scores.tsv
    rm -rf ../m'
t 'what a shell or make would take from the environment changes nothing' '
    sed "s/testing: -3, validation: -3/testing: 2, validation: 2/; s/num_epochs: 2/num_epochs: 1/" ../c.yaml >f.yaml
    mkdir -p trap/testing_0/0; echo "echo sourced >>$PWD/sourced" >rc
    GNUMAKEFLAGS=n CDPATH=$PWD/trap ENV=$PWD/rc BASH_ENV=$PWD/rc MAKEFILES=$PWD/nothere \
        gn-experiment --only testing_0/0 -c f.yaml -i ../data/data.csv -o f >/dev/null 2>err
    [ -s f/testing_0/0/scores.tsv ]; [ -z "$(find trap -type f)" ]; [ ! -e sourced ]
    grep -q "cd ./testing_0/0 && " f/Makefile'
t 'success is what is there, not what make says' '
    mkdir bin; printf "#!/bin/sh\nexit 0\n" >bin/make; chmod +x bin/make
    PATH=$PWD/bin:$PATH fails 1 gn-experiment -c ../c.yaml -i ../data/data.csv -o s
    grep -q "s/cache/data.csv: is not there" err'
t 'make alone goes on in the folder, too' '
    cp -r ../whole ../m
    rm -r ../m/predictions ../m/scores.tsv
    make -s -C ../m >/dev/null
    same ../m/scores.tsv ../whole/scores.tsv
    rm -rf ../m'
t 'pipelines/train.mk, in other words, gives the same scores' '
    cat >m.mk <<M
PREPROCESS = gn-resample -s 1.5,1.5,1 | gn-normalize --zscore nonzero
SPLIT = --test -3 --val -3
include $GN_TOP/pipelines/train.mk
M
    make -s -f m.mk DATA=../data/data.csv CONFIG=../c.yaml OUT=s 2>/dev/null
    same s/model/best.safetensors ../whole/model/best.safetensors
    cut -f1-4 ../whole/scores.tsv >a; cut -f1-4 s/scores.tsv | same - a
    [ -s s/predictions.png ]'
t 'pipelines/predict-inbox labels what is new, and a bad image does not stop the others' '
    mkdir in
    cp ../data/thorax_001/thorax_001_xray.png in/a.png; cp ../data/thorax_002/thorax_002_xray.png "in/c d.png"
    echo hello >in/b.png
    rc=0; $GN_TOP/pipelines/predict-inbox ../whole/model/best.safetensors in out >said 2>err || rc=$?
    [ $rc = 1 ]; [ ! -s said ]; [ "$(wc -l <err)" = 1 ]; grep -q b.png err
    [ -s out/a.png/predictions.csv ]; [ -s "out/c d.png/predictions.csv" ]; [ ! -e out/b.png ]
    rm in/b.png; touch mark
    $GN_TOP/pipelines/predict-inbox ../whole/model/best.safetensors in out
    echo "call the ward" >in/notes.txt; mkdir in/older; cp in/a.png in/older/d.png
    $GN_TOP/pipelines/predict-inbox ../whole/model/best.safetensors in out 2>err
    [ "$(cat err)" = "predict-inbox: in/notes.txt: not called like an image: skipped" ]
    [ "$(ls out | tr "\n" " ")" = "a.png c d.png " ]
    [ -z "$(find out -newer mark)" ]'
t 'a broken image: status 1, its name, no cache that looks finished; then the same command goes on' '
    cp -r ../data data
    printf "hello" >data/thorax_005/x; f=$(ls data/thorax_005/*.png | grep -v label); cp $f keep
    head -c 100 keep >$f
    rc=0; gn-experiment -c ../c.yaml -i data/data.csv -o s >out 2>err || rc=$?
    [ $rc = 1 ]; [ ! -s out ]
    [ "$(wc -l <err)" = 2 ]; head -n 1 err | grep -q "^gn-load: subject thorax_005: "
    tail -n 1 err | grep -qx "gn-experiment: s: preprocessing failed, see above; once that is mended, the same command goes on from here"
    [ ! -e s/cache/data.csv ]; [ ! -e s/model ]
    cp keep $f
    gn-experiment -c ../c.yaml -i data/data.csv -o s >/dev/null
    for x in model/best.safetensors scores.tsv; do same s/$x ../whole/$x; done'
t 'a program that is ended from outside: that is said, and the same command goes on' '
    mkdir bin; printf "#!/bin/sh\nkill -9 \$\$\n" >bin/gn-normalize; chmod +x bin/gn-normalize
    for f in $B/bin/*; do [ -e bin/${f##*/} ] || cp $f bin/; done; [ -e lib ] || ln -s $B/lib lib
    rc=0; bin/gn-experiment -c ../c.yaml -i ../data/data.csv -o s >out 2>err || rc=$?
    [ $rc = 1 ]; [ ! -s out ]; [ "$(wc -l <err)" = 2 ]
    tail -n 1 err | grep -q "^gn-experiment: s/cache/data.csv: could not be made: a program was ended from outside; the same command goes on"
    rm -rf bin lib
    gn-experiment -c ../c.yaml -i ../data/data.csv -o s >/dev/null
    same s/scores.tsv ../whole/scores.tsv'
if command -v script >/dev/null; then
    t 'on a terminal progress is drawn, and a failure takes two lines there, too' '
        cp -r ../data data; f=$(ls data/thorax_005/*.png | grep -v label); head -c 900 $f >cut; mv cut $f
        script -qec "gn-experiment -c ../c.yaml -i data/data.csv -o s" /dev/null >out || true
        tr -d "\r" <out | sed "s/.*$(printf "\033")\[K//" >lines
        [ "$(wc -l <lines)" = 2 ]; head -n 1 lines | grep -q "^gn-load: subject thorax_005"
        script -qec "gn-experiment -c ../long.yaml -i ../data/data.csv -o ../m" /dev/null >out
        tr "\r" "\n" <out | grep -q "epoch [0-9]*/30"
        same ../m/scores.tsv ../long/scores.tsv; rm -rf ../m'
else
    skip 'on a terminal progress is drawn' 'there is no program script'
fi
t '--reset removes what the study made, and nothing else' '
    cp -rp ../whole ../m
    mkdir -p ../m/2024 ../m/testing_9/3 ../m/predictions/mine; id=$(sed -n 2p ../m/data_testing.csv | cut -d, -f1)
    for f in 2024/head.nii.gz 2024/data_training.csv testing_9/3/a.png report/talk.txt model/notes.txt cache/readme \
        predictions/mine/x_seg.png predictions/$id/${id}_seg_corrected.png; do echo mine >../m/$f; done
    gn-experiment --reset -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    [ "$(grep -rlx mine ../m | wc -l)" = 8 ]
    rm -r ../m/2024 ../m/testing_9 ../m/report/talk.txt ../m/model/notes.txt ../m/cache/readme ../m/predictions/mine ../m/predictions/$id/*_corrected.png
    same_study ../whole ../m; rm -rf ../m
    sed "s/testing: -3, validation: -3/testing: 2, validation: 2/; s/num_epochs: 2/num_epochs: 1/" ../c.yaml >f.yaml
    gn-experiment -c f.yaml -i ../data/data.csv -o ../m >/dev/null
    gn-experiment --reset -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    [ ! -e ../m/testing_0 ]; [ ! -e ../m/testing_1 ]; same_study ../whole ../m; rm -rf ../m'
t '--reset is refused, and nothing removed, when an input lies in what would go' '
    cp -rp ../whole ../m; cp -rp ../m ../before
    sed "s/testing: -3, validation: -3/testing: 1, validation: -2/" ../c.yaml >two.yaml
    for i in ../m/data_training.csv ../m/data.csv ../m; do
        fails 1 gn-experiment --reset -c two.yaml -i $i -o ../m; grep -q "m/data.*csv: is an input" err
    done
    fails 1 gn-experiment --reset -c ../m/config.yaml -i ../data/data.csv -o ../m; grep -q "m/config.yaml: is an input" err
    id=$(sed -n 2p ../m/data_testing.csv | cut -d, -f1); ln -s ../m/predictions/$id/${id}_seg.png ../data/own.png
    sed "2s/,[^,]*\$/,own.png/" ../data/data.csv >../data/own.csv
    fails 1 gn-experiment --reset -c ../c.yaml -i ../data/own.csv -o ../m; grep -q "own.png: is an input" err
    diff -r ../m ../before >&2; rm -rf ../m ../before ../data/own.*'
t '--reset looks first whether the new study can be: folds, split, leaf' '
    cp -rp ../whole ../m; cp -rp ../m ../before
    sed "s/testing: -3/testing: -99/" ../c.yaml >many.yaml
    fails 1 gn-experiment --reset -c many.yaml -i ../data/data.csv -o ../m
    fails 2 gn-experiment --reset --only 7 -c ../c.yaml -i ../data/data.csv -o ../m
    mkdir bin; printf "#!/bin/sh\nexit 1\n" >bin/gn-split; chmod +x bin/gn-split
    for f in $B/bin/*; do [ -e bin/${f##*/} ] || ln $f bin/ 2>/dev/null || cp $f bin/; done; ln -s $B/lib lib
    rc=0; bin/gn-experiment --reset -c ../c.yaml -i ../data/data.csv -o ../m || rc=$?; [ $rc = 1 ]
    diff -r ../m ../before >&2; rm -rf ../m ../before'
t '--reset: what is in the way of the new leaves and is no study is left alone, and so is the rest' '
    cp -rp ../whole ../m; mkdir -p ../m/testing_1/0; echo mine >../m/testing_1/0/data_training.csv; cp -rp ../m ../before
    sed "s/testing: -3, validation: -3/testing: 2, validation: 2/" ../c.yaml >f.yaml
    fails 1 gn-experiment --reset -c f.yaml -i ../data/data.csv -o ../m
    grep -q "m/testing_1/0/data_training.csv: is in the way of a leaf" err
    diff -r ../m ../before >&2; rm -rf ../m ../before'
t 'files dated in the future do not hide that there is something to do' '
    sed "s/num_epochs: 2/num_epochs: 4/" ../c.yaml >four.yaml
    gn-experiment -c four.yaml -i ../data/data.csv -o ../n >/dev/null
    for what in model/DONE predictions/predictions.csv scores.tsv "model/DONE predictions/predictions.csv scores.tsv report/predictions.png cache/data.csv"; do
        for record in kept gone; do
            cp -rp ../whole ../m; (cd ../m && touch -d 2035-01-01 $what); [ $record = kept ] || rm ../m/.products
            gn-experiment -c four.yaml -i ../data/data.csv -o ../m >/dev/null 2>&1
            same_study ../n ../m; rm -rf ../m
        done
    done; rm -rf ../n'
t 'predictions and scores of another model than the one that is there are made again' '
    sed "s/num_epochs: 2/num_epochs: 4/" ../c.yaml >four.yaml
    cp -rp ../whole ../m
    gn-experiment -c four.yaml -i ../data/data.csv -o ../m >/dev/null; cp -rp ../m ../n
    for f in predictions scores.tsv report; do rm -r ../m/$f; cp -rp ../whole/$f ../m/; done
    find ../m/predictions ../m/report ../m/scores.tsv -type f | xargs touch
    ! cmp -s ../m/model/best.safetensors ../whole/model/best.safetensors
    cp -p ../whole/.products ../m/
    gn-experiment -c four.yaml -i ../data/data.csv -o ../m >/dev/null 2>err
    grep -q "predictions.csv: was made with another model" err
    same_study ../n ../m; rm -rf ../m ../n'
t 'fewer epochs than were trained, or less patience, is refused' '
    cp -rp ../whole ../m
    sed "s/num_epochs: 2/num_epochs: 1/" ../c.yaml >one.yaml; sed "s/patience: 50/patience: 3/" ../c.yaml >p.yaml
    fails 1 gn-experiment -c one.yaml -i ../data/data.csv -o ../m
    grep -q "one.yaml: num_epochs: 1 is less than the 2 epochs that ../m was trained for" err
    fails 1 gn-experiment -c p.yaml -i ../data/data.csv -o ../m
    grep -q "p.yaml: patience: 3 is less than the 50 it was trained with" err
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null; same_study ../whole ../m; rm -rf ../m'
t 'a file that comes in two halves: a change in either is seen' '
    gn-phantom head -n 3 --size 16 --spacing 1 -o head
    python3 - head <<P
import glob, gzip, os, struct, sys
for f in glob.glob(sys.argv[1] + "/*/*.nii.gz"):
    raw = bytearray(gzip.open(f).read())
    offset = int(struct.unpack_from("<f", raw, 108)[0])
    data = raw[offset:]
    struct.pack_into("<f", raw, 108, 0.0)
    raw[344:348] = b"ni1\\0"
    open(f[:-7] + ".hdr", "wb").write(raw[:348] + b"\\0\\0\\0\\0")
    open(f[:-7] + ".img", "wb").write(data)
    os.remove(f)
P
    sed "s/[.]nii[.]gz/.hdr/g" head/data.csv >head/pairs.csv
    gn-experiment -c ../v.yaml -i head/pairs.csv -o s >/dev/null 2>&1
    touch -d 2001-02-03 head/head_002/head_002_t1.img
    fails 1 gn-experiment -c ../v.yaml -i head/pairs.csv -o s; grep -q "head_002_t1.img: has changed" err'
t 'more epochs leave what a person put into predictions/ alone' '
    cp -rp ../whole ../m; id=$(sed -n 2p ../m/data_testing.csv | cut -d, -f1)
    echo mine >../m/predictions/$id/${id}_corrected.nii.gz; echo mine >../m/predictions/notes.txt
    sed "s/num_epochs: 2/num_epochs: 4/" ../c.yaml >four.yaml
    gn-experiment -c four.yaml -i ../data/data.csv -o ../m >/dev/null
    [ "$(cat ../m/predictions/$id/${id}_corrected.nii.gz ../m/predictions/notes.txt | grep -cx mine)" = 2 ]; rm -rf ../m'
t 'a bad label in the test set is found before anything is trained' '
    cp -rp ../data ../d2; id=$(sed -n 2p ../whole/data_testing.csv | cut -d, -f1); f=../d2/$id/${id}_label.png
    python3 - $f <<P
import struct, sys, zlib
rows = b"".join(b"\\0" + bytes([7] * 48) for _ in range(48))
chunk = lambda k, d: struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
open(sys.argv[1], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
P
    fails 1 gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m
    grep -q "^gn-experiment: subject $id: $f: label value 7 is in no class of class_list" err
    [ ! -e ../m/model ]; rm -rf ../m ../d2'
t 'a changed file of a subject that is only in the test set is taken in; no model is trained anew' '
    cp -rp ../data ../d2; id=$(sed -n 2p ../whole/data_testing.csv | cut -d, -f1); f=../d2/$id/${id}_label.png
    cp -p $f keep; other=$(sed -n 2p ../whole/data_training.csv | cut -d, -f1); cp ../data/$other/${other}_label.png $f
    gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m >/dev/null
    ! cmp -s ../m/scores.tsv ../whole/scores.tsv; ls -l --time-style=full-iso ../m/model/latest.safetensors >before
    cp keep $f
    gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m >/dev/null 2>err; said err
    [ "$(wc -l <err)" = 1 ]; grep -q "note: $f: has changed; its subject is only in the test set" err
    for x in scores.tsv model/logs_testing.csv model/best.safetensors report/predictions.png; do same ../m/$x ../whole/$x; done
    ls -l --time-style=full-iso ../m/model/latest.safetensors | same - before
    gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m 2>&1 >/dev/null | same - /dev/null
    touch ../d2/$other/${other}_label.png
    fails 1 gn-experiment -c ../c.yaml -i ../d2/data.csv -o ../m; grep -q "$other.*has changed since" err
    rm -rf ../m ../d2'
t 'predictions, scores or pictures that were emptied or cut are made again' '
    cp -rp ../whole ../m; p=$(cd ../m && ls predictions/*/*_seg.png | head -n 1)
    for size in 0 40; do
        head -c $size ../whole/$p >../m/$p
        gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null 2>err; grep -q "$p: is gone or cut: the predictions are made again" err
        same_study ../whole ../m
    done
    : >../m/scores.tsv; : >../m/report/predictions.png
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null; same_study ../whole ../m; rm -rf ../m'
t 'predict: an earlier index does not survive a model that cannot be used, either' '
    cp ../data/thorax_001/thorax_001_xray.png a.png; head -c 900 ../whole/model/best.safetensors >cut.safetensors
    gn-experiment predict -m ../whole/model/best.safetensors -o p a.png >/dev/null
    fails 1 gn-experiment predict -n -m cut.safetensors -o p a.png; [ -e p/predictions.csv ]
    fails 1 gn-experiment predict -m cut.safetensors -o p a.png; [ ! -e p/predictions.csv ]
    echo mine >p/predictions.csv; fails 1 gn-experiment predict -m cut.safetensors -o p a.png; [ "$(cat p/predictions.csv)" = mine ]'
t 'a GNUmakefile or makefile in the folder is not what is run' '
    cp -rp ../whole ../m; rm ../m/scores.tsv
    printf "all:\n\ttouch $PWD/run\n" >../m/GNUmakefile; cp ../m/GNUmakefile ../m/makefile
    gn-experiment -c ../c.yaml -i ../data/data.csv -o ../m >/dev/null
    [ ! -e run ]; same ../m/scores.tsv ../whole/scores.tsv; rm -rf ../m'
t 'faults of config and data are found before anything is made, all at once' '
    sed "s/thorax_00[34]_/nothere_/" ../data/data.csv >../data/bad.csv
    rc=0; gn-experiment -c ../c.yaml -i ../data/bad.csv -o s 2>err || rc=$?
    [ $rc = 1 ]; [ "$(grep -c "no such file" err)" -ge 2 ]; [ ! -e s ]
    rm ../data/bad.csv
    cut -d, -f1,2 ../data/data.csv >../data/nolabel.csv
    fails 1 gn-experiment -c ../c.yaml -i ../data/nolabel.csv -o s; grep -q "label" err; rm ../data/nolabel.csv
    sed "s/num_channels: 1/num_channels: 4/" ../c.yaml >four.yaml
    fails 1 gn-experiment -c four.yaml -i ../data/data.csv -o s; grep -q "4" err
    sed "s/light_unet_multilayer, depth: 2/unet/" ../c.yaml >small.yaml
    fails 1 gn-experiment -c small.yaml -i ../data/data.csv -o s; grep -q "larger patch" err
    sed "s/testing: -3/testing: -30/" ../c.yaml >many.yaml
    fails 1 gn-experiment -c many.yaml -i ../data/data.csv -o s
    grep -q "many.yaml: nested_training: testing: 30 folds of 9 subjects in ../data/data.csv: ask for fewer folds.*or give more patients" err
    fails 1 gn-config check many.yaml ../data/data.csv; grep -q "30 folds of 9" err
    sed "s/{testing: -3,/{group: Label, testing: -3,/" ../c.yaml >group.yaml
    sed "2,\$s/,[^,]*\$/,..\/data\/thorax_001\/thorax_001_label.png/" ../data/data.csv >same.csv
    rc=0; gn-config check group.yaml same.csv >err 2>&1 || rc=$?; [ $rc = 1 ]
    grep -q "testing: 3 folds of 1 subjects in same.csv, a group counts as one" err
    fails 1 gn-experiment -c nothere.yaml -i ../data/data.csv -o s
    fails 1 gn-experiment -c ../c.yaml -i nothere.csv -o s
    [ ! -e s ]'
t 'wrong usage' '
    fails 2 gn-experiment
    fails 2 gn-experiment -c ../c.yaml -i ../data/data.csv
    fails 2 gn-experiment -c ../c.yaml -o s
    fails 2 gn-experiment -c ../c.yaml -i a,b,c,d -o s
    fails 2 gn-experiment -c ../c.yaml -i ../data/data.csv -o s --folds 0
    fails 2 gn-experiment train
    fails 2 gn-experiment status
    [ ! -e s ]'
t 'with data_postprocessing the logs of whole subjects score both: what the network gives, and what is saved' '
    sed "s/num_epochs.*/num_epochs: 1/; s/testing: 1/testing: 1/" ../v.yaml >raw.yaml
    { cat raw.yaml; echo "data_postprocessing: {cca: , morphology: {mode: erosion, kernel_size: 3}, mapping: {1: 1}}"; } >post.yaml
    gn-phantom head -n 6 --size 24 --spacing 4 -o d
    for c in raw post; do gn-experiment -c $c.yaml -i d/data.csv -o $c >/dev/null; done
    [ "$(head -n 1 post/model/logs_validation.csv)" = "epoch_no,valid_loss,valid_dice,valid_dice_1,valid_dice_post,valid_dice_1_post" ]
    [ "$(head -n 1 post/model/logs_training.csv)" = "epoch_no,train_loss,train_dice,train_dice_1" ]
    cut -d, -f1-4 post/model/logs_validation.csv | same - raw/model/logs_validation.csv
    [ "$(head -n 1 raw/model/logs_validation.csv)" = "epoch_no,valid_loss,valid_dice,valid_dice_1" ]
    score() { awk -F"\t" "\$1 == \"mean\" && \$2 == \"all\" { printf \"%.6g\n\", \$4 }" $1/scores.tsv; }
    log() { sed -n 2p $1/model/logs_validation.csv | cut -d, -f$2; }
    [ "$(log raw 3)" = "$(score raw)" ]
    [ "$(log post 5)" = "$(score post)" ] && [ "$(log post 6)" = "$(score post)" ]
    [ "$(log post 5)" != "$(log post 3)" ]'
t 'so does logs_testing.csv, as gn-train --test' '
    { sed "s/num_epochs.*/num_epochs: 1/; s/testing: 1, val/testing: -3, val/" ../v.yaml; echo "data_postprocessing: {morphology: {mode: erosion, kernel_size: 3}}"; } >c.yaml
    gn-phantom head -n 9 --size 16 --spacing 4 -o d
    gn-experiment -c c.yaml -i d/data.csv -o s >/dev/null
    gn-epochs -c c.yaml --only s/data_training.csv --patches s/cache |
        gn-train -q -c c.yaml --cache s/cache --val s/data_validation.csv --test s/data_testing.csv -o m
    same m/logs_testing.csv s/model/logs_testing.csv
    [ "$(head -n 1 m/logs_testing.csv)" = "epoch_no,test_loss,test_dice,test_dice_1,test_dice_post,test_dice_1_post" ]'
