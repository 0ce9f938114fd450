/* colour.c - palettes. */
#include "view/colour.h"

uint32_t gn_view_mix(uint32_t a, uint32_t b, double share)
{
    uint32_t out = 0;

    for (int shift = 16; shift >= 0; shift -= 8) {
        double x = a >> shift & 255, y = b >> shift & 255;

        out |= (uint32_t)(x + (y - x) * share + 0.5) << shift;
    }
    return out;
}

uint32_t gn_view_label_colour(int k)
{
    static const uint32_t hues[8] = {0x56b9f2, 0xf4e648, 0xff7043, 0x2fd6a3,
                                     0xf590cb, 0x7c8cff, 0xf2a71b, 0xd7dbe0};
    uint32_t c = hues[k % 8];

    switch (k / 8 % 4) {
    case 1: return gn_view_mix(c, 0xffffff, 0.5);
    case 2: return gn_view_mix(c, 0x101010, 0.4);
    case 3: return gn_view_mix(c, 0x808080, 0.6);
    default: return c;
    }
}

uint32_t gn_view_heat(double t)
{
    static const uint32_t stops[6] = {0x07060f, 0x4a1270, 0xa52c60, 0xe9633a, 0xfab526, 0xfcfbb8};
    double place = t < 0 || t != t ? 0 : t > 1 ? 5 : 5 * t;
    int k = place >= 5 ? 4 : (int)place;

    return gn_view_mix(stops[k], stops[k + 1], place - k);
}
