/* The way back through the network; a part of network.c. */

/* slope (rows, width) by the activations that the last layer reads. */
INLINE void last_back(const Network *net, const float *by_out, int64_t rows, float *slope) {
    int64_t w = net->width, outputs = net->outputs;
    for (int64_t i = 0; i < rows; i++, by_out += outputs, slope += w)
        for (int64_t c = 0; c < w; c += LANES) {
            Floats total = zeros();
            for (int64_t o = 0; o < outputs; o++)
                total += by_out[o] * load(net->last_weight + o * w + c);
            store(slope + c, total);
        }
}

/* Where the derivatives by all weights are added up. */
typedef struct {
    const EmbeddingSums *embeddings;
    const Sums *layers;
    float *last_weight, *last_bias;
    int64_t wanted; /* 0 where only those by positions are: then these are of no use */
} AllSums;

INLINE void add_last(const Network *net, const float *by_out, int64_t rows, const float *h,
                     const AllSums *to) {
    int64_t w = net->width, outputs = net->outputs;
    for (int64_t i = 0; i < rows; i++, by_out += outputs, h += w)
        for (int64_t o = 0; o < outputs; o++) {
            to->last_bias[o] += by_out[o];
            for (int64_t c = 0; c < w; c += LANES)
                add_to(to->last_weight + o * w + c, by_out[o] * load(h + c));
        }
}

/* What a block works in. */
typedef struct {
    float *slope, *under, *bent; /* (BLOCK_BACK, width) */
    float *gates;                /* (FOUR, width) */
    float *features;             /* (BLOCK_BACK, inputs), as on the way forward */
    float *by_in;                /* (BLOCK_BACK, in_ld): by the features from `from` on */
    int64_t from, wanted, in_ld;
    float *outer;                /* of `add_outer` */
    float *first_sums;           /* (inputs, width), by the folded first layer, transposed */
    float *first_bias;           /* (width), by its bias */
    float *panels, *in_panels;   /* of the later layers, of the wanted inputs of the first */
    float *zeros;                /* a row */
    float *rest;                 /* of `fold` */
    Embedder embedders[MOST_EMBEDDINGS];
} BackWorkspace;

static float *make_back_workspace(const Network *net, int64_t from, int64_t wanted,
                                  BackWorkspace *space) {
    int64_t w = net->width, k = inputs_of(net), block = BLOCK_BACK * w, ld = up_to(wanted, PANEL);
    int64_t longest = w > ld ? w : ld, outer = outer_memory(w > k ? w : k, BLOCK_BACK);
    float *memory = floats(3 * block + FOUR * w + BLOCK_BACK * (k + ld) + outer + 2 * (k + 1) * w +
                           later_size(net) + w * ld + longest + embedders_memory(net) +
                           folds_memory(net));
    if (!memory) return NULL;
    *space = (BackWorkspace){.slope = memory, .from = from, .wanted = wanted, .in_ld = ld};
    space->under = space->slope + block;
    space->bent = space->under + block;
    space->gates = space->bent + block;
    space->features = space->gates + FOUR * w;
    space->by_in = space->features + BLOCK_BACK * k;
    space->outer = space->by_in + BLOCK_BACK * ld;
    space->first_sums = space->outer + outer;
    space->first_bias = space->first_sums + k * w;
    space->panels = space->first_bias + w;
    space->in_panels = space->panels + later_size(net);
    space->zeros = space->in_panels + w * ld;
    float *first = space->zeros + longest, *bias = first + k * w, *embedders = bias + w;
    space->rest = embedders + embedders_memory(net);
    memset(space->first_sums, 0, (k + 1) * w * sizeof(float));
    memset(space->zeros, 0, longest * sizeof(float));
    for (int64_t l = 1; l < net->depth; l++)
        pack(net->layers[l].weight, w, w, w, space->panels + (l - 1) * w * w);
    fold_first(net, first, bias, space->rest);
    pack_transposed(first + from * w, w, wanted, w, space->in_panels);
    make_embedders(net, space->embedders, embedders);
    return memory;
}

