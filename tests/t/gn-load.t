# gn-load: tables and images into a stream.
. "$GN_TESTS/lib.sh"
cat >>"$base/prelude" <<'P'
image() { python3 "$GN_TESTS/gen/image.py" "$@"; }
show() { image read "$@"; }
P

t 'an image is one sample, with its grid and where it came from' '
image a.nii size=4,3,2 origin=10,20.5,-30 spacing=1,2,3 code=4
gn-load --no-history a.nii >a.gnt
show a.gnt >got
cat >want <<W
dtype: int16
shape: 1 2 3 4
axes: c z y x
sample: a
subject: a
role: image
name: Channel_0
affine: 1 0 0 10 0 2 0 20.5 0 0 3 -30
source: a.nii
source.shape: 4 3 2
source.affine: 1 0 0 10 0 2 0 20.5 0 0 3 -30
source.dtype: int16
nifti.form: 4
data: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
records: 1
W
diff want got >&2'

t 'files joined by commas are the channels of one sample, named by the first' '
image t1.nii; image t2.nii.gz seed=5
gn-load t1.nii,t2.nii.gz | show - >got
[ "$(grep -c "^sample: t1$" got)" = 2 ]
grep -q "^name: Channel_1$" got
grep -q "^data: 5 6 7" got'

t 'a table gives images in column order, then the label, and values on the first record' '
mkdir d; image d/a.nii; image d/b.nii; image d/l.nii type=uint8
echo "Age,SubjectID,Label,Channel_0,ValueToPredict,Modality_T2,ValueToPredict2" >d/data.csv
echo "70,007,l.nii,a.nii,1.50,b.nii," >>d/data.csv
gn-load d/data.csv | show - >got
[ "$(grep -E "^(role|name): " got | tr "\n" " ")" = "role: image name: Channel_0 role: image name: Modality_T2 role: label name: Label " ]
[ "$(grep -c "^value.0: 1.50$" got)" = 1 ]
! grep -q "^value.1" got
grep -q "^value.names: ValueToPredict,ValueToPredict2$" got
[ "$(grep -c "^sample: 007$" got)" = 3 ]'

t 'a subject in several rows gives _v1, _v2, and keeps its subject' '
image a.nii
printf "SubjectID,Channel_0\n01,a.nii\n01,a.nii\n01,a.nii\n" >data.csv
gn-load data.csv | show - >got
[ "$(grep "^sample: " got | tr "\n" " ")" = "sample: 01 sample: 01_v1 sample: 01_v2 " ]
[ "$(grep -c "^subject: 01$" got)" = 3 ]'

t 'an empty label cell is a sample without a label' '
image a.nii
printf "SubjectID,Channel_0,Label\n1,a.nii,\n" >data.csv
gn-load data.csv | show - >got
! grep -q "^role: label" got'

t 'several tables are joined; a column that says prediction is a prediction' '
mkdir out; image a.nii; image out/p.nii type=uint8
printf "SubjectID,Channel_0\n1,a.nii\n" >test.csv
printf "SubjectID,Prediction\n1,p.nii\n" >out/predictions.csv
gn-load test.csv out/predictions.csv | show - >got
[ "$(grep "^role: " got | tr "\n" " ")" = "role: image role: prediction " ]'

t '--explain says which column is what, and reads nothing' '
printf "Rapid,SubjectID,ImageLabel,LabelPath,Age\n1,2,no.nii,no.nii,3\n" >data.csv
gn-load --explain data.csv >got
printf "Rapid\tignored\t1\nSubjectID\tsubject\t2\nImageLabel\timage\tno.nii\nLabelPath\tlabel\tno.nii\nAge\tignored\t3\n" >want
diff want got >&2'

t 'missing files are all listed with subject, column and line, and nothing is written' '
image a.nii
printf "SubjectID,Channel_0,Label\n1,a.nii,x.nii\n2,y.nii,z.nii\n" >data.csv
s=0; gn-load -o out.gnt data.csv 2>err || s=$?
[ $s = 1 ]
[ ! -e out.gnt ]
[ "$(wc -l <err)" = 3 ]
grep -q "data.csv:2: subject 1: Label: x.nii: no such file" err
grep -q "data.csv:3: subject 2: Channel_0: y.nii" err'

t 'who gives a stream to gn-load, or an image to the next tool, hears which one he wants' '
image a.nii; image p.png; printf "SubjectID,Channel_0\n1,a.nii\n" >d.csv
gn-load a.nii >a.gnt; cp a.gnt stream.dat
for f in a.gnt stream.dat; do
    fails 1 gn-load -o out.gnt $f
    grep -q "$f: is a tensor stream already: give it to the next tool as it is" err
