# gn-split: nested folds by subject or group
. "$GN_TESTS/lib.sh"

mkdata() { # mkdata N ROWS: N subjects with so many rows each, in one table with relative paths
    awk -v n="$1" -v m="$2" 'BEGIN { print "SubjectID,Channel_0,Label,Site"
        for (i = 0; i < n; i++) for (j = 0; j < m; j++) printf "s%03d,im/s%03d_%d.png,im/l%03d_%d.png,site%d\n", i, i, j, i, j, i % 4 }'
}
mkdata 25 1 >d25.csv
mkdata 14 2 >d14.csv
cat >ids <<'EOS'
# ids FILE: the subjects of a table, sorted, one each
for f; do tail -n +2 "$f" | cut -d, -f1; done | sort -u
EOS

t '25 subjects in 5 x 5 folds: every leaf has 16, 4 and 5, disjoint and complete' '
    gn-split --test 5 --val 5 -o o ../d25.csv
    n=0
    for leaf in o/testing_?/?; do
        n=$((n + 1))
        [ "$(sh ../ids $leaf/data_training.csv | wc -l)" = 16 ]
        [ "$(sh ../ids $leaf/data_validation.csv | wc -l)" = 4 ]
        [ "$(sh ../ids $leaf/data_testing.csv | wc -l)" = 5 ]
        for p in training validation testing; do sh ../ids $leaf/data_$p.csv; done | sort >all
        [ "$(sort -u all | wc -l)" = 25 ]; [ "$(wc -l <all)" = 25 ]
    done
    [ $n = 25 ]'
t 'every subject is tested once, and validated once in each outer fold' '
    gn-split --test 5 --val 5 -o o ../d25.csv
    for f in 0 1 2 3 4; do tail -q -n +2 o/testing_$f/0/data_testing.csv; done | sort >tested
    tail -n +2 ../d25.csv | cut -d, -f1 | sort >want
    cut -d, -f1 tested | same - want
    for g in 0 1 2 3 4; do sh ../ids o/testing_2/$g/data_validation.csv; done | sort >a
    sh ../ids o/testing_2/0/data_training.csv o/testing_2/0/data_validation.csv | same - a'
t 'a negative count makes the first fold only, and its folder falls away' '
    gn-split --test -5 --val -5 -o one ../d25.csv
    gn-split --test 5 --val 5 -o all ../d25.csv
    [ "$(ls one)" = "$(printf "data_testing.csv\ndata_training.csv\ndata_validation.csv")" ]
    for p in training validation testing; do
        sh ../ids one/data_$p.csv >a; sh ../ids all/testing_0/0/data_$p.csv | same - a
    done
    gn-split --test -5 --val 5 -o inner ../d25.csv; [ -f inner/4/data_testing.csv ]
    gn-split --test 5 --val -5 -o outer ../d25.csv; [ -f outer/testing_4/data_testing.csv ]'
t 'one test fold means no test set' '
    gn-split --test 1 --val -5 -o o ../d25.csv
    [ "$(ls o)" = "$(printf "data_training.csv\ndata_validation.csv")" ]
    [ "$(sh ../ids o/data_training.csv o/data_validation.csv | wc -l)" = 25 ]'
t 'all rows of a subject go together' '
    gn-split --test 7 --val 3 -o o ../d14.csv
    for leaf in o/testing_?/?; do
        for p in training validation testing; do sh ../ids $leaf/data_$p.csv; done | sort | uniq -d >twice
        [ ! -s twice ]
        [ "$(cat $leaf/*.csv | grep -vc SubjectID)" = 28 ]
    done'
t 'rows of a group go together, by column' '
    gn-split --test 4 --val 3 --group Site -o o ../d25.csv
    for leaf in o/testing_?/?; do
        for p in training validation testing; do tail -n +2 $leaf/data_$p.csv | cut -d, -f4 | sort -u; done | sort | uniq -d >twice
        [ ! -s twice ]
    done'
t 'rows of a group go together, by a part of the SubjectID' '
    awk "BEGIN { print \"SubjectID,Channel_0\"; for (i = 0; i < 40; i++) printf \"p%02d_%d,x%d.png\\n\", i / 3, i % 3, i }" >d.csv
    gn-split --test 3 --val 3 --group-regex "^([^_]+)_" -o o d.csv
    for leaf in o/testing_?/?; do
        for p in training validation testing; do tail -n +2 $leaf/data_$p.csv | cut -d_ -f1 | sort -u; done | sort | uniq -d >twice
        [ ! -s twice ]
    done
    fails 1 gn-split --group-regex "^x([0-9]+)" -o p d.csv; grep -q "subject p00_0" err
    fails 2 gn-split --group-regex "^p" -o p d.csv; fails 2 gn-split --group-regex "(" -o p d.csv'
t 'the same seed gives the same folds, another seed others' '
    gn-split --seed 1 -o a ../d25.csv; gn-split --seed 1 -o b ../d25.csv; gn-split --seed 2 -o c ../d25.csv
    same a/data_testing.csv b/data_testing.csv
    ! cmp -s a/data_testing.csv c/data_testing.csv'
