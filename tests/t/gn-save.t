# gn-save: a stream into files.
. "$GN_TESTS/lib.sh"
cat >>"$base/prelude" <<'P'
image() { python3 "$GN_TESTS/gen/image.py" "$@"; }
show() { image read "$@"; }
P

t 'NIfTI comes back with equal voxels and affine, in each type' '
for type in uint8 int16 int32 float32 float64 int8 uint16 uint32 int64 uint64; do
    image a.nii type=$type origin=1.1,2.2,-3.3 spacing=0.7,0.8,5
    gn-load --no-history a.nii | gn-save -o out/
    gn-load --no-history out/a/a_Channel_0.nii | show - | grep -E "^(dtype|shape|affine|data)" >got
    gn-load --no-history a.nii | show - | grep -E "^(dtype|shape|affine|data)" >want
    diff want got >&2
done'

t 'channels, .nii.gz and the form of the source stay' '
image a.nii.gz channels=3 code=4
gn-load a.nii.gz | gn-save -o out
gn-load a.nii.gz | show - | grep -E "^(shape|data|nifti)" >want
gn-load out/a/a_Channel_0.nii.gz | show - | grep -E "^(shape|data|nifti)" >got
grep -q "nifti.form: 4" got
diff want got >&2'

if command -v nifti_tool >/dev/null; then
    t 'nifti_tool finds nothing wrong, and sform and qform say the same' '
image a.nii origin=1,2,3 spacing=1,2,3
gn-load a.nii | gn-save -o out
nifti_tool -check_hdr -infiles out/a/a_Channel_0.nii >got
grep -q "IS GOOD" got
! grep -qi failure got
nifti_tool -disp_hdr -field qform_code -field sform_code -field qoffset_x -infiles out/a/a_Channel_0.nii >fields
grep -q "qform_code.* 1$" fields
grep -q "qoffset_x.* 1.0$" fields'
else
    skip 'nifti_tool finds nothing wrong' 'nifti-bin is not installed'
fi

t 'data.csv names what was written, and reads back' '
image a.nii; image b.nii seed=9; image l.nii fill=3
printf "SubjectID,Channel_0,T2_image,Label,ValueToPredict,Score_valuetopredict\n007,a.nii,b.nii,l.nii,1.5,2\n007,b.nii,a.nii,l.nii,2.5,3\n" >data.csv
gn-load data.csv | gn-save -o out/
cat >want <<W
SubjectID,Channel_0,T2_image,Label,ValueToPredict,Score_valuetopredict
007,007/007_Channel_0.nii,007/007_T2_image.nii,007/007_label.nii,1.5,2
007,007_v1/007_v1_Channel_0.nii,007_v1/007_v1_T2_image.nii,007_v1/007_v1_label.nii,2.5,3
W
diff want out/data.csv >&2
gn-load data.csv | show - | grep -E "^(data|sample|value)" >one
gn-load out/data.csv | show - | grep -E "^(data|sample|value)" >two
diff one two >&2'

t 'predictions are _seg, listed by sample name in predictions.csv' '
image a.nii; image p.nii type=int32
printf "SubjectID,Channel_0,Prediction\ns,a.nii,p.nii\ns,a.nii,p.nii\n" >data.csv
gn-load data.csv | gn-save -o out
printf "SubjectID,Prediction\ns,s/s_seg.nii\ns_v1,s_v1/s_v1_seg.nii\n" >want
diff want out/predictions.csv >&2
gn-load out/s/s_seg.nii | show - | grep -q "^dtype: uint8"'

t 'labels take the smallest unsigned type, images their own, and --dtype beats both' '
image a.nii type=int32; image l.nii type=float64 fill=300; image n.nii type=int16 fill=-1
printf "SubjectID,Channel_0,Label\na,a.nii,l.nii\nb,a.nii,n.nii\n" >data.csv
gn-load data.csv | gn-save -o out
gn-load out/a/a_label.nii | show - | grep -q "^dtype: uint16"
gn-load out/b/b_label.nii | show - | grep -q "^dtype: int16"
gn-load out/a/a_Channel_0.nii | show - | grep -q "^dtype: int32"
gn-load data.csv | gn-save -o two --dtype float32
gn-load two/a/a_label.nii | show - | grep -q "^dtype: float32"'