done
for f in p.png a.nii; do
    fails 1 gn-view -o v.png $f
    grep -q "$f: not a tensor stream but a [A-Z][A-Za-z]*, which gn-load reads: gn-load $f | gn-view ...$" err
done
fails 1 gn-resample -s 1 -o out.gnt d.csv
grep -q "d.csv: not a tensor stream but a table, which gn-load reads: gn-load d.csv | gn-resample" err
fails 1 gn-normalize --zscore full -o out.gnt <p.png
grep -q "stdin: not a tensor stream but a PNG, which" err
fails 1 gn-view --diff p.png -o v.png a.gnt
grep -q "p.png: not a tensor stream but a PNG, which gn-load reads: gn-load p.png > FILE.gnt$" err
echo {} >m.safetensors
fails 1 gn-stitch -o out.gnt m.safetensors
grep -q "m.safetensors: not a tensor stream but a model" err
[ ! -e out.gnt ]'

t '--skip-missing leaves such rows out, says so and counts them' '
image a.nii
printf "SubjectID,Channel_0\n1,a.nii\n2,y.nii\n" >data.csv
gn-load --skip-missing data.csv 2>err | show - >got
[ "$(grep -c "^sample: " got)" = 1 ]
grep -q "left out 1 of 2 rows" err'

t '--keep-going leaves them out too, names them and ends with 1; --skip-missing beside it is no failure' '
image a.nii
printf "SubjectID,Channel_0\n1,a.nii\n2,y.nii\n3,a.nii\n" >data.csv
fails 1 gn-load --keep-going data.csv
grep -q "data.csv:3: subject 2: Channel_0: y.nii: no such file (left out)" err
show out >got
grep -q "^failed: 1$" got
[ "$(grep -c "^sample: " got)" = 2 ]
fails 1 gn-load --keep-going a.nii y.nii
grep -q "y.nii: no such file (left out)" err
gn-load --keep-going --skip-missing data.csv 2>err | show - >got
! grep -q "^failed: [1-9]" got'

t 'a folder where an image should be is refused' '
mkdir a.nii
printf "SubjectID,Channel_0\n1,a.nii\n" >data.csv
fails 1 gn-load data.csv'

t 'the files of a subject must have one size; all subjects that have not are named' '
image a.nii; image l.nii size=4,3,1
printf "SubjectID,Channel_0,Label\n1,a.nii,a.nii\n2,a.nii,l.nii\n3,l.nii,a.nii\n4,l.nii,l.nii\n" >data.csv
s=0; gn-load data.csv >out.gnt 2>err || s=$?
[ $s = 1 ]
grep -q "subject 2: l.nii has 4x3x1 voxels, a.nii has 4x3x2" err
grep -q "subject 3: " err
[ "$(wc -l <err)" = 2 ]
! tail -c 64 out.gnt | grep -q records'

t 'the files of a subject must lie in one place, within --tolerance' '
image a.nii origin=100,0,0; image b.nii origin=100.001,0,0; image c.nii origin=100.000008,0,0
printf "SubjectID,Channel_0,Channel_1\n1,a.nii,b.nii\n" >data.csv
fails 1 gn-load data.csv
grep -q "differ by 0.00" err
gn-load --tolerance 0.01 data.csv >/dev/null
printf "SubjectID,Channel_0,Channel_1\n1,a.nii,c.nii\n" >data.csv
gn-load data.csv >/dev/null'

t 'a smaller second value is as far away as a larger one' '
image a.nii origin=100,0,0; image b.nii origin=99,0,0
printf "SubjectID,Channel_0,Channel_1\n1,a.nii,b.nii\n" >data.csv
fails 1 gn-load data.csv'

t 'a label of three equal channels is one; of three that differ, an error' '
image i.png size=3,2; image l.png size=3,2 channels=3 fill=7; image m.png size=3,2 channels=3
printf "SubjectID,Channel_0,Label\n1,i.png,l.png\n" >data.csv
gn-load data.csv | show - >got
[ "$(grep "^shape: " got | tr "\n" " ")" = "shape: 1 1 2 3 shape: 1 1 2 3 " ]
printf "SubjectID,Channel_0,Label\n1,i.png,m.png\n" >data.csv
fails 1 gn-load data.csv
grep -q "m.png: a label of 3 channels that differ" err'

t 'an opaque RGBA label of equal colours is one channel, a transparent one is refused' '
python3 - <<P
import struct, zlib
def png(name, alpha):
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    rows = b"".join(b"\0" + bytes([5, 5, 5, alpha] * 3) for r in range(2))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 6, 0, 0, 0)) +
                           chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
