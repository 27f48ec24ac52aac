/* One step of all weights as one vector: the gradient's clip, Adam, matrices against the polar
   factors of their momentum, and the moving average. A part of network.c. */

typedef struct {
    int64_t start, rows, columns;
} Matrix;

typedef struct {
    int64_t count;
    float *weight, *gradient, *mean, *square; /* (count) each; the last two are Adam's memory */
    float *average;                           /* likewise, or NULL */
    float *steps;                             /* how many were taken */
    int64_t matrix_count;
    const Matrix *matrices;                   /* of `how`, in the order of the vector */
    const Orthogonal *how;
    double mean_decay, square_decay, eps;     /* Adam's */
    double clip;                              /* longest gradient; 0 for any */
    double weight_decay;
    int64_t decoupled;                        /* whether it is AdamW's */
    double rate, share;                       /* of learning; what the average takes */
} Descent;

/* Elements of which single precision adds up the squares. */
#define STRETCH 4096

static double length_of(const float *x, int64_t count) {
    double total = 0;
    for (int64_t at = 0; at < count; at += STRETCH) {
        int64_t end = least(at + STRETCH, count), i = at;
        Floats a = zeros(), b = zeros();
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            a += load(x + i) * load(x + i);
            b += load(x + i + LANES) * load(x + i + LANES);
        }
        for (; i < end; i++) total += x[i] * x[i];
        total += sum(a + b);
    }
    return sqrt(total);
}

/* Scales the gradient down where it is longer than it may be; one that is no number stays none. */
static void clip(float *gradient, int64_t count, double longest) {
    float scale = longest / (length_of(gradient, count) + 1e-6);
    if (scale >= 1) return;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) store(gradient + i, scale * load(gradient + i));
    for (; i < count; i++) gradient[i] *= scale;
}

/* Adam's memory and step (Kingma and Ba 2015) of LANES weights; those of matrices stay. */
INLINE void adam_lanes(const Descent *how, float *weight, const float *gradient, float *mean,
                       float *square, float step, float unbiased, int held) {
    Floats w = load(weight), g = load(gradient);
    if (!how->decoupled) g += (float)how->weight_decay * w;
    Floats m = load(mean), s = load(square);
    m += (float)(1 - how->mean_decay) * (g - m);
    s = (float)how->square_decay * s + (float)(1 - how->square_decay) * g * g;
    store(mean, m);
    store(square, s);
    if (held) return;
    if (how->decoupled) w *= (float)(1 - how->rate * how->weight_decay);
    Floats root = square_root(s);
    store(weight, w - step * m / (root * unbiased + (float)how->eps));
}

/* Those from `from` to `to`. */
static void adam(const Descent *how, int64_t from, int64_t to, int held) {
    float step = how->rate / (1 - pow(how->mean_decay, *how->steps));
    float unbiased = 1 / sqrt(1 - pow(how->square_decay, *how->steps));
    int64_t i = from;
    for (; i + LANES <= to; i += LANES)
        adam_lanes(how, how->weight + i, how->gradient + i, how->mean + i, how->square + i, step,
                   unbiased, held);
    if (i == to) return;
    float rest[4][LANES] = {{0}}, *all[4] = {how->weight, how->gradient, how->mean, how->square};
    for (int p = 0; p < 4; p++) memcpy(rest[p], all[p] + i, (to - i) * sizeof(float));
    adam_lanes(how, rest[0], rest[1], rest[2], rest[3], step, unbiased, held);
    for (int p = 0; p < 4; p++) memcpy(all[p] + i, rest[p], (to - i) * sizeof(float));
}

static void follow(float *average, const float *weight, int64_t count, float share) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        Floats before = load(average + i);
        store(average + i, before + share * (load(weight + i) - before));
    }
    for (; i < count; i++) average[i] += share * (weight[i] - average[i]);
}

/* The step. Where memory runs out nothing has been changed. */
EXPORT int descend(const Descent *how) {
    int64_t most = 0, at = 0;
    for (int64_t i = 0; i < how->matrix_count; i++) {
        int64_t needed = orthogonal_memory(how->matrices[i].columns, how->how);
        most = needed > most ? needed : most;
    }
    float *memory = floats(most + 1);
    if (!memory) return -1;
    *how->steps += 1;
    if (how->clip) clip(how->gradient, how->count, how->clip);
    for (int64_t i = 0; i < how->matrix_count; i++) {
        const Matrix *one = how->matrices + i;
        int64_t start = one->start, end = start + one->rows * one->columns;
        adam(how, at, start, 0);
        adam(how, start, end, 1);
        orthogonal_step(how->weight + start, how->gradient + start, how->mean + start, one->rows,
                        one->columns, how->how, 1 - how->rate * how->weight_decay, how->rate,
                        memory);
        at = end;
    }
    adam(how, at, how->count, 0);
    if (how->average) follow(how->average, how->weight, how->count, how->share);
    free(memory);
    return 0;
}
