# memory.t - the peak memory of every stage of a pipeline is the same for 10 subjects and for 1000, but for the rows of tables
# 5 % is allowed, and to stages that keep a table 400 bytes a row: its text is held, its images are not (each has 2 KiB).
. "$GN_TESTS/lib.sh"
if [ -n "$GN_SANITIZE" ]; then
    skip 'peak memory' 'a sanitizer adds its own'
    exit
fi

# peak FILE COMMAND...: runs it, and leaves its peak resident memory in KiB; fork from so small a program, whose own counts too.
cat >peak.c <<'C'
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    struct rusage use;
    int status = 1;
    FILE *f;
    pid_t pid = argc > 2 ? fork() : -1;
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &use) != pid || !(f = fopen(argv[1], "w")))
        return 99;
    fprintf(f, "%ld\n", use.ru_maxrss);
    return fclose(f) || !WIFEXITED(status) ? 99 : WEXITSTATUS(status);
}
C
${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -o peak peak.c || exit 1

# A thousand rows that name the files of ten subjects.
gn-phantom head -n 10 --size 8 --spacing 1 -o made || exit 1
gn-load made/data.csv | gn-save --ext nii -o raw || exit 1
for rows in 10 1000; do
    awk -F, -v n=$rows 'NR > 1 { a[NR - 2] = $2; b[NR - 2] = $3 } NR == 1 { print }
        END { for (i = 0; i < n; i++) printf "s%04d,%s,%s\n", i, a[i % 10], b[i % 10] }' raw/data.csv >raw/$rows.csv
    gn-load raw/$rows.csv | gn-save --cache -o cache$rows || exit 1
done
small_config 4 1 1 \
    'data_augmentation: {flip, noise: {std: [0, 0.1]}}' \
    'augment_after_preprocessing: true' >c.yaml
gn-epochs -c c.yaml --patches cache10 | gn-augment -c c.yaml | gn-train -c c.yaml -o model || exit 1

cat >>"$base/prelude" <<'P'
p() { name=$1; shift; ../peak "$name.$n" "$@"; } # p STAGE COMMAND...: noted as STAGE.N
# flat STAGE[:BYTES]...: what `pipe` notes of these for 1000 subjects is what it notes for 10, and so many bytes a row. How much of a
# library is mapped differs by 0.2 MB from run to run: of up to five runs the least for 1000 counts, and the most for 10.
flat() {
    for try in 1 2 3 4 5; do
        for n in 10 1000; do
            rm -rf out
            pipe
        done
        high=
        for stage in "$@"; do
            row=${stage#*:}
            [ "$row" != "$stage" ] || row=0
            stage=${stage%:*}
            cat "$stage.10" >>"$stage.few"
            cat "$stage.1000" >>"$stage.many"
            few=$(sort -n "$stage.few" | tail -n 1) many=$(sort -n "$stage.many" | head -n 1)
            echo "$stage: $few and $many KiB" >&2
            [ $((many * 1024)) -le $((few * 1024 * 105 / 100 + row * 990)) ] || high="$high $stage"
        done
        [ -n "$high" ] || return 0
    done
    echo "more than allowed:$high" >&2
    return 1
}
P
t 'gn-load | gn-resample | gn-save: peaks for 1000 subjects within 5 % of those for 10, and the rows' '
    pipe() { p load gn-load -j 1 ../raw/$n.csv | p resample gn-resample -j 1 -s 2,2,2 | p save gn-save -j 1 -o out; }
    flat resample load:400 save:400
    [ "$(wc -l <out/data.csv)" = 1001 ]'
t 'gn-load | gn-normalize | gn-save --cache: within 5 %, and the rows' '
    pipe() { p load gn-load -j 1 ../raw/$n.csv | p normalize gn-normalize -j 1 --zscore nonzero | p cache gn-save -j 1 --cache -o out; }
    flat normalize load:400 cache:400'
t 'gn-patch | gn-infer | gn-stitch | gn-save: within 5 %, and the rows' '
    pipe() {
        gn-load -j 1 ../raw/$n.csv | p patch gn-patch -j 1 --grid -p 8 | p infer gn-infer -j 1 -m ../model/best.safetensors |
            p stitch gn-stitch -j 1 --labels --to-source | p save gn-save -j 1 -o out
    }
    flat patch infer stitch save:400'
t 'gn-epochs --patches | gn-augment | gn-shuffle | gn-train: within 5 %, and the rows' '
    pipe() {
        p epochs gn-epochs -j 1 -c ../c.yaml --patches ../cache$n | p augment gn-augment -j 1 -c ../c.yaml |
            p shuffle gn-shuffle -j 1 -m 10 | p train gn-train -j 1 -c ../c.yaml -o out
    }
    flat augment shuffle train epochs:400'
t 'gn-epochs of whole samples, gn-info: within 5 %, and the rows' '
    pipe() { p epochs gn-epochs -j 1 -n 2 ../cache$n | p info gn-info --stats >out; }
    flat info epochs:400
    [ "$(grep -c s0999 out)" -ge 2 ]'
t 'gn-augment holds less than four samples at its peak, whatever it does to them' '
    gn-phantom tumour -n 1 --size 96,100,92 --channels 4 -o made
    gn-load made/data.csv | gn-normalize --zscore full -o x.gnt
    most=$(($(wc -c <x.gnt) * 4 / 1024))
    for op in affine elastic motion ghosting spike blur gamma noise "flip --op rotate_90" anisotropic \
        "affine --op elastic --op kspace --op motion --op bias --op blur --op noise --op gamma --op swap --op anisotropic"; do
        ../peak p gn-augment -j 2 --op $op x.gnt >y.gnt
        cat x.gnt | ../peak q gn-augment -j 2 --op $op >y.gnt
        echo "$op: $(cat p) and $(cat q) KiB of $most" >&2
        [ "$(cat p)" -lt $most ] && [ "$(cat q)" -lt $most ]
    done'
t 'what this test would not miss: a stage that keeps all it reads' '
    pipe() { gn-load -j 1 ../raw/$n.csv | p keep python3 -c "import sys; sys.stdin.buffer.read()"; }
    ! flat keep:400'