t 'PNG and TIFF come back with equal voxels' '
for c in 1 2 3 4; do
    image a$c.png channels=$c size=5,4
    gn-load a$c.png | show - | grep -E "^(shape|data)" >want
    for e in png tif; do
        gn-load a$c.png | gn-save -o out$c$e --ext $e
        gn-load out$c$e/a$c/a${c}_Channel_0.$e | show - | grep -E "^(shape|data)" >got
        diff want got >&2
    done
done'

t 'TIFF holds every type and slices' '
for type in uint8 int16 int32 float32 float64 int8 uint16 uint32 int64 uint64; do
    image a.nii type=$type size=7,5,3 channels=2
    gn-load a.nii | gn-save -o out --ext .tif
    gn-load out/a/a_Channel_0.tif | show - | grep -E "^(dtype|shape|data)" >got
    gn-load a.nii | show - | grep -E "^(dtype|shape|data)" >want
    diff want got >&2
done'

t 'half floats: TIFF holds them, NIfTI gets float32' '
image a.nii size=2,2,1 type=float32
gn-load a.nii | gn-save -o one --ext tif --dtype float16
gn-load one/a/a_Channel_0.tif | show - >got
grep -q "^dtype: float16" got
gn-load one/a/a_Channel_0.tif | gn-save -o two --ext nii
gn-load two/a_Channel_0/a_Channel_0_Channel_0.nii | show - | grep -q "^dtype: float32"'

t 'JPEG is near, and a label beside it becomes PNG' '
image a.png size=64,64 fill=90; gn-load a.png | gn-save -o j --ext jpg
printf "SubjectID,Channel_0,Label\n1,j/a/a_Channel_0.jpg,j/a/a_Channel_0.jpg\n" >data.csv
gn-load data.csv | gn-save -o out
[ -e out/1/1_Channel_0.jpg ]
[ -e out/1/1_label.png ]
gn-load out/1/1_Channel_0.jpg | show - | grep "^data" | tr " " "\n" | sed 1d | awk "\$1 < 88 || \$1 > 92 { bad = 1 } END { exit bad }"'

t 'a picture that cannot hold the record becomes TIFF, unless --ext insists' '
image a.png size=3,3
gn-load a.png | gn-save -o one --dtype float32
[ -e one/a/a_Channel_0.tif ]
gn-load a.png >a.gnt
fails 1 gn-save -o two --ext png --dtype float32 a.gnt
grep -q "uint8 and uint16 only" err
[ ! -e two/data.csv ]
[ -z "$(find two -type f)" ]'

t 'an image under the name of another format is read by its contents, and keeps its place when saved' '
image a.nii type=float32 size=5,4,3 origin=1,2,3; image p.png size=5,4
gn-load p.png | gn-save -o t --ext tif; gn-load p.png | gn-save -o j --ext jpg
gzip -k a.nii; mkdir liars
for f in a.nii a.nii.gz p.png t/p/p_Channel_0.tif j/p/p_Channel_0.jpg; do
    gn-load $f | show - | grep -E "^(shape|dtype|data|affine)" >want
    for e in nii nii.gz hdr img png tif jpg dat; do
        cp $f liars/x.$e
        gn-load liars/x.$e | show - | grep -E "^(shape|dtype|data|affine)" >got
        diff want got >&2
        rm liars/x.$e
    done
done
for e in png tif jpg; do
    cp a.nii liar.$e
    gn-load liar.$e | gn-save -o o$e
    gn-load o$e/liar/liar_Channel_0.nii.gz | gn-diff - a.nii
done'

t 'an extension that cannot hold a record is one line that says what it holds, and nothing is written' '
image a.nii type=float32 size=5,4,3; gn-load a.nii >a.gnt
for e in png jpg; do for d in float32 uint8; do
    fails 1 gn-save -o o --ext $e --dtype $d a.gnt
    grep -q "subject a: a/a_Channel_0.$e: a .$e file holds one slice .* only, not 3 slices, 1 channel, $d (--ext nii.gz holds any)$" err
    [ -z "$(find o -mindepth 1)" ]
done; done'

