# free.t - what every program gets for free: empty, cut and damaged input, unknown keys, threads, closed readers, failures passed on,
# outputs that are pipes, links and devices. A new program that reads or writes a stream adds its line to the table.
. "$GN_TESTS/lib.sh"

# KIND|program and arguments|input: F a filter, T prints text, S makes the folder or file `made`. Inputs: s samples with labels, p patches,
# q predictions of patches, t an epoch of training patches. P makes a stream, D prints, M makes `made`, all three without reading a stream.
cat >rows <<'R'
F|gn-resample -s 3,2,4|s
F|gn-resample --crop-zero|s
F|gn-normalize --zscore nonzero|s
F|gn-normalize --rescale 0,1 --percentiles 1,99|s
F|gn-augment --seed 3 --op flip --op noise:std=[0,5]|s
F|gn-patch --seed 1 -p 8 -n 3 --sampler label|s
F|gn-patch --grid -p 8 --overlap 2|s
F|gn-shuffle --seed 2 -m 3|p
F|gn-infer -m ../m/best.safetensors|p
F|gn-stitch|q
F|gn-stitch --labels --to-source|q
F|gn-postprocess --op fill_holes --op cca --map 1=3|s
T|gn-info|s
T|gn-info --header sample|s
T|gn-info --stats|s
T|gn-info --labels|s
T|gn-info --verify|s
T|gn-diff - ../s.gnt|s
S|gn-save -o made|s
S|gn-save --cache -o made|s
S|gn-view -o made.png|s
S|gn-train -c ../c.yaml -o made|t
P|gn-load ../data/three.csv|s
P|gn-load ../data/head_001/head_001_t1.nii.gz|s
P|gn-epochs -n 2 ../cache|s
P|gn-epochs -c ../c.yaml -n 3 --seed 4 --patches ../s.gnt|s
D|gn-load --explain ../data/three.csv|s
D|gn-dice ../seg/predictions.csv ../data/three.csv|s
D|gn-csv --channel _t1 --label _label ../data|s
D|gn-config check ../c.yaml ../data/three.csv|s
D|gn-config print ../c.yaml|s
D|gn-config pipeline ../c.yaml|s
D|gn-config init ../data/three.csv|s
D|gn-config schema|s
D|gn-model show ../m/best.safetensors|s
D|gn-model config ../m/best.safetensors|s
D|gn-info ../m/best.safetensors|s
D|gn-info ../data/head_001/head_001_t1.nii.gz|s
M|gn-phantom fundus -n 2 --size 32 -o made|s
M|gn-split --test 3 --val 2 -o made ../data/three.csv|s
M|gn-experiment predict -m ../m/best.safetensors -o made ../data/three.csv|s
R

gn-phantom head -n 3 --size 16,12,10 --spacing 2,2.5,3 -o data
sed 's/^head_002,/no body,/' data/data.csv >data/three.csv
gn-load data/three.csv >s.gnt
gn-patch --grid -p 8 s.gnt >p.gnt
small_config 4 1 2 >c.yaml
gn-save --cache -o cache s.gnt
gn-epochs -c c.yaml --patches cache >t.gnt
gn-train -c c.yaml -o m t.gnt
gn-infer -m m/best.safetensors p.gnt >q.gnt
gn-stitch --labels --to-source q.gnt | gn-save -o seg

