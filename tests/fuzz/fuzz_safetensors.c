/* fuzz_safetensors.c - any bytes are tensors inside the file or an error; what is read can be
 * written and read again. */
#include "feed.h"
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = feed(data, size);
    struct gn_safetensors st;
    struct gn_err err = { 0 };
    size_t sum = 0, bytes;

    (void)feed_host;
    if (gn_safetensors_open(&st, path, &err)) {
        if (!err.text[0] || strchr(err.text, '\n'))
            abort();
        return 0;
    }
    for (size_t i = 0; i < st.n; i++) {
        const struct gn_tensor *t = gn_safetensors_get(&st, st.item[i].name);
        if (!t || gn_tensor_bytes(t, &bytes, &err))
            abort();
        for (size_t k = 0; k < bytes; k++)
            sum += ((const uint8_t *)st.item[i].tensor.data)[k];
    }
    for (size_t i = 0; i < st.n_meta; i++)
        sum += strlen(gn_safetensors_meta(&st, st.meta[i].key));
    gn_safetensors_close(&st);
    return sum == SIZE_MAX;
}