/* One block on its way back to the sums of the first layer, which are in space->under then. */
static void block_back(const Network *net, const Kept *kept, int64_t at, int64_t rows,
                       const float *by_out, const AllSums *to, BackWorkspace *space) {
    int64_t w = net->width;
    last_back(net, by_out, rows, space->slope);
    for (int64_t l = net->depth - 1; l >= 0; l--) {
        const Layer *layer = net->layers + l;
        int64_t place = l * kept->room + at;
        Sums sums = to->layers[l];
        if (!l) sums.bias = space->first_bias;
        bend_back(kept->sums + place * w, kept->moments + place, space->slope, space->bent,
                  space->gates, rows, w, layer->gain, layer->shift, sums);
        if (to->wanted && l == net->depth - 1)
            add_last(net, by_out, rows, space->bent, to);
        else if (to->wanted)
            add_outer(space->under, w, w, space->bent, w, w, rows, to->layers[l + 1].weight,
                      space->outer);
        float *swapped = space->under;
        space->under = space->slope;
        space->slope = swapped;
        if (l)
            product(space->under, w, up_to(rows, TILE), space->panels + (l - 1) * w * w, w, w,
                    space->zeros, 0, space->slope, w);
    }
}

/* From the sums of the first layer to positions and what was embedded. */
static void inputs_back(const Network *net, const float *x, Told told, int64_t at, int64_t rows,
                        float *by_x, const AllSums *to, BackWorkspace *space) {
    int64_t w = net->width, k = inputs_of(net), column = given_of(net), ld = space->in_ld;
    product(space->under, w, up_to(rows, TILE), space->in_panels, w, ld, space->zeros, 0,
            space->by_in, ld);
    for (int64_t i = 0; by_x && i < rows; i++)
        memcpy(by_x + (at + i) * net->dim, space->by_in + i * ld, net->dim * sizeof(float));
    if (!to->wanted) return;
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        embed_back(space->embedders + j, told[j] + at * of->inputs, rows,
                   space->by_in + column - space->from, ld, to->embeddings + j);
        column += of->size;
    }
    read_in(net, space->embedders, x, told, at, rows, space->features);
    add_outer(space->features, k, k, space->under, w, w, rows, space->first_sums, space->outer);
}

static void add_all(float *to, const float *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

/* What is done once, after all blocks: the derivatives by the first layer as it is. */
static void unfold(const Network *net, const AllSums *to, BackWorkspace *space) {
    int64_t w = net->width, k = inputs_of(net), column = given_of(net);
    float *by_weight = to->layers[0].weight;
    add_all(to->layers[0].bias, space->first_bias, w);
    for (int64_t c = 0; c < w; c++)
        for (int64_t i = 0; i < column; i++) by_weight[c * k + i] += space->first_sums[i * w + c];
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        finish_embedding(space->embedders + j, to->embeddings + j);
        fold_back(of, space->first_sums + column * w, w, space->first_bias,
                  net->layers[0].weight + column, by_weight + column, k, to->embeddings + j,
                  space->rest);
        column += of->size;
    }
}

/* What one thread does of the way back: rows from `from` to `to`. */
typedef struct {
    const Network *net;
    const float *x;
    Told told;
    const Kept *kept;
    const float *by_out;
    float *by_x;
    int64_t from, to;
    AllSums sums;
    Sums layers[MOST_DEPTH];
    EmbeddingSums embeddings[MOST_EMBEDDINGS];
    BackWorkspace space;
    float *memory, *own; /* of the space; of the sums, where they are its own */
    int result;
} Back;

static void *some_back(void *given) {
    Back *call = given;
    const Network *net = call->net;
    int64_t first = call->by_x ? 0 : given_of(net);
    int64_t end = call->sums.wanted ? inputs_of(net) : given_of(net);
    call->memory = make_back_workspace(net, first, end - first, &call->space);
    if (!call->memory) {
        call->result = -1;
        return NULL;
    }
    for (int64_t at = call->from; at < call->to; at += BLOCK_BACK) {
        int64_t rows = least(BLOCK_BACK, call->to - at);
        block_back(net, call->kept, at, rows, call->by_out + at * net->outputs, &call->sums,
                   &call->space);
        inputs_back(net, call->x, call->told, at, rows, call->by_x, &call->sums, &call->space);
    }
    return NULL;
}