# Of each input: keyed (keys of others), failed (an earlier stage left two out), many (over and over, more than a pipe holds), cut-* and flip-*.
PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - s p q t <<'P' || { echo "not ok - the damaged streams are made"; exit 1; }
import gnt, os, sys
for name in sys.argv[1:]:
    good = open(name + '.gnt', 'rb').read()
    records = list(gnt.read(open(name + '.gnt', 'rb')))
    def save(what, data):
        os.makedirs(name, exist_ok=True)
        with open('%s/%s.gnt' % (name, what), 'wb') as f:
            f.write(data)
    def write(what, keys, failed):
        os.makedirs(name, exist_ok=True)
        with open('%s/%s.gnt' % (name, what), 'wb') as f:
            for head, data in records:
                gnt.emit(f, head + keys, data)
            gnt.end(f, len(records), failed)
    write('keyed', [('acme.dose', '5'), ('zeta', 'a\\b\nc \u00b5')], 0)
    write('failed', [], 2)
    save('many', good * (1 + 3000000 // len(good)))
    starts, at = [], 0                            # (preamble, payload, end of payload) of each record
    while at < len(good):
        h, n = int(good[at + 7:at + 17]), int(good[at + 18:at + 38])
        starts.append((at, at + 64 + h, at + 64 + h + n))
        at += 64 + h + n + -n % 64
    last = starts[-2]
    for i, n in enumerate([1, 63, 64, 100, starts[0][1], starts[0][1] + 65, starts[1][0], last[0] + 64, last[1] + 7, len(good) - 128,
                           len(good) - 64, len(good) - 1]):
        save('cut-%02d' % i, good[:n])
    save('cut-none', b'')
    head = good.index(b'sample: ') + 9
    pads = [a[2] for a, b in zip(starts, starts[1:]) if a[2] < b[0]] or [starts[0][1] - 2]
    for what, i in [('kind', 5), ('length', 36), ('checksum', 40), ('header', head), ('payload', starts[0][1] + 3),
                    ('late', last[1] + (last[2] - last[1]) // 2), ('padding', pads[0]), ('end', len(good) - 61)]:
        save('flip-' + what, good[:i] + bytes([good[i] ^ 4]) + good[i + 1:])
with open('empty.gnt', 'wb') as f:
    gnt.end(f, 0)

# Valid streams that nobody expects.
import struct
os.makedirs('odd', exist_ok=True)
czyx, grid = [('axes', 'c z y x')], [('sample', 'odd'), ('role', 'image'), ('affine', '2 0 0 0 0 2 0 0 0 0 2 0')]
label = [('sample', 'odd'), ('role', 'label'), ('affine', '2 0 0 0 0 2 0 0 0 0 2 0')]
floats = lambda v: struct.pack('<%df' % len(v), *v)
odd = {
    'foreign': [([('dtype', 'float32'), ('shape', '2 3'), ('axes', 'y x')], bytes(24))],
    'scores': [([('dtype', 'float32'), ('shape', '3'), ('axes', 'c'), ('sample', 'a'), ('role', 'prediction')], bytes(12))],
    'no-affine': [([('dtype', 'int16'), ('shape', '1 4 5 6')] + czyx, bytes(240))],
    'no-sample': [([('dtype', 'int16'), ('shape', '1 4 5 6')] + czyx + grid[1:], bytes(240))],
    'label-only': [([('dtype', 'uint8'), ('shape', '1 4 5 6')] + czyx + label, bytes(120))],
    'negative-label': [([('dtype', 'int8'), ('shape', '1 1 1 2')] + czyx + label, b'\xff\x80')],
    'one-voxel': [([('dtype', 'float32'), ('shape', '1 1 1 1')] + czyx + grid, floats([3]))],
    'thin': [([('dtype', 'float32'), ('shape', '1 1 1 300')] + czyx + grid, floats(range(300)))],
    'constant': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid, floats([2] * 512))],
    'nan': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid, floats([float('nan')] * 512))],
    'infinite': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid, floats([float('inf'), float('-inf')] * 256))],
    'channels': [([('dtype', 'float32'), ('shape', '9 8 8 8')] + czyx + grid, floats(range(4608)))],
    'flat-affine': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid[:2] + [('affine', ' '.join(['0'] * 12))], bytes(2048))],
    'bad-affine': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid[:2] + [('affine', '1 2 three')], bytes(2048))],
    'other-sizes': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid, bytes(2048)),
                    ([('dtype', 'uint8'), ('shape', '1 8 8 9')] + czyx + label, bytes(576))],
    'wrong-place': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid + [('patch.origin', '90 90 90'), ('patch.size', '8 8 8'),
                     ('patch.of', '9 9 9'), ('patch.index', '0/1'), ('class_list', '0 1')], bytes(2048))],
    'wrong-epoch': [([('dtype', 'float32'), ('shape', '1 8 8 8')] + czyx + grid + [('epoch', 'x/y')], bytes(2048))],
    'huge-parent': [([('dtype', 'float32'), ('shape', '2 8 8 8')] + czyx + grid[:1] + [('role', 'prediction'), ('class_list', '0 1')] + grid[2:]
                     + [('patch.origin', '0 0 0'), ('patch.size', '8 8 8'), ('patch.of', '2000000000 2000000000 2000000000'),
                        ('patch.index', '0/8'), ('source.shape', '2000000000 2000000000 2000000000'),
                        ('source.affine', '2 0 0 0 0 2 0 0 0 0 2 0')], bytes(4096))],
}
for dtype, code in gnt.TYPES.items():
    odd[dtype] = [([('dtype', dtype), ('shape', '1 8 8 8')] + czyx + grid, struct.pack('<512' + code, *[i % 100 for i in range(512)])),
                  ([('dtype', dtype), ('shape', '1 8 8 8')] + czyx + label, struct.pack('<512' + code, *[i % 2 for i in range(512)]))]
