/* optim_step.h - the updates, for one type of element; included by optim.c once for float, once for
 * double. No guard on purpose.
 *
 * Factors are computed in double and rounded once; the order of operations is fixed, so results do
 * not depend on threads or compilers. */
void FUNCTION(const struct gn_optim *o, const struct gn_optim_spec *spec, int64_t step, double rate,
              double scale, double limit, REAL *th, const REAL *g, REAL *const s[3], size_t n)
{
    const REAL by = (REAL)scale, cap = (REAL)limit, decay = (REAL)spec->weight_decay,
               lr = (REAL)rate;
    if (o->kind == GN_SGD) {
        /* g += wd th; buf = m buf + (1 - dampening) g, g itself at the first step; th -= lr
         * (nesterov ? g + m buf : buf) */
        const REAL m = (REAL)spec->momentum, keep = (REAL)(step == 1 ? 1 : 1 - spec->dampening);
        REAL *buf = o->arrays ? s[0] : NULL;
        for (size_t i = 0; i < n; i++) {
            REAL d = g[i] * by;
            if (cap > 0)
                d = d > cap ? cap : d < -cap ? -cap : d;
            d += decay * th[i];
            if (buf) {
                buf[i] = m * buf[i] + keep * d;
                d = spec->nesterov ? d + m * buf[i] : buf[i];
            }
            th[i] -= lr * d;
        }
        return;
    }
    /* Kingma & Ba 2015 (arXiv:1412.6980); adamw: Loshchilov & Hutter 2019 (arXiv:1711.05101);
     * amsgrad: Reddi et al. 2018 */
    const double c1 = 1 - pow(spec->beta1, (double)step), c2 = 1 - pow(spec->beta2, (double)step);
    const REAL b1 = (REAL)spec->beta1, b2 = (REAL)spec->beta2, a1 = (REAL)(1 - spec->beta1),
               a2 = (REAL)(1 - spec->beta2);
    const REAL size = (REAL)(rate / c1), root = (REAL)sqrt(c2), eps = (REAL)spec->eps,
               shrink = (REAL)(1 - rate * spec->weight_decay);
    REAL *m = s[0], *v = s[1], *top = o->arrays > 2 ? s[2] : NULL;
    for (size_t i = 0; i < n; i++) {
        REAL d = g[i] * by;
        if (cap > 0)
            d = d > cap ? cap : d < -cap ? -cap : d;
        if (o->kind == GN_ADAMW)
            th[i] *= shrink;
        else
            d += decay * th[i];
        m[i] = b1 * m[i] + a1 * d;
        v[i] = b2 * v[i] + a2 * (d * d);
        REAL u = v[i];
        if (top)
            u = top[i] = FMAX(top[i], u);
        th[i] -= size * (m[i] / (SQRT(u) / root + eps));
    }
}
