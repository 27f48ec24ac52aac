/* What is done once for all of a network's calls between two changes of its weights: it is made
   ready before them, and the derivatives by its folded first layer are taken apart behind them.
   A part of network.c. */

/* The network with the embeddings' last layers folded into its first one, as products take it. */
typedef struct {
    float *bias;    /* (width), of the first layer */
    float *forward; /* panels of all layers' weights, transposed */
    float *back;    /* of the later layers' weights as they are */
    float *inputs;  /* of the first layer's: (width, embedded inputs), then (width, given ones) */
    Embedder embedders[MOST_EMBEDDINGS];
} Ready;

/* Derivatives that are added up until `network_unfold` is called, here by what is folded. */
typedef struct {
    float *first, *bias;              /* (inputs, width), transposed, and (width) */
    float *bias_in[MOST_EMBEDDINGS];  /* (size) of each embedding's first layer */
    float *across[MOST_EMBEDDINGS];   /* (inputs, size) */
} FoldedSums;

static int64_t embedders_memory(const Network *net) {
    int64_t count = 0;
    for (int64_t j = 0; j < net->embedded; j++) count += across_size(net->embeddings + j);
    return count;
}

static void make_embedders(const Network *net, Embedder *made, float *memory) {
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        transpose(of->weight_in, of->inputs, of->size, of->inputs, memory);
        made[j] = (Embedder){of, memory};
        memory += across_size(of);
    }
}

static int64_t folds_memory(const Network *net) {
    int64_t most = 0;
    for (int64_t j = 0; j < net->embedded; j++) {
        int64_t needed = fold_memory(net->embeddings[j].size, net->width);
        most = needed > most ? needed : most;
    }
    return most;
}

/* The folded first layer: (inputs, width) transposed weights and (width) bias. */
static void fold_first(const Network *net, float *first, float *bias, float *memory) {
    int64_t w = net->width, k = inputs_of(net), column = given_of(net);
    transpose(net->layers[0].weight, k, w, k, first);
    memcpy(bias, net->layers[0].bias, w * sizeof(float));
    for (int64_t j = 0; j < net->embedded; j++) {
        fold(net->embeddings + j, first + column * w, w, bias, memory);
        column += net->embeddings[j].size;
    }
}

/* The panels of the layers behind the first. */
static void pack_later(const Network *net, float *to) {
    int64_t w = net->width;
    for (int64_t l = 1; l < net->depth; l++, to += w * w)
        pack_transposed(net->layers[l].weight, w, w, w, to);
}

INLINE int64_t later_size(const Network *net) { return (net->depth - 1) * net->width * net->width; }

static int64_t ready_size(const Network *net) {
    int64_t w = net->width, columns = embedded_of(net) + up_to(given_of(net), PANEL);
    return w * (1 + inputs_of(net) + columns) + 2 * later_size(net) + embedders_memory(net);
}

static Ready ready_at(const Network *net, float *memory) {
    int64_t w = net->width, later = later_size(net);
    Ready ready = {.bias = memory, .forward = memory + w};
    ready.back = ready.forward + inputs_of(net) * w + later;
    ready.inputs = ready.back + later;
    float *across = ready.inputs + (embedded_of(net) + up_to(given_of(net), PANEL)) * w;
    for (int64_t j = 0; j < net->embedded; j++) {
        ready.embedders[j] = (Embedder){net->embeddings + j, across};
        across += across_size(net->embeddings + j);
    }
    return ready;
}

static int64_t folded_size(const Network *net) {
    return net->width * (inputs_of(net) + 1) + embedded_of(net) + embedders_memory(net);
}

static FoldedSums folded_at(const Network *net, float *memory) {
    int64_t w = net->width;
    FoldedSums sums = {.first = memory, .bias = memory + inputs_of(net) * w};
    float *at = sums.bias + w;
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        sums.bias_in[j] = at;
        sums.across[j] = at + of->size;
        at = sums.across[j] + across_size(of);
    }
    return sums;
}

/* Floats that are needed by `network_ready`, and for the sums of `network_backward`. */
EXPORT void network_sizes(const Network *net, int64_t *ready, int64_t *sums) {
    *ready = ready_size(net);
    *sums = folded_size(net);
}

/* Makes the network ready in `memory`, for its way forward, and for its way back if that is to
   follow. */
EXPORT int network_ready(const Network *net, float *memory, int64_t both_ways) {
    int64_t w = net->width, k = inputs_of(net), given = given_of(net), embedded = embedded_of(net);
    Ready ready = ready_at(net, memory);
    float *first = floats(k * w + folds_memory(net));
    if (!first) return -1;
    fold_first(net, first, ready.bias, first + k * w);
    pack(first, w, k, w, ready.forward);
    pack_later(net, ready.forward + k * w);
    make_embedders(net, ready.embedders, memory + ready_size(net) - embedders_memory(net));
    for (int64_t l = 1; l < net->depth && both_ways; l++)
        pack(net->layers[l].weight, w, w, w, ready.back + (l - 1) * w * w);
    if (both_ways) {
        pack_transposed(first + given * w, w, embedded, w, ready.inputs);
        pack_transposed(first, w, given, w, ready.inputs + embedded * w);
    }
    free(first);
    return 0;
}

static void add_all(float *to, const float *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] += from[i];
}

/* Where the derivatives by all weights are added up. */
typedef struct {
    const EmbeddingSums *embeddings;
    const Sums *layers;
    float *last_weight, *last_bias;
    int64_t wanted; /* 0 where only those by positions are: then these are of no use */
} AllSums;

/* Adds what `memory` has of the folded first layer to the derivatives by the layers as they are. */
EXPORT int network_unfold(const Network *net, float *memory, const AllSums *to) {
    int64_t w = net->width, k = inputs_of(net), column = given_of(net);
    FoldedSums sums = folded_at(net, memory);
    float *by_weight = to->layers[0].weight, *rest = floats(folds_memory(net));
    if (!rest) return -1;
    add_all(to->layers[0].bias, sums.bias, w);
    add_transposed(sums.first, w, column, w, by_weight, k);
    for (int64_t j = 0; j < net->embedded; j++) {
        const Embedding *of = net->embeddings + j;
        const EmbeddingSums *into = to->embeddings + j;
        int64_t n = of->inputs, e = of->size;
        add_all(into->bias_in, sums.bias_in[j], e);
        add_transposed(sums.across[j], e, n, e, into->weight_in, n);
        fold_back(of, sums.first + column * w, w, sums.bias, net->layers[0].weight + column,
                  by_weight + column, k, into, rest);
        column += e;
    }
    free(rest);
    return 0;
}