for name, parts in odd.items():
    with open('odd/%s.gnt' % name, 'wb') as f:
        for head, data in parts:
            gnt.emit(f, head, data)
        gnt.end(f, len(parts))
P

cat >>"$base/prelude" <<'P'
# The limit is there to end a hang, whatever else the machine does; nothing here takes a second.
go() { timeout 60 $command "$@"; } # go [OPTION...]: the row's program
refused() { # refused COMMAND...: status 1, one line on stderr that begins with the program's name, and nothing that looks finished
    fails 1 "$@" && grep -q "^$tool: ." err || { cat err >&2; return 1; }
    case $tool in
        gn-save) [ ! -e made/data.csv ] && [ ! -e made/predictions.csv ] ;;
        gn-train) [ ! -e made/DONE ] ;;
        *) [ ! -e made.png ] ;;
    esac || { echo "$file: it left something that looks finished" >&2; return 1; }
}
quiet() { [ ! -s err ] || { echo "stderr should be empty"; cat err; return 1; } >&2; }
row() { kind=$1 command=$2 input=../$3; tool=${command%% *}; file=$input.gnt; }
each_bad() { # each_bad PATTERN: all such files are refused, through a pipe, mapped, and with -o
    for file in "$input"/$1; do
        rm -rf made made.png
        cat "$file" | refused go || return 1
        [ "$kind" = T ] || refused go <"$file" || return 1
        [ "$kind" = F ] || continue
        refused go -o o <"$file" || return 1
        [ ! -e o ] && [ -z "$(ls -A | grep -vx -e out -e err)" ] || { ls -A; echo "$file: -o left a file"; return 1; } >&2
    done
}
empty() {
    rc=0
    go <../empty.gnt >out.txt 2>err || rc=$?
    case $kind$rc in
        F0) same out.txt ../empty.gnt && quiet ;;
        [TS]0) quiet ;;
        S1) refused go <../empty.gnt ;;
        T1) quiet || refused go <../empty.gnt ;; # gn-diff: they differ
        *) echo "status $rc" >&2; cat err >&2; false ;;
    esac
}
odd() { # what nobody expects is done, or refused in one line; what comes out is whole
    for file in ../odd/*.gnt; do
        rm -rf made made.png
        rc=0
        go <"$file" >o 2>err || rc=$?
        case $rc in
            0) grep -v "^$tool: \(warning\|note\): " err >&2 && return 1
                [ "$kind" != F ] || gn-info --verify o >/dev/null || return 1 ;;
            1) [ "$tool$(wc -l <err)" = gn-diff0 ] || [ "$(grep -v "^$tool: \(warning\|note\): " err | grep -c "^$tool: .")" = 1 ] ||
                { echo "$file"; cat err; return 1; } >&2 ;;
            *) { echo "$file: status $rc"; cat err; return 1; } >&2 ;;
        esac
    done
}
twice() { # a stream behind a stream is one stream, through cat and as operands
    n=$(go <"$input.gnt" | gn-info --header role | wc -l)
    [ "$(cat "$input.gnt" "$input.gnt" | go | gn-info --header role | wc -l)" = $((2 * n)) ]
    cat "$input.gnt" "$input.gnt" | go >want
    go "$input.gnt" "$input.gnt" >got
    same want got
}
small() { # what one object needs is refused where it is more than --memory
    cat "$input.gnt" | refused go --memory 100
    grep -q memory err || { cat err >&2; false; }
}
keyed() { # every record that comes out holds both keys, in the bytes they came in
    go <"$input/keyed.gnt" >o
    gn-info --verify o >/dev/null
    n=$(gn-info --header sample o | wc -l)
    [ "$n" -gt 0 ]
    [ "$(grep -ac '^acme\.dose: 5$' o)" = "$n" ]
    [ "$(grep -ac "^zeta: a\\\\\\\\b\\\\nc µ\$" o)" = "$n" ]
}
threads() {
    for j in 1 2 3 8; do
        go -j $j <"$input.gnt" >o.$j
        same o.1 o.$j
        case $kind in [SM]) ;; *) continue ;; esac
        rm -f made/timing.tsv
        mkdir "m.$j"
        mv made* "m.$j"
        diff -r m.1 "m.$j"
    done
}
closed() { # the reader is gone before the first byte, and after a few
    mkfifo ready
    { read -r line <ready; rc=0; go <"$input.gnt" 2>err || rc=$?; echo $rc >rc; } | { exec </dev/null; echo >ready; }
    [ "$(cat rc)" = 0 ]
    quiet
    case $kind$tool in [FT]gn-diff | P* | D*) return 0 ;; esac # would find that they differ; reads no stream
    { rc=0; go <"$input/many.gnt" 2>err || rc=$?; echo $rc >rc; } | head -c 100 >n
    [ "$(cat rc)" = 0 ]
    quiet
}
failed() { # two subjects were left out before: said, passed on, status 1
    rc=0
    go <"$input/failed.gnt" >o 2>err || rc=$?
    [ $rc = 1 ]
    said err
    grep -q "^$tool: .*left out" err && [ "$(wc -l <err)" = 1 ] || { cat err >&2; false; }
    [ "$kind" != F ] || tail -c 64 o | grep -aqx "failed: 2"
}
into() { # what -o names: a new file, a FIFO, a link, a link to nothing yet, a device
    go <"$input.gnt" >want
    go -o new <"$input.gnt"; same want new
    mkfifo pipe; cat pipe >got & go -o pipe <"$input.gnt"; wait $!
    same want got; [ -p pipe ]
    mkdir d; echo old >d/old; ln -s d/old link; go -o link <"$input.gnt"
    [ -L link ]; same want d/old; [ "$(ls -A d)" = old ]
    ln -s d/later ahead; go -o ahead <"$input.gnt"; [ -L ahead ]; same want d/later
    go -o /dev/null <"$input.gnt"; [ -c /dev/null ]
    [ "$kind" = P ] || { go -o "$PWD/new" <new 2>/dev/null || true; } # onto what it reads: whole, old or new
    gn-info --verify new >/dev/null
    refused go -o no/such/folder <"$input.gnt"
    refused go -o d <"$input.gnt"
}
history() {
    go --no-history <"$input.gnt" >plain
    [ "$(grep -ac "^history: $tool" plain)" = 0 ]
    go <"$input.gnt" >want
    [ "$(gn-info --header sample want | wc -l)" = "$(grep -ac "^history: $tool [0-9]" want)" ]
    keep=--keep-going
    [ "$tool" != gn-epochs ] || keep=
    go -v -j 2 --memory 1G $keep -o got <"$input.gnt" 2>err
    same want got
}
operands() {
    : >nothing
    for file in /dev/null nothing; do
        cat "$file" | refused go
        refused go <"$file"
    done
    [ "$tool" != gn-diff ] || return 0 # has two operands already
    refused go no-such-file.gnt
    refused go .
    refused go nothing
}
standard() { # standard input or output is closed
    refused go <&-
    [ "$kind" != S ] || return 0
    rc=0
    go <"$input.gnt" 2>err >&- || rc=$?
    [ $rc = 1 ]
    grep -q "^$tool: ." err && [ "$(wc -l <err)" = 1 ] || { cat err >&2; false; }
}
P


# --- the table ---------------------------------------------------------------------------------------------------------
while IFS='|' read -r kind command input; do
    tool=${command%% *}
    command -v "$tool" >/dev/null || { skip "$command" "is not there"; continue; }
    name=$(echo "$command" | sed 's/ [^ ]*\.\.[^ ]*/ .../g; s/ -o made[^ ]*//')
    row="row $kind '$command' $input;"
    case $kind in
        F) t "$name: an empty stream stays one" "$row empty" ;;
        [TS]) t "$name: an empty stream is done, or refused in one line" "$row empty" ;;
    esac
    case $kind in
        [FTS])
            t "$name: a cut stream is refused in one line, nothing finished is left" "$row each_bad 'cut-*'"
            t "$name: a flipped bit is noticed, nothing finished is left" "$row each_bad 'flip-*'"
            t "$name: subjects that an earlier stage left out are an error here too" "$row failed"
            t "$name: closed standard input or output is an error" "$row standard"
            t "$name: valid streams that nobody expects are done, or refused in one line" "$row odd"
            t "$name: a file that is not there, a folder, /dev/null: errors" "$row operands"
            ;;
    esac
    t "$name: 1, 2, 3 and 8 threads give the same bytes" "$row threads"
    case $kind in [FTPD]) t "$name: a reader that leaves early is no error" "$row closed" ;; esac
    case $kind in [FP])
        t "$name: -o writes beside and renames, follows links, and writes pipes and devices in place" "$row into"
        t "$name: the history names only what changes the bytes; --no-history leaves it out" "$row history" ;;
    esac
    [ "$kind" = F ] || continue
    t "$name: a stream behind a stream is one" "$row twice"
    t "$name: more than --memory is refused" "$row small"
    t "$name: keys of others are forwarded byte for byte" "$row keyed"
