/* tool.c - what gn_tool_main gives every program. The program below is a tool when GN_TRY is set;
 * main runs it in pipelines. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "tool/tool.h"

static struct try_args {
    const char *fail, *word;
    int64_t copies;
    bool silent;
} args = {.copies = 1};

static const struct gn_opt opts[] = {
    GN_OPT_TEXT(0, "fail", &args.fail, "NAME", "fail on this sample, at 'end' at the end", 0),
    GN_OPT_TEXT('w', "word", &args.word, "WORD", "set acme.word", 0),
    GN_OPT_INT('n', "copies", &args.copies, "N", "write each sample this often", 0),
    GN_OPT_FLAG(0, "silent", &args.silent, "write nothing", 0), GN_OPT_END};

static int fails_on(struct gn_tool_ctx *ctx, const char *name)
{
    return args.fail && !strcmp(args.fail, name) ? gn_err_set(&ctx->err, "as told") : 0;
}

static int try_sample(struct gn_tool_ctx *ctx, struct gn_sample *s)
{
    if (fails_on(ctx, gn_sample_name(s)) < 0)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (args.word && gn_record_set(&s->rec[i], "acme.word", "%s", args.word) < 0)
            return gn_err_set(&ctx->err, "bad word");
    for (int64_t k = 0; k < args.copies && !args.silent; k++)
        if (gn_emit(ctx, s) < 0)
            return -1;
    return 0;
}

static int try_record(struct gn_tool_ctx *ctx, struct gn_record *r)
{
    const char *sample = gn_record_get(r, "sample");

    return fails_on(ctx, sample ? sample : "") < 0 ? -1 : gn_emit_record(ctx, r);
}

static int try_end(struct gn_tool_ctx *ctx)
{
    return fails_on(ctx, "end");
}

static const struct gn_command commands[] = {
    {"look", "FILE", "look at something"}, {"leave", "", "leave it alone"}, {NULL, NULL, NULL}};

static int try_command(struct gn_tool_ctx *ctx)
{
    printf("%s %zu\n", ctx->command ? ctx->command : "none", ctx->operands.n);
    return 0;
}

#define SHARED \
    .name = "gn-try", .summary = "try what all tools share", \
    .description = "A first paragraph, with a back\\slash, 'quotes' and --dashes.\n\n.A second " \
                   "one that starts with a dot.\n\n" \
                   "  verbatim   lines\n  .here", \
    .references = (const char *const[]){"Somebody: something, 2001.", NULL}, \
    .examples = (const struct gn_example[]) \
    { \
        {"gn-try -n 2 < x.gnt | gn-info", "see it"}, \
        { \
            NULL, NULL \
        } \
    }

static const struct gn_tool by_sample = {SHARED, .opts = opts, .flags = GN_TOOL_SEED,
                                         .sample = try_sample, .end = try_end};
static const struct gn_tool by_record = {SHARED, .opts = opts, .record = try_record};
static const struct gn_tool by_command = {SHARED, .commands = commands,
                                          .flags = GN_TOOL_NO_INPUT | GN_TOOL_NO_OUTPUT,
                                          .main = try_command};

static void make(const char *path)
{
    struct gn_err err = {0};
    struct gn_writer *w = gn_writer_open(path, &err);

    for (int i = 0; i < 6; i++) {
        struct gn_record r = {0};
        struct gn_tensor t;

        if (gn_tensor_new4(&t, GN_INT16, 1, 2, 3, 4, &err) < 0)
            abort();
        gn_record_take(&r, &t, "czyx");
        gn_record_set(&r, "sample", "s%d", i / 2);
        gn_record_set(&r, "role", i % 2 ? "label" : "image");
        if (gn_writer_put(w, &r) < 0)
            abort();
        gn_record_free(&r);
    }
    if (gn_writer_end(w, 0) < 0)
        abort();
    gn_writer_free(w);
}

/* Shell commands end with 0; T is this program as a tool. */
static int sh(const char *commands_text)
{
    char line[2000];

    snprintf(line, sizeof line, "exec 2>err; set -e; %s", commands_text);
    return system(line) == 0;
}

