# completion.t - bash completes what the programs' tables say
. "$GN_TESTS/lib.sh"

cat >>"$base/prelude" <<'P'
complete() { # complete TOOL WORD...: what bash offers for the last word, in order, on one line
    bash -c '
        source <("$1" --help=completion)
        [[ $(complete -p "$1") == "complete -o default -F _"*" $1" ]] || exit 1
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=_${1//-/_}
        $function
        ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}
offers() { # offers 'ANSWER' TOOL WORD...
    want=$1
    shift
    got=$(complete "$@")
    [ "$got" = "$want" ] || { echo "$*: '$got', expected '$want'" >&2; return 1; }
}
P

for tool in "$GN_TOP"/tools/gn-*.c; do
    tool=$(basename "$tool" .c)
    t "$tool: bash takes the completion, and it offers all options" "
        $tool --help=completion >o 2>err
        [ ! -s err ]
        bash -n o
        $tool --help | grep -oE '^  ( {4}|-., )--[a-z0-9-]+' | grep -oE -e '--.*' | sort >want
        { complete $tool --; echo; } | tr ' ' '\n' | diff want - >&2"
done
t 'the beginning of an option becomes the options that begin so' '
    offers "--spacing --spacing-min" gn-resample --sp
    offers "--keep-going" gn-load --k
    offers "" gn-load --xyz'
t 'a choice becomes its names' '
    offers "center corner" gn-resample --align ""
    offers "linear" gn-resample -i li
    offers "nearest" gn-resample --interp = n
    offers "average" gn-stitch --mode av
    offers "completion man" gn-load --help ""'
t 'a command becomes the commands, only at its place' '
    offers "explain" gn-config e
    offers "config show" gn-model ""
    offers "" gn-config check e'
t 'a file is left to bash, a folder becomes folders' '
    mkdir one two; : >three
    offers "" gn-info t
    offers "" gn-infer -m t
    offers "two" gn-save -o t
    offers "one two" gn-train -o ""'
t 'an interactive shell completes' '
    command -v script >/dev/null
    gn-resample --help=completion >c
    cat >rc <<"R"
PS1="% "
source c
R
    { sleep 0.5; printf "gn-resample --canon\t --no-such\n"; sleep 0.3; printf "exit\n"; } |
        timeout 60 script -qec "bash --noprofile --rcfile rc -i" typescript >o 2>&1 || true
    grep -aq "gn-resample: unknown option --no-such" o
    grep -aq "gn-resample --canonical" o'
