# gn-infer: a model on the patches of a stream
. "$GN_TESTS/lib.sh"

cat >c.yaml <<'Y'
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: light_unet_multilayer, depth: 2, base_filters: 4, norm_type: instance,
        final_layer: softmax, class_list: [0, 1], num_channels: 3}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
learning_rate: 0.01
num_epochs: 2
batch_size: 2
q_samples_per_volume: 4
inference_mechanism: {grid_aggregator_overlap: average, patch_overlap: 4}
data_preprocessing: {normalize: }
Y
gn-phantom fundus -n 4 --size 32,40 -o data
gn-load data/data.csv | gn-normalize --zscore full >d.gnt
gn-save --cache -o cache <d.gnt
gn-epochs -c c.yaml --patches cache | gn-train -c c.yaml -o m
gn-patch --grid -c m/best.safetensors d.gnt >g.gnt
model=$PWD/m/best.safetensors
export model

t 'one prediction a patch, a channel a class, which sum to one' '
    gn-infer -m $model ../g.gnt >p.gnt
    [ "$(gn-info --header role p.gnt | sort -u)" = prediction ]
    [ "$(gn-info --header shape p.gnt | sort -u)" = "2 1 16 16" ]
    n=$(gn-info --header role ../g.gnt | grep -c image)
    [ "$(gn-info --header sample p.gnt | wc -l)" = "$n" ]
    PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - <<P
import gnt, struct
for m, raw in gnt.read(open("p.gnt", "rb")):
    v = struct.unpack("<512f", bytes(raw))
    assert all(0 <= x <= 1 for x in v)
    assert max(abs(v[i] + v[i + 256] - 1) for i in range(256)) < 1e-6
P'
t 'it says what the channels are, how to stitch, and where the patch lies' '
    gn-infer -m $model ../g.gnt >p.gnt
    [ "$(gn-info --header class_list p.gnt | sort -u)" = "0 1" ]
    [ "$(gn-info --header stitch p.gnt | sort -u)" = average ]
    [ "$(gn-info --header name p.gnt | sort -u)" = best ]
    gn-info --header patch.origin ../g.gnt | awk "NR % 2" >a; gn-info --header patch.origin p.gnt | same - a
    gn-info --header source.shape p.gnt | sort -u | grep -q "32 40 1"'
t 'one, two and three threads give the same bytes' '
    gn-infer -j 1 -m $model ../g.gnt >a
    for j in 2 3; do gn-infer -j $j -m $model ../g.gnt | same - a; done'
t 'cpu agrees with the reference backend' '
    gn-infer -m $model ../g.gnt >a; gn-infer --device ref -m $model ../g.gnt >b
    gn-diff --atol 1e-5 a b'
t 'images prepared in another way are refused, the first difference named' '
    gn-load ../data/data.csv | gn-patch --grid -c $model >raw.gnt
    fails 1 gn-infer -m $model -o x.gnt raw.gnt
    grep -q "gn-normalize --zscore full.* was not done" err
    gn-load ../data/data.csv | gn-normalize --zscore nonzero | gn-patch --grid -c $model >other.gnt
    fails 1 gn-infer -m $model -o x.gnt other.gnt
    grep -q "nonzero" err
    [ ! -e x.gnt ]'
t 'patches of another size and images of other channels are refused' '
    gn-patch --grid -p 32,32 ../d.gnt >big.gnt
    fails 1 gn-infer -m $model -o x.gnt big.gnt
    grep -q "16x16x1" err
    gn-phantom thorax -n 1 --size 16,16 -o h
    gn-load h/data.csv | gn-normalize --zscore full | gn-patch --grid -c $model >one.gnt
    fails 1 gn-infer -m $model -o x.gnt one.gnt
    grep -q "channel" err
    [ ! -e x.gnt ]'
t 'what is not a model is refused' '
    printf "hello" >x.safetensors
    fails 1 gn-infer -m x.safetensors ../g.gnt
    fails 1 gn-infer -m nothere ../g.gnt
    fails 1 gn-infer -m ../c.yaml ../g.gnt
    head -c 2000 $model >cut.safetensors
    fails 1 gn-infer -m cut.safetensors ../g.gnt
    fails 2 gn-infer ../g.gnt'
t 'weights that are not finite are refused, the weight named; so are outputs, the patch named' '
    cat >poison.py <<P