done <rows

t 'gn-epochs: a cut or damaged file is refused in one line, nothing finished is left' '
    for file in ../s/cut-*.gnt ../s/flip-*.gnt; do
        row P "gn-epochs -n 1 $file" s
        refused go -o o
        [ ! -e o ]
        refused go
    done'

# --- words that all programs know --------------------------------------------------------------------------------------
for tool in "$GN_TOP"/tools/gn-*.c; do
    tool=$(basename "$tool" .c)
    t "$tool: --help and --version fit 80 columns, exit 0, and say nothing on stderr" "
        for o in --help -h --version; do
            $tool \$o >o 2>err </dev/null
            [ -s o ] && [ ! -s err ]
            awk -v o=\$o 'length > 80 { print o \": \" \$0; bad = 1 } END { exit bad }' o >&2
        done
        head -n 1 o | grep -qx '$tool [0-9.]*'
        $tool --help | grep -q '^Usage: $tool '
        { rc=0; $tool --help 2>err || rc=\$?; echo \$rc >rc; } | :
        [ \$(cat rc) = 0 ] && [ ! -s err ]"
    t "$tool: wrong usage is status 2 and one line that names --help" "
        for o in --no-such-option -! --threads=0 --threads=two --threads --memory=much --quiet=yes --help=me; do
            fails 2 $tool \$o </dev/null
            grep -q '^$tool: .*(see $tool --help)\$' err || { cat err >&2; false; }
            [ ! -s out ]
        done"
