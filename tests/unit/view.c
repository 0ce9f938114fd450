/* view.c - planes and outlines as gn-view draws them, before anything is painted. */
#include <stdlib.h>

#include "check.h"
#include "view/block.h"
#include "view/colour.h"
#include "view/plane.h"

static struct gn_tensor volume(int64_t c, int64_t z, int64_t y, int64_t x)
{
    struct gn_tensor t;
    struct gn_err err = {0};

    if (gn_tensor_new4(&t, GN_FLOAT32, c, z, y, x, &err))
        exit(1);
    return t;
}

/* A cube in which exactly the voxel towards the patient's right, front and head is 1, stored in
 * voxel order (perm[k]: the world axis of voxel axis k) and direction. */
static void phantom(const int perm[3], const bool flip[3], struct gn_tensor *t, double affine[12])
{
    int64_t at[3];

    *t = volume(1, 5, 5, 5);
    memset(affine, 0, 12 * sizeof *affine);
    for (int k = 0; k < 3; k++) {
        affine[4 * perm[k] + k] = flip[k] ? -1 : 1;
        at[k] = flip[k] ? 1 : 3;
    }
    gn_tensor_set(t, (at[2] * 5 + at[1]) * 5 + at[0], 1);
}

static void orientation(void)
{
    static const int perms[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const letters[3] = {"APSI", "RLSI", "RLAP"};
    const int64_t size[3] = {5, 5, 5};
    bool seen = true, named = true, through = true;

    for (int p = 0; p < 6; p++)
        for (int f = 0; f < 8; f++) {
            const bool flip[3] = {f & 1, f & 2, f & 4};
            struct gn_tensor t;
            double affine[12];

            phantom(perms[p], flip, &t, affine);
            for (int world = 0; world < 3; world++) {
                struct gn_view_plane q;
                float plane[25], sum = 0;
                int64_t first = 0, last = 0;
                bool found = false;

                gn_view_plane_of(size, affine, false, world, &q);
                gn_view_extract(&t, 0, &q, 3, plane);
                for (int i = 0; i < 25; i++)
                    sum += plane[i];
                seen = seen && sum == 1 && plane[5 + 1] == 1;
                named = named && !memcmp(q.letter, letters[world], 4);
                gn_view_extent(&t, &q, &first, &last, &found);
                through = through && found && first == 3 && last == 3;
            }
            gn_tensor_free(&t);
        }
    CHECK("right, front and head are seen left, up and up in each of 48 storage orders", seen);
    CHECK("the letters are those of the patient", named);
    CHECK("planes are counted from the left, the back and the feet", through);
}

static void axes(void)
{
    static const double mm[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    static const double thick[12] = {1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0};
    static const double psr[12] = {0, 0, 1, -89, -1, 0, 0, 118, 0, 1, 0, 2};
    static const double oblique[12] = {0.8, -0.6, 0, 0, 0.6, 0.8, 0, 0, 0, 0, 2.5, 0};
    static const double file[12] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0};
    struct gn_view_plane p;

    CHECK("a cube is shown in axial planes",
          gn_view_best_axis((int64_t[]){64, 64, 64}, mm) == GN_VIEW_Z);
    CHECK("thick slices are shown as they were taken",
          gn_view_best_axis((int64_t[]){64, 30, 64}, thick) == GN_VIEW_Y);
    CHECK("a slab is shown across, whatever its axes are called",
          gn_view_best_axis((int64_t[]){217, 18, 182}, psr) == GN_VIEW_Z);
    CHECK("one plane is the plane", gn_view_best_axis((int64_t[]){1, 64, 64}, mm) == GN_VIEW_X);
    gn_view_plane_of((int64_t[]){10, 20, 30}, oblique, false, GN_VIEW_Z, &p);
    CHECK("an oblique affine takes the nearest axes",
          p.axis[0] == 0 && p.axis[1] == 1 && p.axis[2] == 2);
    CHECK_NEAR("and its spacing", p.spacing[2], 2.5, 1e-12);
    gn_view_plane_of((int64_t[]){4, 3, 1}, file, true, GN_VIEW_Z, &p);
    CHECK("a picture lies as in its file, without letters",
          p.axis[0] == 0 && p.axis[1] == 1 && !p.flip[0] && !p.flip[1] && !p.letter[0]);
    CHECK("the affine of a picture is known", gn_view_is_picture(file) && !gn_view_is_picture(mm));
}

static void choice(void)
{
    int64_t at[8];

    CHECK("planes are spread evenly, away from the ends", gn_view_spread(10, 29, 4, at) == 4 &&
                                                              at[0] == 12 && at[1] == 17 &&
                                                              at[2] == 22 && at[3] == 27);
    CHECK("there are no more than there are",
          gn_view_spread(3, 5, 8, at) == 3 && at[0] == 3 && at[2] == 5);
    CHECK("one is the middle one", gn_view_spread(0, 4, 1, at) == 1 && at[0] == 2);
}

static void windows(void)
{
    struct gn_tensor t = volume(1, 1, 1, 205);
    double lo = 0, hi = 0;

    for (int i = 0; i < 201; i++)
        gn_tensor_set(&t, i, (i * 37) % 201 + 100); /* 100 .. 300, shuffled */
    gn_tensor_set(&t, 203, NAN);
    gn_tensor_set(&t, 204, INFINITY);
    CHECK("values that are not finite are counted",
          gn_view_percentiles(&t, 0, 0, true, 0.5, 99.5, &lo, &hi) == 2);
    CHECK_NEAR("percentile 0.5 leaves zeros out", lo, 101, 1e-12);
    CHECK_NEAR("percentile 99.5", hi, 299, 1e-12);
    gn_view_percentiles(&t, 0, 0, false, 0, 100, &lo, &hi);
    CHECK("all values have the extremes", lo == 0 && hi == 300);
    gn_tensor_free(&t);
}

static void sizes(void)
{
    static const float in[6] = {1, 2, 3, 4, 5, 6};
    float same[6], large[36 * 6], small[2], sum = 0;
    bool square = true;

    gn_view_resize(in, 3, 2, same, 3, 2);
    CHECK("the same size changes nothing", !memcmp(in, same, sizeof in));
    gn_view_resize(in, 3, 2, large, 18, 12);
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 18; x++)
            square = square && large[18 * y + x] == in[3 * (y / 6) + x / 6];
    CHECK("large voxels stay squares", square);
    gn_view_resize(in, 3, 2, small, 1, 2);
    sum = small[0] + small[1];
    CHECK_NEAR("shrinking averages", sum, 7, 1e-6);
}