t '--order csv keeps the order of the table' '
    gn-split --order csv --test 5 --val 5 -o o ../d25.csv
    [ "$(sh ../ids o/testing_0/0/data_testing.csv | tr "\n" " ")" = "s000 s001 s002 s003 s004 " ]
    [ "$(sh ../ids o/testing_1/0/data_validation.csv | tr "\n" " ")" = "s000 s001 s002 s003 " ]'
t '--stratify gives every test set each class alike' '
    awk "BEGIN { print \"SubjectID,Channel_0,ValueToPredict\"; for (i = 0; i < 30; i++) printf \"s%02d,x.png,%d\\n\", i, i % 5 == 0 }" >d.csv
    gn-split --stratify --test 3 --val 2 -o o d.csv
    for f in 0 1 2; do
        [ "$(tail -n +2 o/testing_$f/0/data_testing.csv | grep -c ",1$")" = 2 ]
        [ "$(tail -n +2 o/testing_$f/0/data_testing.csv | grep -c ",0$")" = 8 ]
    done
    fails 1 gn-split --stratify -o p ../d25.csv; grep -q ValueToPredict err'
t 'relative paths hold from the folder of the split' '
    mkdir -p data/im; : >data/im/a.png
    printf "SubjectID,Channel_0,Note\n1,im/a.png,\"x, y\"\n2,im/a.png,z\n3,/abs/b.png,z\n" >data/d.csv
    gn-split --test 1 --val 3 --order csv -o out/splits data/d.csv
    grep -q "x, y" out/splits/0/data_validation.csv
    p=$(tail -n 1 out/splits/1/data_validation.csv | cut -d, -f2)
    [ -f "out/splits/1/$p" ]
    grep -q "^3,/abs/b.png,z" out/splits/2/data_validation.csv'
t 'ids keep their zeros and other columns stay' '
    printf "SubjectID,Channel_0,Age\n001,x.png,40\n002,x.png,41\n003,x.png,42\n" >d.csv
    gn-split --test 1 --val 3 -o o d.csv
    cat o/?/data_validation.csv | grep -v SubjectID | sort | cut -d, -f1,3 | tr "\n" " " >a
    [ "$(cat a)" = "001,40 002,41 003,42 " ]'
t 'more folds than subjects, no folds, no table: one line, and nothing written' '
    fails 1 gn-split --test 30 -o o ../d25.csv; grep -q "testing: 30 folds of 25 subjects: ask for fewer folds (--test, --val), or give more subjects" err
    fails 1 gn-split --test 2 --val 24 -o o ../d25.csv; grep -q "validation: 24 folds of 12" err
    fails 2 gn-split --test 0 -o o ../d25.csv; fails 2 gn-split --val 1 -o o ../d25.csv
    fails 2 gn-split -o o; fails 2 gn-split ../d25.csv
    fails 1 gn-split -o o missing.csv; fails 1 gn-split --group Hospital -o o ../d25.csv
    [ ! -e o/data_training.csv ]'
t 'a subject in two groups is an error' '
    printf "SubjectID,Channel_0,Site\n1,x.png,A\n2,x.png,A\n1,x.png,B\n" >d.csv
    fails 1 gn-split --group Site --val 2 --test 1 -o o d.csv; grep -q "subject 1" err'
t 'the table that is split, and tables of somebody else, are not written over' '
    gn-split --test 5 --val 4 -o sp ../d25.csv; gn-split --test -5 --val -4 -o sp2 ../d25.csv
    cp -r sp2 before
    for p in training validation testing; do
        fails 1 gn-split --test 1 --val -2 -o sp2 sp2/data_$p.csv; grep -q "data_$p.csv: is the table that is split" err
    done
    ln -s sp2 link; fails 1 gn-split --val -4 -o link sp2/data_training.csv
    diff -r sp2 before >&2
    echo mine >>sp2/data_validation.csv; cp -r sp2 mine
    fails 1 gn-split -o sp2 ../d25.csv; grep -q "sp2/data_validation.csv: is not a table that gn-split wrote" err
    diff -r sp2 mine >&2
    rm sp/testing_3/2/.data_testing.csv.gn-split; cp -r sp spoilt
    fails 1 gn-split --seed 4 --test 5 --val 4 -o sp ../d25.csv; grep -q "sp/testing_3/2/data_testing.csv: " err
    diff -r sp spoilt >&2'
t 'an own split is replaced; a test set of it that no longer is one goes' '
    gn-split -o o ../d25.csv; gn-split --seed 3 -o o ../d25.csv; gn-split --seed 3 -o p ../d25.csv
    diff -r o p >&2
    gn-split --test 1 --val -5 -o o ../d25.csv
    [ "$(ls -A o | tr "\n" " ")" = ".data_training.csv.gn-split .data_validation.csv.gn-split data_training.csv data_validation.csv " ]'
