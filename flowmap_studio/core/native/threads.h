/* Blocks of rows that several threads take one by one, until none is left. */
#pragma once

#include <pthread.h>

#include "products.h"

#define MOST_THREADS 64

/* Rows of the shortest block, but for what is left at the end: panels are read anew for each. */
#define LEAST_BLOCK 24

/* Rows that nobody has taken yet. `block`: of the longest block; `threads`: that may end together. */
typedef struct {
    int64_t rows, block, threads, next;
} Blocks;

/* How long a block is that begins at a row. Towards the end they are shorter, so that no thread
   waits long for another. Whole tiles and whole fours of rows: the ends of a row's sums don't
   depend on who takes it. */
INLINE int64_t length_at(const Blocks *blocks, int64_t at) {
    int64_t rest = blocks->rows - at, part = 2 * blocks->threads;
    if (blocks->threads == 1) return least(blocks->block, rest);
    int64_t share = up_to(up_to(rest, part) / part, 2 * TILE);
    return least(least(share > LEAST_BLOCK ? share : LEAST_BLOCK, blocks->block), rest);
}

/* The first row of a block that is the caller's from now on, and how many there are: 0 where none
   is left. */
INLINE int64_t take(Blocks *blocks, int64_t *count) {
    int64_t at = __atomic_load_n(&blocks->next, __ATOMIC_RELAXED);
    do
        *count = length_at(blocks, at);
    while (*count && !__atomic_compare_exchange_n(&blocks->next, &at, at + *count, 1,
                                                  __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return at;
}

/* Does blocks as long as it can take some; 0, or -1 where memory ran out. */
typedef int (*Work)(const void *call, Blocks *blocks);

typedef struct {
    Work work;
    const void *call;
    Blocks *blocks;
    int result;
} Portion;

static void *do_portion(void *given) {
    Portion *mine = given;
    mine->result = mine->work(mine->call, mine->blocks);
    return NULL;
}

/* The caller works too. Where a thread can't be started, the others do its work.

   blocks: rows and longest block of each of several kinds, done one after the other by a thread
   that does not wait for the others in between. */
static int share_all(Work work, const void *call, Blocks *blocks, int64_t kinds, int64_t threads) {
    Portion portions[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int64_t count = 1, most = 0;
    for (int64_t i = 0; i < kinds; i++) {
        int64_t least_block = i < kinds - 1 ? blocks[i].block : LEAST_BLOCK;
        most += up_to(blocks[i].rows, least_block) / least_block;
    }
    most = least(least(threads, MOST_THREADS), most > 1 ? most : 1);
    for (int64_t i = 0; i < kinds; i++) blocks[i].threads = i < kinds - 1 ? 1 : most;
    for (int64_t i = 0; i < most; i++) portions[i] = (Portion){work, call, blocks, 0};
    while (count < most && !pthread_create(started + count, NULL, do_portion, portions + count))
        count++;
    do_portion(portions);
    int result = portions[0].result;
    for (int64_t i = 1; i < count; i++) {
        pthread_join(started[i], NULL);
        result |= portions[i].result;
    }
    return result;
}

/* That of a single kind. */
static int share_out(Work work, const void *call, int64_t rows, int64_t block, int64_t threads) {
    Blocks blocks = {.rows = rows, .block = block};
    return share_all(work, call, &blocks, 1, threads);
}
