/* cache.h - a folder of preprocessed samples, one .gnt each, or .gnt files: what gn-epochs replays
 * and gn-train validates on.
 *
 * Items are in byte order of their sample. One file is mapped at a time; a file's checksums are
 * compared at its first use.
 */
#ifndef GN_RUN_CACHE_H
#define GN_RUN_CACHE_H

#include "stream/sample.h"

struct gn_cache_item {
    char *sample, *subject, *path;
    int64_t offset;  /* of its first record in the file */
    int64_t size[3]; /* x y z of its first record; 0 0 0 if that is no image */
    bool verified;
};

struct gn_cache {
    struct gn_cache_item *item;
    size_t n;
    size_t open;              /* item whose file is mapped */
    struct gn_stream *stream; /* NULL: none is */
    struct gn_sample sample;
};

/* A folder needs its data.csv (written last: without it the cache is unfinished and refused). A
 * path may also be a .gnt file of any number of samples; subjects left out of it are warned of. A
 * sample found twice is an error. */
int gn_cache_open(struct gn_cache *c, const char *const *paths, size_t n,
                  struct gn_err *err) GN_MUST_USE;
/* Keep the samples whose subject stands in the CSV's subject column; a subject of the CSV that the
 * cache lacks is an error. */
int gn_cache_select(struct gn_cache *c, const char *csv, struct gn_err *err) GN_MUST_USE;
/* Item i, borrowed until the next load. Its payloads may be edited (a private map). */
struct gn_sample *gn_cache_load(struct gn_cache *c, size_t i, struct gn_err *err) GN_MUST_USE;
void gn_cache_close(struct gn_cache *c);

#endif
