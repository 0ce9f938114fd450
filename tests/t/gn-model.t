# gn-model.t
. "$GN_TESTS/lib.sh"

cat >"$base/config.yaml" <<'Y'
version: {minimum: 0.1.0, maximum: 0.1.9}
modality: rad
model: {architecture: resunet, dimension: 3, base_filters: 16, num_channels: 4, class_list: [0, 1, 2, 4], norm_type: instance, final_layer: softmax}
patch_size: [64, 64, 64]
batch_size: 1
num_epochs: 1
loss_function: dc
optimizer: sgd
metrics: [dice]
nested_training: {testing: -5, validation: -5}
Y
cat >"$base/model.py" <<'P'
import json, sys
# model.py OUT CONFIG NAME:SHAPE...: a model of zeros
tensors, at = {'__metadata__': {'config': open(sys.argv[2]).read(), 'epoch': '7'}}, 0
for a in sys.argv[3:]:
    name, shape = a.split(':')
    shape = [int(s) for s in shape.split(',')]
    n = 4
    for s in shape:
        n *= s
    tensors[name] = {'dtype': 'F32', 'shape': shape, 'data_offsets': [at, at + n]}
    at += n
head = json.dumps(tensors).encode()
head += b' ' * (-len(head) % 8)
open(sys.argv[1], 'wb').write(len(head).to_bytes(8, 'little') + head + bytes(at))
P

t 'show counts the parameters of the 3-D residual U-Net as the reference does' '
    gn-model show ../config.yaml >out
    grep -qx "parameters	8 350 116" out
    grep -q "^de_0.conv2  *conv 3x3x3  *32  64x64x64  *27 680" out'

t 'show says what memory, the smallest patch and the receptive field are' '
    gn-model show ../config.yaml >out
    grep -q "^training memory	[0-9.]* MiB" out
    grep -q "^inference memory	[0-9.]* MiB" out
    grep -q "^smallest patch	16 a side (32 in training" out
    grep -q "^receptive field	[0-9]* voxels" out'

t 'a larger batch takes more memory, a smaller patch less' '
    mem() { gn-model show ../config.yaml "$@" | sed -n "s/^training memory	\([0-9]*\).*/\1/p"; }
    a=$(mem) b=$(mem --batch 2) c=$(mem -p 32,32,32)
    [ "$b" -gt "$a" ] && [ "$c" -lt "$a" ]'

t 'a patch the network cannot take is refused, with those it can' '
    fails 1 gn-model show ../config.yaml -p 60,64,64
    grep -q "patch side 60: must be a multiple of 16: use 48 or 64" err'

t 'an unknown architecture is refused by name' '
    sed s/resunet/resnut/ ../config.yaml >c.yaml
    fails 1 gn-model show c.yaml
    grep -q resnut err'

t 'a 2-D network is described in 2-D' '
    sed "s/dimension: 3/dimension: 2/; s/\[64, 64, 64\]/[64, 48]/" ../config.yaml >c.yaml
    gn-model show c.yaml >out
    grep -q "^final  *softmax  *4  64x48 " out
    grep -q "^ins.conv0  *conv 3x3 " out'

t 'config prints the YAML a model carries, byte for byte' '
    python3 ../model.py m.safetensors ../config.yaml x:1
    gn-model config m.safetensors >out
    same out ../config.yaml'

t 'show of a model that lacks a tensor of its network fails and names it' '
    python3 ../model.py m.safetensors ../config.yaml ins.conv0.weight:16,4,3,3,3
    fails 1 gn-model show m.safetensors
    grep -q "tensor ins.conv0.bias: is missing" err'

t 'show of a model with a tensor of another shape fails and names it' '
    python3 ../model.py m.safetensors ../config.yaml ins.conv0.weight:16,4,3,3
    fails 1 gn-model show m.safetensors
    grep -q "ins.conv0.weight: has another shape" err'

t 'wrong usage exits 2' '
    fails 2 gn-model
    fails 2 gn-model show
    fails 2 gn-model config a b'

t 'a file that is no model is refused' '
    echo nonsense >m.safetensors
    fails 1 gn-model config m.safetensors'

t '-o writes the text into a file, and leaves none after a failure' '
    gn-model show ../config.yaml >want
    [ -z "$(gn-model show -o got ../config.yaml)" ]
    same got want
    python3 ../model.py m.safetensors ../config.yaml a:1
    gn-model config m.safetensors >want
    gn-model config m.safetensors -o got
    same got want
    fails 1 gn-model show m.safetensors -o none
    [ ! -e none ]'

t 'show of a model that prediction refuses says why, after what it shows, and exits 1' '
    gn-phantom thorax -n 2 --size 16,16 -o data
    cat >c.yaml <<Y
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: light_unet_multilayer, depth: 2, base_filters: 4, norm_type: instance,
        final_layer: softmax, class_list: [0, 1, 2, 3, 4]}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
num_epochs: 1
batch_size: 1
q_samples_per_volume: 1
patch_sampler: uniform
data_preprocessing: {normalize: }
Y
    gn-load data/data.csv | gn-normalize --zscore full | gn-patch -c c.yaml | gn-train -q -c c.yaml -o m
    gn-model show m/best.safetensors >want 2>err
    [ ! -s err ]
    grep -qx "channels	1" want
    meta() { # meta KEY VALUE: the model with other metadata
        python3 - "$@" <<P
import json, sys
d = open("m/best.safetensors", "rb").read()
n = int.from_bytes(d[:8], "little")
h = json.loads(d[8:8 + n])
h["__metadata__"][sys.argv[1]] = sys.argv[2]
t = json.dumps(h).encode()
t += b" " * (-len(t) % 8)
open("bad.safetensors", "wb").write(len(t).to_bytes(8, "little") + t + d[8 + n:])
P
        fails 1 gn-model show bad.safetensors
        grep -q "^parameters" out
        cp err why
        fails 1 gn-experiment predict -m bad.safetensors data/data.csv -o p
        fails 1 gn-model show bad.safetensors -o none
        [ ! -e none ]
    }
    meta channels 999999999999; grep -qx "gn-model: bad.safetensors: metadata .channels. is missing or wrong" why
    meta class_list "0 1 2 4 3"; grep -q "bad.safetensors: metadata .class_list.: .0 1 2 4 3., but its config has .0 1 2 3 4." why
    meta preprocessing "gn-normalize --zscore full; touch x"; grep -q "not a preprocessing step: gn-normalize --zscore full; touch x" why
    meta format other; grep -q "not a model of this project" why'