int main(int argc, char **argv)
{
    const char *as = getenv("GN_TRY");
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (as)
        return gn_tool_main(!strcmp(as, "record")    ? &by_record
                            : !strcmp(as, "command") ? &by_command
                                                     : &by_sample,
                            argc, argv);
    self[n > 0 ? n : 0] = '\0';
    setenv("T", self, 1);
    setenv("GN_TRY", "sample", 1);
    make("x.gnt");

    CHECK("a tool forwards a stream",
          sh("$T --no-history x.gnt | cmp - x.gnt; $T --no-history <x.gnt | cmp - x.gnt; "
             "cat x.gnt | $T --no-history - | cmp - x.gnt"));
    CHECK("by records too", sh("GN_TRY=record $T --no-history x.gnt | cmp - x.gnt"));
    CHECK("the history says what was done",
          sh("test $($T -w 'two words' -n 2 -q -j 1 x.gnt | "
             "grep -ac \"^history: gn-try [0-9.]* -w 'two words' -n 2$\") = 12"));
    CHECK("a second stage adds its own",
          sh("$T x.gnt | $T -n 3 | grep -a ^history | sort | uniq -c | "
             "awk '$1 != 18 { exit 1 } END { exit NR != 2 }'"));
    CHECK("files are read as one stream",
          sh("cat x.gnt x.gnt >xx.gnt; $T --no-history x.gnt x.gnt >a; "
             "$T --no-history xx.gnt >b; cmp a b; grep -aq 'records: 12' a"));
    CHECK("each of them must be whole",
          sh("head -c 1000 x.gnt >cut; ! $T x.gnt cut >a; ! $T cut x.gnt >a; "
             "grep -q 'gn-try: cut: truncated: no end record' err"));
    CHECK("a failed run leaves no file and no end",
          sh("! $T cut -o out; test ! -e out; ! $T cut >out; ! grep -aq records: out"));
    CHECK("nor other files", sh("mkdir d; (cd d; ! $T ../cut -o out); test -z \"$(ls -A d)\""));
    CHECK("a failure downstream ends the pipeline",
          sh("! $T --fail s1 x.gnt | $T >out; ! grep -aq records: out; "
             "grep -q 'gn-try: stdin: truncated: no end record' err"));
    CHECK("an error names the subject",
          sh("$T --fail s1 x.gnt >out || test $? = 1; grep -qx 'gn-try: subject s1: as told' err"));
    CHECK("one line", sh("$T --fail s1 x.gnt 2>one >out || test $? = 1; test $(wc -l <one) = 1"));
    CHECK("--keep-going leaves it out and exits 1",
          sh("$T --keep-going --fail s1 x.gnt >out || test $? = 1; "
             "grep -aq '^records: 4' out; grep -aq '^failed: 1' out; ! grep -aq 'sample: s1' out"));
    CHECK("a later stage passes that on",
          sh("$T --no-history out >again || test $? = 1; grep -aq '^failed: 1' again; "
             "$T --keep-going --fail s0 out >third || test $? = 1; grep -aq '^failed: 2' third"));
    CHECK(
        "by records it leaves out the rest of the sample",
        sh("GN_TRY=record $T --keep-going --fail s1 x.gnt >out || test $? = 1; grep -aq '^failed: "
           "1' out; ! grep -aq 'role: label.*s1' out; test $(grep -ac '^sample: s[02]$' out) = 4"));
    CHECK("a failure at the end is a failure",
          sh("$T --fail end x.gnt >out || test $? = 1; ! grep -aq records: out"));
    CHECK("a reader that leaves early is no failure",
          sh("($T -n 2000 x.gnt; echo $? >rc) | head -c 100 >/dev/null; test $(cat rc) = 0"));
    CHECK("a full disk is", sh("$T x.gnt >/dev/full || test $? = 1; grep -q 'No space left' err"));
    CHECK("a closed output is", sh("! $T x.gnt >&-; ! $T x.gnt -o /dev/full"));
    CHECK("a closed input is", sh("! $T <&- >out"));
    CHECK("-o replaces a file when it is whole",
          sh("echo old >o; $T --no-history x.gnt -o o; cmp o x.gnt; ln -s o l; "
             "$T --no-history x.gnt -o l; test -L l"));
    CHECK("a tool may write onto its own input",
          sh("cp x.gnt y; $T --no-history y -o y; cmp x.gnt y"));
    CHECK("a damaged payload in a file is found",
          sh("{ head -c 192 x.gnt; printf '\\001'; tail -c +194 x.gnt; } >bad; "
             "! $T bad >out; grep -q 'subject s0: payload is damaged' err"));
    CHECK("wrong usage exits 2 and names --help",
          sh("$T --nope x.gnt || test $? = 2; grep -q 'gn-try --help' err; "
             "$T -j 0 x.gnt || test $? = 2"));
    CHECK("--help goes to standard output",
          sh("$T --help >h; grep -q '^Usage: gn-try' h; test $(wc -l <h) -le 40; ! test -s err"));
    CHECK("--version names the program", sh("$T --version | grep -q '^gn-try [0-9]'"));
    CHECK("the man page is clean",
          sh("$T --help=man >m.1; mandoc -Tlint -W warning m.1 >lint; test ! -s lint; "
             "groff -man -ww -Tutf8 m.1 >m.txt 2>lint; test ! -s lint"));
    CHECK(
        "and has its sections in order",
        sh("grep '^.SH' m.1 | cut -c5- | tr '\\n' ' ' >s; echo 'NAME SYNOPSIS DESCRIPTION OPTIONS "
           "INPUT OUTPUT EXIT STATUS EXAMPLES REFERENCES SEE ALSO ' | tr -d '\\n' | cmp - s"));
    CHECK("and keeps odd characters",
          sh("mandoc -Tascii m.1 | sed 's/.\\x08//g' >m.txt; grep -qF \"back\\\\slash, 'quotes' "
             "and --dashes\" m.txt; "
             "grep -q '\\.A second' m.txt; grep -q 'verbatim   lines' m.txt"));
    CHECK("completion completes", sh("$T --help=completion >c; bash -c '. ./c; COMP_WORDS=(gn-try "
                                     "--co); COMP_CWORD=1; _gn_try; "
                                     "test \"${COMPREPLY[*]}\" = --copies'"));
    CHECK("commands are recognised", sh("test \"$(GN_TRY=command $T look a b)\" = 'look 2'; test "
                                        "\"$(GN_TRY=command $T)\" = 'none 0'"));
    CHECK("an unknown one names the nearest",
          sh("GN_TRY=command $T lok || test $? = 2; grep -q 'did you mean look' err"));
    CHECK("SIGTERM removes what was not finished",
          sh("mkdir e; mkfifo f; exec 9<>f; cd e; $T -o out <../f 9>&- & p=$!; i=0; "
             "while test $i -lt 200 && ! ls -A . | grep -q .; do sleep 0.01; i=$((i+1)); done; ls "
             "-A . | grep -q .; "
             "kill $p; wait $p || true; test -z \"$(ls -A .)\""));
    return check_done();
}
