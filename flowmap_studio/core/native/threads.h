/* Blocks of rows that several threads take one by one, until none is left. */
#pragma once

#include <pthread.h>

#include "products.h"

#define MOST_THREADS 64

/* Blocks that nobody has taken yet. */
typedef struct {
    int64_t rows, block, next;
} Blocks;

/* The first row of a block that is the caller's from now on; `rows` where none is left. */
INLINE int64_t take(Blocks *blocks) {
    return least(blocks->rows, __atomic_fetch_add(&blocks->next, blocks->block, __ATOMIC_RELAXED));
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

/* The caller works too. Where one can't be started, the others do its work. */
static int share_out(Work work, const void *call, int64_t rows, int64_t block, int64_t threads) {
    Blocks blocks = {rows, block, 0};
    Portion portions[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int64_t count = 1, most = least(least(threads, MOST_THREADS), up_to(rows, block) / block);
    for (int64_t i = 0; i < most; i++) portions[i] = (Portion){work, call, &blocks, 0};
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
