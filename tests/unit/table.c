/* table.c - what a data CSV means. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libcore/io/table.h"
#include "check.h"

static struct gn_err err;

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

static int get(struct gn_table *t, const char *text, unsigned flags)
{
    const char *path = "t.csv";
    put(path, text);
    gn_err_clear(&err);
    return gn_table_read(t, &path, 1, flags, &err);
}

static int roles(const char *header, const char *want)
{
    struct gn_table t;
    struct gn_str text = { 0 };
    char got[32] = "";
    gn_str_addf(&text, "%s\n", header);
    for (const char *p = header; *p; p++)
        if (p == header || p[-1] == ',')
            gn_str_addf(&text, "%sx", p == header ? "" : ",");
    gn_str_add(&text, "\n");
    if (get(&t, gn_str_text(&text), 0) == 0)
        for (size_t c = 0; c < t.columns; c++)
            got[c] = "-sivlmwp"[t.column[c].role], got[c + 1] = 0;
    else
        strcpy(got, "error");
    if (strcmp(got, want) != 0)
        printf("# %s: %s, not %s: %s\n", header, got, want, err.text);
    gn_table_free(&t);
    gn_str_free(&text);
    return strcmp(got, want) == 0;
}

int main(void)
{
    struct gn_table t;
    struct gn_strs lines = { 0 };
    struct gn_str out = { 0 };

    CHECK("GaNDLF's columns", roles("SubjectID,Channel_0,Channel_1,Label,ValueToPredict", "siilv"));
    CHECK("ImageLabel is a channel, LabelPath a label",
          roles("PatientID,ImageLabel,LabelPath", "sil"));
    CHECK("Rapid contains pid", roles("Rapid,Modality_T1", "si"));
    CHECK("SubjectImageID is a channel", roles("pid,SubjectImageID", "si"));
    CHECK("the last subject column wins", roles("SubjectID,PatientID,Image", "-si"));
    CHECK("the first label wins", roles("SubjectID,GroundTruth,Segmentation", "sl-"));
    CHECK("a mask after a label is the mask", roles("SubjectID,Label,BrainMask,Mask2", "slm-"));
    CHECK("a mask alone is the label", roles("SubjectID,Mask", "sl"));
    CHECK("weight map and prediction",
          roles("SubjectID,WeightMap,Label_prediction,Age,Predicted", "swp--"));
    CHECK("no subject column is an error", roles("Channel_0,Label", "error"));

    CHECK("no image column is an error on request",
          get(&t, "SubjectID,Label\na,b\n", GN_TABLE_IMAGES) == -1);
    CHECK("ids keep their zeros, repeated ones get _v1, _v2",
          get(&t, "SubjectID,Channel_0\n001,a\n002,b\n001,c\n001,d\n", GN_TABLE_IMAGES) == 0 &&
              t.rows == 4 && strcmp(t.row[0].sample, "001") == 0 &&
              strcmp(t.row[2].sample, "001_v1") == 0 && strcmp(t.row[3].sample, "001_v2") == 0 &&
              strcmp(t.row[3].subject, "001") == 0 && gn_table_find_sample(&t, "001_v2") == 3 &&
              gn_table_find_sample(&t, "001_v3") == -1);
    gn_table_free(&t);
    CHECK("a repeated id that meets another is refused",
          get(&t, "SubjectID,Channel_0\na,a\na_v1,b\na,c\n", 0) == -1 &&
              strstr(err.text, "t.csv:4:"));
    CHECK("empty ids are listed with their lines",
          get(&t, "SubjectID,Channel_0\n,a\nb,c\n,d\n", 0) == -1 && strstr(err.text, "t.csv:2:") &&
              strstr(err.text, "t.csv:4:"));
    CHECK("repeated ids can be refused",
          get(&t, "SubjectID,Prediction\na,a\na,b\n", GN_TABLE_UNIQUE) == -1);

    if (mkdir("d", 0777))
        abort();
    put("here.nii", "x");
    put("d/there.nii", "x");
    put("d/data.csv",
        "SubjectID,Channel_0,Label\na,there.nii,here.nii\nb,none.nii,\nc,/dev/null,none2.nii\n");
    const char *paths[2] = { "d/data.csv", "p.csv" };
    gn_err_clear(&err);
    CHECK("paths: the working folder first, then the CSV's folder",
          gn_table_read(&t, paths, 1, GN_TABLE_IMAGES, &err) == 0 &&
              strcmp(t.row[0].path[1], "d/there.nii") == 0 &&
              strcmp(t.row[0].path[2], "here.nii") == 0 && !t.row[1].path[2] &&
              strcmp(t.row[1].cell[2], "") == 0);
    CHECK("missing files are all listed",
          gn_table_missing(&t, false, &lines) == 2 && lines.n == 3 && t.rows == 3 &&
              strcmp(lines.item[0],
                     "d/data.csv:3: subject b: Channel_0: d/none.nii: no such file") == 0);
    gn_strs_free(&lines);
    CHECK("rows that miss a file can be dropped",
          gn_table_missing(&t, true, &lines) == 2 && t.rows == 1 &&
              gn_table_find_sample(&t, "a") == 0 && gn_table_find_sample(&t, "c") == -1);
    gn_strs_free(&lines);
    gn_table_put_header(&t, &out);
    gn_table_put_row(&t, 0, "d", &out);
    gn_table_put_row(&t, 0, "new/folder", &out);
    gn_table_put_row(&t, 0, NULL, &out);
    CHECK("rows written for another folder name the same files",
          strcmp(gn_str_text(&out),
                 "SubjectID,Channel_0,Label\na,there.nii,../here.nii\n"
                 "a,../../d/there.nii,../../here.nii\na,there.nii,here.nii\n") == 0);
    gn_str_clear(&out);
    gn_table_explain(&t, &out);
    CHECK(
        "explain",
        strcmp(gn_str_text(&out),
               "SubjectID\tsubject\ta\nChannel_0\timage\td/there.nii\nLabel\tlabel\there.nii\n") ==
            0);
    gn_table_free(&t);

    put("p.csv", "Prediction,SubjectID\nx.nii,b\ny.nii,zzz\n");
    CHECK("tables are joined by sample",
          gn_table_read(&t, paths, 2, GN_TABLE_IMAGES, &err) == 0 && t.columns == 4 &&
              t.predictions == 1 && !t.row[0].path[3] && strcmp(t.row[1].path[3], "x.nii") == 0 &&
              t.warnings.n == 1);
    gn_table_free(&t);
    put("p.csv", "Prediction,SubjectID\nx.nii,q\n");
    CHECK("a table that fits no row is refused", gn_table_read(&t, paths, 2, 0, &err) == -1);
    put("p.csv", "SubjectID,label\na,b\n");
    gn_err_clear(&err);
    CHECK("a column that stands in two tables is refused",
          gn_table_read(&t, paths, 2, 0, &err) == -1);

    const char *images[] = { "x/t1.nii.gz,x/t2.nii.gz", "y/b.png,c.png" };
    gn_err_clear(&err);
    CHECK("image operands: channels by commas, named by the first",
          gn_table_from_images(&t, images, 2, &err) == 0 && t.rows == 2 && t.images == 2 &&
              strcmp(t.row[0].sample, "t1") == 0 && strcmp(t.row[1].sample, "b") == 0 &&
              strcmp(t.row[1].path[2], "c.png") == 0);
    gn_table_free(&t);
    images[1] = "y/b.png";
    CHECK("another count of channels is wrong usage",
          gn_table_from_images(&t, images, 2, &err) == -1 && err.code == GN_EXIT_USAGE);
    images[1] = "q/t1.nii,q/t2.nii";
    gn_err_clear(&err);
    CHECK("two equal names are wrong usage",
          gn_table_from_images(&t, images, 2, &err) == -1 && err.code == GN_EXIT_USAGE);
    put("a,b.nii", "x");
    images[0] = "a,b.nii";
    gn_err_clear(&err);
    CHECK("a file whose name has a comma is one file",
          gn_table_from_images(&t, images, 1, &err) == 0 && t.images == 1);
    gn_table_free(&t);
    gn_str_free(&out);
    gn_strs_free(&lines);
    return check_done();
}
