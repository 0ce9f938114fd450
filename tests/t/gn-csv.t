# gn-csv: tables from folders
. "$GN_TESTS/lib.sh"

cat >>"$base/prelude" <<'P'
files() { for f; do mkdir -p "$(dirname "$f")"; : >"$f"; done; }
is() { printf "%s\n" "$@" >want; same o want; } # is LINE...: the table o
P

t 'a subject a folder: names at any depth, rows by subject' '
    files d/p2/p2_t1.nii.gz d/p2/p2_t2.nii.gz d/p2/p2_seg.nii.gz d/p10/p10_t1.nii.gz d/p10/x/p10_t2.nii.gz d/p10/p10_seg.nii.gz
    gn-csv --channel "*_t1.nii.gz" --channel "*_t2.nii.gz" --label "*_seg.nii.gz" d >o 2>err
    is SubjectID,Channel_0,Channel_1,Label p10,d/p10/p10_t1.nii.gz,d/p10/x/p10_t2.nii.gz,d/p10/p10_seg.nii.gz \
        p2,d/p2/p2_t1.nii.gz,d/p2/p2_t2.nii.gz,d/p2/p2_seg.nii.gz
    [ ! -s err ]'
t 'files in the folder itself: the subject is what the first * stands for' '
    files d/a_b_t1.png d/c_t1.png d/.hidden_t1.png d/._a_t1.png d/notes.txt
    gn-csv --channel "*_t1.png" d >o
    is SubjectID,Channel_0 a_b,d/a_b_t1.png c,d/c_t1.png
    gn-csv --channel "*_*.png" d >o
    is SubjectID,Channel_0 a,d/a_b_t1.png c,d/c_t1.png'
t 'a pattern with a slash: images and labels in folders of their own' '
    files d/images/s_01.png d/images/s_02.png d/labels/s_01.png d/labels/s_02.png
    gn-csv --channel "images/s_*.png" --label "labels/s_*.png" d >o
    is SubjectID,Channel_0,Label 01,d/images/s_01.png,d/labels/s_01.png 02,d/images/s_02.png,d/labels/s_02.png
    fails 2 gn-csv --channel images/s_01.png d'
t 'a part of the name, as the reference takes it' '
    files d/p1/x_t1.nii d/p1/x_flair.nii d/p1/x_seg.nii d/p2/y_t1.nii d/p2/y_flair.nii d/p2/y_seg.nii
    gn-csv --channel _t1 --channel _flair --label seg d >o
    is SubjectID,Channel_0,Channel_1,Label p1,d/p1/x_t1.nii,d/p1/x_flair.nii,d/p1/x_seg.nii p2,d/p2/y_t1.nii,d/p2/y_flair.nii,d/p2/y_seg.nii'
t 'what is a label is no channel; a mask beside it' '
    files d/p1/a.nii d/p1/a_seg.nii d/p1/a_brain.nii
    gn-csv --channel "*.nii" --label "*_seg.nii" --mask "*_brain.nii" d >o
    is SubjectID,Channel_0,Label,Mask p1,d/p1/a.nii,d/p1/a_seg.nii,d/p1/a_brain.nii
    fails 2 gn-csv --channel "*.nii" --mask "*_brain.nii" d'
t 'a pattern that ends with a slash means folders' '
    files d/p1/t1/1.dcm d/p1/t2/1.dcm d/p2/t1/1.dcm d/p2/t2/1.dcm
    gn-csv --channel "*/t1/" --channel "t2/" d >o
    is SubjectID,Channel_0,Channel_1 p1,d/p1/t1,d/p1/t2 p2,d/p2/t1,d/p2/t2'
t 'paths are relative to the table, absolute on request, through links too' '
    files "in/d/p 1/a.nii"
    mkdir -p out/deep
    gn-csv --channel a.nii -o out/deep/x.csv in/d; cp out/deep/x.csv o
    is SubjectID,Channel_0 "p 1,../../in/d/p 1/a.nii"
    gn-csv --channel a.nii -o out/deep/y.csv "$PWD/in/d"; same out/deep/y.csv o
    gn-csv --absolute --channel a.nii -o out/z.csv in/d; cp out/z.csv o
    is SubjectID,Channel_0 "p 1,$(pwd -P)/in/d/p 1/a.nii"
    (cd in/d && gn-csv --channel a.nii .) >o
    is SubjectID,Channel_0 "p 1,p 1/a.nii"
    ln -s ../in link; mkdir far; ln -s ../out/deep far/there
    gn-csv --channel a.nii -o far/there/w.csv in/d; same out/deep/w.csv out/deep/x.csv'
t 'spaces, commas, quotes and line ends in names come back from gn-load' '
    gn-phantom head -n 1 --size 8 -o made
    n="d/a, \"b\"