done

while read -r command; do
    t "$(echo "$command" | sed 's/ [^ ]*\.\.[^ ]*/ .../g'): names the file that is not there" "
        fails 1 $command
        grep -q '^gn-[a-z]*: .*there-is-no.*[Nn]o such ' err || { cat err >&2; false; }
        [ ! -e made ] || [ -z \"\$(find made -type f ! -name .lock)\" ]"
done <<'R'
gn-load there-is-no.csv
gn-load there-is-no.nii.gz
gn-load ../data/head_001/head_001_t1.nii.gz,there-is-no.nii.gz
gn-epochs -n 1 there-is-no
gn-epochs -n 1 --only there-is-no.csv ../cache
gn-epochs -c there-is-no.yaml ../cache
gn-dice there-is-no.csv ../data/three.csv
gn-dice ../seg/predictions.csv there-is-no.csv
gn-diff ../s.gnt there-is-no.gnt
gn-diff there-is-no.gnt ../s.gnt
gn-split -o made there-is-no.csv
gn-config check there-is-no.yaml
gn-config check ../c.yaml there-is-no.csv
gn-config print there-is-no.yaml
gn-config pipeline there-is-no.yaml
gn-config init there-is-no.csv
gn-model show there-is-no.yaml
gn-model config there-is-no.safetensors
gn-info there-is-no.safetensors
gn-info there-is-no.nii.gz
gn-infer -m there-is-no.safetensors ../p.gnt
gn-patch -c there-is-no.yaml ../s.gnt
gn-augment -c there-is-no.yaml ../s.gnt
gn-augment --op flip --apply there-is-no.tsv ../s.gnt
gn-resample --like there-is-no.nii.gz ../s.gnt
gn-shuffle -c there-is-no.yaml ../p.gnt
gn-stitch -c there-is-no.yaml ../q.gnt
gn-train -c there-is-no.yaml -o made ../t.gnt
gn-train -c ../c.yaml --val there-is-no.csv --cache ../cache -o made ../t.gnt
gn-train -c ../c.yaml --init there-is-no.safetensors -o made ../t.gnt
gn-view -o made.png there-is-no.gnt
gn-experiment -c there-is-no.yaml -i ../data/three.csv -o made
gn-experiment -c ../c.yaml -i there-is-no.csv -o made
gn-experiment predict -m there-is-no.safetensors -o made ../data/three.csv
gn-experiment predict -m ../m/best.safetensors -o made there-is-no.nii.gz
R
t 'what must be given is asked for: status 2' '
    for command in "gn-resample ../s.gnt" "gn-normalize ../s.gnt" "gn-save ../s.gnt" "gn-infer ../p.gnt" "gn-train -c ../c.yaml ../t.gnt" \
        "gn-train -o m ../t.gnt" "gn-split ../data/three.csv" "gn-phantom head" "gn-phantom -o made" "gn-load" "gn-epochs -n 1" "gn-dice" \
        "gn-dice ../seg/predictions.csv" "gn-diff" "gn-diff ../s.gnt" "gn-config" "gn-config check" "gn-config init" "gn-model" "gn-model show" \
        "gn-experiment" "gn-experiment predict" "gn-experiment status" "gn-resample -s 1 --size 3 ../s.gnt" "gn-augment ../s.gnt" "gn-view ../s.gnt"; do
        fails 2 $command
        grep -q "^${command%% *}: .*--help" err || { cat err >&2; false; }
        [ ! -e made ]
    done'
t 'options may follow operands, -- ends them, and names may hold anything' '
    gn-resample ../s.gnt -s 3 >a
    gn-resample -s3 -- ../s.gnt >b
    gn-resample --spacing=3,3,3 ../s.gnt --no-history >c
    same a b
    gn-diff a c >/dev/null
    mkdir "it is a folder"
    cp ../s.gnt "it is a folder/-x y;\$z.gnt"
    cd "it is a folder"
    gn-info -- "-x y;\$z.gnt" >/dev/null
    gn-resample -s 3 -o "*?" -- "-x y;\$z.gnt"
    same "*?" ../a'
t 'a message is one line, whatever the name holds' '
    fails 1 gn-info "$(printf "a\nb\033[31mc")"
    ! LC_ALL=C grep -q "[[:cntrl:]]" err'

t 'a binary stream never goes to a terminal' '
    for command in "gn-load data/three.csv" "gn-resample -s 3 s.gnt" "gn-epochs -n 1 s.gnt" "gn-load data/three.csv -o /dev/tty" \
        "gn-normalize --divide 2 s.gnt -o /dev/stdout"; do
        rc=0
        (cd .. && script -qec "$command" "$base/typescript") >o 2>&1 </dev/null || rc=$?
        [ $rc = 2 ] || { echo "$command: status $rc" >&2; false; }
        grep -q "is a terminal" o
        ! grep -aq GNT1 o
    done
    (cd .. && script -qec "gn-info s.gnt" "$base/typescript") >o </dev/null
    grep -q "6 records" o'
t 'nor is one waited for from a terminal' '
    for command in "gn-info" "gn-resample -s 3"; do
        rc=0
        timeout 60 script -qec "$command" typescript >o 2>&1 || rc=$?
        [ $rc = 2 ]
        grep -q "no input" o
    done'

# --- one bad subject of ten --------------------------------------------------------------------------------------------
gn-phantom head -n 10 --size 8 -o ten
gzip -dc ten/head_004/head_004_t1.nii.gz | head -c 800 | gzip >short.gz
mv short.gz ten/head_004/head_004_t1.nii.gz
t 'without --keep-going one bad subject of ten ends everything, and no table is left' '
    rc=0
    gn-load ../ten/data.csv 2>err | gn-resample -s 30 2>>err | gn-save -o made 2>>err || rc=$?
    [ $rc = 1 ]
    grep -q "^gn-load: .*head_004" err
    grep -q "^gn-resample: stdin: truncated" err
    grep -q "^gn-save: stdin: truncated" err
    [ "$(wc -l <err)" = 3 ]
    [ ! -e made/data.csv ]'
t 'with it nine come out, the last stage exits 1, and the table names nine' '
    rc=0
    gn-load --keep-going ../ten/data.csv 2>err | gn-resample -s 30 2>>err | gn-save -o made 2>>err || rc=$?
    [ $rc = 1 ]
    [ "$(ls made | grep -c head)" = 9 ]
    [ "$(grep -c ^head made/data.csv)" = 9 ]
    ! grep -q head_004 made/data.csv
    grep -q "^gn-load: .*head_004.*(left out)" err
    [ "$(grep -c "left out" err)" = 2 ]'
t 'a subject that one stage cannot do, too' '
    gn-load ../data/three.csv | gn-resample --size 12,12,12 >large.gnt
    gn-load ../ten/head_001/head_001_t1.nii.gz >small.gnt
    cat large.gnt small.gnt large.gnt | fails 1 gn-resample --crop 5
    grep -q "subject head_001_t1" err
    rc=0
    cat large.gnt small.gnt large.gnt | gn-resample --keep-going --crop 5 >o 2>err || rc=$?
    [ $rc = 1 ]
    [ "$(gn-info --header sample o 2>/dev/null | wc -l)" = 12 ]
    tail -c 64 o | grep -aqx "failed: 1"'