t 'scores become rows of predictions.csv' '
image scores c.gnt "benign malignant||x" 0.25 0.75
gn-save -o o c.gnt
printf "SubjectID,Predicted,probability_benign,probability_malignant||x\ns1,malignant||x,0.25,0.75\n" >want
diff want o/predictions.csv >&2
image scores r.gnt "" 1.5
gn-save -o two r.gnt
printf "SubjectID,Predicted\ns1,1.5\n" >want
diff want two/predictions.csv >&2
image scores r.gnt "" 1.5 2.5
gn-save -o three r.gnt
printf "SubjectID,Predicted_0,Predicted_1\ns1,1.5,2.5\n" >want
diff want three/predictions.csv >&2
image scores bad.gnt "one" 1.5 2.5
fails 1 gn-save -o four bad.gnt'

t 'after a failure no index is left of files that were begun to be replaced' '
image a.nii; image b.nii
printf "SubjectID,Channel_0\na,a.nii\nb,b.nii\n" >data.csv; gn-load data.csv >two.gnt
head -c -150 two.gnt >cut.gnt
gn-save -o o two.gnt
[ -e o/data.csv ]
fails 1 gn-save -o o cut.gnt
[ ! -e o/data.csv ]; [ ! -e o/.data.csv.gn-save ]'

t 'a failure before anything is written leaves the folder as it was' '
image a.nii; gn-load a.nii >a.gnt; head -c 200 a.gnt >cut.gnt
gn-save -o o a.gnt; cp o/data.csv want
fails 1 gn-save -o o cut.gnt
same want o/data.csv
gn-save -o o a.gnt
same want o/data.csv'

t 'a table that gn-save did not write is never removed or replaced' '
image a.nii; gn-load a.nii >a.gnt; : >empty
for name in data predictions; do
    mkdir $name; echo "SubjectID,Channel_0" >$name/$name.csv; cp $name/$name.csv want
    fails 1 gn-save -o $name a.gnt
    grep -q "$name/$name.csv: is not a table that gn-save wrote" err
    fails 1 gn-save -o $name empty
    same want $name/$name.csv; [ "$(ls -A $name)" = $name.csv ]
done
gn-save -o o a.gnt; echo "mine,too" >>o/data.csv; cp o/data.csv want
fails 1 gn-save -o o a.gnt
fails 1 gn-save --cache -o o a.gnt
same want o/data.csv
gn-phantom head -n 2 --size 16 -o d; cp -r d was
fails 1 gn-save -o d empty
gn-load d/data.csv 2>/dev/null | fails 1 gn-save -o d
diff -r was d'

t 'a file that a sample was read from is not written over' '
image a.nii; image l.nii fill=3 type=int32
printf "SubjectID,Channel_0,Label\n1,a.nii,l.nii\n" >data.csv
gn-load data.csv | gn-save -o o; cp -r o was
gn-load o/data.csv >s.gnt
fails 1 gn-save -o o --dtype float32 s.gnt
grep -q "o/1/1_Channel_0.nii: is what this sample was read from" err
diff -r was o
ln -s o link; fails 1 gn-save -o link --dtype float32 s.gnt; diff -r was o
gn-save --cache -o c s.gnt; cp -r c was_c
fails 1 gn-save --cache -o c c/1.gnt
diff -r was_c c'

t '--keep-going: complete files and an index of what is there, exit 1' '
image a.nii; head -c 300 a.nii >b.nii
printf "SubjectID,Channel_0\n1,a.nii\n2,b.nii\n" >data.csv
s=0; gn-load --keep-going data.csv 2>/dev/null | gn-save -o out 2>err || s=$?
[ $s = 1 ]
[ "$(wc -l <out/data.csv)" = 2 ]'

t '--cache: one .gnt a sample, with statistics, and data.csv' '
image a.nii; image l.nii fill=1
printf "SubjectID,Channel_0,Label,ValueToPredict\nx/1,a.nii,l.nii,5\n" >data.csv
gn-load data.csv | gn-save --cache -o cache
printf "SubjectID,Channel_0,ValueToPredict\nx/1,x%%2F1.gnt,5\n" >want
diff want cache/data.csv >&2
show cache/x%2F1.gnt >got
[ "$(grep -c "^parent.mean: 11.5$" got)" = 1 ]
grep -q "^parent.max: 23$" got
grep -q "^history: gn-save .* --cache$" got
gn-load data.csv | show - | grep "^data" >want
grep "^data" got | diff want - >&2
fails 2 gn-save --cache --ext nii -o cache data.csv'

