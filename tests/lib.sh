# lib.sh - sourced by tests/t/*.t: one behaviour a test, each in a fresh empty folder.
#   t 'NAME AS A SENTENCE' 'COMMANDS'   passes when the commands exit 0 (run by sh -e)
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
    [ "$(wc -l <err)" = 1 ] || { echo "stderr should be one line: $*"; cat err; return 1; } >&2
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
skip() { echo "# skipped: $1: $2"; }
finish() { exit $bad; }
trap finish EXIT