c"
    mkdir -p "$n"; cp made/head_001/head_001_t1.nii.gz "$n/t 1, \"x\".nii.gz"
    gn-csv --channel "*.nii.gz" -o data.csv d
    gn-load data.csv | gn-info --header source >got
    [ -s got ]; grep -q "x" got
    gn-load --explain data.csv | grep -q image
    [ "$(wc -l <data.csv)" = 4 ]
    grep -q "\"a, \"\"b\"\"" data.csv'
t 'a name that is not UTF-8 is refused' '
    mkdir d; : >"$(printf "d/a\377_t1.nii")"
    fails 1 gn-csv --channel "*_t1.nii" d; grep -q UTF-8 err'
t 'what is missing or there twice is named, all of it; --skip-incomplete leaves it out' '
    files d/p1/a_t1.nii d/p1/a_t2.nii d/p2/b_t1.nii d/p3/c_t1.nii d/p3/c_t1b.nii d/p3/c_t2.nii d/p4/other.txt
    rc=0; gn-csv --channel _t1 --channel "*_t2.nii" -o x.csv d 2>err || rc=$?
    [ $rc = 1 ]; [ ! -e x.csv ]; [ "$(wc -l <err)" = 3 ]
    grep -q "warning: d/p4: nothing in this folder matches" err
    grep -q "d: subject p2: Channel_1 (\*_t2.nii): no such file" err
    grep -q "d: subject p3: Channel_0 (_t1): several files: p3/c_t1.nii, p3/c_t1b.nii" err
    gn-csv --skip-incomplete --channel _t1 --channel "*_t2.nii" d >o 2>err
    is SubjectID,Channel_0,Channel_1 p1,d/p1/a_t1.nii,d/p1/a_t2.nii
    grep -q "2 of 3 rows left out" err
    fails 1 gn-csv --channel "*_t7.nii" d; grep -q "Channel_0: no file matches \*_t7.nii" err'
t 'links that lead back are not followed for ever' '
    files d/p1/a.nii; ln -s .. d/p1/up; ln -s nowhere d/p1/gone.nii
    gn-csv --channel "*.nii" d >o
    is SubjectID,Channel_0 p1,d/p1/a.nii'
t 'wrong usage is one line and exit 2; no folder is exit 1' '
    mkdir d
    for c in "gn-csv d" "gn-csv --channel a" "gn-csv --nnunet --bids d" "gn-csv --nnunet --channel a d" "gn-csv --test --channel a d" \
        "gn-csv --channel= d" "gn-csv --channel a d d"; do fails 2 $c; done
    for c in "gn-csv --channel a no" "gn-csv --nnunet d" "gn-csv --bids d" "gn-csv --channel a d"; do fails 1 $c; done'

t 'nnU-Net: channels by suffix, labels, test cases' '
    files n/imagesTr/a_0000.nii.gz n/imagesTr/a_0001.nii.gz n/labelsTr/a.nii.gz n/imagesTr/b_12_0000.nii.gz n/imagesTr/b_12_0001.nii.gz n/labelsTr/b_12.nii.gz \
        n/imagesTs/c_0000.nii.gz n/imagesTs/c_0001.nii.gz
    echo "{\"channel_names\": {\"0\": \"T1\", \"1\": \"CT\"}, \"labels\": {\"background\": 0, \"core\": [2, 3]}, \"file_ending\": \".nii.gz\", \"numTraining\": 2}" >n/dataset.json
    gn-csv --nnunet -v n >o 2>err
    is SubjectID,Channel_0,Channel_1,Label a,n/imagesTr/a_0000.nii.gz,n/imagesTr/a_0001.nii.gz,n/labelsTr/a.nii.gz \
        b_12,n/imagesTr/b_12_0000.nii.gz,n/imagesTr/b_12_0001.nii.gz,n/labelsTr/b_12.nii.gz
    grep -q "channels: 0 T1, 1 CT" err; grep -q "labels: 0 background, 2||3 core" err
    gn-csv --nnunet --test n >o
    is SubjectID,Channel_0,Channel_1 c,n/imagesTs/c_0000.nii.gz,n/imagesTs/c_0001.nii.gz
    rm n/imagesTr/a_0001.nii.gz n/labelsTr/b_12.nii.gz
    rc=0; gn-csv --nnunet n 2>err || rc=$?; [ $rc = 1 ]; [ "$(wc -l <err)" = 2 ]
    grep -q "subject a: Channel_1 (imagesTr/\*_0001.nii.gz): no such file" err
    grep -q "subject b_12: Label (labelsTr/\*.nii.gz): no such file" err'
