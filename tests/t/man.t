# man.t - the manual: each program's committed page is what its table says, no formatter has anything to say, and no page leads nowhere
. "$GN_TESTS/lib.sh"

for tool in "$GN_TOP"/tools/gn-*.c; do
    tool=$(basename "$tool" .c)
    t "$tool: the committed page is what its table says (make man)" "$tool --help=man | diff '$GN_TOP/man/$tool.1' - >&2"
    t "$tool: the sections, in order" "
        $tool --help=man | sed -n 's/^\.SH //p' >o
        printf '%s\n' NAME SYNOPSIS DESCRIPTION OPTIONS INPUT OUTPUT 'EXIT STATUS' EXAMPLES 'SEE ALSO' >want
        grep -vx REFERENCES o | diff want - >&2
        [ \$(tail -n 2 o | head -n 1) != REFERENCES ] || [ \$(sed -n 9p o) = REFERENCES ]"
done
t 'no page without its program' '
    for page in "$GN_TOP"/man/gn-*.1; do
        [ -e "$GN_TOP/tools/$(basename "$page" .1).c" ] || { echo "$page" >&2; false; }
    done'
for page in "$GN_TOP"/man/*.[157]; do
    t "$(basename "$page"): mandoc and groff find no fault" "
        mandoc -Tlint -W warning '$page' >o 2>&1 || true
        groff -man -ww -z -Tutf8 '$page' >>o 2>&1
        [ ! -s o ] || { cat o >&2; false; }"
    t "$(basename "$page"): the pages it names are there" "
        sed -e 's/\\\\-/-/g; s/\\\\f.//g' '$page' | grep -oE '\bgn(-[a-z]+)?\([0-9]\)' | sort -u >o
        while read -r name; do
            file=\$(echo \"\$name\" | sed 's/(/./; s/)//')
            [ -e \"$GN_TOP/man/\$file\" ] || { echo \"\$name\" >&2; bad=1; }
        done <o
        [ -z \"\$bad\" ]"
done
for page in "$GN_TOP"/man/*.[157]; do
    t "$(basename "$page"): fits 80 columns" "
        mandoc -Tascii -O width=78 '$page' | sed 's/.\x08//g' >o
        groff -man -Tascii -P-c -rLL=78n '$page' | sed 's/.\x08//g' >>o
        awk 'length > 80 { print; bad = 1 } END { exit bad }' o >&2"
done
t 'gn(7) names every program' '
    for tool in "$GN_TOP"/tools/gn-*.c; do
        tool=$(basename "$tool" .c)
        sed "s/\\\\\\\\-/-/g" "$GN_TOP/man/gn.7" | grep -q "$tool" || { echo "$tool" >&2; false; }
    done'
