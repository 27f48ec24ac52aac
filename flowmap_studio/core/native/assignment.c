/* Pairs of two clouds whose squared distances have the least sum: each point of one with its own
   of the other.

   Shortest augmenting paths with column potentials (Jonker and Volgenant 1987, "A shortest
   augmenting path algorithm for dense and sparse linear assignment problems"), which are begun at
   those of a few of Sinkhorn's steps: few rows are left then that need a path. The sum is exact, but
   for rounding in double precision: prices are as large as the mean cost, and beside a point that is
   some 1e8 times as far as the others these are paired only as well as that leaves digits for. */
#include "clouds.h"

#ifdef __AVX512F__
#define WIDE(name) _mm512_##name
typedef __m512d Vector;
typedef __mmask8 Where;
#define COMPARED _mm512_cmp_pd_mask
INLINE int bits(Where where) { return where; }
INLINE void put(int64_t *to, Where where, int64_t x) {
    _mm512_mask_storeu_epi64(to, where, _mm512_set1_epi64(x));
}
#else
#define WIDE(name) _mm256_##name
typedef __m256d Vector, Where;
#define COMPARED _mm256_cmp_pd
INLINE int bits(Where where) { return _mm256_movemask_pd(where); }
INLINE void put(int64_t *to, Where where, int64_t x) {
    _mm256_maskstore_epi64((long long *)to, (__m256i)where, _mm256_set1_epi64x(x));
}
#endif
INLINE Doubles lesser(Doubles a, Doubles b) { return (Doubles)WIDE(min_pd)((Vector)a, (Vector)b); }
INLINE Doubles greater(Doubles a, Doubles b) { return (Doubles)WIDE(max_pd)((Vector)a, (Vector)b); }
INLINE Where less(Doubles a, Doubles b) { return COMPARED((Vector)a, (Vector)b, _CMP_LT_OQ); }
INLINE Where equal(Doubles a, Doubles b) { return COMPARED((Vector)a, (Vector)b, _CMP_EQ_OQ); }

/* Entropy of Sinkhorn's steps in mean costs, and how many are taken. */
#define ENTROPY 0.075
#define STEPS 10
/* Largest exponent of its kernel in single precision, so that no row of it vanishes. */
#define STEEPEST 80.0f
#define LARGEST 1e30f
/* Of clouds that are one point, whose mean cost is 0. */
#define TINY 1e-300

typedef struct {
    int64_t n, ld;             /* of rows and of columns; ld: n, up to a multiple of 2 LANES */
    double *cost;              /* (n, ld); infinite behind the columns */
    double *price;             /* (ld) of columns; less than all numbers where a path has been */
    double *distance;          /* (ld) of the path that is looked for; infinite where it has been */
    int64_t *before;           /* (ld) the row from which a column was reached */
    int64_t *row_of, *column_of; /* (ld), (n): the pairs; -1 where there is none */
    int64_t *free_rows;        /* (n) */
    int64_t *been;             /* (n) columns that a path has been at, */
    double *price_there, *distance_there; /* (n) and what they had */
} Problem;

INLINE double least_of(Doubles x) {
    double found = x[0];
    for (int lane = 1; lane < HALF; lane++) found = x[lane] < found ? x[lane] : found;
    return found;
}

/* Prices near the best ones, by Sinkhorn's steps (Cuturi 2013).

   kernel: (n, ld), to work in; columns, sums: (ld). */
static void begin(Problem *p, double mean, float *kernel, float *columns, float *sums) {
    int64_t n = p->n, ld = p->ld;
    double entropy = ENTROPY * mean + TINY, steep = -1 / entropy;
    for (int64_t i = 0; i < n * ld; i++) kernel[i] = p->cost[i] * steep;
    for (int64_t i = 0; i < n * ld; i += LANES)
        store(kernel + i, exponential(between(load(kernel + i), -STEEPEST, 0)));
    for (int64_t j = 0; j < ld; j++) columns[j] = j < n;
    for (int step = 0; step < STEPS; step++) {
        memset(sums, 0, ld * sizeof(float));
        for (int64_t i = 0; i < n; i++) {
            const float *row = kernel + i * ld;
            Floats left = zeros(), right = zeros();
            for (int64_t j = 0; j < ld; j += 2 * LANES) {
                left += load(row + j) * load(columns + j);
                right += load(row + j + LANES) * load(columns + j + LANES);
            }
            float share = fminf(1 / sum(left + right), LARGEST); /* of points far from all others */
            for (int64_t j = 0; j < ld; j += LANES) add_to(sums + j, share * load(row + j));
        }
        for (int64_t j = 0; j < n; j++) columns[j] = fmaxf(fminf(1 / sums[j], LARGEST), 1 / LARGEST);
    }
    for (int64_t j = 0; j < ld; j++) p->price[j] = j < n ? entropy * log(columns[j]) : 0;
}

typedef struct {
    double least, next; /* the two least costs of a row, less the prices */
    int64_t at;         /* column of the first */
} Two;

/* The first column of a row whose cost, less its price, is such. */
INLINE int64_t column_at(const Problem *p, const double *cost, double value) {
    for (int64_t j = 0;; j += HALF) {
        int found = bits(equal(doubles(cost + j) - doubles(p->price + j), all_doubles(value)));
        if (found) return j + __builtin_ctz(found);
    }
}

