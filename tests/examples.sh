#!/bin/sh
# examples.sh DIR - the folder in which every example of the manual runs: ten generated heads, tables, a config, a cache, a trained model,
# its predictions, a study. The programs are taken from PATH.
set -e
mkdir -p "$1"
cd "$1"

# Ten visits of five people, 24 voxels a side of 1 mm; two contrasts of one more head.
gn-phantom head -n 10 --size 24 --spacing 1 -o data
gn-phantom tumour -n 1 --size 16 --spacing 1 --channels 2 -o tumour
awk -F, 'NR == 1 { print; next } { printf "p%d_%d,data/%s,data/%s\n", int(NR / 2), NR % 2 + 1, $2, $3 }' data/data.csv >data.csv
sed 8,11d data.csv >train.csv
sed '2,7d; 10,11d' data.csv >val.csv
sed 2,9d data.csv >test.csv
cat >config.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16, 16]
model: {dimension: 3, architecture: light_unet_multilayer, depth: 2, base_filters: 4, norm_type: instance, final_layer: softmax,
        class_list: [0, 1], num_channels: 1}
loss_function: dc
metrics: [dice]
nested_training: {testing: -5, validation: -4}
optimizer: adam
learning_rate: 0.01
num_epochs: 1
patience: 1
batch_size: 2
q_samples_per_volume: 2
patch_sampler: uniform
inference_mechanism: {grid_aggregator_overlap: average, patch_overlap: 0}
data_preprocessing: {resample: {resolution: [1, 1, 1]}, normalize_nonzero: }
data_augmentation: {flip: {axis: [0], probability: 0.5}, noise: {mean: 0, std: [0, 0.1], probability: 0.5}}
augment_after_preprocessing: true
Y

gn-load data.csv | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-save --cache -o cache
gn-load train.csv >train.gnt
gn-load test.csv | gn-resample -s 1,1,1 >iso.gnt
gn-load test.csv | gn-normalize --divide 7 >a.gnt
gn-normalize --rescale 0,1 --in 0,7 <iso.gnt >b.gnt
gn-epochs -c config.yaml --only train.csv --patches cache | gn-augment -c config.yaml |
    gn-train -c config.yaml --cache cache --val val.csv -o model
gn-load test.csv | gn-resample -s 1,1,1 | gn-normalize --zscore nonzero | gn-patch --grid -c config.yaml |
    gn-infer -m model/best.safetensors | gn-stitch --labels --to-source | gn-save -o out

cp data/head_010/head_010_t1.nii.gz scan.nii.gz
cp data/head_010/head_010_label.nii.gz truth.nii.gz
cp out/p5_2/p5_2_seg.nii.gz seg.nii.gz
cp tumour/tumour_001/tumour_001_flair.nii.gz t1.nii.gz
cp tumour/tumour_001/tumour_001_t1c.nii.gz t2.nii.gz

gn-experiment -c config.yaml -i data.csv -o study >summary
