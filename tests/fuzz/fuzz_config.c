/* fuzz_config.c - any bytes give a config or faults; what is printed reads as the same config. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(int ok)
{
    if (!ok)
        abort();
}

static void use(const struct gn_config *c)
{
    struct gn_config again;
    struct gn_str first = { 0 }, second = { 0 }, shell = { 0 };
    struct gn_strs faults = { 0 }, chain = { 0 }, keys = { 0 };
    struct gn_err err = { 0 };

    gn_config_print(c, &first);
    insist(gn_config_parse(&again, "again", gn_str_text(&first), first.len, &faults, &err) == 0 &&
           faults.n == 0);
    gn_config_print(&again, &second);
    insist(strcmp(gn_str_text(&first), gn_str_text(&second)) == 0);
    gn_config_differences(c, &again, NULL, &keys);
    insist(keys.n == 0);
    gn_config_chain(c, true, &chain);
    gn_config_pipeline(c, "fuzz", GN_PIPELINE_ALL, &shell);
    for (int k = 0; k < c->n_classes; k++)
        (void)gn_config_class_value(c, k);
    gn_config_free(&again);
    gn_strs_free(&faults);
    gn_strs_free(&chain);
    gn_strs_free(&keys);
    gn_str_free(&first);
    gn_str_free(&second);
    gn_str_free(&shell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_config c;
    struct gn_strs faults = { 0 };
    struct gn_err err = { 0 };
    int rc = gn_config_parse(&c, "fuzz", (const char *)data, size, &faults, &err);

    insist((rc == 0) == (faults.n == 0) && (rc == 0 || err.code));
    if (rc == 0)
        use(&c);
    gn_config_free(&c);
    gn_strs_free(&faults);
    return 0;
}