/* Twice the area that a loop encloses; the region is on the right, so a hole counts negative. */
static double area2(const struct gn_contours *c, size_t i)
{
    const float *p = c->xy + 2 * c->loop[i].first;
    size_t n = c->loop[i].count;
    double sum = 0;

    for (size_t k = 0; k < n; k++) {
        const float *a = p + 2 * k, *b = p + 2 * ((k + 1) % n);

        sum += (double)a[0] * b[1] - (double)a[1] * b[0];
    }
    return sum;
}

static void contours(void)
{
    static const int32_t ring[25] = {0, 0, 0, 0, 0, 0, 7, 7, 7, 0, 0, 7, 0,
                                     7, 0, 0, 7, 7, 7, 0, 0, 0, 0, 0, 0};
    static const int32_t touch[4] = {1, 0, 0, 1}, pair[2] = {1, 2}, full[4] = {3, 3, 3, 3};
    struct gn_contours c = {0};

    gn_contours_add(&c, ring, 5, 5, 10, 10, 0, GN_VIEW_TRUTH);
    CHECK("a ring has an outer and an inner border",
          c.n == 2 && c.loop[0].label == 7 && c.loop[0].count == 4);
    CHECK("the outer encloses nine voxels", area2(&c, 0) == 2 * 900);
    CHECK("the hole is one, the other way round", area2(&c, 1) == -2 * 100);
    gn_contours_free(&c);
    gn_contours_add(&c, ring, 5, 5, 10, 10, 1, GN_VIEW_TRUTH);
    CHECK("an inset moves the outer border in", area2(&c, 0) == 2 * 28 * 28);
    CHECK("and the border of a hole out of the hole", area2(&c, 1) == -2 * 12 * 12);
    gn_contours_free(&c);
    gn_contours_add(&c, ring, 5, 5, 10, 10, -1, GN_VIEW_TRUTH);
    CHECK("a negative one does the contrary",
          area2(&c, 0) == 2 * 32 * 32 && area2(&c, 1) == -2 * 8 * 8);
    gn_contours_free(&c);
    gn_contours_add(&c, touch, 2, 2, 10, 10, 0, GN_VIEW_TRUTH);
    CHECK("corners do not join regions", c.n == 2 && area2(&c, 0) == 200 && area2(&c, 1) == 200);
    gn_contours_free(&c);
    gn_contours_add(&c, pair, 2, 1, 10, 10, 0, GN_VIEW_PREDICTION);
    CHECK("neighbours have a border each", c.n == 2 && c.loop[0].label == 1 &&
                                               c.loop[1].label == 2 &&
                                               c.loop[1].role == GN_VIEW_PREDICTION);
    gn_contours_free(&c);
    gn_contours_add(&c, full, 2, 2, 10, 5, 0, GN_VIEW_TRUTH);
    CHECK("the image's edge is a border", c.n == 1 && area2(&c, 0) == 2 * 20 * 10);
    gn_contours_free(&c);
    gn_contours_add(&c, full, 2, 2, 2, 2, 0, GN_VIEW_TRUTH);
    CHECK("small voxels give a smooth border through the edges' middles",
          c.n == 1 && c.loop[0].count == 8 && area2(&c, 0) == 2 * (16 - 4 * 0.5));
    gn_contours_free(&c);
    gn_contours_add(&c, touch, 1, 1, 1, 1, 5, GN_VIEW_TRUTH);
    CHECK("a voxel of one pixel is not turned inside out", c.n == 1 && area2(&c, 0) > 0);
    gn_contours_free(&c);
}

