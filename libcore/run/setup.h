/* setup.h - from a config to what nn builds from: network, loss, optimiser, schedule.  config knows
 * no nn, nn knows no config. */
#ifndef GN_RUN_SETUP_H
#define GN_RUN_SETUP_H

#include "config/config.h"
#include "nn/net.h"

struct gn_setup {
    struct gn_net_spec net;
    struct gn_loss_spec loss;
    struct gn_optim_spec optim;
    struct gn_schedule_spec schedule;
    struct gn_class *classes; /* owned; loss.class_list points here */
};

/* channels: what the data bring; a config that names another number is an error. Texts are borrowed
 * from the config. */
int gn_setup_from_config(struct gn_setup *s, const struct gn_config *c, int channels,
                         struct gn_err *err) GN_MUST_USE;
void gn_setup_free(struct gn_setup *s);

/* Is class k background: the label 0 and nothing else? Those are left out of hard Dice. */
bool gn_class_is_background(const struct gn_class *c);
/* Is this label value in the class? */
bool gn_class_has(const struct gn_class *c, int32_t label);

#endif
