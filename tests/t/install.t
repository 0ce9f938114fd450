# install.t - make install puts everything under PREFIX, in a staging folder if asked; it works there, and uninstall leaves nothing
. "$GN_TESTS/lib.sh"

# From the tree that is being tested; what is not built is not this test's matter.
cat >>"$base/prelude" <<'P'
# The tests may themselves be run by make: its flags and variables are not for this one.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
install_to() { make -s -C "$GN_TOP" -o all BUILD="$B" "$@" >log 2>&1 || { cat log; return 1; } >&2; }
P
(cd "$base" && mkdir -p first && cd first && . ../prelude && install_to install PREFIX="$base/there") || echo "not ok - make install"
export there="$base/there"

t 'programs, plug-ins, pages, completions, pipelines and examples are there, with their permissions' '
    for tool in "$GN_TOP"/tools/gn-*.c; do
        tool=$(basename "$tool" .c)
        [ -x "$there/bin/$tool" ]
        [ -s "$there/share/man/man1/$tool.1" ]
        [ -s "$there/share/bash-completion/completions/$tool" ]
    done
    for plugin in "$GN_TOP"/libcore/io/plugin_*.c; do
        [ -s "$there/lib/gn/$(basename "$plugin" .c | sed s/plugin_//).so" ]
    done
    [ -s "$there/share/man/man5/gn-stream.5" ]
    [ -s "$there/share/man/man7/gn.7" ]
    for file in "$GN_TOP"/pipelines/*; do [ -x "$there/share/gn/pipelines/$(basename "$file")" ]; done
    for file in "$GN_TOP"/examples/*; do [ ! -f "$file" ] || same "$file" "$there/share/gn/examples/$(basename "$file")"; done'
t 'an installed program finds its plug-ins, from any folder and through a link' '
    PATH=$there/bin:/usr/bin:/bin
    gn-load --version | grep -i png >/dev/null
    gn-phantom fundus -n 1 --size 32 -o eyes
    gn-load eyes/data.csv | gn-save --ext tif -o tifs
    cd tifs
    gn-info fundus_001/*.tif >/dev/null
    mkdir ../links
    ln -s "$there/bin/gn-load" ../links/gn-load
    ../links/gn-load data.csv | gn-info --verify >/dev/null'
t 'moved as a whole, it still does; without its plug-ins it says what is missing in one line' '
    cp -r "$there" moved
    mv moved elsewhere
    PATH=$PWD/elsewhere/bin:/usr/bin:/bin
    gn-phantom fundus -n 1 --size 32 -o eyes
    gn-load eyes/data.csv >eyes.gnt
    rm elsewhere/lib/gn/png.so
    fails 1 gn-load eyes/data.csv
    grep -qi "png" err
    gn-load --version >o'
t 'installed man pages are found by man' '
    MANPATH=$there/share/man man gn-load 2>/dev/null | grep -q "read images" || ! command -v man >/dev/null
    MANPATH=$there/share/man man gn 2>/dev/null | grep -q . || ! command -v man >/dev/null'
t 'DESTDIR stages the same files' '
    install_to install DESTDIR="$PWD/stage" PREFIX=/opt/gn
    diff -r "$there" stage/opt/gn >&2
    [ "$(ls stage)" = opt ]'
t 'uninstall leaves no file behind, and what others put there alone' '
    install_to install PREFIX="$PWD/p"
    echo mine >p/bin/mine
    install_to uninstall PREFIX="$PWD/p"
    [ "$(find p -type f)" = p/bin/mine ]
    [ ! -e p/lib/gn ] && [ ! -e p/share/gn ]'
t 'the build tree is left as it was' '
    find "$B" -newer "$there/bin/gn-load" -type f | grep -v -e check.log -e "/unit/" >o || true
    [ ! -s o ] || { cat o >&2; false; }'
