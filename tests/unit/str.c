/* str - growable text, lists, numbers from text, nearest names, paths, UTF-8. */
#include "base/str.h"

#include <stdlib.h>

#include "check.h"

static void test_text(void)
{
    struct gn_str s = { 0 };
    struct gn_strs list = { 0 };
    char *t = NULL;
    int good = 1;

    CHECK("nothing is the empty text", !strcmp(gn_str_text(&s), ""));
    gn_str_add(&s, "ab");
    gn_str_addn(&s, "c\0d", 3);
    CHECK("bytes are appended and a NUL follows", s.len == 5 && !memcmp(s.data, "abc\0d", 6));
    gn_str_clear(&s);
    CHECK("clearing empties", s.len == 0 && !strcmp(gn_str_text(&s), ""));
    for (int i = 0; i < 1000; i++)
        gn_str_addf(&s, "%03d,", i);
    CHECK("formatted text grows as far as it must",
          s.len == 4000 && !strcmp(s.data + 3996, "999,"));
    gn_str_free(&s);
    CHECK("freed is empty again", s.len == 0 && !s.data);

    CHECK("a copy of nothing is nothing", gn_strdup(NULL) == NULL);
    t = gn_strndup("abcdef", 3);
    CHECK("a copy of some bytes", !strcmp(t, "abc"));
    free(t);
    t = gn_asprintf("%s/%d", "x", 5);
    CHECK("text from a format", !strcmp(t, "x/5"));
    free(t);
    t = gn_asprintf("%s", "");
    CHECK("empty text from a format", t && !*t);
    free(t);

    for (int i = 0; i < 100; i++) {
        t = gn_asprintf("%d", i);
        gn_strs_add(&list, t);
        free(t);
        good = good && list.item[list.n] == NULL;
    }
    for (int i = 0; i < 100; i++)
        good = good && atoi(list.item[i]) == i;
    CHECK("a list keeps copies in order and ends with NULL", good && list.n == 100);
    gn_strs_free(&list);
    CHECK("a freed list is empty", list.n == 0 && !list.item);
}

static int real_is(double value, const char *want)
{
    struct gn_str s = { 0 };
    int same = 0;

    gn_str_add_real(&s, value);
    same = !strcmp(s.data, want);
    if (!same)
        printf("# got %s\n", s.data);
    gn_str_free(&s);
    return same;
}

static int shell_is(const char *text, const char *want)
{
    struct gn_str s = { 0 };
    int same = 0;

    gn_str_add_shell(&s, text);
    same = !strcmp(s.data, want);
    if (!same)
        printf("# got %s\n", s.data);
    gn_str_free(&s);
    return same;
}

static void test_words(void)
{
    CHECK("numbers print with as few digits as read back the same",
          real_is(0.1, "0.1") && real_is(1, "1") && real_is(-2.5, "-2.5") &&
              real_is(1e300, "1e+300") && real_is(0.1 + 0.2, "0.30000000000000004") &&
              real_is(1.0 / 3, "0.3333333333333333") && real_is(5e-324, "4.94065645841247e-324") &&
              real_is(0, "0"));
    CHECK("infinity and NaN have names", real_is(INFINITY, "inf") && real_is(-INFINITY, "-inf"));
    CHECK("a plain word stands as it is in a shell line",
          shell_is("a-B_1.5,x=/y@%", "a-B_1.5,x=/y@%"));
    CHECK("others are quoted", shell_is("", "''") && shell_is("a b", "'a b'") &&
                                   shell_is("it's", "'it'\\''s'") && shell_is("$x", "'$x'") &&
                                   shell_is("a\\b", "'a\\b'"));
    CHECK("control characters do not break the line", shell_is("a\nb'\\", "$'a\\x0ab\\'\\\\'"));
}