t 'names of samples cannot lead out of the folder' '
image a.nii
printf "SubjectID,Channel_0\n../../evil,a.nii\n" >data.csv
mkdir -p deep/er
gn-load data.csv | gn-save -o deep/er/out
[ -e "deep/er/out/%2E.%2F..%2Fevil/%2E.%2F..%2Fevil_Channel_0.nii" ]
[ "$(find . -name "*evil*" | grep -v "^./deep/er/out/" | wc -l)" = 0 ]'

t '--name says what files are called' '
image a.nii; image b.nii
printf "SubjectID,Channel_0,Label\n1,a.nii,b.nii\n" >data.csv
gn-load data.csv | gn-save -o o --name "{role}s/{sample}.{name}"
[ -e o/images/1.Channel_0.nii ]
[ -e o/labels/1.label.nii ]
grep -q "^1,images/1.Channel_0.nii,labels/1.label.nii$" o/data.csv
gn-load data.csv >d.gnt
fails 1 gn-save -o two --name "{sample}" d.gnt
grep -q "two records would be called" err
fails 2 gn-save -o two --name "{subject}" d.gnt'

t 'an empty stream gives an index without rows' '
printf "SubjectID,Channel_0\n1,none.nii\n" >data.csv
gn-load --skip-missing data.csv 2>/dev/null | gn-save -o out
[ "$(cat out/data.csv)" = SubjectID ]'

t 'wrong usage: no folder, an unknown extension or type' '
image a.nii; gn-load a.nii >a.gnt
fails 2 gn-save a.gnt
fails 2 gn-save -o out --ext bmp a.gnt
fails 2 gn-save -o out --dtype half a.gnt'

t 'a disk that takes nothing is a failure' '
image a.nii; gn-load a.nii >a.gnt
: >file
fails 1 gn-save -o file/out a.gnt'

t 'a second gn-save into the same folder is refused while the first is at work' '
image a.nii; gn-load a.nii >a.gnt
for cache in "" --cache; do
    mkfifo p
    gn-save $cache -o o <p & # waits for its input, the folder locked
    exec 3>p
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -d o ] && break; sleep 0.1; done
    sleep 0.2
    fails 1 gn-save $cache -o o a.gnt
    grep -q "gn-save: o: another gn-save is writing into this folder" err
    gn-save $cache -o o/deeper a.gnt
    cat a.gnt >&3
    exec 3>&-
    wait $!
    [ -e o/data.csv ]
    gn-save $cache -o o a.gnt
    [ -z "$(find o -name "*lock*")" ]
    rm -r o p
done
echo broken >b.gnt
fails 1 gn-save -o f b.gnt
[ -z "$(ls -A f)" ]
gn-save -o f a.gnt'

t 'a file that no earlier gn-save wrote is never replaced' '
image a.nii; image l.nii fill=3 type=int32
printf "SubjectID,Channel_0,Label\nS1,a.nii,l.nii\n" >data.csv; gn-load data.csv >s.gnt
mkdir -p o/S1 c; echo truth >o/S1/S1_label.nii; echo mine >c/S1.gnt; cp -r o was; cp -r c was_c
fails 1 gn-save -o o --name "{sample}/{sample}_{role}" s.gnt
grep -q "subject S1: o/S1/S1_label.nii: is there and was not written by gn-save, and is not replaced" err
same o/S1/S1_label.nii was/S1/S1_label.nii; [ ! -e o/data.csv ]
fails 1 gn-save --cache -o c s.gnt
grep -q "c/S1.gnt: is there and was not written by gn-save" err
diff -r was_c c
gn-save -o p s.gnt; rm p/S1/S1_Channel_0.nii; ln -s ../../a.nii p/S1/S1_Channel_0.nii; cp a.nii want
fails 1 gn-save -o p --dtype float32 s.gnt
same a.nii want; [ -L p/S1/S1_Channel_0.nii ]'