static Two two_least(const Problem *p, int64_t row) {
    const double *cost = p->cost + row * p->ld;
    Doubles least = all_doubles(INFINITY), next = least;
    for (int64_t j = 0; j < p->ld; j += HALF) {
        Doubles here = doubles(cost + j) - doubles(p->price + j);
        next = lesser(next, greater(least, here));
        least = lesser(least, here);
    }
    double first = least_of(least), second = INFINITY;
    int taken = 0;
    for (int lane = 0; lane < HALF; lane++) {
        double other = least[lane];
        if (!taken && other == first) taken = 1, other = next[lane];
        second = other < second ? other : second;
    }
    return (Two){first, second, column_at(p, cost, first)};
}

INLINE void join(Problem *p, int64_t row, int64_t column) {
    p->row_of[column] = row;
    p->column_of[row] = column;
}

/* Each row takes its cheapest column, if that is free; returns how many rows are left. */
static int64_t take_cheapest(Problem *p) {
    int64_t left = 0;
    for (int64_t i = 0; i < p->n; i++) {
        Two two = two_least(p, i);
        if (p->row_of[two.at] < 0)
            join(p, i, two.at);
        else
            p->free_rows[left++] = i;
    }
    return left;
}

/* Augmenting row reduction: a free row takes its cheapest column from whoever has it, whose price
   falls to where the next one is as good. Rows that have lost a column bid again, but paths are
   quicker where a few of them would bid for long. Returns how many rows are left. */
static int64_t outbid(Problem *p, int64_t count) {
    int64_t left = 0, turns = 0;
    for (int64_t k = 0; k < count;) {
        int64_t row = p->free_rows[k++], column;
        Two two = two_least(p, row);
        double price = p->price[two.at] - (two.next - two.least);
        int lower = price < p->price[two.at]; /* else rounding could go round in circles */
        column = two.at;
        if (lower) p->price[column] = price;
        int64_t other = p->row_of[column];
        join(p, row, column);
        if (other < 0) continue;
        p->column_of[other] = -1;
        if (lower && ++turns < p->n / 2)
            p->free_rows[--k] = other;
        else
            p->free_rows[left++] = other;
    }
    return left;
}

/* A column at a distance: a free one if there is such, or ways would go through all others of many
   that are alike. */
static int64_t nearest(const Problem *p, double far) {
    int64_t first = -1;
    for (int64_t j = 0; j < p->ld; j += HALF)
        for (int at = bits(equal(doubles(p->distance + j), all_doubles(far))); at; at &= at - 1) {
            int64_t column = j + __builtin_ctz(at);
            if (p->row_of[column] < 0) return column;
            if (first < 0) first = column;
        }
    return first;
}

/* The shortest way from a free row to a free column, by Dijkstra's algorithm on costs less prices.
   Returns that column; the prices are such that no row has a cheaper one than its own again. */
static int64_t shortest_path(Problem *p, int64_t row) {
    int64_t ld = p->ld, count = 0, from = row, at;
    double far = 0, ahead = 0; /* how far it is to here, less what the row's own column costs it */
    for (int64_t j = 0; j < ld; j++) p->distance[j] = INFINITY;
    for (;;) {
        const double *cost = p->cost + from * ld;
        Doubles best = all_doubles(INFINITY);
        for (int64_t j = 0; j < ld; j += HALF) {
            Doubles here = doubles(cost + j) - doubles(p->price + j) + ahead;
            Doubles before = doubles(p->distance + j), distance = lesser(before, here);
            put(p->before + j, less(here, before), from);
            put_doubles(p->distance + j, distance);
            best = lesser(best, distance);
        }
        far = least_of(best);
        at = nearest(p, far);
        if (p->row_of[at] < 0) break;
        p->been[count] = at;
        p->price_there[count] = p->price[at];
        p->distance_there[count++] = far;
        from = p->row_of[at];
        ahead = far - (p->cost[from * ld + at] - p->price[at]);
        p->price[at] = -INFINITY; /* it is not reached again */
        p->distance[at] = INFINITY;
    }
    for (int64_t k = 0; k < count; k++)
        p->price[p->been[k]] = p->price_there[k] + (p->distance_there[k] - far);
    return at;
}

static void augment(Problem *p, int64_t row) {
    int64_t column = shortest_path(p, row), from;
    do {
        from = p->before[column];
        int64_t next = p->column_of[from];
        join(p, from, column);
        column = next;
    } while (from != row);
}

/* to (n): which of b (n, dim) belongs to each of a (n, dim), all of them finite numbers. */
EXPORT int least_assignment(const float *a, const float *b, int64_t n, int64_t dim, int64_t *to) {
    int64_t ld = whole_columns(n);
    Problem p = {.n = n, .ld = ld};
    double *memory = memory_for((n + dim + 9) * ld, (n + 2) * ld);
    if (!memory) return -1;
    p.cost = memory;
    p.price = p.cost + n * ld;
    p.distance = p.price + ld;
    p.price_there = p.distance + ld;
    p.distance_there = p.price_there + ld;
    p.before = (int64_t *)(p.distance_there + ld);
    p.row_of = p.before + ld;
    p.column_of = p.row_of + ld;
    p.free_rows = p.column_of + ld;
    p.been = p.free_rows + ld;
    double *across = (double *)(p.been + ld);
    float *kernel = (float *)(across + dim * ld), *columns = kernel + n * ld, *sums = columns + ld;
    double mean = measure(a, b, n, dim, p.cost, ld, across);
    begin(&p, mean, kernel, columns, sums);
    for (int64_t j = 0; j < ld; j++) p.row_of[j] = p.column_of[j] = -1;
    int64_t left = take_cheapest(&p);
    for (int turn = 0; turn < 2; turn++) left = outbid(&p, left);
    for (int64_t k = 0; k < left; k++) augment(&p, p.free_rows[k]);
    memcpy(to, p.column_of, n * sizeof(int64_t));
    free(memory);
    return 0;
}
