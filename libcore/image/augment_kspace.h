/* augment_kspace.h - what kspace shares with ghosting and spike: their settings, draws and work. */
#ifndef GN_IMAGE_AUGMENT_KSPACE_H
#define GN_IMAGE_AUGMENT_KSPACE_H

#include "image/augment.h"

/* value: number of ghosts, axis, intensity; drawn from where's numbers first, first + 1, ... */
enum { GN_GHOSTING_VALUES = 3 };
void gn_ghosting_parameter(int k, char name[GN_AUGMENT_NAME]);
void gn_ghosting_draw(const struct gn_augment_step *s, const struct gn_draw *where, uint64_t first,
                      const struct gn_grid *grid, double *value);
int gn_ghosting_run(const double *value, struct gn_tensor *t, struct gn_err *err) GN_MUST_USE;

/* value: number of spikes, intensity, then x y z of each of the most that there can be. */
enum { GN_SPIKE_VALUES = 2 };
void gn_spike_parameter(int k, char name[GN_AUGMENT_NAME]);
void gn_spike_draw(const struct gn_augment_step *s, const struct gn_draw *where, uint64_t first,
                   int n, double *value);
int gn_spike_run(const double *value, int n, struct gn_tensor *t,
                 struct gn_err *err) GN_MUST_USE;

#endif
