# gn-shuffle: a rolling buffer between sampling and training
. "$GN_TESTS/lib.sh"

gn-phantom fundus -n 6 --size 32,32 -o data
gn-load data/data.csv >d.gnt
gn-patch -p 8,8 -n 10 d.gnt >p.gnt
gn-load data/data.csv | gn-save --cache -o cache
gn-epochs -n 3 cache | gn-patch -p 8,8 -n 5 >e.gnt
cat >>"$base/prelude" <<'P'
stats() { gn-info --stats "$1" | cut -f3-; }     # what is in it, without numbers of records
patches() { gn-info --header sample "$1" >s; gn-info --header patch.index "$1" | paste s -; }
P

t 'the same samples come out, in another order' '
    gn-shuffle -m 20 ../p.gnt >x.gnt
    stats ../p.gnt | sort >a; stats x.gnt | sort | same - a
    ! stats x.gnt | cmp -s - a
    patches ../p.gnt >b; patches x.gnt >c
    ! cmp -s b c
    sort b >bs; sort c | same - bs'
t 'an image and its label stay together' '
    gn-shuffle -m 20 ../p.gnt >x.gnt
    gn-info --header role x.gnt | awk "NR % 2 != (\$1 == \"image\") { exit 1 }"
    patches x.gnt | awk "NR % 2 { a = \$0 } !(NR % 2) && \$0 != a { exit 1 }"'
t 'a buffer of one keeps the order, a larger one mixes further' '
    gn-shuffle -m 1 ../p.gnt >x.gnt
    patches ../p.gnt >a; patches x.gnt | same - a
    far() { patches $1 | awk "NR % 2" | cat -n | awk "{ print \$2, \$3, \$1 }" | sort >k
        patches ../p.gnt | awk "NR % 2" | cat -n | awk "{ print \$2, \$3, \$1 }" | sort | paste -d " " - k |
            awk "{ d = \$3 - \$6; s += d * d } END { print int(s) }"; }
    gn-shuffle -m 3 ../p.gnt >small.gnt; gn-shuffle -m 60 ../p.gnt >large.gnt
    [ "$(far x.gnt)" = 0 ]; [ "$(far large.gnt)" -gt "$(far small.gnt)" ]; [ "$(far small.gnt)" -gt 0 ]'
t 'the same seed gives the same bytes, another another order' '
    gn-shuffle -m 20 ../p.gnt >a; gn-shuffle -m 20 -j 3 ../p.gnt | same - a
    gn-shuffle -m 20 --seed 1 ../p.gnt >b; ! cmp -s a b'
t 'no patch crosses an epoch' '
    gn-shuffle -m 50 ../e.gnt >x.gnt
    gn-info --header epoch x.gnt | sort -c
    gn-info --header epoch ../e.gnt >a; gn-info --header epoch x.gnt | same - a
    patches ../e.gnt >b; ! patches x.gnt | cmp -s - b'
t 'a buffer above --memory lies on disk and gives the same bytes' '
    gn-shuffle -m 40 ../p.gnt >a
    gn-shuffle -m 40 --memory 4K ../p.gnt | same - a
    [ -z "$(ls -A | grep -v -x -e a)" ]'
t 'the config gives its length and seed, an option beats it' '
    cat >c.yaml <<Y
version: {minimum: 0.0.14, maximum: 0.1.6}
modality: rad
patch_size: [16, 16]
model: {dimension: 2, architecture: unet, class_list: [0, 1], final_layer: softmax}
loss_function: dc
metrics: [dice]
nested_training: {testing: 1, validation: -3}
q_max_length: 7
q_samples_per_volume: 7
seed: 3
Y
    stats ../p.gnt >/dev/null
    gn-shuffle --no-history -c c.yaml ../p.gnt >a
    gn-shuffle --no-history -m 7 --seed 3 ../p.gnt | same - a
    gn-shuffle --no-history -m 9 --seed 3 ../p.gnt >b
    gn-shuffle --no-history -c c.yaml -m 9 ../p.gnt | same - b'
t 'an empty stream stays one; truncated input is an error' '
    gn-epochs -n 1 ../cache | head -c 0 >none
    fails 1 gn-shuffle none
    head -c 20000 ../p.gnt >cut
    fails 1 gn-shuffle -o x.gnt cut
    [ ! -e x.gnt ]
    gn-load ../data/data.csv -o d.gnt; tail -c 128 d.gnt >end
    gn-epochs -n 1 ../cache >/dev/null
    printf "" | fails 1 gn-shuffle
    fails 2 gn-shuffle -m 0 ../p.gnt'
t 'subjects left out upstream are passed on' '
    cp -r ../data bad; printf "" >bad/fundus_002/fundus_002_photo.png
    gn-load --keep-going bad/data.csv >k.gnt 2>/dev/null || true
    rc=0; gn-shuffle k.gnt >x.gnt 2>/dev/null || rc=$?
    [ $rc = 1 ]
    [ "$(gn-info --header sample x.gnt 2>/dev/null | sort -u | wc -l)" = 5 ]'