/* Sums of a thread's own, of zeros; 0, or -1 where memory ran out. */
static int own_sums(const Network *net, Back *call) {
    int64_t w = net->width, size = later_size(net) + 3 * net->depth * w + net->outputs * (w + 1);
    for (int64_t j = 0; j < net->embedded; j++) size += net->embeddings[j].size;
    float *at = call->own = calloc(size, sizeof(float));
    if (!at) return -1;
    for (int64_t l = 0; l < net->depth; l++) {
        int64_t weights = l ? w * w : 0; /* the first layer's are the space's */
        call->layers[l] = (Sums){at, at + weights, at + weights + w, at + weights + 2 * w};
        at += weights + 3 * w;
    }
    for (int64_t j = 0; j < net->embedded; j++) {
        call->embeddings[j] = (EmbeddingSums){.bias_in = at};
        at += net->embeddings[j].size;
    }
    call->sums.layers = call->layers;
    call->sums.embeddings = call->embeddings;
    call->sums.last_weight = at;
    call->sums.last_bias = at + net->outputs * w;
    return 0;
}

/* Adds what another thread summed up. */
static void merge(const Network *net, Back *into, const Back *from) {
    int64_t w = net->width;
    const AllSums *to = &into->sums, *other = &from->sums;
    for (int64_t l = 0; l < net->depth; l++) {
        if (l) add_all(to->layers[l].weight, other->layers[l].weight, w * w);
        if (l) add_all(to->layers[l].bias, other->layers[l].bias, w);
        add_all(to->layers[l].gain, other->layers[l].gain, w);
        add_all(to->layers[l].shift, other->layers[l].shift, w);
    }
    for (int64_t j = 0; j < net->embedded; j++) {
        int64_t e = net->embeddings[j].size, n = net->embeddings[j].inputs;
        add_all(to->embeddings[j].bias_in, other->embeddings[j].bias_in, e);
        add_all(into->space.embedders[j].across_sums, from->space.embedders[j].across_sums, n * e);
    }
    add_all(to->last_weight, other->last_weight, net->outputs * w);
    add_all(to->last_bias, other->last_bias, net->outputs);
    add_all(into->space.first_sums, from->space.first_sums, inputs_of(net) * w);
    add_all(into->space.first_bias, from->space.first_bias, w);
}

/* The derivatives of a loss whose derivative by the outputs is by_out (rows, outputs).

   by_x: (rows, dim), or NULL; only where the network makes no features of x itself, which are not
   differentiated here. Those by weights are added to what `to` has. Each thread always has the same
   rows, or sums would be rounded in another order each time. */
EXPORT int network_backward(const Network *net, const float *x, Told told, const Kept *kept,
                            const float *by_out, float *by_x, const AllSums *to,
                            int64_t threads) {
    int64_t rows = kept->rows, share = up_to(up_to(rows, threads) / threads, TILE), count = 0;
    Back backs[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int result = 0, running[MOST_THREADS] = {0};
    for (int64_t at = 0; at < rows && count < MOST_THREADS; at += share, count++) {
        int64_t end = count < MOST_THREADS - 1 ? least(at + share, rows) : rows;
        backs[count] = (Back){net, x, told, kept, by_out, by_x, at, end, .sums = *to};
        if (count) result |= own_sums(net, backs + count);
    }
    for (int64_t i = 1; i < count && !result; i++)
        running[i] = !pthread_create(started + i, NULL, some_back, backs + i);
    for (int64_t i = 0; i < count && !result; i++)
        if (!running[i]) some_back(backs + i);
    for (int64_t i = 1; i < count; i++)
        if (running[i]) pthread_join(started[i], NULL);
    for (int64_t i = 0; i < count; i++) result |= backs[i].result;
    for (int64_t i = 1; i < count && to->wanted && !result; i++) merge(net, backs, backs + i);
    if (to->wanted && !result) unfold(net, to, &backs[0].space);
    for (int64_t i = 0; i < count; i++) {
        free(backs[i].memory);
        free(backs[i].own);
    }
    return result;
}
