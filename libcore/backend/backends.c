/* backends.c - the table of backends: what stands here is linked into every program that computes
 * with networks. */
#include "backend/backend.h"

const struct gn_backend *const gn_backends[] = {
    &gn_backend_cpu,
    &gn_backend_ref,
    NULL
};