/* How often a text stands in a block. */
static int stands(const struct gn_view_block *b, const char *text)
{
    int n = 0;

    for (size_t i = 0; i < b->texts; i++)
        n += !strcmp(b->text[i].text, text);
    return n;
}

static void words(void)
{
    struct gn_tensor t = volume(1, 5, 64, 64), small = volume(1, 9, 9, 9);
    struct gn_view_layer layer = {
        .tensor = &t, .kind = GN_VIEW_GREY, .lo = 0, .hi = 10, .title = (char[]){"t"}};
    /* stored y runs from head to foot, z from the front to the back */
    struct gn_view_subject s = {.name = "s",
                                .note = "",
                                .affine = {1, 0, 0, 0, 0, 0, -5, 0, 0, -1, 0, 0},
                                .layer = &layer,
                                .layers = 1};
    struct gn_view_style style = {.axis = GN_VIEW_ALL, .slices = 1, .contour = true};
    struct gn_view_block b;
    struct gn_err err = {0};

    gn_tensor_set(&t, 2 * 64 * 64 + 7 * 64 + 10, 5);
    CHECK("a slab of the front is laid out", gn_view_block_draw(&s, &style, &b, &err) == 0);
    CHECK("planes are called as the body's, whatever their axis is in the file",
          stands(&b, "sag 10") == 1 && stands(&b, "coronal 2") == 1 &&
              stands(&b, "axial 7") == 1);
    CHECK("of --axis all each has its letters, where there is room for them",
          stands(&b, "R") == 2 && stands(&b, "L") == 2 && stands(&b, "S") == 2 &&
              stands(&b, "I") == 1 && stands(&b, "A") == 2 && stands(&b, "P") == 2);
    gn_view_block_free(&b);
    s.affine[6] = -2;
    CHECK("of a thin line those at its ends, and its name",
          gn_view_block_draw(&s, &style, &b, &err) == 0 && stands(&b, "R") == 2 &&
              stands(&b, "L") == 2 && stands(&b, "A") == 0 && stands(&b, "axial 7") == 1);
    gn_view_block_free(&b);
    s.affine[6] = -1;
    s.affine[0] = 1;
    layer.tensor = &small;
    style.columns = 16;
    gn_tensor_set(&small, 4 * 81 + 4 * 9 + 4, 5);
    CHECK("small pictures are laid out", gn_view_block_draw(&s, &style, &b, &err) == 0);
    CHECK("and have short names", stands(&b, "sag 4") == 1 && stands(&b, "cor 4") == 1 &&
                                      stands(&b, "ax 4") == 1);
    gn_view_block_free(&b);
    s.picture = true;
    memcpy(s.affine, (double[12]){-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0}, sizeof s.affine);
    style = (struct gn_view_style){.axis = GN_VIEW_Z, .slices = 1, .contour = true};
    CHECK("of what has no place the file's axis is named",
          gn_view_block_draw(&s, &style, &b, &err) == 0 && stands(&b, "z 4") == 1);
    gn_view_block_free(&b);
    gn_tensor_free(&t);
    gn_tensor_free(&small);
}