t 'nnU-Net: another ending, a list of cases, a broken dataset.json' '
    files n/imagesTr/a_0000.png n/labelsTr/a.png n/else/q.png n/else/r.png
    echo "{\"modality\": {\"0\": \"R\"}, \"file_ending\": \".png\"}" >n/dataset.json
    gn-csv --nnunet n >o; is SubjectID,Channel_0,Label a,n/imagesTr/a_0000.png,n/labelsTr/a.png
    echo "{\"channel_names\": {\"0\": \"R\"}, \"file_ending\": \".png\", \"dataset\": {\"z\": {\"images\": [\"./else/q.png\"], \"label\": \"else/r.png\"}}}" >n/dataset.json
    gn-csv --nnunet n >o; is SubjectID,Channel_0,Label z,n/else/q.png,n/else/r.png
    for bad in "{" "[]" "{}" "{\"channel_names\": 3}" "{\"channel_names\": {\"0\": \"R\"}, \"dataset\": {\"z\": 4}}"; do
        echo "$bad" >n/dataset.json; fails 1 gn-csv --nnunet n
    done'
t 'the Decathlon: all channels in one file' '
    files n/imagesTr/a.nii.gz n/labelsTr/a.nii.gz n/imagesTr/._a.nii.gz
    echo "{\"modality\": {\"0\": \"FLAIR\", \"1\": \"T1w\"}, \"labels\": {\"0\": \"background\", \"1\": \"edema\"}}" >n/dataset.json
    gn-csv --nnunet n >o; is SubjectID,Channel_0,Label a,n/imagesTr/a.nii.gz,n/labelsTr/a.nii.gz'

t 'BIDS: sessions are rows of one subject, labels come from derivatives' '
    for s in 01/ses-a 01/ses-b 02/ses-a; do
        n=sub-$(echo $s | tr / _)
        files b/sub-$s/anat/${n}_T1w.nii.gz b/sub-$s/anat/${n}_T2w.nii.gz b/sub-$s/anat/${n}_T1w.json b/derivatives/manual/sub-$s/anat/${n}_dseg.nii.gz
    done
    files b/sub-02/ses-b/func/sub-02_ses-b_bold.nii.gz
    gn-csv --bids b >o 2>err
    is SubjectID,Session,Channel_0,Channel_1,Label \
        sub-01,ses-a,b/sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz,b/sub-01/ses-a/anat/sub-01_ses-a_T2w.nii.gz,b/derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_dseg.nii.gz \
        sub-01,ses-b,b/sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz,b/sub-01/ses-b/anat/sub-01_ses-b_T2w.nii.gz,b/derivatives/manual/sub-01/ses-b/anat/sub-01_ses-b_dseg.nii.gz \
        sub-02,ses-a,b/sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz,b/sub-02/ses-a/anat/sub-02_ses-a_T2w.nii.gz,b/derivatives/manual/sub-02/ses-a/anat/sub-02_ses-a_dseg.nii.gz
    grep -q "warning: b/sub-02/ses-b/anat: no such folder" err; [ "$(wc -l <err)" = 1 ]
    gn-csv --bids --channel T2w --label "*_dseg" b 2>err | head -n 1 >o; is SubjectID,Session,Channel_0,Label
    gn-csv --bids -o data.csv b 2>err
    gn-split --test 1 --val -2 --order csv -o s data.csv
    [ "$(cut -d, -f1 s/data_training.csv s/data_validation.csv | grep sub-01 | wc -l)" = 2 ]
    [ "$(cut -d, -f1 s/data_training.csv | grep -c sub-01)" != 1 ]'
t 'BIDS: without sessions; a suffix that one lacks; two runs' '
    files b/sub-1/anat/sub-1_T1w.nii b/sub-1/anat/sub-1_FLAIR.nii b/sub-2/anat/sub-2_run-1_T1w.nii b/sub-2/anat/sub-2_run-2_T1w.nii
    rc=0; gn-csv --bids b 2>err || rc=$?; [ $rc = 1 ]; [ "$(wc -l <err)" = 2 ]
    grep -q "subject sub-2: Channel_0 (FLAIR): no such file" err
    grep -q "subject sub-2: Channel_1 (T1w): several files: sub-2/anat/sub-2_run-1_T1w.nii, sub-2/anat/sub-2_run-2_T1w.nii" err
    gn-csv --bids --skip-incomplete --channel T1w b >o 2>err
    is SubjectID,Channel_0 sub-1,b/sub-1/anat/sub-1_T1w.nii'
t 'the table of generated heads trains a study: it is the table that came with them, but for names of rows' '
    gn-phantom head -n 3 --size 8 -o data
    gn-csv --channel "*_t1.nii.gz" --label "*_label.nii.gz" -o data/own.csv data
    cut -d, -f1-3 data/data.csv | same - data/own.csv'
