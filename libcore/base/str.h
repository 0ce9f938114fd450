/* str.h - growable text, names and paths. */
#ifndef GN_BASE_STR_H
#define GN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A growable byte string; data is always NUL-terminated, {0} is the empty string. */
struct gn_str {
    char *data;
    size_t len, cap;
};

void gn_str_add(struct gn_str *s, const char *text);
void gn_str_addn(struct gn_str *s, const char *bytes, size_t n);
void gn_str_addf(struct gn_str *s, const char *fmt, ...) GN_PRINTF(2, 3);
void gn_str_addv(struct gn_str *s, const char *fmt, va_list args);
/* The shortest of %.15g, %.16g and %.17g that reads back as the same double. */
void gn_str_add_real(struct gn_str *s, double value);
/* As one word of a POSIX shell, quoted if it must be; control characters become \xHH inside $'',
 * so one line stays one. */
void gn_str_add_shell(struct gn_str *s, const char *text);
void gn_str_clear(struct gn_str *s); /* empties, keeps the memory */
void gn_str_free(struct gn_str *s);
const char *gn_str_text(const struct gn_str *s); /* never NULL; borrowed */

char *gn_strdup(const char *text); /* owned by the caller; NULL stays NULL */
char *gn_strndup(const char *text, size_t n);
char *gn_asprintf(const char *fmt, ...) GN_PRINTF(1, 2);

/* A list of owned strings; item[n] is NULL once anything was added. */
struct gn_strs {
    char **item;
    size_t n;
};
void gn_strs_add(struct gn_strs *list, const char *text);
void gn_strs_free(struct gn_strs *list);

/* 64-bit FNV-1a, the hash of names in seeds and file names. Continue a hash by passing it as
 * start. */
#define GN_FNV_START UINT64_C(0xcbf29ce484222325)
uint64_t gn_fnv1a(uint64_t start, const void *bytes, size_t n);

/* The name in the NULL-terminated list nearest to what was typed (case ignored), or NULL when
 * none is near. Of equally near ones that which a vowel for a vowel or two swapped letters make,
 * else the first. */
const char *gn_nearest(const char *typed, const char *const *names);

/* Numbers from text: the whole text must be one number in the C locale (hex refused, a leading 0
 * means nothing). A double may be inf or nan by name; a number too large to hold is refused.
 * Return 0 or -1 (no error text: the caller knows what it was reading). */
int gn_parse_int(const char *text, int64_t *value) GN_MUST_USE;
int gn_parse_double(const char *text, double *value) GN_MUST_USE;
/* 512, 64K, 100M, 8G, 1.5G, 1T (powers of 1024, in either case; an i and a B may follow). */
int gn_parse_size(const char *text, uint64_t *bytes) GN_MUST_USE;

/* Paths. Results are owned by the caller. */
char *gn_path_join(const char *dir,
                   const char *name);       /* name alone if it is absolute or dir is "" */
char *gn_path_dir(const char *path);        /* "." when there is no slash */
const char *gn_path_base(const char *path); /* borrowed: after the last slash */
const char *gn_path_ext(const char *path);  /* borrowed: ".nii.gz", ".png", or "" */
char *gn_path_stem(const char *path);       /* base without ext */
/* A sample's name as a file name (interface 3): %, /, control bytes and a leading . or - become
 * %XX; above 200 bytes the first 180 (fewer where that would cut a character or a %XX), '-' and
 * 16 hex digits of FNV-1a of the sample's name. The empty name gives %00. */
char *gn_path_name(const char *sample);

bool gn_utf8_valid(const char *bytes, size_t n); /* well-formed UTF-8, no surrogates */

#endif