static void blocks(void)
{
    struct gn_tensor t = volume(1, 4, 10, 20);
    struct gn_view_layer layer = {
        .tensor = &t, .kind = GN_VIEW_GREY, .lo = 0, .hi = 10, .title = (char[]){"t"}};
    struct gn_view_subject s = {.name = "s",
                                .note = "",
                                .affine = {1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 2, 0},
                                .layer = &layer,
                                .layers = 1};
    struct gn_view_style style = {.axis = GN_VIEW_ALL, .slices = 2, .contour = true};
    struct gn_view_block b;
    struct gn_err err = {0};

    gn_tensor_set(&t, 1 * 200 + 4 * 20 + 10, 5);
    CHECK("a volume is laid out", gn_view_block_draw(&s, &style, &b, &err) == 0);
    CHECK("with one plane where only one holds something, of each axis", b.panels == 3);
    CHECK_NEAR("sagittal planes have the aspect of mm", (double)b.panel[0].w / b.panel[0].h,
               30.0 / 8, 0.02);
    CHECK_NEAR("coronal", (double)b.panel[1].w / b.panel[1].h, 20.0 / 8, 0.02);
    CHECK_NEAR("axial", (double)b.panel[2].w / b.panel[2].h, 20.0 / 30, 0.02);
    gn_view_block_free(&b);
    style = (struct gn_view_style){.axis = GN_VIEW_Z, .slices = 4, .contour = true};
    gn_tensor_set(&t, 0, -5);
    gn_tensor_set(&t, 3 * 200, 20);
    CHECK("planes without anything between others are shown",
          gn_view_block_draw(&s, &style, &b, &err) == 0 && b.panels == 4);
    /* RAS: the first voxel lies at the patient's left and back: at the right below */
    CHECK("black is --window's first value, and what is below it",
          b.panel[0].rgb[(size_t)b.panel[0].w * (size_t)b.panel[0].h - 1] == 0);
    CHECK("white is its second and what is above",
          b.panel[3].rgb[(size_t)b.panel[3].w * (size_t)b.panel[3].h - 1] == 0xffffff);
    CHECK("grey is linear between them",
          b.panel[1].rgb[(size_t)(b.panel[1].h * 11 / 20) * (size_t)b.panel[1].w +
                         (size_t)b.panel[1].w * 19 / 40] == 0x808080);
    gn_view_block_free(&b);
    gn_tensor_free(&t);
}

static void colours(void)
{
    double last = -1;
    bool grows = true, apart = true;

    for (int i = 0; i <= 100; i++) {
        uint32_t c = gn_view_heat(i / 100.0);
        double light = 0.2126 * (c >> 16) + 0.7152 * (c >> 8 & 255) + 0.0722 * (c & 255);

        grows = grows && light >= last;
        last = light;
    }
    for (int i = 0; i < 32; i++)
        for (int k = 0; k < i; k++)
            apart = apart && gn_view_label_colour(i) != gn_view_label_colour(k);
    CHECK("a colour bar grows lighter all the way", grows);
    CHECK("32 labels have 32 colours", apart);
    CHECK("what is no number has the lowest colour", gn_view_heat(NAN) == gn_view_heat(0));
}

int main(void)
{
    orientation();
    axes();
    choice();
    windows();
    sizes();
    contours();
    blocks();
    words();
    colours();
    return check_done();
}
