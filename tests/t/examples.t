# examples.t - every example of every program's manual, and the lines of the README, run as they are typed
. "$GN_TESTS/lib.sh"

# The folder they run in; each gets a copy.
sh -e "$GN_TESTS/examples.sh" "$base/prepared" || { echo "not ok - tests/examples.sh makes the folder"; exit 1; }
cat >>"$base/prelude" <<'P'
example() { # example FILE: the commands run in a copy of the folder, every stage of a pipeline succeeds, and none has anything to say
    cp -r ../prepared f
    # A folder that an example makes is not there yet.
    ! grep -q "gn-train .*-o model/" "$1" || rm -r f/model
    ! grep -q "gn-experiment -c .*-o study/" "$1" || rm -r f/study
    ! grep -q "gn-save .*-o out/\|gn-experiment predict.*-o out/" "$1" || rm -r f/out
    ! grep -q "gn-save .*-o cache/" "$1" || rm -r f/cache
    (cd f && bash -e -o pipefail "$1" >../out 2>../err) || { cat "$1" err >&2; return 1; }
    said err
    [ ! -s err ] || { echo "it should have been silent"; cat "$1" err; return 1; } >&2
}
P

for tool in "$GN_TOP"/tools/gn-*.c; do
    tool=$(basename "$tool" .c)
    "$tool" --help=examples >"$base/$tool.examples" || true
    t "$tool has examples" "[ -s '$base/$tool.examples' ]"
    while IFS= read -r line; do
        printf '%s\n' "$line" >"$base/line"
        t "$tool: $line" "example '$base/line'"
    done <"$base/$tool.examples"
done

# The README's blocks of shell that use the programs. Its first study asks for hours, so the config it starts from is made small.
awk '/^```sh/ { on = 1; n++; next } /^```/ { on = 0 } on { print >FILENAME_OUT n }' FILENAME_OUT="$base/readme." "$GN_TOP/README.md"
for block in "$base"/readme.*; do
    grep -q '^gn-' "$block" || continue
    sed -i 's/^\(gn-config init .*> *config.yaml\).*/\1; small config.yaml/' "$block"
    cat - "$block" >"$block.run" <<'P'
small() {
    sed -i '/^  depth: /d; s/num_epochs: .*/num_epochs: 1/; s/architecture: .*/architecture: light_unet_multilayer\n  depth: 2/; s/base_filters: .*/base_filters: 4/
        s/q_samples_per_volume: .*/q_samples_per_volume: 1/' "$1"
}
P
    t "README: $(grep -m 1 '^gn-' "$block" | cut -c 1-60) ..." "example '$block.run'"
done