png("l.png", 255); png("m.png", 254)
P
image i.png size=3,2
printf "SubjectID,Channel_0,Label\n1,i.png,l.png\n" >data.csv
gn-load data.csv | show - | grep -q "^data: 5 5 5 5 5 5$"
printf "SubjectID,Channel_0,Label\n1,i.png,m.png\n" >data.csv
fails 1 gn-load data.csv'

t 'a truncated file is refused with its subject, and the stream has no end' '
image a.nii.gz size=20,20,20; head -c 200 a.nii.gz >b.nii.gz
printf "SubjectID,Channel_0\n1,a.nii.gz\n2,b.nii.gz\n" >data.csv
fails 1 gn-load data.csv
grep -q "subject 2: b.nii.gz: " err
! tail -c 64 out | grep -q records'

t '--keep-going leaves a bad subject out and ends with 1 and a count' '
image a.nii; head -c 300 a.nii >b.nii
printf "SubjectID,Channel_0\n1,a.nii\n2,b.nii\n3,a.nii\n" >data.csv
fails 1 gn-load --keep-going data.csv
show out >got
grep -q "^failed: 1$" got
[ "$(grep -c "^sample: " got)" = 2 ]'

t 'a value that is no number is refused' '
image a.nii
printf "SubjectID,Channel_0,ValueToPredict\n1,a.nii,tall\n" >data.csv
fails 1 gn-load data.csv
grep -q "ValueToPredict: not a number" err'

t 'faults of a table are told together' '
image a.nii
printf "SubjectID,Channel_0\n,a.nii\n,a.nii\n" >data.csv
s=0; gn-load data.csv 2>err || s=$?
[ $s = 1 ]
[ "$(wc -l <err)" = 2 ]'

t 'wrong usage: nothing, tables and images mixed, another count of channels, equal names' '
image a.nii; mkdir q; image q/a.nii
fails 2 gn-load
printf "SubjectID,Channel_0\na,a.nii\n" >d.csv
fails 2 gn-load a.nii d.csv
grep -q "d.csv: names images: give it, or images, not both" err
fails 2 gn-load a.nii q/a.nii,a.nii
fails 2 gn-load a.nii q/a.nii
grep -q "q/a.nii: would be called a, as a.nii is: rename one, or give a CSV with columns SubjectID and Channel_0" err
fails 2 gn-load a.nii a.nii
grep -q "a.nii: given twice" err'

t 'a table of predictions beside images adds them by the names of the images' '
image a.nii; image b.nii; mkdir o; image o/s.nii
printf "SubjectID,Prediction\nb,s.nii\nc,s.nii\n" >o/predictions.csv
gn-load a.nii b.nii o/predictions.csv 2>err | show - >got
[ ! -s err ]
[ "$(grep -c "^role: image" got)" = 2 ]; [ "$(grep -c "^role: prediction" got)" = 1 ]
fails 1 gn-load a.nii o/predictions.csv
grep -q "o/predictions.csv: none of its subjects is called as a$" err'

t 'a table separated by semicolons is told so' '
printf "SubjectID;Channel_0;Label\n1;a.nii;b.nii\n" >data.csv
fails 1 gn-load data.csv
grep -q "data.csv:1: its columns are separated by semicolons" err'

t 'a file above --memory is refused before it is read' '
image a.nii.gz size=50,50,50
fails 1 gn-load --memory 100K a.nii.gz
grep -q -e "--memory" err'

t 'what is not an image is refused by its contents, whatever its name' '
echo hello >a.nii; : >b.png; printf "\037\213\010 nothing" >c.gz
fails 1 gn-load a.nii
fails 1 gn-load b.png
grep -q "empty" err
fails 1 gn-load c.gz
image d.png; mv d.png d.nii
gn-load d.nii | show - | grep -q "^source.shape: 4 3 1$"'

t 'plug-ins are found beside the programs wherever these lie, and a missing one is one line' '
mkdir -p x/bin x/lib/gn; cp "$B/bin/gn-load" x/bin; cp "$B/lib/gn/png.so" x/lib/gn
image a.png
(cd / && "$OLDPWD/x/bin/gn-load" "$OLDPWD/a.png") | show - | grep -q "^source.shape: 4 3 1$"
rm x/lib/gn/png.so
fails 1 x/bin/gn-load a.png
grep -q "libpng16-16" err'

t 'threads change nothing' '
for i in 1 2 3 4 5; do image c$i.nii.gz seed=$i; done
gn-load -j 1 c1.nii.gz,c2.nii.gz,c3.nii.gz,c4.nii.gz,c5.nii.gz >one
gn-load -j 4 c1.nii.gz,c2.nii.gz,c3.nii.gz,c4.nii.gz,c5.nii.gz >four
same one four'
