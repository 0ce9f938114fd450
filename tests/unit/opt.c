/* opt - one table: parsing, errors, defaults, history. */
#include "base/opt.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const char *const interps[] = {"nearest", "linear", "bspline", NULL};

static struct args {
    bool dry;
    int verbose;
    int64_t count, threads;
    double tolerance;
    const char *pattern, *like, *config, *interp, *help;
    struct gn_vec3 spacing, size;
    struct gn_range window, clip;
    uint64_t memory;
    struct gn_strs ops;
} args;

static const struct args defaults = {.count = 10,
                                     .tolerance = 0.001,
                                     .interp = "linear",
                                     .spacing = {{1, 1, 1}, 3},
                                     .window = {0, 255, false},
                                     .memory = UINT64_C(8) << 30};

static const struct gn_opt own[] = {
    GN_OPT_GROUP("What it does"),
    GN_OPT_VEC3('s', "spacing", &args.spacing, "x,y,z", "target voxel spacing in mm", 0),
    GN_OPT_VEC3(0, "size", &args.size, "x,y,z", "target size in voxels", 0),
    GN_OPT_CHOICE('i', "interp", &args.interp, interps, "interpolation of images", 0),
    GN_OPT_FLAG('n', "dry-run", &args.dry, "print only", 0),
    GN_OPT_INT(0, "count", &args.count, "N", "how many", 0),
    GN_OPT_REAL(0, "tolerance", &args.tolerance, "MM", "how near", 0),
    GN_OPT_TEXT('p', "pattern", &args.pattern, "PATTERN", "names", 0),
    GN_OPT_TEXT(0, "like", &args.like, "IMAGE", "take the grid from it", GN_OPT_FILE),
    GN_OPT_RANGE(0, "window", &args.window, "A,B", "a range with a default", 0),
    GN_OPT_RANGE(0, "clip", &args.clip, "A,B", "a range without one", 0),
    GN_OPT_LIST(0, "op", &args.ops, "NAME", "an operation", 0),
    GN_OPT_END};
static const struct gn_opt shared[] = {
    GN_OPT_GROUP("All tools"),
    GN_OPT_TEXT('c', "config", &args.config, "FILE", "configuration",
                GN_OPT_NO_HISTORY | GN_OPT_FILE),
    GN_OPT_COUNT('v', "verbose", &args.verbose, "say more", 0),
    GN_OPT_INT('j', "threads", &args.threads, "N", "threads",
               GN_OPT_NO_HISTORY | GN_OPT_NO_DEFAULT),
    GN_OPT_SIZE(0, "memory", &args.memory, "limit of memory", 0),
    GN_OPT_TEXT('h', "help", &args.help, "man", "this text",
                GN_OPT_OPTIONAL | GN_OPT_ALONE | GN_OPT_NO_HISTORY),
    GN_OPT_END};
static const struct gn_opt *const tables[] = {own, shared, NULL};

static struct gn_opts opts;
static struct gn_strs operands;
static struct gn_err err;

/* Parse words separated by blanks, from fresh defaults. The words stay where the options may point
 * to. */
static int parse_with(const struct gn_opt *const *which, const char *line)
{
    static char words[1000];
    char *argv[50] = {(char *)"gn-test"};
    int argc = 1;

    gn_opts_free(&opts);
    gn_strs_free(&operands);
    gn_strs_free(&args.ops);
    gn_err_clear(&err);
    args = defaults;
    gn_opts_init(&opts, which);
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "EMPTY") ? w : (char *)"";
    return gn_opts_parse(&opts, argc, argv, &operands, &err);
}

static int ok(const char *line)
{
    if (parse_with(tables, line) == 0)
        return 1;
    printf("# %s\n", err.text);
    return 0;
}

