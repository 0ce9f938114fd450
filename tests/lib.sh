# lib.sh - sourced by tests/t/*.t: one behaviour a test, each in a fresh empty folder.
#   t 'NAME AS A SENTENCE' 'COMMANDS'   passes when the commands exit 0 (run by sh -e)
#   small_config ...     a configuration to train with in a moment (below)
#   skip 'NAME' 'WHY'                   says why a test cannot run here; counts as neither
# In the commands: $GN_TESTS, $GN_TOP, $B; fails N COMMAND...: ends with exactly status N and one line on stderr.
n=0
bad=0
base=$PWD
cat >"$base/prelude" <<'P'
fails() { # fails STATUS COMMAND...: that exit status, and one clear line on stderr that starts with the tool's name
    want=$1
    shift
    got=0
    "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || { echo "status $got, expected $want: $*"; cat err; return 1; } >&2
    said err
    [ "$(wc -l <err)" = 1 ] || { echo "stderr should be one line: $*"; cat err; return 1; } >&2
}
said() { # said FILE: without the line in which gn-train tells its plan, which is no complaint
    grep -v "^gn-train: note: .* for training" "$1" >"$1.said" || true
    mv "$1.said" "$1"
}
same() { cmp "$1" "$2" >&2; }
P
t() {
    n=$((n + 1))
    mkdir -p "$base/$n"
    # The commands run with -e; pipelines inside them report their last stage, as users see it.
    if (cd "$base/$n" && sh -e -c ". '$base/prelude'
$2") >"$base/$n.log" 2>&1 </dev/null; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' "$base/$n.log" | tail -n 20
        bad=1
    fi
    chmod -R u+w "$base/$n" 2>/dev/null
    rm -rf "${base:?}/$n" "$base/$n.log"
}
small_config() { # small_config FILTERS EPOCHS PATCHES [LINE...]: a configuration for generated heads, on standard output
    cat <<Y
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [8, 8, 8]
model: {dimension: 3, architecture: light_unet_multilayer, depth: 2, base_filters: $1, norm_type: instance, final_layer: softmax,
        class_list: [0, 1], num_channels: 1}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
learning_rate: 0.01
num_epochs: $2
batch_size: 2
q_samples_per_volume: $3
patch_sampler: uniform
Y
    shift 3
    [ $# = 0 ] || printf '%s\n' "$@"
}
skip() { echo "# skipped: $1: $2"; }
finish() { # a script that a fault of its own ended does not say how many tests there were, and has failed
    rc=$?
    [ $rc = 0 ] || exit $rc
    echo "1..$n"
    exit $bad
}
trap finish EXIT
