# full-disk.t - what cannot be written is a failure that says so, and leaves nothing that looks finished
# Disks of 64 KiB and 1 MiB are mounted in a name space of their own; where that is not allowed only /dev/full is tried.
if [ -z "$GN_DISK" ] && unshare -rm mount -t tmpfs -o size=64k none . 2>/dev/null; then
    GN_DISK=yes exec unshare -rm sh "$0"
fi
. "$GN_TESTS/lib.sh"

gn-phantom head -n 6 --size 24,24,24 -o data
gn-load data/data.csv >s.gnt
gn-save --cache -o cache s.gnt
small_config 8 1 1 >c.yaml
gn-epochs -c c.yaml --patches cache >t.gnt
gn-train -c c.yaml -o m t.gnt
gn-patch --grid -p 8 s.gnt >p.gnt
gn-infer -m m/best.safetensors p.gnt >q.gnt

cat >>"$base/prelude" <<'P'
full() { # full COMMAND [OPTION...]: fails with one line that names the cause
    rc=0
    timeout 60 "$@" 2>err || rc=$?
    said err
    [ $rc = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q "^$1: .*No space left" err || { echo "status $rc: $*"; cat err; return 1; } >&2
}
P

# Streams: to /dev/full as standard output and as -o.
while read -r command; do
    t "$(echo "$command" | sed 's/ [^ ]*\.\.[^ ]*//g'): a full device is an error" "
        full $command >/dev/full
        full $command -o /dev/full
        [ -c /dev/full ]"
done <<'R'
gn-load ../data/data.csv
gn-resample -s 3 ../s.gnt
gn-normalize --zscore full ../s.gnt
gn-augment --op flip ../s.gnt
gn-patch -p 8 -n 1 ../s.gnt
gn-shuffle ../s.gnt
gn-infer -m ../m/best.safetensors ../p.gnt
gn-stitch ../q.gnt
gn-epochs -n 1 ../cache
gn-info ../s.gnt
gn-info --stats ../s.gnt
gn-diff ../s.gnt ../s.gnt
gn-config print ../c.yaml
gn-dice ../data/data.csv ../data/data.csv
R
t 'gn-model show: a full device is an error' 'full gn-model show ../c.yaml >/dev/full'
t 'help, manual page, version and completion: a full device is an error' '
    for tool in "$GN_TOP"/tools/gn-*.c; do
        tool=$(basename "$tool" .c)
        for o in --help --help=man --help=completion --version; do full $tool $o >/dev/full; done
    done'

if [ -z "$GN_DISK" ]; then
    skip 'files on a full disk' 'no file system may be mounted here'
    exit
fi
cat >>"$base/prelude" <<'P'
disk() { # disk KIB: an empty disk of that size at ./disk
    mkdir -p disk
    mount -t tmpfs -o size="$1k" none disk
    trap 'umount disk' EXIT
}
P
t '-o on a full disk: an error, and no file' '
    disk 64
    for command in "gn-load ../data/data.csv" "gn-resample -s 3 ../s.gnt" "gn-shuffle ../s.gnt" "gn-patch --grid -p 8 ../s.gnt" \
        "gn-epochs -n 1 ../cache"; do
        full $command -o disk/o
        [ -z "$(ls -A disk)" ]
    done'
t '-o on a full disk keeps the file that was there' '
    disk 64
    echo old >disk/o
    full gn-load -o disk/o ../data/data.csv
    [ "$(cat disk/o)" = old ]'
t 'gn-save on a full disk: no table, and no image that is not whole' '
    disk 100
    full gn-save --ext nii -o disk/made ../s.gnt
    [ ! -e disk/made/data.csv ]
    [ -z "$(find disk -name ".*.gn-*")" ]
    for f in $(find disk -name "*.nii"); do gn-info --verify "$f" >/dev/null; done
    rm -r disk/made
    full gn-save --cache -o disk/made ../s.gnt
    [ ! -e disk/made/data.csv ]
    [ -z "$(find disk -name ".*.gn-*")" ]
    for f in $(find disk -name "*.gnt"); do gn-info --verify "$f" >/dev/null; done'
t 'gn-phantom on a full disk: no table' '
    disk 64
    full gn-phantom head -n 20 --size 24 -o disk/made
    [ ! -e disk/made/data.csv ]
    [ -z "$(find disk -name ".*.gn-*")" ]'
t 'gn-train on a full disk: not done, and its files are whole' '
    disk 20
    full gn-train -c ../c.yaml -o disk/m ../t.gnt
    [ ! -e disk/m/DONE ]
    [ -z "$(find disk -name ".*.gn-*")" ]
    for f in $(find disk -name "*.safetensors"); do gn-info "$f" >/dev/null; done'
t 'gn-train goes on when there is room again' '
    disk 20
    full gn-train -c ../c.yaml -o disk/m ../t.gnt
    mount -o remount,size=1m disk
    gn-epochs -c ../c.yaml --from disk/m --patches ../cache | gn-train -c ../c.yaml -o disk/m
    [ -e disk/m/DONE ]
    same disk/m/best.safetensors ../m/best.safetensors
    same disk/m/latest.safetensors ../m/latest.safetensors'
t 'gn-split on a full disk: an error' '
    disk 4
    head -c 4096 /dev/zero >disk/fill 2>/dev/null || true
    rc=0; gn-split -o disk/made ../data/data.csv 2>err || rc=$?
    [ $rc = 1 ] && [ "$(wc -l <err)" = 1 ]
    [ -z "$(find disk -name "*.csv")" ]'
t 'gn-shuffle says so when the file it spills to has no room' '
    disk 64
    export TMPDIR=$PWD/disk
    rc=0
    gn-shuffle --memory 64K -m 150 ../p.gnt >o 2>err || rc=$?
    [ $rc = 1 ] || { echo "status $rc" >&2; false; }
    grep -q "^gn-shuffle: .*No space left" err || { cat err >&2; false; }'