t 'a prediction does not take the place of a truth of its name' '
image a.nii; image p.nii type=int32; mkdir S1
mv a.nii S1/S1.nii; image S1/S1_seg.nii fill=1
printf "SubjectID,Channel_0,Prediction\nS1,S1/S1.nii,p.nii\n" >data.csv
gn-load data.csv >s.gnt; cp data.csv out.csv; rm data.csv; cp -r S1 was
fails 1 gn-save -o . --name "{sample}/{sample}_{name}" s.gnt
grep -q "S1/S1_seg.nii: is there and was not written by gn-save" err
same S1/S1_seg.nii was/S1_seg.nii; same S1/S1.nii was/S1.nii'

t 'what earlier runs wrote is replaced, also after a killed one; the list of it is the same each time' '
image a.nii; image b.nii
printf "SubjectID,Channel_0\na,a.nii\nb,b.nii\n" >data.csv; gn-load data.csv >two.gnt
for cache in "" --cache; do
    gn-save $cache -o whole two.gnt
    mkfifo p
    gn-save $cache -o o <p & pid=$!
    exec 3>p
    head -c -192 two.gnt >&3 # all but the last voxels
    i=0; while [ "$(find o -name "a*" -type f 2>/dev/null | wc -l)" = 0 ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
    kill -9 $pid; wait $pid 2>/dev/null || true
    exec 3>&-
    [ ! -e o/data.csv ]; [ "$(find o -name "a*" -type f | wc -l)" = 1 ]
    gn-save $cache -o o two.gnt
    diff -r whole o
    gn-save $cache -o o two.gnt
    diff -r whole o
    printf "b/b_Chan" >>o/.gn-save # a line that was not ended
    gn-save $cache -o o two.gnt
    diff whole/data.csv o/data.csv
    rm -r o whole p
done'

t 'a list of names that is not one is left alone' '
image a.nii; gn-load a.nii >a.gnt
mkdir o; echo "notes of mine, and nothing else" >o/.gn-save; cp -r o was
fails 1 gn-save -o o a.gnt
grep -q "o/.gn-save: is not the list that gn-save keeps there" err
diff -r was o
mkdir p; ln -s ../x p/.gn-save
fails 1 gn-save -o p a.gnt
[ ! -e x ]
mkdir q; printf "written by gn-save:\na\0b\n\n" >q/.gn-save
gn-save -o q a.gnt
fails 2 gn-save -o r --name "{sample}
x" a.gnt'

t '--dtype that would change a label is an error; of images it says how many values do not fit' '
image a.nii type=int16 size=4,4,1; image l.nii type=int16 size=4,4,1 fill=300; image n.nii type=int16 size=4,4,1 fill=-1
image f.nii type=float32 size=4,4,1 fill=1.5; image w.nii type=float32 size=4,4,1 fill=nan; image g.nii type=float64 size=4,4,1 fill=1e300
for f in l:300:255 n:-1:0 f:1.5:2 w:nan:0; do
    v=${f#*:}
    printf "SubjectID,Channel_0,Label\ns,a.nii,${f%%:*}.nii\n" >data.csv; gn-load data.csv >s.gnt
    fails 1 gn-save -o o --dtype uint8 s.gnt
    grep -q "subject s: --dtype uint8 would make label ${v%:*} ${v#*:}$" err
    [ ! -e o/s/s_label.nii ]; rm -rf o
done
gn-load a.nii | gn-save -o o --dtype uint8 2>err
[ ! -s err ]
warns() { # warns IMAGE DTYPE TEXT
    gn-load $1.nii | gn-save -o $1$2 --dtype $2 2>err
    [ "$(cat err)" = "gn-save: warning: $1$2/$1/$1_Channel_0.nii: $3" ] || { cat err >&2; false; }
}
warns l uint8 "16 values do not fit uint8 and became the nearest that does (NaN: 0)"
warns n uint8 "16 values do not fit uint8 and became the nearest that does (NaN: 0)"
warns w int16 "16 values do not fit int16 and became the nearest that does (NaN: 0)"
gn-load f.nii | gn-save -o r --dtype uint8 2>err
[ ! -s err ]
gn-load w.nii | gn-save -o x --dtype float64 2>err
[ ! -s err ]
warns g float32 "16 values do not fit float32 and became infinite"
gn-load l.nii | gn-save -q -o y --dtype uint8 2>err'
