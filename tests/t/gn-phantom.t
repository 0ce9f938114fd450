# gn-phantom: the files it writes, and that they depend on seed and name alone.
. "$GN_TESTS/lib.sh"
t 'a study is folders of images and labels, and a data.csv that gn-load reads' '
gn-phantom head -n 3 --size 24,20,16 -o d
is=$(cat d/data.csv | head -2 | tr "\n" " ")
[ "$is" = "SubjectID,Channel_0,Label head_001,head_001/head_001_t1.nii.gz,head_001/head_001_label.nii.gz " ]
[ "$(find d -type f ! -name ".*" | wc -l)" = 7 ]
gn-load d/data.csv >s.gnt; [ -s s.gnt ]'
t 'each kind is drawn' '
for k in head tumour thorax fundus; do
    case $k in thorax|fundus) ext=.png ;; *) ext=.nii.gz ;; esac
    gn-phantom $k -n 2 --size 24 -o $k
    [ -s $k/${k}_002/${k}_002_label$ext ]
    gn-load $k/data.csv >$k.gnt
done
[ "$(head -1 tumour/data.csv)" = "SubjectID,Channel_0,Channel_1,Channel_2,Channel_3,Label" ]'
t 'the same call gives the same bytes, whatever the number of threads' '
for k in tumour thorax fundus; do
    gn-phantom $k -n 3 --size 20 --seed 5 -j 1 -o a/$k; gn-phantom $k -n 3 --size 20 --seed 5 -j 3 -o b/$k
done
diff -r a b; gn-phantom thorax -n 3 --size 20 -o c; ! diff -rq a/thorax c >/dev/null'
t 'a longer study begins with the subjects of a shorter one' '
gn-phantom head -n 2 --size 16 -o a; gn-phantom head -n 5 --size 16 -o b
diff -r a/head_001 b/head_001; diff -r a/head_002 b/head_002; ! cmp -s b/head_001/head_001_t1.nii.gz b/head_002/head_002_t1.nii.gz'
t 'sizes, spacings, channels and labels are taken' '
gn-phantom tumour -n 1 --size 20,24,16 --spacing 9,8,7 --channels 5 --labels 1 -o d
[ "$(ls d/tumour_001 | wc -l)" = 6 ]; [ -e d/tumour_001/tumour_001_c5.nii.gz ]
python3 - d/tumour_001/tumour_001_label.nii.gz <<P
import gzip, struct, sys
b = gzip.open(sys.argv[1]).read()
assert struct.unpack("<8h", b[40:56])[:4] == (3, 20, 24, 16), struct.unpack("<8h", b[40:56])
assert struct.unpack("<4f", b[76:92])[1:] == (9, 8, 7)
assert struct.unpack("<4f", b[280:296]) == (9, 0, 0, -9 * 19 / 2)
assert set(b[352:]) == {0, 1}, set(b[352:])
P'
t 'ages are a column to predict' '
gn-phantom head -n 2 --size 16 --age -o d; head -1 d/data.csv | grep -q ",ValueToPredict$"
tail -1 d/data.csv | grep -Eq ",[2-9][0-9]\.[0-9]$"'
t 'truth scores itself perfectly' '
gn-phantom thorax -n 2 --size 32 --labels 2 -o d
gn-dice --distances d d >s; awk -F "\t" "\$1 == \"mean\" { if (\$4 != 1 || \$15 != 0) exit 1; n++ } END { exit n != 3 }" s'
t 'an index of an older study does not outlive a failure' '
gn-phantom head -n 1 --size 16 -o d; rm -r d/head_001; : >d/head_001
fails 1 gn-phantom head -n 1 --size 16 -o d; [ ! -e d/data.csv ]'
t 'a study is replaced by the next, a table of someone else never' '
gn-phantom head -n 2 --size 16 -o d; gn-phantom head -n 1 --size 16 -o d; [ "$(wc -l <d/data.csv)" = 2 ]
mkdir e; echo mine >e/data.csv
fails 1 gn-phantom head -n 1 --size 16 -o e
grep -q "e/data.csv: is not a table that gn-phantom wrote" err
[ "$(cat e/data.csv)" = mine ]; [ "$(ls e)" = data.csv ]
echo ",changed" >>d/data.csv; cp d/data.csv want
fails 1 gn-phantom head -n 1 --size 16 -o d; same want d/data.csv'
t 'wrong usage is exit 2' '
fails 2 gn-phantom; fails 2 gn-phantom slide -o d; fails 2 gn-phantom head; fails 2 gn-phantom head -n 0 -o d
fails 2 gn-phantom head --size 4 -o d; fails 2 gn-phantom head --size 20.5 -o d; fails 2 gn-phantom thorax --spacing 1 -o d
fails 2 gn-phantom thorax --size 20,20,20 -o d; fails 2 gn-phantom thorax --channels 3 -o d; fails 2 gn-phantom head --labels 4 -o d
fails 2 gn-phantom tumour --age -o d; [ ! -e d ]'
