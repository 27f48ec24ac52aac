/* Entropic optimal transport of two clouds: the plan P of least <P, |a - b|^2> + entropy sum P log P
   whose rows and columns all have the same sums (Cuturi 2013, "Sinkhorn distances").

   Sinkhorn's factors of rows and columns are kept near 1: what is more of them becomes potentials,
   and the kernel is made anew from these (Schmitzer 2019, "Stabilized sparse scaling algorithms for
   entropy regularized transport problems"). So single precision is enough, whatever the entropy. */
#include "clouds.h"

/* Factors beyond that, or below its inverse, become potentials. */
#define LARGEST 1e9f
/* Powers of e in the kernel, at the most: a little more is e^0 where the potentials are right. */
#define HIGHEST 80.0f
/* Larger entropies go before a small one, from such a part of the mean cost on: so many steps of
   each, and half of it next. Two hundred steps from the start leave sums off by a tenth where the
   entropy is a thousandth of the costs. */
#define START 0.1
#define STEPS 20

typedef struct {
    int64_t n, ld;       /* rows and columns; ld: of rows, see `whole_columns` */
    double entropy;
    double *cost;        /* (n, ld); infinite behind the columns */
    double *of_rows, *of_columns; /* (ld) potentials */
    float *kernel;       /* (n, ld): e^((of_rows + of_columns - cost) / entropy) */
    float *rows, *columns, *sums; /* (ld) factors, and the columns' sums */
} Plan;

/* Potentials of which each row and each column of the kernel has a 1 and nothing above it. */
static void reduce(Plan *p) {
    for (int64_t j = 0; j < p->ld; j++) p->of_columns[j] = INFINITY;
    for (int64_t i = 0; i < p->n; i++) {
        const double *cost = p->cost + i * p->ld;
        double least = INFINITY;
        for (int64_t j = 0; j < p->n; j++) least = cost[j] < least ? cost[j] : least;
        p->of_rows[i] = least;
        for (int64_t j = 0; j < p->n; j++) {
            double rest = cost[j] - least;
            p->of_columns[j] = rest < p->of_columns[j] ? rest : p->of_columns[j];
        }
    }
    for (int64_t j = p->n; j < p->ld; j++) p->of_columns[j] = 0;
}

static void make_kernel(Plan *p) {
    double share = 1 / p->entropy;
    for (int64_t i = 0; i < p->n; i++) {
        const double *cost = p->cost + i * p->ld;
        float *to = p->kernel + i * p->ld;
        for (int64_t j = 0; j < p->ld; j++)
            to[j] = (p->of_rows[i] + p->of_columns[j] - cost[j]) * share;
        for (int64_t j = 0; j < p->ld; j += LANES)
            store(to + j, exponential(between(load(to + j), -HIGHEST, HIGHEST)));
    }
    for (int64_t j = 0; j < p->ld; j++) {
        p->rows[j] = 1;
        p->columns[j] = j < p->n;
    }
}

/* A step of rows; returns how far their sums were from 1, squared. */
static double fit_rows(Plan *p) {
    double off = 0;
    memset(p->sums, 0, p->ld * sizeof(float));
    for (int64_t i = 0; i < p->n; i++) {
        const float *row = p->kernel + i * p->ld;
        Floats left = zeros(), right = zeros();
        for (int64_t j = 0; j < p->ld; j += 2 * LANES) {
            left += load(row + j) * load(p->columns + j);
            right += load(row + j + LANES) * load(p->columns + j + LANES);
        }
        float total = sum(left + right), factor = 1 / total;
        double more = p->rows[i] * total - 1;
        off += more * more;
        p->rows[i] = factor;
        for (int64_t j = 0; j < p->ld; j += LANES) add_to(p->sums + j, factor * load(row + j));
    }
    return off;
}

INLINE int tame(float factor) { return factor < LARGEST && factor > 1 / LARGEST; }

/* The factors become potentials, and the kernel is one of an entropy from now on. */
static void absorb(Plan *p, double entropy) {
    for (int64_t j = 0; j < p->n; j++) {
        p->of_rows[j] += p->entropy * log(p->rows[j]);
        p->of_columns[j] += p->entropy * log(p->columns[j]);
    }
    p->entropy = entropy;
    make_kernel(p);
}

/* A step of columns. */
static void fit_columns(Plan *p) {
    int all_tame = 1;
    for (int64_t j = 0; j < p->n; j++) {
        p->columns[j] = 1 / p->sums[j];
        all_tame &= tame(p->columns[j]) && tame(p->rows[j]);
    }
    if (!all_tame) absorb(p, p->entropy);
}

/* plan (n, n) of a (n, dim) and b (n, dim), all of them finite numbers, times n: rows sum up to 1,
   and columns nearly. Ends after so many steps, or where the root of the summed squares of what the
   sums are off, in shares of the whole, is less than `tolerance`; those of larger entropies, which
   go before, are not counted. */
EXPORT int entropic_plan(const float *a, const float *b, int64_t n, int64_t dim, double entropy,
                         int64_t steps, double tolerance, float *plan) {
    int64_t ld = whole_columns(n);
    Plan p = {.n = n, .ld = ld, .entropy = entropy};
    p.cost = memory_for((n + dim + 2) * ld, (n + 3) * ld);
    if (!p.cost) return -1;
    p.of_rows = p.cost + n * ld;
    p.of_columns = p.of_rows + ld;
    double *across = p.of_columns + ld;
    p.kernel = (float *)(across + dim * ld);
    p.rows = p.kernel + n * ld;
    p.columns = p.rows + ld;
    p.sums = p.columns + ld;
    double large = START * measure(a, b, n, dim, p.cost, ld, across);
    reduce(&p);
    if (large > entropy) p.entropy = large;
    make_kernel(&p);
    while (p.entropy > entropy) { /* of larger ones potentials are near in few steps */
        for (int step = 0; step < STEPS; step++) {
            fit_rows(&p);
            fit_columns(&p);
        }
        absorb(&p, p.entropy > 2 * entropy ? p.entropy / 2 : entropy);
    }
    for (int64_t step = 0;; step++) { /* the rows' sums are right in the end */
        double off = sqrt(fit_rows(&p)) / n;
        if (step >= steps || (step && off < tolerance)) break;
        fit_columns(&p);
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            plan[i * n + j] = p.rows[i] * p.kernel[i * ld + j] * p.columns[j];
    free(p.cost);
    return 0;
}
