# pipes.t - programs together: one subject of ten that cannot be done, threads and training, and what a program needs
. "$GN_TESTS/lib.sh"

gn-phantom head -n 10 --size 16,14,12 --spacing 2,2,3 -o data
small_config 4 2 2 \
    'inference_mechanism: {grid_aggregator_overlap: average, patch_overlap: 2}' \
    'data_preprocessing: {resample: {resolution: [3, 3, 3]}, normalize_nonzero: }' \
    'data_augmentation: {flip, noise: {std: [0, 0.1]}}' \
    'augment_after_preprocessing: true' >c.yaml
gn-split data/data.csv --test 1 --val -3 -o split
gn-load data/data.csv | gn-resample -s 3,3,3 | gn-normalize --zscore nonzero | gn-save --cache -o cache
cat >>"$base/prelude" <<'P'
train() { # train JOBS FOLDER
    gn-epochs -j $1 -c ../c.yaml --only ../split/data_training.csv --patches ../cache | gn-augment -j $1 -c ../c.yaml |
        gn-shuffle -j $1 -m 5 | gn-train -j $1 -c ../c.yaml --cache ../cache --val ../split/data_validation.csv -o $2
}
P
(mkdir first && cd first && . ../prelude && train 1 ../model) || { echo "not ok - a network is trained"; exit 1; }

t '1, 2, 3 and 8 threads train the same model: every file of its folder but the times' '
    for j in 1 2 3 8; do
        train $j m$j
        [ -e m$j/DONE ] && [ -s m$j/best.safetensors ] && [ "$(wc -l <m$j/logs_validation.csv)" = 3 ]
        diff -r -x timing.tsv ../model m$j >&2
    done'
t '1, 2, 3 and 8 threads make the same study: every model, table and prediction of its folder' '
    for j in 1 2 3 8; do
        gn-experiment -j $j -c ../c.yaml -i ../data/data.csv -o study >o 2>err || { cat err >&2; false; }
        find study -type f -name "*.safetensors" -o -type f -name "logs_*.csv" -o -type f -name "*.nii.gz" -o -type f -name "scores*.tsv" |
            sort | xargs sha256sum >sums.$j
        rm -r study
        [ "$(wc -l <sums.$j)" -ge 5 ]
        same sums.1 sums.$j
    done'

# One whose image is cut short.
cp -r data broken
gzip -dc data/head_004/head_004_t1.nii.gz | head -c 800 | gzip >short.gz
mv short.gz broken/head_004/head_004_t1.nii.gz
cat >>"$base/prelude" <<'P'
nine() { # nine TABLE: ends in status 1, names nine subjects, and of the tenth there is nothing
    rc=0
    pipe >o 2>err || rc=$?
    [ $rc = 1 ] || { echo "status $rc"; cat err; return 1; } >&2
    [ "$(grep -c ^head "out/$1")" = 9 ]
    ! grep -q head_004 "out/$1"
    [ "$(ls out | grep -c ^head)" = 9 ]
    [ ! -e out/head_004 ]
    grep -q "^gn-load: .*head_004.*(left out)" err
}
P
t 'one bad subject of ten under --keep-going: nine images come out of gn-load | gn-resample | gn-normalize | gn-save, and status 1' '
    pipe() { gn-load --keep-going ../$from/data.csv | gn-resample -s 3,3,3 | gn-normalize --zscore nonzero | gn-save -o out; }
    from=data
    pipe
    mv out all
    from=broken
    nine data.csv
    [ "$(grep -c "left out" err)" = 2 ] # by the stage that did, and by the last
    rm -r all/head_004
    for f in $(cd all && find head_0* -type f); do same "all/$f" "out/$f"; done'
t 'and nine predictions with gn-patch | gn-infer | gn-stitch in between' '
    pipe() {
        gn-load --keep-going ../$from/data.csv | gn-resample -s 3,3,3 | gn-normalize --zscore nonzero |
            gn-patch --grid -p 8 --overlap 2 | gn-infer -m ../model/best.safetensors | gn-stitch --labels --to-source |
            gn-save -o out
    }
    from=data
    pipe
    mv out all
    from=broken
    nine predictions.csv
    [ "$(grep -c "left out" err)" = 2 ]
    rm -r all/head_004
    for f in $(cd all && find head_0* -type f); do same "all/$f" "out/$f"; done'
t 'a stage in the middle that leaves one out, here one without a place, ends the last in status 1 too' '
    gn-load ../data/data.csv >ten.gnt
    python3 - <<P
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "$GN_TOP/examples")
import gnt
with open("nan.gnt", "wb") as f:
    records = list(gnt.read(open("ten.gnt", "rb")))
    for head, data in records:
        if dict(head)["sample"] == "head_004" and dict(head)["role"] == "image":
            head = [(k, "0 0 0 0 0 0 0 0 0 0 0 0" if k == "affine" else v) for k, v in head]
        gnt.emit(f, head, data)
    gnt.end(f, len(records))
P
    rc=0
    gn-resample --keep-going -s 3,3,3 <nan.gnt 2>err | gn-normalize --zscore nonzero 2>>err | gn-save -o out 2>>err || rc=$?
    [ $rc = 1 ]
    [ "$(grep -c ^head out/data.csv)" = 9 ]
    ! grep -q head_004 out/data.csv
    grep -q "^gn-resample: .*head_004.*(left out)" err'

t 'every program works alone: images to images, a look at a pipe in passing, two streams as one' '
    gn-load ../data/data.csv | gn-resample -s 2,2,2 | gn-save -o d/
    [ "$(wc -l <d/data.csv)" = 11 ]
    gn-info d/head_010/*.nii.gz >/dev/null
    gn-load ../data/head_001/head_001_t1.nii.gz | tee a.gnt | gn-info >seen
    grep -q " 1 record" seen
    gn-info --verify a.gnt
    gn-load ../data/head_002/head_002_t1.nii.gz >b.gnt
    cat a.gnt b.gnt | gn-info | grep -q " 2 records, 2 samples"'
t 'no program loads a library of linear algebra, OpenMP, C++ or Python, or one that a plug-in is for' '
    for p in "$B"/bin/gn-*; do
        ldd "$p" >libs
        ! grep -iE "blas|lapack|mkl|gomp|libomp|stdc\+\+|python|mpi|cuda|libtiff|libpng|jpeg" libs || [ "$(basename "$p")" = gn-view ]
        ! grep -iE "blas|lapack|mkl|gomp|stdc\+\+|python|mpi|cuda|libtiff|jpeg" libs >&2
    done'
