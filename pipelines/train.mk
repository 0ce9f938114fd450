# train.mk - a study as make rules of your own: copy, change, and run where the data are.
#
#   make -f train.mk DATA=data.csv CONFIG=config.yaml OUT=study J='-j 4'
#
# gn-experiment writes such a makefile from the configuration; this one shows the shape. PREPROCESS must be what the configuration's
# data_preprocessing stands for (gn-config pipeline prints it): gn-train compares, and refuses a model of anything else.
DATA       ?= data.csv
CONFIG     ?= config.yaml
OUT        ?= study
J          ?=
PREPROCESS ?= gn-resample --canonical | gn-normalize --zscore nonzero
LABELS     ?= 1
SPLIT      ?= --test -5 --val -5

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all
all: $(OUT)/scores.tsv $(OUT)/predictions.png

$(OUT)/data_testing.csv: $(DATA)
	gn-split $(SPLIT) -o $(OUT) $(DATA)

$(OUT)/cache/data.csv: $(DATA)
	gn-load $(DATA) | $(PREPROCESS) | gn-save --cache -o $(OUT)/cache/

# Stopped by whatever it was, the same command goes on. For a cluster: SIGTERM or SIGUSR1 to gn-train saves, and the status is 75.
$(OUT)/model/DONE: $(CONFIG) $(OUT)/cache/data.csv $(OUT)/data_testing.csv
	gn-epochs -j 1 -c $(CONFIG) --only $(OUT)/data_training.csv --from $(OUT)/model/ --patches $(OUT)/cache/ | \
	    gn-augment -j 1 -c $(CONFIG) | \
	    gn-train $(J) -v -c $(CONFIG) --cache $(OUT)/cache/ --val $(OUT)/data_validation.csv -o $(OUT)/model/

$(OUT)/predictions/predictions.csv: $(OUT)/model/DONE
	gn-load $(OUT)/data_testing.csv | $(PREPROCESS) | \
	    gn-patch --grid -c $(OUT)/model/best.safetensors | \
	    gn-infer $(J) -m $(OUT)/model/best.safetensors | \
	    gn-stitch --labels --to-source | \
	    gn-save -o $(OUT)/predictions/

$(OUT)/scores.tsv: $(OUT)/predictions/predictions.csv
	gn-dice --labels '$(LABELS)' --distances -o $@ $< $(OUT)/data_testing.csv

$(OUT)/predictions.png: $(OUT)/predictions/predictions.csv
	gn-load $(OUT)/data_testing.csv $< | gn-view --contour -o $@