static void test_hash(void)
{
    uint64_t h = gn_fnv1a(GN_FNV_START, "foo", 3);

    /* Test vectors of the FNV draft, http://www.isthe.com/chongo/tech/comp/fnv/ */
    CHECK("FNV-1a of nothing, a and foobar are the published ones",
          gn_fnv1a(GN_FNV_START, "", 0) == UINT64_C(0xcbf29ce484222325) &&
              gn_fnv1a(GN_FNV_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c) &&
              gn_fnv1a(GN_FNV_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    CHECK("a hash can be continued", gn_fnv1a(h, "bar", 3) == UINT64_C(0x85944171f73967e8));
}

static int near(const char *typed, const char *want)
{
    static const char *const names[] = { "nearest",    "linear",      "bspline", "patch_size",
                                         "num_epochs", "spacing-min", NULL };
    const char *got = gn_nearest(typed, names);

    return want ? got && !strcmp(got, want) : !got;
}

static void test_nearest(void)
{
    CHECK("a slip, a swap, another case, a missing letter find their name",
          near("linaer", "linear") && near("LINEAR", "linear") && near("patchsize", "patch_size") &&
              near("patch-size", "patch_size") && near("num_epoch", "num_epochs") &&
              near("bsplin", "bspline"));
    static const char *const equal[] = { "dcce", "dice", "batt", "bats", NULL };
    CHECK("of equally near names a vowel for a vowel and swapped neighbours win, else the first",
          !strcmp(gn_nearest("dyce", equal), "dice") &&
              !strcmp(gn_nearest("bast", equal), "bats") &&
              !strcmp(gn_nearest("dxce", equal), "dcce"));
    CHECK("the beginning of a name finds it", near("spac", "spacing-min"));
    CHECK("what is near nothing finds nothing",
          near("zebra", NULL) && near("", NULL) && near("x", NULL));
    CHECK(
        "a name without end is near nothing",
        near(
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            NULL));
}

static int no_int(const char *text)
{
    int64_t v = 0;
    return gn_parse_int(text, &v) == -1;
}

static int no_double(const char *text)
{
    double v = 0;
    return gn_parse_double(text, &v) == -1;
}

static int is_size(const char *text, uint64_t want)
{
    uint64_t v = 0;
    return gn_parse_size(text, &v) == 0 && v == want;
}

static int no_size(const char *text)
{
    uint64_t v = 0;
    return gn_parse_size(text, &v) == -1;
}

static void test_numbers(void)
{
    int64_t i = 0;
    double d = 0;

    CHECK("whole numbers", gn_parse_int("-12", &i) == 0 && i == -12 &&
                               gn_parse_int("+7", &i) == 0 && i == 7 &&
                               gn_parse_int("010", &i) == 0 && i == 10);
    CHECK("the ends of the range", gn_parse_int("9223372036854775807", &i) == 0 && i == INT64_MAX &&
                                       gn_parse_int("-9223372036854775808", &i) == 0 &&
                                       i == INT64_MIN);
    CHECK("what is no whole number", no_int("") && no_int("-") && no_int("1.0") && no_int("0x10") &&
                                         no_int(" 1") && no_int("1 ") &&
                                         no_int("9223372036854775808") && no_int("--1"));
    CHECK("numbers", gn_parse_double("-1.5e-3", &d) == 0 && d == -1.5e-3 &&
                         gn_parse_double(".5", &d) == 0 && d == 0.5 &&
                         gn_parse_double("1e-400", &d) == 0 && d == 0 &&
                         gn_parse_double("-INF", &d) == 0 && d == -INFINITY &&
                         gn_parse_double("nan", &d) == 0 && isnan(d));
    CHECK("what is no number", no_double("") && no_double(".") && no_double("1,5") &&
                                   no_double("0x1p3") && no_double(" 1") && no_double("1x") &&
                                   no_double("1e999") && no_double("nan(1)") && no_double("-+1"));
    CHECK("sizes", is_size("512", 512) && is_size("64K", 65536) && is_size("100m", 104857600) &&
                       is_size("8GiB", UINT64_C(8) << 30) && is_size("1T", UINT64_C(1) << 40) &&
                       is_size("2kB", 2048) && is_size("1.5G", UINT64_C(3) << 29) &&
                       is_size("64B", 64) && is_size("0", 0));
    CHECK("what is no size", no_size("") && no_size("-1") && no_size("K") && no_size("1.5") &&
                                 no_size("1X") && no_size("1KK") && no_size("99999999999T") &&
                                 no_size("99999999999999999999") && no_size("1.5.5G") &&
                                 no_size("9999999999.5G"));
}

static int join_is(const char *a, const char *b, const char *want)
{
    char *p = gn_path_join(a, b);
    int same = !strcmp(p, want);
    free(p);
    return same;
}

static int dir_is(const char *path, const char *want)
{
    char *p = gn_path_dir(path);
    int same = !strcmp(p, want);
    free(p);
    return same;
}

static int stem_is(const char *path, const char *stem, const char *ext)
{
    char *p = gn_path_stem(path);
    int same = !strcmp(p, stem) && !strcmp(gn_path_ext(path), ext);
    if (!same)
        printf("# got %s and %s\n", p, gn_path_ext(path));
    free(p);
    return same;
}

static int name_is(const char *sample, const char *want)
{
    char *p = gn_path_name(sample);
    int same = !strcmp(p, want);
    if (!same)
        printf("# got %s\n", p);
    free(p);
    return same;
}

static void test_paths(void)
{
    char sample[300], want[300];

    CHECK("joining", join_is("a", "b", "a/b") && join_is("a/", "b", "a/b") &&
                         join_is("", "b", "b") && join_is("a", "/b", "/b") &&
                         join_is("/", "b", "/b"));
    CHECK("folders", dir_is("a/b", "a") && dir_is("b", ".") && dir_is("/b", "/") &&
                         dir_is("a//b", "a") && dir_is("/", "/") && dir_is("a/b/", "a/b"));
    CHECK("last parts", !strcmp(gn_path_base("a/b.c"), "b.c") && !strcmp(gn_path_base("b"), "b") &&
                            !strcmp(gn_path_base("a/"), ""));
    CHECK("stems and extensions",
          stem_is("x/t1.nii.gz", "t1", ".nii.gz") && stem_is("a.b.png", "a.b", ".png") &&
              stem_is("p.1.nii.gz", "p.1", ".nii.gz") && stem_is("a.csv.GZ", "a", ".csv.GZ") &&
              stem_is("x.gz", "x", ".gz") && stem_is("best.safetensors", "best", ".safetensors"));
    CHECK("what has no extension",
          stem_is("name", "name", "") && stem_is(".hidden", ".hidden", "") &&
              stem_is("1.2.840.10008", "1.2.840.10008", "") && stem_is("a.", "a.", "") &&
              stem_is("d.x/name", "name", "") && stem_is("2.gz", "2", ".gz"));
    CHECK("a sample's name as a file name",
          name_is("subject 007", "subject 007") && name_is("a/b%c", "a%2Fb%25c") &&
              name_is("..", "%2E.") && name_is("-x-", "%2Dx-") && name_is("a\nb\x7f", "a%0Ab%7F") &&
              name_is("\xc3\xa9", "\xc3\xa9") && name_is("", "%00"));
    memset(sample, 'a', 200);
    sample[200] = '\0';
    CHECK("200 bytes stay", name_is(sample, sample));
    strcat(sample, "a");
    snprintf(want, sizeof want, "%.180s-%016llx", sample,
             (unsigned long long)gn_fnv1a(GN_FNV_START, sample, 201));
    CHECK("201 bytes become 180, a dash and the hash", name_is(sample, want));
    for (int i = 0; i < 250; i += 2)
        memcpy(sample + i + 1, "\xc3\xa9", 3);
    sample[0] = 'x';
    snprintf(want, sizeof want, "%.179s-%016llx", sample,
             (unsigned long long)gn_fnv1a(GN_FNV_START, sample, strlen(sample)));
    CHECK("no character is cut", name_is(sample, want) && gn_utf8_valid(want, strlen(want)));
    memset(sample, '/', 100);
    sample[0] = 'x';
    sample[100] = '\0';
    {
        char *p = gn_path_name(sample);
        CHECK("no escape is cut", strlen(p) == 1 + 59 * 3 + 17 && p[177] == 'F' && p[178] == '-');
        free(p);
    }
}

static int valid(const char *text)
{
    return gn_utf8_valid(text, strlen(text));
}

static void test_utf8(void)
{
    CHECK("good UTF-8", valid("") && valid("abc") &&
                            valid("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") &&
                            gn_utf8_valid("a\0b", 3) && valid("\xf4\x8f\xbf\xbf"));
    CHECK("bad UTF-8", !valid("\xff") && !valid("\xc3") && !valid("\xc0\x80") &&
                           !valid("\xe0\x80\x80") && !valid("\xed\xa0\x80") &&
                           !valid("\xf4\x90\x80\x80") && !valid("\x80") &&
                           !valid("\xf0\x80\x80\x80") && !valid("\xe2\x82z"));
}

int main(void)
{
    test_text();
    test_words();
    test_hash();
    test_nearest();
    test_numbers();
    test_paths();
    test_utf8();
    return check_done();
}