static int wrong_with(const struct gn_opt *const *which, const char *line, const char *want)
{
    int good =
        parse_with(which, line) == -1 && err.code == GN_EXIT_USAGE && !strcmp(err.text, want);

    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static int wrong(const char *line, const char *want)
{
    return wrong_with(tables, line, want);
}

static void test_parse(void)
{
    CHECK("nothing given leaves the defaults", ok("") && args.count == 10 &&
                                                   !strcmp(args.interp, "linear") &&
                                                   args.spacing.v[2] == 1 && operands.n == 0);
    CHECK("long options with = and with a next word",
          ok("--count=-5 --tolerance 1e-3") && args.count == -5 && args.tolerance == 1e-3);
    CHECK("short options together, the last with its value",
          ok("-nvvp*.nii -i bspline") && args.dry && args.verbose == 2 &&
              !strcmp(args.pattern, "*.nii") && !strcmp(args.interp, "bspline"));
    CHECK("a value may start with a dash", ok("-p -x --count -7 -s -1,2,3") &&
                                               !strcmp(args.pattern, "-x") && args.count == -7 &&
                                               args.spacing.v[0] == -1);
    CHECK("operands are collected in order, a dash is one, -- ends the options",
          ok("a -n - b -- -v --x") && operands.n == 5 && !strcmp(operands.item[0], "a") &&
              !strcmp(operands.item[1], "-") && !strcmp(operands.item[3], "-v") &&
              args.verbose == 0 && args.dry);
    CHECK("the last of two counts", ok("--count 1 --count 2") && args.count == 2);
    CHECK("one number is all axes",
          ok("-s 2") && args.spacing.n == 1 && args.spacing.v[1] == 2 && args.spacing.v[2] == 2);
    CHECK("two are a plane, three a volume",
          ok("-s 2,3") && args.spacing.n == 2 && args.spacing.v[1] == 3 && args.spacing.v[2] == 0 &&
              ok("-s 1,2.5,3") && args.spacing.n == 3 && args.spacing.v[1] == 2.5);
    CHECK("open ends are infinite",
          ok("--clip -900,") && args.clip.lo == -900 && args.clip.hi == INFINITY && args.clip.set &&
              ok("--clip ,300") && args.clip.lo == -INFINITY && args.clip.hi == 300);
    CHECK("sizes", ok("--memory 512M") && args.memory == UINT64_C(512) << 20);
    CHECK("lists collect",
          ok("--op a --op=b:x=1,y=2") && args.ops.n == 2 && !strcmp(args.ops.item[1], "b:x=1,y=2"));
    CHECK("an empty value is a value", ok("--pattern=") && args.pattern && !*args.pattern &&
                                           ok("-p EMPTY") && args.pattern && !*args.pattern);
    CHECK("an optional value", ok("--help x") && args.help && !*args.help && operands.n == 1 &&
                                   ok("--help=man") && !strcmp(args.help, "man") && ok("-hn") &&
                                   args.help && args.dry);
    CHECK("what was given is known", ok("-s 1 -v") && gn_opts_given(&opts, &args.spacing) &&
                                         gn_opts_given(&opts, &args.verbose) &&
                                         !gn_opts_given(&opts, &args.count) &&
                                         !gn_opts_given(&opts, NULL));
}

static void test_wrong(void)
{
    CHECK("an unknown option names the nearest",
          wrong("--spacin 1", "unknown option --spacin; did you mean --spacing?"));
    CHECK("names are not cut short",
          wrong("--mem 1G", "unknown option --mem; did you mean --memory?"));
    CHECK("an unknown option near nothing", wrong("--zzzzzz=5", "unknown option --zzzzzz"));
    CHECK("an unknown letter",
          wrong("-x", "unknown option -x") && wrong("-nx", "unknown option -x in -nx"));
    CHECK("a missing value", wrong("-s", "--spacing: needs a value x,y,z") &&
                                 wrong("--count", "--count: needs a value N") &&
                                 wrong("-i", "--interp: needs a value"));
    CHECK("a value too many", wrong("--dry-run=1", "--dry-run: takes no value"));
    CHECK("not a whole number", wrong("--count 1.5", "--count: not a whole number: '1.5'"));
    CHECK("not a number", wrong("--tolerance x", "--tolerance: not a number: 'x'") &&
                              wrong("--tolerance nan", "--tolerance: not a number: 'nan'") &&
                              wrong("--tolerance EMPTY", "--tolerance: not a number: ''"));
    CHECK("not a vector", wrong("-s 1,2,3,4", "--spacing: not numbers x,y,z: '1,2,3,4'") &&
                              wrong("-s 1,,3", "--spacing: not numbers x,y,z: '1,,3'") &&
                              wrong("-s 1,inf", "--spacing: not numbers x,y,z: '1,inf'") &&
                              wrong("-s EMPTY", "--spacing: not numbers x,y,z: ''"));
    CHECK("not a range", wrong("--clip 5", "--clip: not two numbers A,B: '5'") &&
                             wrong("--clip ,", "--clip: not two numbers A,B: ','") &&
                             wrong("--clip 1,2,3", "--clip: not two numbers A,B: '1,2,3'"));
    CHECK("not a size", wrong("--memory big", "--memory: not a size such as 512M or 8G: 'big'"));
    CHECK("not a choice",
          wrong("-i linaer", "--interp: unknown value 'linaer'; did you mean linear? (allowed: "
                             "nearest, linear, bspline)") &&
              wrong("-i x", "--interp: unknown value 'x' (allowed: nearest, linear, bspline)"));
}

static bool canonical;
static struct gn_vec3 pad;
static const char *needed, *help;
static const struct gn_opt choice[] = {
    GN_OPT_FLAG(0, "canonical", &canonical, "RAS order", GN_OPT_ONE_OF),
    GN_OPT_VEC3(0, "pad", &pad, "x,y,z", "add a border", GN_OPT_ONE_OF),
    GN_OPT_TEXT('o', "output", &needed, "DIR", "where to", GN_OPT_REQUIRED | GN_OPT_DIR),
    GN_OPT_TEXT(0, "help", &help, "man", "this text", GN_OPT_OPTIONAL | GN_OPT_ALONE), GN_OPT_END};
static const struct gn_opt *const choices[] = {choice, NULL};

static void test_rules(void)
{
    struct gn_str out = {0};

    CHECK("exactly one of some must be given",
          wrong_with(choices, "-o x", "one of these must be given: --canonical, --pad") &&
              wrong_with(choices, "-o x --pad 1 --canonical",
                         "--canonical and --pad cannot be given together") &&
              parse_with(choices, "-o x --pad 1") == 0);
    CHECK("a required one must be given",
          wrong_with(choices, "--pad 1", "--output DIR: must be given"));
    CHECK("--help asks for none of them", parse_with(choices, "--help") == 0);
    canonical = false;
    needed = NULL;
    pad.n = 0;
    parse_with(choices, "-o /a/b/model/ --pad 1");
    gn_opts_history(&opts, &out);
    CHECK("a folder shows its last part", !strcmp(out.data, "--pad 1,1,1 -o model"));
    gn_str_free(&out);
}

static int history(const char *line, const char *want)
{
    struct gn_str out = {0};
    int same = 0;

    if (!ok(line))
        return 0;
    gn_opts_history(&opts, &out);
    same = !strcmp(gn_str_text(&out), want);
    if (!same)
        printf("# got %s\n", gn_str_text(&out));
    gn_str_free(&out);
    return same;
}

static void test_history(void)
{
    CHECK("nothing that differs, nothing printed",
          history("", "") && history("-s 1,1,1 -i linear --count 10 --memory 8192M", ""));
    CHECK("in the table's order, as it would be typed",
          history("--count 5 -n -i nearest -s .5,1,1e-3 --size 64",
                  "-s 0.5,1,0.001 --size 64,64,64 -i nearest -n --count 5"));
    CHECK("counts, sizes, ranges and lists",
          history("-vv --memory 1536 --clip ,300 --window 1,2 --op a --op 'b'",
                  "--window 1,2 --clip ,300 --op a --op ''\\''b'\\''' -v -v --memory 1536"));
    CHECK("what says nothing about the result is left out",
          history("-j 4 -c c.yaml --help=man", ""));
    CHECK("files show their base name", history("--like /home/me/t1.nii.gz", "--like t1.nii.gz"));
    CHECK("texts are quoted where a shell needs it",
          history("-p *.nii", "-p '*.nii'") && history("-p EMPTY", ""));
    CHECK("numbers read back as the same",
          history("--tolerance 0.1000000000000000055", "--tolerance 0.1") &&
              history("--tolerance 0.30000000000000004", "--tolerance 0.30000000000000004"));
}

static int default_is(size_t i, const char *name, const char *want)
{
    const char *text = NULL;
    const struct gn_opt *o = gn_opts_at(&opts, i, &text);

    return o && !strcmp(o->name, name) && !strcmp(text, want);
}

static void test_table(void)
{
    const char *text = "x";

    ok("-s 5 --count 3 --memory 1G");
    CHECK("entries come in order with the defaults from before parsing",
          default_is(0, "What it does", "") && default_is(1, "spacing", "1,1,1") &&
              default_is(2, "size", "") && default_is(3, "interp", "linear") &&
              default_is(4, "dry-run", "") && default_is(5, "count", "10") &&
              default_is(6, "tolerance", "0.001") && default_is(7, "pattern", "") &&
              default_is(9, "window", "0,255") && default_is(10, "clip", "") &&
              default_is(12, "All tools", "") && default_is(14, "verbose", "") &&
              default_is(15, "threads", "") && default_is(16, "memory", "8G"));
    CHECK("past the end is NULL",
          gn_opts_at(&opts, 18, &text) == NULL && !*text && gn_opts_at(&opts, 17, NULL));
}

/* A table that is our own mistake aborts at start. */
static int aborts(const struct gn_opt *table)
{
    const struct gn_opt *const one[] = {table, NULL};
    struct gn_opts o;
    int status = 0;
    pid_t pid = 0;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        gn_opts_init(&o, one);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_mistakes(void)
{
    static bool f;
    static const char *t, *wrong_default = "cubic";
    const struct gn_opt letter[] = {GN_OPT_FLAG('a', "aa", &f, "x", 0),
                                    GN_OPT_FLAG('a', "bb", &f, "x", 0), GN_OPT_END};
    const struct gn_opt name[] = {GN_OPT_FLAG('a', "aa", &f, "x", 0),
                                  GN_OPT_FLAG('b', "aa", &f, "x", 0), GN_OPT_END};
    const struct gn_opt no_help[] = {GN_OPT_FLAG('a', "aa", &f, "", 0), GN_OPT_END};
    const struct gn_opt no_value[] = {GN_OPT_FLAG('a', "aa", NULL, "x", 0), GN_OPT_END};
    const struct gn_opt no_arg[] = {GN_OPT_TEXT('a', "aa", &t, NULL, "x", 0), GN_OPT_END};
    const struct gn_opt spelling[] = {GN_OPT_FLAG('a', "a_a", &f, "x", 0), GN_OPT_END};
    const struct gn_opt optional[] = {GN_OPT_FLAG('a', "aa", &f, "x", GN_OPT_OPTIONAL), GN_OPT_END};
    const struct gn_opt no_choice[] = {GN_OPT_CHOICE('a', "aa", &wrong_default, interps, "x", 0),
                                       GN_OPT_END};
    const struct gn_opt good[] = {GN_OPT_FLAG('a', "aa", &f, "x", 0), GN_OPT_END};

    CHECK("two options with one letter or name", aborts(letter) && aborts(name));
    CHECK("an option without help, value or placeholder",
          aborts(no_help) && aborts(no_value) && aborts(no_arg));
    CHECK("a name that is not spelt as names are", aborts(spelling));
    CHECK("a default that is no choice, an optional flag", aborts(no_choice) && aborts(optional));
    CHECK("a good table does not", !aborts(good));
}

int main(void)
{
    test_parse();
    test_wrong();
    test_rules();
    test_history();
    test_table();
    test_mistakes();
    gn_opts_free(&opts);
    gn_strs_free(&operands);
    gn_strs_free(&args.ops);
    CHECK("freed options are empty", opts.n == 0 && !gn_opts_at(&opts, 0, NULL));
    return check_done();
}