import json, struct, sys
b = bytearray(open(sys.argv[1], "rb").read())
n = struct.unpack("<Q", b[:8])[0]
h = json.loads(bytes(b[8:8 + n]))
name = sorted(k for k in h if k.endswith(".weight"))[0]
at = 8 + n + h[name]["data_offsets"][0]
b[at:at + 4] = struct.pack("<f", float(sys.argv[2]))
open("x.safetensors", "wb").write(b)
print(name)
P
    for bad in nan inf; do
        name=$(python3 poison.py $model $bad)
        fails 1 gn-infer -m x.safetensors -o x.gnt ../g.gnt
        grep -q "x.safetensors: weight $name is not finite" err
    done
    PYTHONPATH=$GN_TOP/examples PYTHONDONTWRITEBYTECODE=1 python3 - <<P
import gnt, struct
n = 0
with open("nan.gnt", "wb") as f:
    for head, data in gnt.read(open("../g.gnt", "rb")):
        if dict(head)["role"] == "image" and dict(head)["sample"] == "fundus_002":
            data = struct.pack("<f", float("nan")) + data[4:]
        gnt.emit(f, head, data)
        n += 1
    gnt.end(f, n)
P
    fails 1 gn-infer -m $model -o x.gnt nan.gnt
    grep -q "fundus_002: .*output is not finite, patch at 0 0 0" err
    [ ! -e x.gnt ]'
t 'truncated input: status 1, no output' '
    head -c 9000 ../g.gnt >cut
    fails 1 gn-infer -m $model -o x.gnt cut
    [ ! -e x.gnt ]
    printf "" | fails 1 gn-infer -m $model'
t 'stitched, decoded and saved, the labels lie in the grid of the source' '
    gn-infer -m $model ../g.gnt | gn-stitch --labels --to-source | gn-save -o out
    [ "$(wc -l <out/predictions.csv)" = 5 ]
    gn-load out/fundus_00?/*.png | gn-info --header shape | sort -u | grep -qx "1 1 40 32"'
t 'a subject of other channels is an error of that subject; --keep-going leaves it out' '
    gn-phantom thorax -n 1 --size 16,16 -o h
    gn-load h/data.csv | gn-normalize --zscore full | gn-patch --grid -c $model >one.gnt
    fails 1 gn-infer -m $model -o x.gnt one.gnt
    grep -q "gn-infer: subject thorax_001: 1 channel, the network takes 3" err
    cat one.gnt ../g.gnt >both.gnt
    fails 1 gn-infer --keep-going -m $model -o y.gnt both.gnt
    grep -q "gn-infer: subject thorax_001: 1 channel, the network takes 3 (left out)" err
    [ "$(gn-info --header sample y.gnt | sort -u | tr "\n" " ")" = "fundus_001 fundus_002 fundus_003 fundus_004 " ]
    gn-infer -m $model ../g.gnt | gn-info --header sample >a; gn-info --header sample y.gnt | same - a
    gn-stitch --labels y.gnt 2>err >/dev/null && false
    grep -q "an earlier stage left out 1 subject$" err'
t 'a model for 2-D images refuses volumes, one for volumes 2-D images; one trained on slices takes volumes' '
    gn-phantom head -n 2 --size 32,32,16 -o data
    gn-load data/data.csv | gn-normalize --zscore full >vol.gnt
    gn-save --cache -o cache <vol.gnt
    sed "s/num_channels: 3/num_channels: 1/; s/num_epochs: 2/num_epochs: 1/; s/class_list: .0, 1./class_list: [0, 1, 2, 3, 4]/" ../c.yaml >two.yaml
    sed "s/patch_size: .*/patch_size: [16, 16, 1]/" two.yaml >slices.yaml
    sed "s/patch_size: .*/patch_size: [16, 16, 16]/; s/dimension: 2/dimension: 3/" two.yaml >three.yaml
    gn-phantom thorax -n 2 --size 32,32 -o flat
    gn-load flat/data.csv | gn-normalize --zscore full >flat.gnt
    gn-save --cache -o flatcache <flat.gnt
    gn-epochs -c two.yaml --patches flatcache | gn-train -q -c two.yaml -o two
    for m in slices three; do gn-epochs -c $m.yaml --patches cache | gn-train -q -c $m.yaml -o $m; done
    gn-patch --grid -c two/best.safetensors vol.gnt >p.gnt
    fails 1 gn-infer -m two/best.safetensors -o x.gnt p.gnt
    grep -q "subject head_001: a volume of 32x32x16 voxels: the network is for 2-D images" err
    fails 1 gn-infer -m two/best.safetensors -o x.gnt vol.gnt
    grep -q "a volume of 32x32x16" err
    gn-infer -m slices/best.safetensors p.gnt | gn-stitch --labels | gn-info --header shape | sort -u | grep -qx "1 16 32 32"
    gn-patch --grid -c three/best.safetensors flat.gnt >f.gnt
    fails 1 gn-infer -m three/best.safetensors -o x.gnt f.gnt
    grep -q "subject thorax_001: a 2-D image of 32x32 pixels: the network is for volumes" err
    [ ! -e x.gnt ]'
