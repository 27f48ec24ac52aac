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
    float *by_in;                /* (BLOCK_BACK, columns): by what is embedded, then by the others */
    float *outer;                /* of `add_outer` */
    float *zeros;                /* a row */
} BackWorkspace;

static float *make_back_workspace(const Network *net, BackWorkspace *space) {
    int64_t w = net->width, k = inputs_of(net), block = BLOCK_BACK * w, columns = up_to(k, PANEL);
    int64_t longest = w > columns ? w : columns, outer = outer_memory(w > k ? w : k, BLOCK_BACK);
    float *memory = floats(3 * block + FOUR * w + BLOCK_BACK * (k + columns) + outer + longest);
    if (!memory) return NULL;
    *space = (BackWorkspace){.slope = memory};
    space->under = space->slope + block;
    space->bent = space->under + block;
    space->gates = space->bent + block;
    space->features = space->gates + FOUR * w;
    space->by_in = space->features + BLOCK_BACK * k;
    space->outer = space->by_in + BLOCK_BACK * columns;
    space->zeros = space->outer + outer;
    memset(space->zeros, 0, longest * sizeof(float));
    return memory;
}

/* What one thread does of the way back: rows from `from` to `to`. */
typedef struct {
    const Network *net;
    const Ready *ready;
    const float *x;
    Told told;
    const Kept *kept;
    const float *by_out;
    float *by_x;
    int64_t from, to;
    FoldedSums folded;
    AllSums sums; /* of the layers' weights and biases, but those of the first layer */
    Sums layers[MOST_DEPTH];
    BackWorkspace space;
    float *memory, *own; /* of the space; of the sums, where they are its own */
    int result;
} Back;

/* One block on its way back to the sums of the first layer, which are in the space's `under` then. */
static void block_back(Back *call, int64_t at, int64_t rows) {
    const Network *net = call->net;
    const Kept *kept = call->kept;
    const AllSums *to = &call->sums;
    const float *by_out = call->by_out + at * net->outputs;
    BackWorkspace *space = &call->space;
    int64_t w = net->width;
    last_back(net, by_out, rows, space->slope);
    for (int64_t l = net->depth - 1; l >= 0; l--) {
        const Layer *layer = net->layers + l;
        int64_t place = l * kept->room + at;
        Sums sums = to->layers[l];
        if (!l) sums.bias = call->folded.bias;
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
            product(space->under, w, up_to(rows, TILE), call->ready->back + (l - 1) * w * w, w, w,
                    space->zeros, 0, space->slope, w);
    }
}

/* From the derivatives by positions and their features, (rows, ld), to those by positions. */
static void positions_back(const Network *net, const float *features, int64_t features_ld,
                           int64_t rows, const float *by, int64_t ld, float *by_x) {
    int64_t dim = net->dim, count = net->count;
    for (int64_t i = 0; i < rows; i++, features += features_ld, by += ld, by_x += dim) {
        const float *sines = features + dim, *cosines = sines + count, *by_sines = by + dim;
        for (int64_t d = 0; d < dim; d++) {
            Floats total = zeros();
            for (int64_t c = 0; c < count; c += LANES)
                total += load(net->frequencies + d * count + c) *
                         (load(by_sines + c) * load(cosines + c) -
                          load(by_sines + count + c) * load(sines + c));
            by_x[d] = by[d] + sum(total);
        }
    }
}

/* From the sums of the first layer to positions and what was embedded. */
static void inputs_back(Back *call, int64_t at, int64_t rows) {
    const Network *net = call->net;
    const Embedder *embedders = call->ready->embedders;
    BackWorkspace *space = &call->space;
    int64_t w = net->width, k = inputs_of(net), embedded = embedded_of(net);
    int64_t from = call->sums.wanted ? 0 : embedded, column = 0;
    int64_t ld = up_to(call->by_x ? k : embedded, PANEL) - from;
    product(space->under, w, up_to(rows, TILE), call->ready->inputs + from * w, w, ld, space->zeros,
            0, space->by_in, ld);
    position_features(net, call->x + at * net->dim, rows, space->features, k);
    if (call->by_x)
        positions_back(net, space->features, k, rows, space->by_in + embedded - from, ld,
                       call->by_x + at * net->dim);
    if (!call->sums.wanted) return;
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        embed_back(embedders + j, call->told[j] + at * of->inputs, rows, space->by_in + column, ld,
                   call->folded.bias_in[j], call->folded.across[j],
                   space->features + given_of(net) + column, k);
        column += of->size;
    }
    add_outer(space->features, k, k, space->under, w, w, rows, call->folded.first, space->outer);
}

static void *some_back(void *given) {
    Back *call = given;
    call->memory = make_back_workspace(call->net, &call->space);
    if (!call->memory) {
        call->result = -1;
        return NULL;
    }
    for (int64_t at = call->from; at < call->to; at += BLOCK_BACK) {
        int64_t rows = least(BLOCK_BACK, call->to - at);
        block_back(call, at, rows);
        inputs_back(call, at, rows);
    }
    return NULL;
}

/* Sums of a thread's own, of zeros; 0, or -1 where memory ran out. */
static int own_sums(const Network *net, Back *call) {
    int64_t w = net->width;
    int64_t size = later_size(net) + 3 * net->depth * w + net->outputs * (w + 1) + folded_size(net);
    float *at = call->own = calloc(size, sizeof(float));
    if (!at) return -1;
    for (int64_t l = 0; l < net->depth; l++) {
        int64_t weights = l ? w * w : 0;
        call->layers[l] = (Sums){at, at + weights, at + weights + w, at + weights + 2 * w};
        at += weights + 3 * w;
    }
    call->sums.layers = call->layers;
    call->sums.last_weight = at;
    call->sums.last_bias = at + net->outputs * w;
    call->folded = folded_at(net, call->sums.last_bias + net->outputs);
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
    add_all(to->last_weight, other->last_weight, net->outputs * w);
    add_all(to->last_bias, other->last_bias, net->outputs);
    add_all(into->folded.first, from->folded.first, folded_size(net)); /* all of them */
}

/* The derivatives of a loss whose derivative by the outputs is by_out (rows, outputs), of a network
   that was made ready for its way back.

   by_x: (rows, dim), or NULL. Those by weights are added to what `to` has, and those by what is
   folded to `folded`, from where `network_unfold` adds them up. Each thread always has the same
   rows, or sums would be rounded in another order each time. */
EXPORT int network_backward(const Network *net, float *ready, const float *x, Told told,
                            const Kept *kept, const float *by_out, float *by_x, const AllSums *to,
                            float *folded, int64_t threads) {
    int64_t rows = kept->rows, share = up_to(up_to(rows, threads) / threads, TILE), count = 0;
    Ready all = ready_at(net, ready);
    Back backs[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int result = 0, running[MOST_THREADS] = {0};
    for (int64_t at = 0; at < rows && count < MOST_THREADS; at += share, count++) {
        int64_t end = count < MOST_THREADS - 1 ? least(at + share, rows) : rows;
        backs[count] = (Back){net, &all, x, told, kept, by_out, by_x, at, end, .sums = *to};
        backs[count].folded = folded_at(net, folded);
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
    for (int64_t i = 0; i < count; i++) {
        free(backs[i].memory);
        free(backs[i].own);
    }
    return result;
}
